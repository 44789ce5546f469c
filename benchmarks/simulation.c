/* The simulation's kernel in C: the same algorithm, tile by tile, and the same bits, for what
   benchmarks/service.py uses.

   One block, a Gaussian or Student-t copula with even degrees of freedom up to 8, normal or Student-t losses
   with the copula's mixing, no wrong-way risk; layers one after another, of one party or of the members in
   proportion to what they can give. Compiled with -ffp-contract=off. Comments: src/penstock/sim. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef int64_t i64;
typedef uint64_t u64;

typedef struct {
    const i64 *blocks;
    const double *lines;
    const i64 *slots;
    const int32_t *asked;
    const double *member, *factors, *bids, *numbers;
} Model;

typedef struct {
    const i64 *own_layer, *own, *ranks, *parts, *together, *rooms, *totals;
    const double *weights;
    const i64 *even;
} Waterfall;

typedef struct {
    i64 *defaults, *defaulted, *measures, *histogram, *charges, *member_histogram, *worst;
} Tally;

typedef struct {
    i64 members, layers, own_layers, parts, regimes;
} Sizes;

enum { FACTOR, MIXING, CANDIDATE, LOSS, COUNT = 8 };
enum { NONE, MEAN, DRAWS, UNIT, ASKED, SLOTS, WHOLE, FIRST, LINE_COLUMNS };
enum { THRESHOLD, LOADING, OWN_LATENT, SCALE, START, MARKET, OWN_SHOCK, JUMP = 9, MEMBER_COLUMNS = 12 };
enum { DEGREES, TAIL, CANDIDATES = 4, MOST_COUNT = 1024, SLOT_BITS = 16 };
enum { LAYER, PARTY, KIND, LAST = 9, PART_COLUMNS };
enum { REACHED, PASSED, POSITIVE, SUM, SQUARES = 5, MEASURE_COLUMNS = 11, CHARGE_COLUMNS = 6, TOGETHER = 3 };
enum { PER_UNIT = 8, REACH = 7, FACTOR_BINS = 2 * REACH * PER_UNIT + 2, PER_OCTAVE = 8, MIXING_BITS = 3 };
enum { BITS = 7, MEMBER_BITS = 4, OCTAVES = 62, WORST = 100, TILE = 2048, ROOM = 8192 };
#define MOST_LOSS 1125899906842624.0
#define ROOT_HALF 0.7071067811865476
#define MIDDLE 0.425
#define FAR 6.0
#define LOW 0xFFFFFFFFull

typedef struct {
    i64 *tails;
    double *roots, *quantiles;
} Scratch;

typedef struct {
    i64 numbers[TILE], rows[TILE], counts[TILE], line[TILE], index[2 * TILE];
    double u[TILE], v[TILE], how_many[TILE], z[TILE], g[TILE], mixing[TILE], market[TILE];
    i64 position[TILE], alive[TILE];
    Scratch scratch;
    i64 hit[TILE], hit_counts[TILE], hit_numbers[TILE], some[TILE], first[TILE];
} Tile;

typedef struct {
    i64 *ids, *of, *of_hit, *s, *losses, *index, *row, *who;
    double *u, *v, *x, *chance;
} Piece;

typedef struct {
    i64 *gone, *paid, *charges, *rows, *left, *defaulted;
} Space;

/* --- draws --- */

static inline double uniform(u64 high, u64 low) {
    return ((double)(i64)(high >> 6) * 67108864.0 + (double)(i64)(low >> 6) + 0.5) / 4503599627370496.0;
}

static inline void two_uniforms(u64 key, u64 scenario, u64 purpose, u64 index, double *u, double *v) {
    u64 c0 = scenario & LOW, c1 = scenario >> 32, c2 = purpose, c3 = index;
    u64 k0 = key & LOW, k1 = key >> 32;
    for (int i = 0; i < 10; i++) {
        u64 p0 = 0xD2511F53ull * c0, p1 = 0xCD9E8D57ull * c2;
        c0 = (p1 >> 32) ^ c1 ^ k0;
        c1 = p1 & LOW;
        c2 = (p0 >> 32) ^ c3 ^ k1;
        c3 = p0 & LOW;
        k0 = (k0 + 0x9E3779B9ull) & LOW;
        k1 = (k1 + 0xBB67AE85ull) & LOW;
    }
    *u = uniform(c0, c1);
    *v = uniform(c2, c3);
}

