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
    const float *hazard;
    const double *member, *factors, *bids, *numbers;
    const float *sure;
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

enum { FACTOR, MIXING, CANDIDATE, LOSS };
enum { THRESHOLD, LOADING, OWN_LATENT, SCALE, START, MARKET, OWN_SHOCK, JUMP = 9, MEMBER_COLUMNS = 12 };
enum { DEGREES, TAIL };
enum { LAYER, PARTY, KIND, LAST = 9, PART_COLUMNS };
enum { REACHED, PASSED, POSITIVE, SUM, SQUARES = 5, MEASURE_COLUMNS = 11, CHARGE_COLUMNS = 6, TOGETHER = 3 };
enum { PER_UNIT = 8, REACH = 7, FACTOR_BINS = 2 * REACH * PER_UNIT + 2, PER_OCTAVE = 8, MIXING_BITS = 3 };
enum { BITS = 7, MEMBER_BITS = 4, OCTAVES = 62, WORST = 100, TILE = 1024, ROOM = 4096 };
#define MOST_LOSS 1125899906842624.0
#define ROOT_HALF 0.7071067811865476
#define MIDDLE 0.425
#define CLOSE (1.0 + 1e-12)
#define LOW 0xFFFFFFFFull

typedef struct {
    i64 numbers[TILE], rows[TILE], counts[TILE], index[2 * TILE];
    double u[TILE], v[TILE], steps[TILE], z[TILE], g[TILE], mixing[TILE], market[TILE];
    i64 position[TILE], start[TILE], scenario[TILE], line[TILE];
    double first_u[TILE], first_step[TILE];
    i64 places[TILE], hits[TILE], hit_numbers[TILE];
} Tile;

typedef struct {
    i64 *ids, *of, *of_hit, *s, *losses;
    double *u, *v, *h;
} Hits;

typedef struct {
    i64 *gone, *paid, *charges, *rows;
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

static double tail(double u) {
    double q = u - 0.5, r, above, below;
    r = sqrt(-log(q < 0.0 ? u : 1.0 - u));
    if (r <= 5.0) {
        r -= 1.6;
        above = (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r
                      + 2.41780725177450611770e-1) * r + 1.27045825245236838258e0) * r
                    + 3.64784832476320460504e0) * r + 5.76949722146069140550e0) * r
                  + 4.63033784615654529590e0) * r + 1.42343711074968357734e0);
        below = (((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r
                      + 1.51986665636164571966e-2) * r + 1.48103976427480074590e-1) * r
                    + 6.89767334985100004550e-1) * r + 1.67638483018380384940e0) * r
                  + 2.05319162663775882187e0) * r + 1.0);
    } else {
        r -= 5.0;
        above = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r
                      + 1.24266094738807843860e-3) * r + 2.65321895265761230930e-2) * r
                    + 2.96560571828504891230e-1) * r + 1.78482653991729133580e0) * r
                  + 5.46378491116411436990e0) * r + 6.65790464350110377720e0);
        below = (((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r
                      + 1.84631831751005468180e-5) * r + 7.86869131145613259100e-4) * r
                    + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r
                  + 5.99832206555887937690e-1) * r + 1.0);
    }
    return q < 0.0 ? -(above / below) : above / below;
}

static void normals_of(const double *restrict u, double *restrict z, i64 n) {
    for (i64 i = 0; i < n; i++) z[i] = middle(u[i] - 0.5);
    for (i64 i = 0; i < n; i++)
        if (!(fabs(u[i] - 0.5) <= MIDDLE)) z[i] = tail(u[i]);
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
    for (i64 i = 0; i < n; i++) w[i] = -2.0 * log(w[i]);
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

static inline i64 at_most(const float *table, i64 size, double target) {
    int32_t found = 0;
    for (i64 i = 0; i < size; i++) found += (double)table[i] <= target;
    return found;
}

static inline double conditional(const double *one, double factor, double mixing) {
    double own = (one[THRESHOLD] * mixing - one[LOADING] * factor) / one[OWN_LATENT];
    return 0.5 * erfc(-own * ROOT_HALF);
}

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
    uniforms_of(key, t->numbers, FACTOR, t->index, t->u, t->steps, n);
    normals_of(t->u, t->z, n);
    for (i64 i = 0; i < n; i++) t->g[i] = 0.0 + m->factors[0] * t->z[i];
}

