/* Intervals against SciPy (binomtest(...).proportion_ci(method="wilson"), binom for the mid-p of McNemar's test) and against
 * percentile bootstraps of 4,000 to 40,000 resamples in NumPy with scikit-learn's metrics: 1,000 come as close as chance lets
 * them. */
#include "tests/support/testing.h"

#include "runtime/core/clock.h"
#include "runtime/core/mem.h"
#include "runtime/train/intervals.h"

#include <math.h>

static void near(double a, double b, double by)
{
    if (!(fabs(a - b) <= by))
        fail_msg("%.17g is not near %.17g", a, b);
}

static void shares(void **state)
{
    (void)state;
    static const struct {
        int64_t right, of;
        double low, high;
    } known[] = { { 0, 10, 0.0, 0.27753279986288926 }, { 8, 10, 0.4901624715366418, 0.9433178485456248 },
                  { 10, 10, 0.7224672001371109, 1.0 }, { 631, 1000, 0.600644550435556, 0.6603528388412285 } };
    for (int i = 0; i < 4; i++) {
        Interval got = wilson(known[i].right, known[i].of);
        near(got.low, known[i].low, 1e-12);
        near(got.high, known[i].high, 1e-12);
    }
    assert_true(isnan(wilson(0, 0).low));
}

static void mcnemar(void **state)
{
    (void)state;
    near(mcnemar_mid_p(0, 5), 0.03125, 1e-12);
    near(mcnemar_mid_p(12, 3), 0.02127075195312501, 1e-12);
    near(mcnemar_mid_p(40, 62), 0.0296822146316268, 1e-12);
    near(mcnemar_mid_p(7, 7), 1, 0);
    near(mcnemar_mid_p(0, 0), 1, 0);
}

enum { N = 400, CLASSES = 3 };
static float logits[N * CLASSES], better[N * CLASSES];
static int32_t labels[N];

static Scored table(const float *of)
{
    for (int i = 0; i < N; i++) {
        labels[i] = (i * i + i / 3) % CLASSES;
        for (int c = 0; c < CLASSES; c++) {
            bool right = c == labels[i];
            logits[i * CLASSES + c] = (float)((i * 7 + c * 5 + i * c * 3) % 11) / 4 - 1 + (right && i % 3 ? 1.25f : 0);
            better[i * CLASSES + c] = logits[i * CLASSES + c] + (right && i % 8 == 0 ? 0.5f : 0) + (c == 0 ? 0.3f : 0);
        }
    }
    return (Scored){ .task = FTC_SINGLE_LABEL, .n = N, .classes = CLASSES, .scores = of, .labels = labels, .positive = 2 };
}

static void bootstraps(void **state)
{
    (void)state;
    static const struct {
        MetricKind kind;
        double low, high;
    } known[] = { { METRIC_loss, 0.8271, 0.9604 }, { METRIC_macro_f1, 0.5252, 0.6216 }, { METRIC_mcc, 0.2889, 0.4336 },
                  { METRIC_roc_auc, 0.7353, 0.8076 }, { METRIC_f1, 0.4603, 0.6045 }, { METRIC_balanced_accuracy, 0.5257, 0.6222 } };
    Scored s = table(logits);
    Intervals *i = intervals_new(&s, 42, NULL);
    assert_int_equal(i->resamples, RESAMPLES);
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        near(i->value[known[k].kind].low, known[k].low, 0.012);
        near(i->value[known[k].kind].high, known[k].high, 0.012);
    }
    near(i->by_class[2].f1.low, i->value[METRIC_f1].low, 0);
    assert_true(isnan(i->value[METRIC_pearson].low));
    intervals_free(i);
}

static void correlations(void **state)
{
    (void)state;
    static float x[N], y[N];
    for (int i = 0; i < N; i++) {
        x[i] = (float)((i * 37) % 101) / 10;
        y[i] = x[i] / 2 + (float)((i * 53) % 97) / 20;
    }
    Intervals *i = intervals_new(&(Scored){ .task = FTC_REGRESSION, .n = N, .classes = 1, .scores = x, .targets = y }, 1, NULL);
    near(i->value[METRIC_pearson].low, 0.6953, 0.012);
    near(i->value[METRIC_pearson].high, 0.7716, 0.012);
    near(i->value[METRIC_spearman].low, 0.6793, 0.012);
    near(i->value[METRIC_spearman].high, 0.7678, 0.012);
    intervals_free(i);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    Scored s = table(logits);
    Pool *pool = pool_new(3);
    Intervals *one = intervals_new(&s, 7, NULL), *three = intervals_new(&s, 7, pool), *other = intervals_new(&s, 8, pool);
    assert_memory_equal(one->value, three->value, sizeof one->value);
    assert_memory_equal(one->by_class, three->by_class, CLASSES * sizeof *one->by_class);
    assert_true(one->value[METRIC_macro_f1].low != other->value[METRIC_macro_f1].low);
    intervals_free(one);
    intervals_free(three);
    intervals_free(other);
    pool_free(pool);
}

static void pairs(void **state)
{
    (void)state;
    Scored a = table(logits), b = table(better);
    PairedDifference d[METRIC_KINDS];
    paired_bootstrap(&a, &b, 3, NULL, d);
    near(d[METRIC_macro_f1].interval.low, 0.0015, 0.005);
    near(d[METRIC_macro_f1].interval.high, 0.0455, 0.005);
    near(d[METRIC_macro_f1].p, 0.0360, 0.02);
    paired_bootstrap(&a, &a, 3, NULL, d);
    assert_true(d[METRIC_macro_f1].difference == 0 && d[METRIC_macro_f1].p == 1);
}

/* A thousand resamples of 10,000 rows take a second for 28 labels, a fifth for two classes; a busy machine may take longer. */
static void fast_enough(void **state)
{
    (void)state;
    enum { ROWS = 10000, LABELS = 28 };
    float *scores = xcalloc(ROWS * LABELS, sizeof *scores), *targets = xcalloc(ROWS * LABELS, sizeof *targets);
    for (int i = 0; i < ROWS * LABELS; i++) {
        targets[i] = i % 17 == 0;
        scores[i] = (float)(((int64_t)i * 7919) % 10007) / 5000 - 2 + targets[i];
    }
    double start = clock_s();
    Pool *pool = pool_new(0);
    intervals_free(intervals_new(&(Scored){ .task = FTC_MULTI_LABEL,
                                            .n = ROWS,
                                            .classes = LABELS,
                                            .scores = scores,
                                            .targets = targets,
                                            .positive = -1 },
                                 1, pool));
    assert_true(clock_s() - start < 20);
    int32_t *label = xcalloc(ROWS, sizeof *label);
    for (int i = 0; i < ROWS; i++)
        label[i] = i % 3 == 0;
    start = clock_s();
    intervals_free(intervals_new(&(Scored){ .task = FTC_SINGLE_LABEL, .n = ROWS, .classes = 2, .scores = scores, .labels = label,
                                            .positive = 1 }, 1, pool));
    assert_true(clock_s() - start < 5);
    pool_free(pool);
    free(label);
    free(scores);
    free(targets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares),       cmocka_unit_test(mcnemar), cmocka_unit_test(bootstraps),  cmocka_unit_test(correlations),
        cmocka_unit_test(threads_change_no_bit), cmocka_unit_test(pairs),   cmocka_unit_test(fast_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