static void uniforms_of(u64 key, const i64 *restrict scenarios, u64 purpose, const i64 *restrict indices,
                        double *restrict u, double *restrict v, i64 n) {
    for (i64 i = 0; i < n; i++) two_uniforms(key, scenarios[i], purpose, indices[i], u + i, v + i);
}

static inline double middle(double q) {
    double r = 0.180625 - q * q;
    double above = (((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r
                         + 6.7265770927008700853e4) * r + 4.5921953931549871457e4) * r
                       + 1.3731693765509461125e4) * r + 1.9715909503065514427e3) * r
                     + 1.3314166789178437745e2) * r + 3.3871328727963666080e0);
    double below = (((((((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r
                         + 3.9307895800092710610e4) * r + 2.1213794301586595867e4) * r
                       + 5.3941960214247511077e3) * r + 6.8718700749205790830e2) * r
                     + 4.2313330701600911252e1) * r + 1.0);
    return q * above / below;
}

static inline double logarithm(double x) {
    i64 word, above;
    double f;
    memcpy(&word, &x, sizeof word);
    above = ((word & 0xFFFFFFFFFFFFF) + 0x95F6400000000) >> 52;
    double power = (double)((word >> 52) - 1023 + above);
    word = (word & 0xFFFFFFFFFFFFF) | (i64)((u64)(1023 - above) << 52);
    memcpy(&f, &word, sizeof f);
    f -= 1.0;
    double s = f / (2.0 + f), z = s * s, w = z * z;
    double rest = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
                  + z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01
                         + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
    double half = 0.5 * f * f;
    return power * 6.93147180369123816490e-1
           - ((half - (s * (half + rest) + power * 1.90821492927058770002e-10)) - f);
}

static inline double near_tail(double r) {
    double above, below;
    r -= 1.6;
    above = (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r
                  + 2.41780725177450611770e-1) * r + 1.27045825245236838258e0) * r
                + 3.64784832476320460504e0) * r + 5.76949722146069140550e0) * r
              + 4.63033784615654529590e0) * r + 1.42343711074968357734e0);
    below = (((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r
                  + 1.51986665636164571966e-2) * r + 1.48103976427480074590e-1) * r
                + 6.89767334985100004550e-1) * r + 1.67638483018380384940e0) * r
              + 2.05319162663775882187e0) * r + 1.0);
    return above / below;
}

static inline double far_tail(double r) {
    double above, below;
    r -= 5.0;
    above = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r
                  + 1.24266094738807843860e-3) * r + 2.65321895265761230930e-2) * r
                + 2.96560571828504891230e-1) * r + 1.78482653991729133580e0) * r
              + 5.46378491116411436990e0) * r + 6.65790464350110377720e0);
    below = (((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r
                  + 1.84631831751005468180e-5) * r + 7.86869131145613259100e-4) * r
                + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r
              + 5.99832206555887937690e-1) * r + 1.0);
    return above / below;
}

static void normals_of(const double *restrict u, double *restrict z, const Scratch *x, i64 n) {
    i64 found = 0, *restrict tails = x->tails;
    double *restrict r = x->roots, *restrict out = x->quantiles;
    for (i64 i = 0; i < n; i++) z[i] = middle(u[i] - 0.5);
    for (i64 i = 0; i < n; i++) {
        tails[found] = i;
        r[found] = u[i];
        found += !(fabs(u[i] - 0.5) <= MIDDLE);
    }
    for (i64 i = 0; i < found; i++) r[i] = sqrt(-logarithm(r[i] < 1.0 - r[i] ? r[i] : 1.0 - r[i]));
    for (i64 i = 0; i < found; i++) out[i] = near_tail(r[i]);
    for (i64 i = 0; i < found; i++) {
        double far = r[i] > 5.0 ? far_tail(r[i]) : out[i];
        z[tails[i]] = u[tails[i]] < 0.5 ? -far : far;
    }
}

