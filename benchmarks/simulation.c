/* The simulation's kernel in C: the same algorithm and the same bits, for what benchmarks/service.py uses.

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
enum { LAYER, PARTY, KIND, PART_COLUMNS = 10 };
enum { REACHED, PASSED, POSITIVE, SUM, SQUARES = 5, MEASURE_COLUMNS = 11, BY_KIND = 11, CHARGE_COLUMNS = 17 };
enum { PER_UNIT = 8, REACH = 7, FACTOR_BINS = 2 * REACH * PER_UNIT + 2, PER_OCTAVE = 8 };
enum { OF_AMOUNTS = 128, OF_MEMBERS = 16, OCTAVES = 62, WORST = 100 };
#define MOST_LOSS 1125899906842624.0
#define ROOT_HALF 0.7071067811865476
#define LOW 0xFFFFFFFFull

/* --- draws --- */

static inline double uniform(u64 high, u64 low) {
    return ((double)(i64)(high >> 5) * 67108864.0 + (double)(i64)(low >> 6) + 0.5) / 9007199254740992.0;
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

static double normal(double u) {
    double q = u - 0.5, r, above, below;
    if (fabs(q) <= 0.425) {
        r = 0.180625 - q * q;
        above = (((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r
                      + 6.7265770927008700853e4) * r + 4.5921953931549871457e4) * r
                    + 1.3731693765509461125e4) * r + 1.9715909503065514427e3) * r
                  + 1.3314166789178437745e2) * r + 3.3871328727963666080e0);
        below = (((((((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r
                      + 3.9307895800092710610e4) * r + 2.1213794301586595867e4) * r
                    + 5.3941960214247511077e3) * r + 6.8718700749205790830e2) * r
                  + 4.2313330701600911252e1) * r + 1.0);
        return q * above / below;
    }
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

static double chi_square(u64 key, u64 s, double degrees) {
    double half = 0.5 * degrees, u, v;
    two_uniforms(key, s, MIXING, 0, &u, &v);
    double product = half == 1.0 ? u : u * v;
    if (half > 2.0) {
        two_uniforms(key, s, MIXING, 1, &u, &v);
        product *= half == 3.0 ? u : u * v;
    }
    return -2.0 * log(product);
}

static inline i64 octave_bin(double amount, i64 per_octave) {
    int e;
    double m = frexp(amount, &e);
    return (i64)(e - 1) * per_octave + (i64)((2.0 * m - 1.0) * (double)per_octave);
}

static inline i64 within(i64 place, i64 bins) {
    return place < 0 ? 0 : place >= bins ? bins - 1 : place;
}

/* --- defaults --- */

typedef struct {
    i64 *ids, *losses, *paid;
    char *gone;
} Space;

static i64 defaults_of(const Model *m, u64 key, u64 s, i64 *ids, double *z, double *mixing) {
    const i64 *end = m->blocks + 4;
    double degrees = m->numbers[DEGREES], u, step;
    i64 bins = end[1], row = 0, count = 0;
    *mixing = 1.0;
    if (degrees > 0.0) {
        double w = chi_square(key, s, degrees);
        *mixing = sqrt(w / degrees);
        row = within(octave_bin(w, PER_OCTAVE) - end[0] * PER_OCTAVE, bins);
    }
    two_uniforms(key, s, FACTOR, 0, &u, &step);
    *z = normal(u);
    double factor = 0.0 + m->factors[0] * *z;
    i64 size = m->blocks[2];
    i64 line = within((i64)floor((factor + REACH) * PER_UNIT) + 1, FACTOR_BINS) * bins + row;
    const float *table = m->hazard + m->blocks[1] + line * (size + 1);
    if (step <= (double)table[0]) return 0;
    table++;
    double at = 0.0;
    for (i64 place = 0, number = 0;; place++, number++) {
        double target = at - log(step);
        i64 high = size;
        while (place < high) {
            i64 middle = (place + high) >> 1;
            if ((double)table[middle] > target) high = middle;
            else place = middle + 1;
        }
        if (place == size) return count;
        double before = place ? (double)table[place - 1] : 0.0;
        at = (double)table[place];
        const double *one = m->member + place * MEMBER_COLUMNS;
        double own = (one[THRESHOLD] * *mixing - one[LOADING] * factor) / one[OWN_LATENT];
        double chance = 0.5 * erfc(-own * ROOT_HALF);
        two_uniforms(key, s, CANDIDATE, number, &u, &step);
        if (u * -expm1(before - at) < chance) ids[count++] = place;
    }
}

static double losses_of(const Model *m, u64 key, u64 s, double z, double mixing, const Space *x, i64 n) {
    double u, v, market = 0.0;
    two_uniforms(key, s, FACTOR, 1, &u, &v);
    market += m->factors[2] * z;
    market += m->factors[3] * normal(u);
    for (i64 j = 0; j < n; j++) market += m->member[x->ids[j] * MEMBER_COLUMNS + JUMP];
    for (i64 j = 0; j < n; j++) {
        i64 i = x->ids[j];
        const double *one = m->member + i * MEMBER_COLUMNS;
        two_uniforms(key, s, LOSS, i, &u, &v);
        double shock = one[MARKET] * market + one[OWN_SHOCK] * normal(v);
        if (m->numbers[TAIL] == 1.0) shock /= mixing;
        double amount = one[START] + one[SCALE] * shock;
        x->losses[j] = amount > 0.0 ? (i64)floor((amount < MOST_LOSS ? amount : MOST_LOSS) + 0.5) : 0;
    }
    return market;
}