static i64 alive_of(const Model *m, u64 key, Tile *t, i64 count) {
    i64 n = 0, size = m->blocks[2], bins = m->blocks[5];
    for (i64 i = 0; i < count; i++) {
        i64 line = within((i64)floor((t->g[i] + REACH) * PER_UNIT) + 1, FACTOR_BINS) * bins + t->rows[i];
        i64 start = m->blocks[1] + line * (1 + size);
        t->position[n] = i;
        t->start[n] = start;
        t->scenario[n] = t->numbers[i];
        t->line[n] = line;
        n += t->steps[i] > (double)m->hazard[start];
    }
    uniforms_of(key, t->scenario, CANDIDATE, t->index, t->first_u, t->first_step, n);
    return n;
}

static i64 defaults_in(const Model *m, u64 key, Tile *t, i64 alive, i64 n, const Hits *x, i64 *end) {
    i64 found = 0, size = m->blocks[2];
    for (; alive < n && found <= ROOM; alive++) {
        i64 position = t->position[alive], until = found;
        double factor = t->g[position], mixing = t->mixing[position];
        const float *row = m->hazard + t->start[alive] + 1;
        double certain = (double)m->sure[t->line[alive]], total = (double)row[size - 1];
        double at = 0.0, step = t->steps[position], u = t->first_u[alive], then = t->first_step[alive];
        for (i64 number = 0; 1.0 - step <= (total - at) * CLOSE; number++) {
            double target = at - log(step);
            if (target >= total) break;
            i64 place = at_most(row, size, target);
            double before = place ? (double)row[place - 1] : 0.0;
            at = (double)row[place];
            if (number) two_uniforms(key, t->scenario[alive], CANDIDATE, number, &u, &then);
            step = then;
            const double *one = m->member + place * MEMBER_COLUMNS;
            if (u < certain || u * -expm1(before - at) < conditional(one, factor, mixing)) {
                x->ids[found] = place;
                x->of[found] = position;
                found++;
            }
        }
        t->counts[position] = found - until;
    }
    *end = alive;
    return found;
}

static void markets_of(const Model *m, u64 key, Tile *t, const i64 *ids, i64 n) {
    uniforms_of(key, t->hit_numbers, FACTOR, t->index + TILE, t->u, t->v, n);
    normals_of(t->u, t->v, n);
    for (i64 i = 0; i < n; i++) {
        double market = 0.0;
        market += m->factors[2] * t->z[t->places[i]];
        market += m->factors[3] * t->v[i];
        for (i64 j = 0; j < t->hits[i]; j++) market += m->member[*ids++ * MEMBER_COLUMNS + JUMP];
        t->market[i] = market;
    }
}