static inline double exponential(double y) {
    const double whole = 6755399441055744.0, log2e = 1.4426950408889634;
    const double ln2_high = 6.93147180369123816490e-1, ln2_low = 1.90821492927058770002e-10;
    double shifted = y * log2e + whole, power = shifted - whole, r, s, scale;
    r = (y - power * ln2_high) - power * ln2_low;
    s = (((((1.0 / 6227020800.0 * r + 1.0 / 479001600.0) * r + 1.0 / 39916800.0) * r + 1.0 / 3628800.0) * r
          + 1.0 / 362880.0) * r + 1.0 / 40320.0) * r + 1.0 / 5040.0;
    s = ((((s * r + 1.0 / 720.0) * r + 1.0 / 120.0) * r + 1.0 / 24.0) * r + 1.0 / 6.0) * r + 0.5;
    i64 word;
    memcpy(&word, &shifted, sizeof word);
    word = (i64)((u64)word << 52) + (1023ll << 52);
    memcpy(&scale, &word, sizeof scale);
    return ((s * r + 1.0) * r + 1.0) * scale;
}

static void chances_of(const double *restrict x, double *restrict p, i64 n) {
    for (i64 i = 0; i < n; i++) {
        double t = fabs(x[i]) < FAR ? fabs(x[i]) : FAR;
        double above = ((((((3.52624965998911e-02 * t + 0.700383064443688) * t + 6.37396220353165) * t
                           + 33.912866078383) * t + 112.079291497871) * t + 221.213596169931) * t
                        + 220.206867912376);
        double below = ((((((8.83883476483184e-02 * t + 1.75566716318264) * t + 16.064177579207) * t
                           + 86.7807322029461) * t + 296.564248779674) * t + 637.333633378831) * t
                        + 793.826512519948) * t + 440.413735824752;
        double beyond = exponential(-0.5 * t * t) * above / below;
        p[i] = x[i] < 0.0 ? beyond : 1.0 - beyond;
    }
    for (i64 i = 0; i < n; i++)
        if (!(fabs(x[i]) < FAR)) p[i] = 0.5 * erfc(-x[i] * ROOT_HALF);
}

static void chi_squares_of(u64 key, const i64 *restrict scenarios, double degrees, const i64 *restrict index,
                           double *restrict u, double *restrict v, double *restrict w, i64 n) {
    double half = 0.5 * degrees;
    uniforms_of(key, scenarios, MIXING, index, u, v, n);
    for (i64 i = 0; i < n; i++) w[i] = half == 1.0 ? u[i] : u[i] * v[i];
    if (half > 2.0) {
        uniforms_of(key, scenarios, MIXING, index + TILE, u, v, n);
        for (i64 i = 0; i < n; i++) w[i] *= half == 3.0 ? u[i] : u[i] * v[i];
    }
    for (i64 i = 0; i < n; i++) w[i] = -2.0 * logarithm(w[i]);
}

static inline i64 octave_bin(double amount, int bits) {
    i64 word;
    memcpy(&word, &amount, sizeof word);
    return (word >> (52 - bits)) - (1023ll << bits);
}

static inline i64 within(i64 place, i64 bins) {
    return place < 0 ? 0 : place >= bins ? bins - 1 : place;
}

/* --- defaults --- */

static void factors_of(const Model *m, u64 key, Tile *t, i64 n) {
    const i64 *end = m->blocks + 4;
    double degrees = m->numbers[DEGREES];
    if (degrees > 0.0) {
        chi_squares_of(key, t->numbers, degrees, t->index, t->u, t->v, t->mixing, n);
        for (i64 i = 0; i < n; i++) {
            t->rows[i] = within(octave_bin(t->mixing[i], MIXING_BITS) - end[0] * PER_OCTAVE, end[1]);
            t->mixing[i] = sqrt(t->mixing[i] / degrees);
        }
    } else {
        memset(t->rows, 0, sizeof t->rows);
        for (i64 i = 0; i < n; i++) t->mixing[i] = 1.0;
    }
    uniforms_of(key, t->numbers, FACTOR, t->index, t->u, t->how_many, n);
    normals_of(t->u, t->z, &t->scratch, n);
    for (i64 i = 0; i < n; i++) t->g[i] = 0.0 + m->factors[0] * t->z[i];
}

