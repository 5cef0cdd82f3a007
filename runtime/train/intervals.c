/* Intervals and paired tests; see intervals.h. */
#include "runtime/train/intervals.h"

#include "runtime/core/mem.h"
#include "runtime/core/random.h"

#include <math.h>
#include <stdlib.h>

/* Row and class counts of all resamples together, beyond which there are fewer of them. */
#define MOST_COUNTS 4e10

bool metric_is_share(MetricKind kind) { return kind == METRIC_accuracy || kind == METRIC_subset_accuracy; }

Interval wilson(int64_t right, int64_t of)
{
    if (of == 0)
        return (Interval){ NAN, NAN };
    const double z = 1.959963984540054; /* 97.5 % of the normal distribution lie below */
    double n = (double)of, p = (double)right / n;
    double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    double half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    return (Interval){ right == 0 ? 0 : middle - half, right == of ? 1 : middle + half };
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A percentile between the two values around it. */
static double percentile(const double *sorted, int64_t n, double share)
{
    double at = share * (double)(n - 1);
    int64_t below = (int64_t)at, above = below + 1 < n ? below + 1 : below;
    return sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
}

/* Sorts v[n], leaving what is NAN out; answers how many are left. */
static int64_t sort_numbers(double *v, int64_t n)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(v[i]))
            v[kept++] = v[i];
    qsort(v, (size_t)kept, sizeof *v, by_size);
    return kept;
}

/* Of nothing that varies there is none: an F1 of 0 is 0 in every resample, and not certain for that. */
static Interval middle_95(double *v, int64_t n)
{
    n = sort_numbers(v, n);
    return n && v[0] < v[n - 1] ? (Interval){ percentile(v, n, 0.025), percentile(v, n, 0.975) } : (Interval){ NAN, NAN };
}

/* ---- resampling ---------------------------------------------------------------------------------------------------------- */

/* What is counted in each resample, of one model or of two. */
typedef struct {
    const Scored *s;
    Tally *tally[2];
    int n_tallies, resamples, thread_count;
    uint64_t seed;
    uint32_t **times;       /* [threads][n] */
    double *value;          /* [n_tallies, METRIC_KINDS, resamples] */
    double *f1;             /* [classes, resamples] of the first model; NULL: not wanted */
} Bootstrap;

static double *values_of(const Bootstrap *b, int tally, int kind)
{
    return b->value + ((int64_t)tally * METRIC_KINDS + kind) * b->resamples;
}

static void resample(void *arg, int64_t k, int thread)
{
    Bootstrap *b = arg;
    double value[METRIC_KINDS];
    if (!b->times[thread])
        b->times[thread] = xcalloc((size_t)b->s->n, sizeof **b->times);
    random_resample(b->seed, random_stream(RANDOM_RESAMPLE, (uint32_t)k), b->s->n, b->times[thread]);
    for (int t = 0; t < b->n_tallies; t++) {
        tally_values(b->tally[t], b->times[thread], value);
        for (int kind = 0; kind < METRIC_KINDS; kind++)
            values_of(b, t, kind)[k] = value[kind];
    }
    if (!b->f1)
        return;
    ClassMetrics *by_class = xcalloc((size_t)b->s->classes, sizeof *by_class);
    tally_classes(b->tally[0], b->times[thread], by_class);
    for (int32_t c = 0; c < b->s->classes; c++)
        b->f1[(int64_t)c * b->resamples + k] = by_class[c].support || by_class[c].predicted ? by_class[c].f1 : (double)NAN;
    free(by_class);
}

static void bootstrap_run(Bootstrap *b, const Scored *first, const Scored *second, bool classes, uint64_t seed, Pool *pool)
{
    double fit = MOST_COUNTS / ((double)first->n * first->classes);
    *b = (Bootstrap){ .s = first, .tally = { tally_new(first), second ? tally_new(second) : NULL }, .n_tallies = second ? 2 : 1,
                      .resamples = fit >= RESAMPLES ? RESAMPLES : fit > 100 ? (int)fit : 100,
                      .thread_count = pool ? pool_threads(pool) : 1, .seed = seed };
    b->times = xcalloc((size_t)b->thread_count, sizeof *b->times);
    b->value = xcalloc((size_t)b->n_tallies * METRIC_KINDS * (size_t)b->resamples, sizeof *b->value);
    if (classes)
        b->f1 = xcalloc((size_t)first->classes * (size_t)b->resamples, sizeof *b->f1);
    if (pool)
        pool_run(pool, b->resamples, resample, b);
    for (int k = 0; !pool && k < b->resamples; k++)
        resample(b, k, 0);
}

