/* How far metrics may be off because there are only so many rows: 95 % intervals, and differences of two models.
 *
 * In:  what was scored (metrics.h).
 * Out: an interval for each number: Wilson's for shares of rows (accuracy, subset accuracy, precision and recall of a class), for
 *      all others the 2.5 and 97.5 percentiles of a bootstrap over rows.
 * The idea: a resample is how often each row occurs in it, so that nothing is sorted or scored again; resample k is a function of
 * (seed, k), whatever thread counts it.  Resamples in which a number has no value are left out for that number; one that is the same
 * in all of them has no interval. */
#ifndef FTC_INTERVALS_H
#define FTC_INTERVALS_H

#include "runtime/core/pool.h"
#include "runtime/train/tally.h"

enum { RESAMPLES = 1000 };

typedef struct {
    double low, high;  /* NAN: there is none */
} Interval;

/* Of a share: so many of so many. */
Interval wilson(int64_t right, int64_t of);

typedef struct {
    Interval precision, recall, f1;
} ClassIntervals;

typedef struct {
    int32_t classes;
    int resamples; /* RESAMPLES, but fewer, at least 100, where a table is so large that they would take minutes */
    Interval value[METRIC_KINDS];
    ClassIntervals *by_class;          /* [classes]; regression: NULL */
} Intervals;

/* Whether it is a share of rows. */
bool metric_is_share(MetricKind kind);

/* pool may be NULL. */
Intervals *intervals_new(const Scored *s, uint64_t seed, Pool *pool);
void intervals_free(Intervals *i);

/* Two models on the same rows: both are counted in the same resamples. */
typedef struct {
    double difference;                 /* b - a */
    Interval interval;                 /* of it */
    double p;                          /* two-sided: twice the smaller share of resamples in which it isn't above 0, or isn't below,
                                          and the observed one counted with them; at most 1 */
} PairedDifference;

void paired_bootstrap(const Scored *a, const Scored *b, uint64_t seed, Pool *pool, PairedDifference out[METRIC_KINDS]);

/* McNemar's test of two models' right and wrong answers: p, two-sided, exact with the mid-p correction; only_a rows are right in a
 * alone, only_b in b alone. */
double mcnemar_mid_p(int64_t only_a, int64_t only_b);

#endif