static i64 alive_of(const Model *m, Tile *t, i64 count) {
    i64 n = 0, bins = m->blocks[5];
    for (i64 i = 0; i < count; i++)
        t->line[i] = m->blocks[1] + within((i64)floor((t->g[i] + REACH) * PER_UNIT) + 1, FACTOR_BINS) * bins
                     + t->rows[i];
    for (i64 i = 0; i < count; i++) {
        const double *line = m->lines + t->line[i] * LINE_COLUMNS;
        t->position[n] = i;
        t->alive[n] = t->line[i];
        n += (t->how_many[i] > line[NONE]) | (line[ASKED] < line[LINE_COLUMNS + ASKED]);
    }
    return n;
}

static i64 candidates_in(const Model *m, u64 key, const Tile *t, i64 alive, i64 n, const Piece *x, i64 *end) {
    i64 found = 0;
    for (; alive < n && found <= ROOM; alive++) {
        i64 position = t->position[alive], row = t->alive[alive], first = found;
        const double *line = m->lines + row * LINE_COLUMNS;
        for (i64 j = (i64)line[ASKED]; j < (i64)line[LINE_COLUMNS + ASKED]; j++, found++) {
            x->of[found] = position;
            x->index[found] = found - first;
            x->row[found] = row;
            x->who[found] = m->asked[j];
        }
        double u = t->how_many[position], mean = line[MEAN], unused;
        for (i64 draw = 0; draw < (i64)line[DRAWS]; draw++) {
            if (draw) two_uniforms(key, t->numbers[position], COUNT, draw, &u, &unused);
            double chance = line[NONE], below = chance;
            for (double k = 1.0; u > below && k <= MOST_COUNT; k += 1.0, found++) {
                x->of[found] = position;
                x->index[found] = found - first;
                x->row[found] = row;
                x->who[found] = -1;
                chance *= mean / k;
                below += chance;
            }
        }
    }
    *end = alive;
    return found;
}

static inline double one_less_exponential(double x) {
    double s = 1.0 - x * (1.0 / 14.0);
    s = 1.0 - x * s * (1.0 / 13.0);
    s = 1.0 - x * s * (1.0 / 12.0);
    s = 1.0 - x * s * (1.0 / 11.0);
    s = 1.0 - x * s * (1.0 / 10.0);
    s = 1.0 - x * s * (1.0 / 9.0);
    s = 1.0 - x * s * (1.0 / 8.0);
    s = 1.0 - x * s * (1.0 / 7.0);
    s = 1.0 - x * s * (1.0 / 6.0);
    s = 1.0 - x * s * (1.0 / 5.0);
    s = 1.0 - x * s * (1.0 / 4.0);
    s = 1.0 - x * s * (1.0 / 3.0);
    s = 1.0 - x * s * (1.0 / 2.0);
    return x * s;
}

static void looked_up(const Model *m, i64 *restrict ids, const i64 *restrict rows, const i64 *restrict who,
                      const double *restrict u, const double *restrict v, double *restrict x, i64 n) {
    for (i64 j = 0; j < n; j++) {
        const double *line = m->lines + rows[j] * LINE_COLUMNS;
        const i64 *slots = m->slots + (i64)line[SLOTS];
        i64 piece = (i64)(v[j] * line[WHOLE]), place = piece >> SLOT_BITS, slot = slots[place];
        place = (piece & 0xFFFF) < (slot & 0xFFFF) ? place : slot >> SLOT_BITS & 0xFFFF;
        place = who[j] >= 0 ? who[j] : place;
        x[j] = u[j] * (line[UNIT] * (slots[place] >> 2 * SLOT_BITS));
        ids[j] = (i64)line[FIRST] + place;
    }
}

static void conditions(const Model *m, const Tile *t, const i64 *restrict ids, const i64 *restrict of,
                       double *restrict x, i64 n) {
    for (i64 j = 0; j < n; j++) {
        const double *one = m->member + ids[j] * MEMBER_COLUMNS;
        x[j] = (one[THRESHOLD] * t->mixing[of[j]] - one[LOADING] * t->g[of[j]]) / one[OWN_LATENT];
    }
}