static void losses_in(const Model *m, u64 key, const Tile *t, const Hits *x, i64 n) {
    uniforms_of(key, x->s, LOSS, x->ids, x->u, x->v, n);
    normals_of(x->v, x->h, n);
    int shared = m->numbers[TAIL] == 1.0;
    for (i64 j = 0; j < n; j++) {
        const double *one = m->member + x->ids[j] * MEMBER_COLUMNS;
        double shock = one[MARKET] * t->market[x->of_hit[j]] + one[OWN_SHOCK] * x->h[j];
        if (shared) shock /= t->mixing[x->of[j]];
        double amount = one[START] + one[SCALE] * shock;
        amount = amount > 0.0 ? amount : 0.0;
        x->losses[j] = (i64)floor((amount < MOST_LOSS ? amount : MOST_LOSS) + 0.5);
    }
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

static inline i64 own_resources(const Waterfall *w, const Sizes *z, const i64 *ids, const i64 *losses, i64 n,
                                i64 *rows) {
    i64 beyond = 0;
    for (i64 i = 0; i < n; i++) {
        i64 open = losses[i];
        for (i64 j = 0; j < z->own_layers && open; j++) {
            i64 has = w->own[ids[i] * z->own_layers + j], taken = open < has ? open : has;
            i64 *row = rows + 3 * w->own_layer[j];
            row[0] += taken;
            row[1] = 1;
            open -= taken;
            row[2] |= open > 0;
        }
        beyond += open;
    }
    return beyond;
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
    memset(x->gone, 0, members * sizeof *x->gone);
    for (i64 i = 0; i < n; i++) x->gone[ids[i]] = 1;
    for (i64 p = 0; p < z->parts && open; p++) {
        const i64 *part = w->parts + p * PART_COLUMNS, *rooms = w->rooms + (regime * z->parts + p) * members;
        i64 room = part[PARTY], *row = x->rows + 3 * part[LAYER], kind = part[KIND];
        if (kind >= 0) {
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

static void added(const Waterfall *w, const Tally *t, const Sizes *z, const Tile *tile, const Hits *hits,
                  const Space *x, i64 scenarios) {
    const i64 *ids = hits->ids, *losses = hits->losses;
    for (i64 number = 0; number < scenarios; number++) {
        i64 n = tile->hits[number], gross = 0;
        for (i64 i = 0; i < n; i++) {
            gross += losses[i];
            t->defaulted[ids[i]] += 1;
        }
        measure(t, z->layers + 2, gross);
        if (gross > 0) {
            memset(x->rows, 0, 3 * z->layers * sizeof *x->rows);
            i64 beyond = own_resources(w, z, ids, losses, n, x->rows);
            if (beyond > 0) {
                int kinds = 0;
                i64 regime = z->regimes == 2 && tile->market[number] > 0.0;
                i64 uncovered = poured(w, z, x, ids, n, beyond, regime, &kinds);
                remember(t->worst, uncovered, beyond, tile->hit_numbers[number]);
                measure(t, z->layers, uncovered);
                measure(t, z->layers + 1, beyond);
                if (kinds) add_members(t, x, kinds, z->members);
            }
            for (i64 q = 0; q < z->layers; q++) {
                const i64 *row = x->rows + 3 * q;
                if (!row[1]) continue;
                t->measures[q * MEASURE_COLUMNS + REACHED] += 1;
                t->measures[q * MEASURE_COLUMNS + PASSED] += row[2];
                measure(t, q, row[0]);
            }
        }
        ids += n;
        losses += n;
    }
}

static void drawn_and_poured(const Model *m, const Waterfall *w, const Tally *t, const Sizes *z, u64 key,
                             i64 size, Tile *tile, const Hits *x, const Space *space) {
    factors_of(m, key, tile, size);
    memset(tile->counts, 0, sizeof tile->counts);
    i64 some = alive_of(m, key, tile, size), end = 0;
    for (i64 begin = 0; begin < size;) {
        i64 found = defaults_in(m, key, tile, end, some, x, &end);
        i64 until = end == some ? size : tile->position[end], n = 0, hit = -1, last = -1;
        for (; begin < until; begin++) {
            i64 count = tile->counts[begin];
            t->defaults[count] += 1;
            tile->places[n] = begin;
            tile->hits[n] = count;
            tile->hit_numbers[n] = tile->numbers[begin];
            n += count > 0;
        }
        for (i64 j = 0; j < found; j++) {
            hit += x->of[j] != last;
            last = x->of[j];
            x->of_hit[j] = hit;
            x->s[j] = tile->numbers[last];
        }
        markets_of(m, key, tile, x->ids, n);
        losses_in(m, key, tile, x, found);
        added(w, t, z, tile, x, space, n);
    }
}

int simulate(const Model *m, const Waterfall *w, const Tally *t, const Sizes *z, u64 key, i64 first,
             i64 count) {
    i64 members = z->members, most = ROOM + members, rows = 4 + CHARGE_COLUMNS;
    Tile *tile = malloc(sizeof *tile);
    i64 *whole = calloc(5 * most + rows * members + 3 * z->layers, sizeof *whole);
    double *real = malloc(3 * most * sizeof *real);
    if (!tile || !whole || !real) {
        free(tile), free(whole), free(real);
        return 1;
    }
    for (i64 i = 0; i < TILE; i++) tile->index[i] = 0, tile->index[TILE + i] = 1;
    Hits x = {whole, whole + most, whole + 2 * most, whole + 3 * most, whole + 4 * most,
              real, real + most, real + 2 * most};
    i64 *own = whole + 5 * most;
    Space space = {own, own + members, own + 4 * members, own + rows * members};
    for (i64 begin = first; begin < first + count; begin += TILE) {
        i64 left = first + count - begin, size = left < TILE ? left : TILE;
        for (i64 i = 0; i < size; i++) tile->numbers[i] = begin + i;
        drawn_and_poured(m, w, t, z, key, size, tile, &x, &space);
    }
    for (i64 i = 0; i < members; i++)
        for (i64 column = 0; column < CHARGE_COLUMNS; column++)
            t->charges[i * CHARGE_COLUMNS + column] += space.charges[column * members + i];
    free(tile), free(whole), free(real);
    return 0;
}
