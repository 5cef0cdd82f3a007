/* Metrics against those of scikit-learn and SciPy on 200 random prediction tables, recorded by make_metrics_reference.py. */
#include "tests/support/testing.h"

#include "runtime/core/json.h"
#include "runtime/core/mem.h"
#include "runtime/train/metrics.h"

#include <math.h>

static float *floats(const json_t *list, double scale)
{
    float *out = xcalloc(json_array_size(list) + 1, sizeof *out);
    for (size_t i = 0; i < json_array_size(list); i++)
        out[i] = (float)(json_number_value(json_array_get(list, i)) / scale);
    return out;
}

static void check(size_t table, const char *name, double got, const json_t *wanted)
{
    bool right = json_is_number(wanted) ? fabs(got - json_number_value(wanted)) <= 1e-12 * fmax(1, fabs(got)) : isnan(got);
    if (!right)
        fail_msg("table %zu: %s is %.17g, not %.17g", table, name, got,
                 json_is_number(wanted) ? json_number_value(wanted) : (double)NAN);
}

static void check_class(size_t table, const Metrics *m, int32_t c, const json_t *by_class)
{
    const ClassMetrics *k = &m->by_class[c];
    check(table, "precision", k->precision, json_array_get(json_object_get(by_class, "precision"), (size_t)c));
    check(table, "recall", k->recall, json_array_get(json_object_get(by_class, "recall"), (size_t)c));
    check(table, "F1 of a class", k->f1, json_array_get(json_object_get(by_class, "f1"), (size_t)c));
    check(table, "support", (double)k->support, json_array_get(json_object_get(by_class, "support"), (size_t)c));
}

/* Every number the reference has, and no number where it has none. */
static void check_table(size_t table, const json_t *t)
{
    Scored s = { .task = (FtcTask)json_integer_value(json_object_get(t, "task")), .positive = -1,
                 .classes = (int32_t)json_integer_value(json_object_get(t, "classes")) };
    double scale = json_number_value(json_object_get(t, "scale"));
    const json_t *scores = json_object_get(t, "scores"), *truth = json_object_get(t, "truth");
    bool single = s.task == FTC_SINGLE_LABEL;
    s.n = (int64_t)json_array_size(scores) / s.classes;
    float *score = floats(scores, scale), *target = floats(truth, s.task == FTC_REGRESSION ? scale : 1);
    float *threshold = floats(json_object_get(t, "thresholds"), 1);
    int32_t *label = xcalloc((size_t)s.n, sizeof *label);
    for (int64_t i = 0; single && i < s.n; i++)
        label[i] = (int32_t)target[i];
    s.scores = score;
    s.targets = single ? NULL : target;
    s.labels = single ? label : NULL;
    s.thresholds = threshold;
    if (single)
        s.positive = (int32_t)json_integer_value(json_object_get(t, "positive"));
    Metrics *m = metrics_of(&s);
    for (int k = 0; k < METRIC_KINDS; k++)
        check(table, metric_info[k].name, metrics_value(m, (MetricKind)k),
              json_object_get(json_object_get(t, "value"), metric_info[k].name));
    for (int32_t c = 0; m->by_class && c < s.classes; c++)
        check_class(table, m, c, json_object_get(t, "by_class"));
    metrics_free(m);
    free(label);
    free(threshold);
    free(target);
    free(score);
}

static void equal_scikit_learn(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(stderr);
    json_t *tables = json_read_file(source_path("tests/runtime/reference/metrics.json"), d);
    assert_int_equal(json_array_size(tables), 200);
    for (size_t i = 0; i < json_array_size(tables); i++)
        check_table(i, json_array_get(tables, i));
    json_decref(tables);
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(equal_scikit_learn) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