static i64 defaults_in(const Model *m, u64 key, Tile *t, const Piece *x, const Space *space, i64 n) {
    for (i64 j = 0; j < n; j++) x->s[j] = t->numbers[x->of[j]];
    uniforms_of(key, x->s, CANDIDATE, x->index, x->u, x->v, n);
    looked_up(m, x->ids, x->row, x->who, x->u, x->v, x->x, n);
    for (i64 j = 0; j < n; j++) x->x[j] = one_less_exponential(x->x[j]);
    for (i64 j = 0; j < n; j++) x->u[j] = x->who[j] >= 0 ? x->u[j] : x->x[j];
    conditions(m, t, x->ids, x->of, x->x, n);
    chances_of(x->x, x->chance, n);
    i64 found = 0;
    for (i64 j = 0; j < n; j++) {
        i64 i = x->ids[j], at = x->of[j], s = x->s[j], *last = space->defaulted + i;
        i64 hit = (x->u[j] < x->chance[j]) & (*last != s);
        *last = hit ? s : *last;
        x->ids[found] = i;
        x->of[found] = at;
        x->s[found] = s;
        t->counts[at] += hit;
        found += hit;
    }
    return found;
}

static void markets_of(const Model *m, u64 key, Tile *t, const i64 *ids, i64 n) {
    uniforms_of(key, t->hit_numbers, FACTOR, t->index + TILE, t->u, t->v, n);
    normals_of(t->u, t->v, &t->scratch, n);
    for (i64 i = 0; i < n; i++) {
        double market = 0.0;
        market += m->factors[2] * t->z[t->hit[i]];
        market += m->factors[3] * t->v[i];
        for (i64 j = 0; j < t->hit_counts[i]; j++) market += m->member[*ids++ * MEMBER_COLUMNS + JUMP];
        t->market[i] = market;
    }
}

static void shocks_of(const Model *m, const Tile *t, const i64 *restrict ids, const i64 *restrict of_hit,
                      const double *restrict own, double *restrict shock, i64 n) {
    for (i64 j = 0; j < n; j++) {
        const double *one = m->member + ids[j] * MEMBER_COLUMNS;
        shock[j] = one[MARKET] * t->market[of_hit[j]] + one[OWN_SHOCK] * own[j];
    }
}

static void amounts_of(const Model *m, const i64 *restrict ids, double *restrict shock, i64 *restrict losses,
                       i64 n) {
    for (i64 j = 0; j < n; j++) {
        const double *one = m->member + ids[j] * MEMBER_COLUMNS;
        shock[j] = one[START] + one[SCALE] * shock[j];
    }
    for (i64 j = 0; j < n; j++) {
        double amount = shock[j] > 0.0 ? shock[j] : 0.0;
        amount = amount < MOST_LOSS ? amount : MOST_LOSS;
        losses[j] = (i64)(amount + 0.5);
    }
}

static void losses_in(const Model *m, u64 key, const Tile *t, const Piece *x, i64 n) {
    uniforms_of(key, x->s, LOSS, x->ids, x->u, x->v, n);
    normals_of(x->v, x->x, &t->scratch, n);
    shocks_of(m, t, x->ids, x->of_hit, x->x, x->v, n);
    if (m->numbers[TAIL] == 1.0)
        for (i64 j = 0; j < n; j++) x->v[j] /= t->mixing[x->of[j]];
    amounts_of(m, x->ids, x->v, x->losses, n);
}

/* --- adding up --- */

static inline void measure(const Tally *t, i64 q, i64 amount) {
    if (amount <= 0) return;
    i64 *row = t->measures + q * MEASURE_COLUMNS;
    i64 low = amount & 0x7FFFFFFF, high = amount >> 31, one = low * low;
    row[POSITIVE] += 1;
    row[SUM] += amount & LOW;
    row[SUM + 1] += amount >> 32;
    row[SQUARES] += one & LOW;
    row[SQUARES + 1] += one >> 32;
    if (high) {
        one = low * high;
        row[SQUARES + 2] += one & LOW;
        row[SQUARES + 3] += one >> 32;
        one = high * high;
        row[SQUARES + 4] += one & LOW;
        row[SQUARES + 5] += one >> 32;
    }
    t->histogram[(q * OCTAVES << BITS) + octave_bin((double)amount, BITS)] += 1;
}