static void bootstrap_end(Bootstrap *b)
{
    for (int i = 0; i < b->thread_count; i++)
        free(b->times[i]);
    free(b->times);
    free(b->value);
    free(b->f1);
    tally_free(b->tally[0]);
    tally_free(b->tally[1]);
}

Intervals *intervals_new(const Scored *s, uint64_t seed, Pool *pool)
{
    Bootstrap b;
    bool classes = s->task != FTC_REGRESSION;
    double whole[METRIC_KINDS];
    bootstrap_run(&b, s, NULL, classes, seed, pool);
    tally_values(b.tally[0], NULL, whole);
    Intervals *out = xcalloc(1, sizeof *out);
    *out = (Intervals){ .classes = s->classes, .resamples = b.resamples };
    for (int k = 0; k < METRIC_KINDS; k++)
        out->value[k] = isnan(whole[k])                ? (Interval){ NAN, NAN }
                        : metric_is_share((MetricKind)k) ? wilson(llround(whole[k] * (double)s->n), s->n)
                                                       : middle_95(values_of(&b, 0, k), b.resamples);
    if (classes) {
        ClassMetrics *by_class = xcalloc((size_t)s->classes, sizeof *by_class);
        tally_classes(b.tally[0], NULL, by_class);
        out->by_class = xcalloc((size_t)s->classes, sizeof *out->by_class);
        for (int32_t c = 0; c < s->classes; c++)
            out->by_class[c] = (ClassIntervals){ wilson(by_class[c].right, by_class[c].predicted),
                                                 wilson(by_class[c].right, by_class[c].support),
                                                 middle_95(b.f1 + (int64_t)c * b.resamples, b.resamples) };
        free(by_class);
    }
    bootstrap_end(&b);
    return out;
}

void intervals_free(Intervals *i)
{
    if (!i)
        return;
    free(i->by_class);
    free(i);
}

/* ---- two models ---------------------------------------------------------------------------------------------------------- */

static double two_sided(const double *sorted, int64_t n)
{
    int64_t not_above = 0, not_below = 0;
    for (int64_t i = 0; i < n; i++) {
        not_above += sorted[i] <= 0;
        not_below += sorted[i] >= 0;
    }
    double p = 2 * (double)((not_above < not_below ? not_above : not_below) + 1) / (double)(n + 1);
    return p < 1 ? p : 1;
}

void paired_bootstrap(const Scored *a, const Scored *b, uint64_t seed, Pool *pool, PairedDifference out[METRIC_KINDS])
{
    Bootstrap boot;
    double of_a[METRIC_KINDS], of_b[METRIC_KINDS];
    bootstrap_run(&boot, a, b, false, seed, pool);
    tally_values(boot.tally[0], NULL, of_a);
    tally_values(boot.tally[1], NULL, of_b);
    for (int k = 0; k < METRIC_KINDS; k++) {
        double *x = values_of(&boot, 0, k), *y = values_of(&boot, 1, k);
        for (int i = 0; i < boot.resamples; i++)
            y[i] -= x[i];
        out[k].difference = of_b[k] - of_a[k];
        out[k].interval = isnan(out[k].difference) ? (Interval){ NAN, NAN } : middle_95(y, boot.resamples);
        int64_t n = sort_numbers(y, boot.resamples);
        out[k].p = isnan(out[k].difference) ? (double)NAN : two_sided(y, n);
    }
    bootstrap_end(&boot);
}

double mcnemar_mid_p(int64_t only_a, int64_t only_b)
{
    int64_t n = only_a + only_b, least = only_a < only_b ? only_a : only_b;
    if (only_a == only_b)
        return 1;
    double below = 0, last = 0; /* of binomial(n, 1/2) */
    for (int64_t k = 0; k <= least; k++) {
        last = exp(lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1) - (double)n * log(2));
        below += last;
    }
    return fmin(1, 2 * below - last);
}