/* --- adding up --- */

static inline void add(i64 *row, i64 amount) {
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
}

static inline void measure(const Tally *t, i64 q, i64 amount) {
    if (amount <= 0) return;
    add(t->measures + q * MEASURE_COLUMNS, amount);
    t->histogram[q * OF_AMOUNTS * OCTAVES + octave_bin((double)amount, OF_AMOUNTS)] += 1;
}

static void add_members(const Tally *t, const i64 *paid, i64 members) {
    for (i64 i = 0; i < members; i++) {
        i64 total = 0, *row = t->charges + i * CHARGE_COLUMNS;
        for (i64 kind = 0; kind < 3; kind++) {
            i64 amount = paid[kind * members + i];
            row[BY_KIND + 2 * kind] += amount & LOW;
            row[BY_KIND + 2 * kind + 1] += amount >> 32;
            total += amount;
        }
        if (total > 0) {
            add(row, total);
            t->member_histogram[i * OF_MEMBERS * OCTAVES + octave_bin((double)total, OF_MEMBERS)] += 1;
        }
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

static i64 own_resources(const Waterfall *w, const Tally *t, const Sizes *z, const Space *x, i64 n) {
    i64 beyond = 0, used[8] = {0}, reached[8] = {0}, passed[8] = {0};
    for (i64 i = 0; i < n; i++) {
        i64 open = x->losses[i];
        for (i64 j = 0; j < z->own_layers && open; j++) {
            i64 has = w->own[x->ids[i] * z->own_layers + j], taken = open < has ? open : has;
            used[j] += taken;
            reached[j] = 1;
            open -= taken;
            passed[j] |= open > 0;
        }
        beyond += open;
    }
    for (i64 j = 0; j < z->own_layers; j++) {
        i64 layer = w->own_layer[j];
        t->measures[layer * MEASURE_COLUMNS + REACHED] += reached[j];
        t->measures[layer * MEASURE_COLUMNS + PASSED] += passed[j];
        measure(t, layer, used[j]);
    }
    return beyond;
}

static i64 poured(const Waterfall *w, const Tally *t, const Sizes *z, const Space *x, i64 n, i64 beyond,
                  i64 regime) {
    i64 open = beyond, members = z->members, paying = 0;
    for (i64 p = 0; p < z->parts && open; p++) {
        const i64 *part = w->parts + p * PART_COLUMNS, *rooms = w->rooms + (regime * z->parts + p) * members;
        i64 room = part[PARTY], *row = t->measures + part[LAYER] * MEASURE_COLUMNS, kind = part[KIND];
        if (kind >= 0) {
            room = w->totals[regime * z->parts + p];
            for (i64 i = 0; i < n; i++) room -= rooms[x->ids[i]];
        }
        i64 taken = open < room ? open : room;
        row[REACHED] += 1;
        measure(t, part[LAYER], taken);
        if (kind >= 0 && taken > 0) {
            if (!paying) {
                memset(x->paid, 0, 3 * members * sizeof *x->paid);
                memset(x->gone, 0, members);
                for (i64 i = 0; i < n; i++) x->gone[x->ids[i]] = 1;
            }
            paying = 1;
            i64 *paid = x->paid + kind * members;
            double rate = (double)taken / (double)room;
            for (i64 i = 0; i < members; i++)
                paid[i] += x->gone[i] ? 0 : taken == room ? rooms[i] : (i64)rint((double)rooms[i] * rate);
        }
        open -= taken;
        row[PASSED] += open > 0;
    }
    if (paying) add_members(t, x->paid, members);
    return open;
}

int simulate(const Model *m, const Waterfall *w, const Tally *t, const Sizes *z, u64 key, i64 first, i64 count) {
    Space x = {malloc((z->members + 1) * sizeof(i64)), malloc((z->members + 1) * sizeof(i64)),
               malloc(3 * z->members * sizeof(i64)), malloc(z->members)};
    if (!x.ids || !x.losses || !x.paid || !x.gone) return 1;
    for (i64 s = first; s < first + count; s++) {
        double mixing, factor;
        i64 n = defaults_of(m, key, s, x.ids, &factor, &mixing);
        t->defaults[n] += 1;
        if (!n) continue;
        double market = losses_of(m, key, s, factor, mixing, &x, n);
        i64 gross = 0;
        for (i64 i = 0; i < n; i++) {
            gross += x.losses[i];
            t->defaulted[x.ids[i]] += 1;
        }
        measure(t, z->layers + 2, gross);
        i64 beyond = own_resources(w, t, z, &x, n);
        if (!beyond) continue;
        i64 uncovered = poured(w, t, z, &x, n, beyond, z->regimes == 2 && market > 0.0);
        remember(t->worst, uncovered, beyond, s);
        measure(t, z->layers, uncovered);
        measure(t, z->layers + 1, beyond);
    }
    free(x.ids), free(x.losses), free(x.paid), free(x.gone);
    return 0;
}