static void measure_all(i64 *restrict row, i64 *restrict bins, const i64 *restrict amounts, i64 n) {
    i64 low = 0, high = 0, low_low[2] = {0}, low_high[2] = {0}, high_high[2] = {0};
    for (i64 i = 0; i < n; i++) {
        i64 amount = amounts[i], a = amount & 0x7FFFFFFF, b = amount >> 31;
        low += amount & LOW;
        high += amount >> 32;
        low_low[0] += a * a & LOW;
        low_low[1] += a * a >> 32;
        low_high[0] += a * b & LOW;
        low_high[1] += a * b >> 32;
        high_high[0] += b * b & LOW;
        high_high[1] += b * b >> 32;
    }
    for (i64 i = 0; i < n; i++) bins[octave_bin((double)amounts[i], BITS)] += 1;
    row[POSITIVE] += n;
    row[SUM] += low;
    row[SUM + 1] += high;
    for (i64 i = 0; i < 2; i++) {
        row[SQUARES + i] += low_low[i];
        row[SQUARES + 2 + i] += low_high[i];
        row[SQUARES + 4 + i] += high_high[i];
    }
}

static void measure_differences(const Tally *t, i64 q, const i64 *restrict before, const i64 *restrict after,
                                i64 *restrict some, i64 n) {
    i64 found = 0;
    for (i64 i = 0; i < n; i++) {
        some[found] = before[i] - after[i];
        found += some[found] > 0;
    }
    measure_all(t->measures + q * MEASURE_COLUMNS, t->histogram + (q * OCTAVES << BITS), some, found);
}

static inline void add_limbs(i64 *restrict low, i64 *restrict high, const i64 *restrict amounts, i64 n) {
    for (i64 i = 0; i < n; i++) {
        low[i] += amounts[i] & LOW;
        high[i] += amounts[i] >> 32;
    }
}

static inline void count(i64 *bins, i64 amount, i64 times) {
    if (amount > 0) bins[octave_bin((double)amount, MEMBER_BITS)] += times;
}

static void add_members(const Tally *t, const Space *x, int kinds, i64 n) {
    const i64 bins = OCTAVES << MEMBER_BITS;
    for (int kind = 0; kind < 3; kind++) {
        if (!(kinds >> kind & 1)) continue;
        const i64 *restrict paid = x->paid + kind * n;
        add_limbs(x->charges + 2 * kind * n, x->charges + (2 * kind + 1) * n, paid, n);
        for (i64 i = 0; i < n; i++) count(t->member_histogram + (4 * i + kind) * bins, paid[i], 1);
    }
    if (!(kinds & (kinds - 1))) return;
    for (i64 i = 0; i < n; i++) {
        i64 amount[3], total = 0, some = 0;
        for (int kind = 0; kind < 3; kind++) {
            amount[kind] = kinds >> kind & 1 ? x->paid[kind * n + i] : 0;
            total += amount[kind];
            some += amount[kind] > 0;
        }
        if (some < 2) continue;
        i64 *row = t->member_histogram + (4 * i + TOGETHER) * bins;
        count(row, total, 1);
        for (int kind = 0; kind < 3; kind++) count(row, amount[kind], -1);
    }
}

static int better(const i64 *other, i64 uncovered, i64 beyond, i64 s) {
    if (other[0] != uncovered) return uncovered > other[0];
    if (other[1] != beyond) return beyond > other[1];
    return other[2] < 0 || s < other[2];
}

static void remember(i64 *worst, i64 uncovered, i64 beyond, i64 s) {
    i64 i = WORST - 1;
    if (!better(worst + 3 * i, uncovered, beyond, s)) return;
    for (; i > 0 && better(worst + 3 * (i - 1), uncovered, beyond, s); i--)
        memcpy(worst + 3 * i, worst + 3 * (i - 1), 3 * sizeof *worst);
    worst[3 * i] = uncovered;
    worst[3 * i + 1] = beyond;
    worst[3 * i + 2] = s;
}

/* --- the waterfall --- */

