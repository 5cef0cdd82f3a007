/* The choice of the epoch, against what Hugging Face's Trainer does with load_best_model_at_end and EarlyStoppingCallback: worked out
 * by hand from its documentation. */
#include "tests/support/testing.h"

#include "runtime/train/metrics.h"
#include "runtime/train/selection.h"

#include <math.h>

typedef struct {
    MetricKind metric;
    int64_t patience;
    double threshold;
    double value[10];   /* ends with NAN after the first */
    int n;
    int64_t best;
    int stops_after;    /* values; 0: doesn't stop */
} Case;

static void check(const Case *c)
{
    Selection s = selection_make(&(FtcTrain){ .best = 1 + (int32_t)c->metric, .patience = c->patience, .threshold = c->threshold });
    int stopped = 0;
    for (int i = 0; i < c->n && !stopped; i++) {
        bool better = selection_add(&s, c->value[i]);
        assert_int_equal(better, s.best == i);
        stopped = selection_stops(&s) ? i + 1 : 0;
    }
    assert_int_equal(s.best, c->best);
    assert_int_equal(stopped, c->stops_after);
}

static void it_chooses(void **state)
{
    (void)state;
    static const Case cases[] = {
        /* more is better, less is better; a tie goes to the earlier one */
        { METRIC_accuracy, 0, 0, { 0.5, 0.7, 0.6, 0.7 }, 4, 1, 0 },
        { METRIC_loss, 0, 0, { 0.5, 0.7, 0.4, 0.4, 0.6 }, 5, 2, 0 },
        /* two in a row without a gain */
        { METRIC_accuracy, 2, 0, { 0.5, 0.4, 0.6, 0.6, 0.6, 0.9 }, 6, 2, 5 },
        { METRIC_accuracy, 2, 0, { 0.5, 0.4, 0.6, 0.5, 0.7, 0.1 }, 6, 4, 0 },
        /* better, but no gain above the threshold: still the best, and patience runs out */
        { METRIC_accuracy, 3, 0.02, { 0.50, 0.51, 0.52, 0.53, 0.9 }, 5, 3, 4 },
        { METRIC_loss, 1, 0.1, { 1.0, 0.8, 0.75 }, 3, 2, 3 },
        /* the first is always a gain; NaN never is one */
        { METRIC_accuracy, 2, 0.5, { NAN, 0.1, NAN, NAN }, 4, 1, 4 },
        { METRIC_accuracy, 1, 0, { NAN, 0.9 }, 2, -1, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
}

static void nothing_is_chosen(void **state)
{
    (void)state;
    Selection s = selection_make(&(FtcTrain){ 0 });
    assert_int_equal(s.better, 0);
    assert_false(selection_stops(&s));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(it_chooses), cmocka_unit_test(nothing_is_chosen) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