static void own_resources(const Waterfall *w, const Sizes *z, const Piece *x, i64 *left, i64 n, i64 hits) {
    for (i64 j = 0; j <= z->own_layers; j++) memset(left + j * TILE, 0, hits * sizeof *left);
    for (i64 i = 0; i < n; i++) left[x->of_hit[i]] += x->losses[i];
    for (i64 j = 0; j < z->own_layers; j++) {
        i64 *after = left + (j + 1) * TILE;
        for (i64 i = 0; i < n; i++) {
            i64 has = w->own[x->ids[i] * z->own_layers + j], loss = x->losses[i];
            x->losses[i] = loss -= loss < has ? loss : has;
            after[x->of_hit[i]] += loss;
        }
    }
}

static void measure_own(const Waterfall *w, const Tally *t, const Sizes *z, Tile *tile, const i64 *left,
                        i64 n) {
    const i64 *nothing = left + (z->own_layers + 1) * TILE;
    for (i64 j = 0; j < z->own_layers; j++) {
        const i64 *before = left + j * TILE, *after = before + TILE;
        i64 q = w->own_layer[j], reached = 0, passed = 0;
        for (i64 i = 0; i < n; i++) reached += before[i] > 0, passed += after[i] > 0;
        t->measures[q * MEASURE_COLUMNS + REACHED] += reached;
        t->measures[q * MEASURE_COLUMNS + PASSED] += passed;
        measure_differences(t, q, before, after, tile->some, n);
    }
    measure_differences(t, z->layers + 1, left + z->own_layers * TILE, nothing, tile->some, n);
    measure_differences(t, z->layers + 2, left, nothing, tile->some, n);
}

static void charge(i64 *restrict paid, const i64 *restrict rooms, const i64 *restrict gone, i64 taken,
                   i64 room, i64 n) {
    double rate = (double)taken / (double)room;
    if (taken == room)
        for (i64 i = 0; i < n; i++) paid[i] += gone[i] ? 0 : rooms[i];
    else
        for (i64 i = 0; i < n; i++) {
            i64 part = (i64)rint((double)rooms[i] * rate);
            paid[i] += gone[i] ? 0 : part;
        }
}

static i64 poured(const Waterfall *w, const Sizes *z, const Space *x, const i64 *ids, i64 n, i64 beyond,
                  i64 regime, int *kinds) {
    i64 open = beyond, members = z->members;
    int asked = 0;
    for (i64 p = 0; p < z->parts && open; p++) {
        const i64 *part = w->parts + p * PART_COLUMNS, *rooms = w->rooms + (regime * z->parts + p) * members;
        i64 room = part[PARTY], *row = x->rows + 3 * part[LAYER], kind = part[KIND];
        if (kind >= 0) {
            if (!asked) {
                asked = 1;
                memset(x->gone, 0, members * sizeof *x->gone);
                for (i64 i = 0; i < n; i++) x->gone[ids[i]] = 1;
            }
            room = w->totals[regime * z->parts + p];
            for (i64 i = 0; i < n; i++) room -= rooms[ids[i]];
        }
        i64 taken = open < room ? open : room;
        row[0] += taken;
        row[1] = 1;
        if (kind >= 0 && taken > 0) {
            i64 *paid = x->paid + kind * members;
            if (!(*kinds >> kind & 1)) memset(paid, 0, members * sizeof *paid);
            *kinds |= 1 << kind;
            charge(paid, rooms, x->gone, taken, room, members);
        }
        open -= taken;
        row[2] |= part[LAST] && open > 0;
    }
    return open;
}

static void added(const Waterfall *w, const Tally *t, const Sizes *z, Tile *tile, const Piece *hits,
                  const Space *x, i64 scenarios) {
    const i64 *beyond_own = x->left + z->own_layers * TILE;
    i64 some = 0, begin = 0;
    for (i64 i = 0; i < scenarios; i++) {
        tile->some[some] = i;
        tile->first[some] = begin;
        begin += tile->hit_counts[i];
        some += beyond_own[i] > 0;
    }
    for (i64 place = 0; place < some; place++) {
        i64 number = tile->some[place], beyond = beyond_own[number];
        i64 regime = z->regimes == 2 && tile->market[number] > 0.0;
        int kinds = 0;
        memset(x->rows, 0, 3 * z->layers * sizeof *x->rows);
        i64 uncovered = poured(w, z, x, hits->ids + tile->first[place], tile->hit_counts[number], beyond,
                               regime, &kinds);
        remember(t->worst, uncovered, beyond, tile->hit_numbers[number]);
        measure(t, z->layers, uncovered);
        if (kinds) add_members(t, x, kinds, z->members);
        for (i64 q = 0; q < z->layers; q++) {
            const i64 *row = x->rows + 3 * q;
            if (!row[1]) continue;
            t->measures[q * MEASURE_COLUMNS + REACHED] += 1;
            t->measures[q * MEASURE_COLUMNS + PASSED] += row[2];
            measure(t, q, row[0]);
        }
    }
}

static void drawn_and_poured(const Model *m, const Waterfall *w, const Tally *t, const Sizes *z, u64 key,
                             i64 size, Tile *tile, const Piece *x, const Space *space) {
    factors_of(m, key, tile, TILE);
    memset(tile->counts, 0, sizeof tile->counts);
    i64 some = alive_of(m, tile, size), end = 0;
    for (i64 begin = 0; begin < size;) {
        i64 candidates = candidates_in(m, key, tile, end, some, x, &end);
        i64 found = defaults_in(m, key, tile, x, space, candidates);
        i64 until = end == some ? size : tile->position[end], n = 0, hit = -1, last = -1;
        for (; begin < until; begin++) {
            i64 count = tile->counts[begin];
            t->defaults[count] += 1;
            tile->hit[n] = begin;
            tile->hit_counts[n] = count;
            tile->hit_numbers[n] = tile->numbers[begin];
            n += count > 0;
        }
        for (i64 j = 0; j < found; j++) {
            hit += x->of[j] != last;
            last = x->of[j];
            x->of_hit[j] = hit;
            t->defaulted[x->ids[j]] += 1;
        }
        markets_of(m, key, tile, x->ids, n);
        losses_in(m, key, tile, x, found);
        own_resources(w, z, x, space->left, found, n);
        measure_own(w, t, z, tile, space->left, n);
        added(w, t, z, tile, x, space, n);
    }
}

int simulate(const Model *m, const Waterfall *w, const Tally *t, const Sizes *z, u64 key, i64 first,
             i64 count) {
    i64 members = z->members, most = ROOM + (i64)m->numbers[CANDIDATES], rows = 5 + CHARGE_COLUMNS;
    Tile *tile = malloc(sizeof *tile);
    i64 *whole = calloc(9 * most + rows * members + 3 * z->layers + (z->own_layers + 2) * TILE, sizeof *whole);
    double *real = calloc(6 * most, sizeof *real);
    if (!tile || !whole || !real) {
        free(tile), free(whole), free(real);
        return 1;
    }
    for (i64 i = 0; i < TILE; i++) tile->index[i] = 0, tile->index[TILE + i] = 1;
    Piece x = {whole, whole + most, whole + 2 * most, whole + 3 * most, whole + 4 * most, whole + 5 * most,
               whole + 6 * most, whole + 7 * most, real, real + most, real + 2 * most, real + 3 * most};
    tile->scratch = (Scratch){whole + 8 * most, real + 4 * most, real + 5 * most};
    i64 *own = whole + 9 * most;
    Space space = {own, own + members, own + 4 * members, own + rows * members,
                   own + rows * members + 3 * z->layers, own + (rows - 1) * members};
    memset(space.defaulted, 0xFF, members * sizeof *space.defaulted);
    for (i64 begin = first; begin < first + count; begin += TILE) {
        i64 left = first + count - begin, size = left < TILE ? left : TILE;
        for (i64 i = 0; i < TILE; i++) tile->numbers[i] = begin + i;
        drawn_and_poured(m, w, t, z, key, size, tile, &x, &space);
    }
    for (i64 i = 0; i < members; i++)
        for (i64 column = 0; column < CHARGE_COLUMNS; column++)
            t->charges[i * CHARGE_COLUMNS + column] += space.charges[column * members + i];
    free(tile), free(whole), free(real);
    return 0;
}
