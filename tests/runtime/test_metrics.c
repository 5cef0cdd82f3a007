/* Metrics against numbers of scikit-learn 1.9.1: log_loss, accuracy_score, balanced_accuracy_score, precision_score, recall_score,
 * f1_score (average None, "macro", "weighted"; zero_division=0) and confusion_matrix, on logits and labels that
 * a formula gives; NumPy made the softmax in double. */
#include "tests/support/testing.h"

#include "tests/support/class_metrics.h"

#include "runtime/train/class_weights.h"
#include "runtime/train/metrics.h"
#include "runtime/train/predictions.h"

#include <math.h>

typedef struct {
    double loss, accuracy, balanced, macro[3], weighted[3], precision[5], recall[5], f1[5];
    int64_t confusion[25];
} Expected;

/* Labels run over k classes; column `low`, unless -1, is never predicted. */
static Metrics *of_formula(int n, int classes, int k, int low, float low_value)
{
    float logits[64 * 5];
    int32_t labels[64];
    for (int i = 0; i < n; i++) {
        for (int c = 0; c < classes; c++)
            logits[i * classes + c] = c == low ? low_value : (float)((i * 7 + c * 5 + i * c * 3) % 11) / 4 - 1;
        labels[i] = (i * i + i / 3) % k;
    }
    return class_metrics(logits, labels, n, classes);
}

static void near(double a, double b) { assert_true(fabs(a - b) < 1e-12); }

static void check(Metrics *m, const Expected *e)
{
    near(m->loss, e->loss);
    near(m->accuracy, e->accuracy);
    near(m->balanced_accuracy, e->balanced);
    near(m->macro_precision, e->macro[0]);
    near(m->macro_recall, e->macro[1]);
    near(m->macro_f1, e->macro[2]);
    near(m->weighted_precision, e->weighted[0]);
    near(m->weighted_recall, e->weighted[1]);
    near(m->weighted_f1, e->weighted[2]);
    for (int c = 0; c < m->classes; c++) {
        near(m->by_class[c].precision, e->precision[c]);
        near(m->by_class[c].recall, e->recall[c]);
        near(m->by_class[c].f1, e->f1[c]);
        int64_t support = 0;
        for (int p = 0; p < m->classes; p++) {
            assert_int_equal(m->confusion[c * m->classes + p], e->confusion[c * m->classes + p]);
            support += e->confusion[c * m->classes + p];
        }
        assert_int_equal(m->by_class[c].support, support);
    }
    metrics_free(m);
}

static void all_classes_occur(void **state)
{
    (void)state;
    check(of_formula(60, 4, 4, -1, 0),
          &(Expected){ 1.6480889293043999, 0.3, 0.3, { 0.2946524064171123, 0.3, 0.2935907335907336 },
                       { 0.3140819964349376, 0.3, 0.3038352638352639 },
                       { 0.47058823529411764, 0.2, 0.23529411764705882, 0.2727272727272727 }, { 0.4, 0.3, 0.2, 0.3 },
                       { 0.43243243243243246, 0.24, 0.21621621621621623, 0.2857142857142857 },
                       { 8, 1, 7, 4, 2, 3, 4, 1, 4, 9, 4, 3, 3, 2, 2, 3 } });
}

/* Classes 3 and 4 are predicted but never true: they count in macro averages, not in balanced accuracy. */
static void some_are_never_true(void **state)
{
    (void)state;
    check(of_formula(40, 5, 3, -1, 0),
          &(Expected){ 1.7349829405761177, 0.275, 0.27478632478632475,
                       { 0.262012987012987, 0.16487179487179487, 0.1993939393939394 },
                       { 0.4449675324675325, 0.275, 0.3346969696969697 },
                       { 0.36363636363636365, 0.5714285714285714, 0.375 }, { 0.3076923076923077, 0.26666666666666666, 0.25 },
                       { 0.3333333333333333, 0.36363636363636365, 0.3 },
                       { 4, 2, 3, 1, 3, 3, 4, 2, 4, 2, 4, 1, 3, 2, 2 } });
}

static void one_is_never_predicted(void **state)
{
    (void)state;
    check(of_formula(30, 3, 3, 2, -5),
          &(Expected){ 2.324245893071389, 0.36666666666666664, 0.34848484848484845,
                       { 0.25188536953242835, 0.34848484848484845, 0.29012345679012347 },
                       { 0.26726998491704373, 0.36666666666666664, 0.3067901234567901 },
                       { 0.29411764705882354, 0.46153846153846156, 0 }, { 0.5, 0.5454545454545454, 0 },
                       { 0.37037037037037035, 0.5, 0 }, { 5, 5, 0, 5, 6, 0, 7, 2, 0 } });
}

/* Class 4 is neither: it counts nowhere. */
static void one_does_not_occur(void **state)
{
    (void)state;
    check(of_formula(40, 5, 3, 4, -9),
          &(Expected){ 1.5007457452923312, 0.35, 0.3525641025641026,
                       { 0.32007575757575757, 0.2644230769230769, 0.28750000000000003 },
                       { 0.43068181818181817, 0.35, 0.3833333333333333 }, { 0.36363636363636365, 0.5, 0.4166666666666667 },
                       { 0.3076923076923077, 0.3333333333333333, 0.4166666666666667 },
                       { 0.3333333333333333, 0.4, 0.4166666666666667 },
                       { 4, 4, 4, 1, 0, 3, 5, 3, 4, 0, 4, 1, 5, 2, 0 } });
}

static void only_one_true_class(void **state)
{
    (void)state;
    check(of_formula(10, 3, 1, -1, 0),
          &(Expected){ 1.3088748472029152, 0.4, 0.4, { 0.3333333333333333, 0.13333333333333333, 0.19047619047619047 },
                       { 1.0, 0.4, 0.5714285714285714 }, { 1 }, { 0.4 }, { 0.5714285714285714 }, { 4, 3, 3 } });
}

static void ties_go_to_the_first(void **state)
{
    (void)state;
    static const float logits[] = { 0, 0, 1, 1, 0, 2, 2, 0 };
    static const int32_t labels[] = { 0, 1, 1, 1 };
    check(class_metrics(logits, labels, 4, 2),
          &(Expected){ 0.910037595801459, 0.5, 0.6666666666666666, { 0.6666666666666666, 0.6666666666666666, 0.5 },
                       { 0.8333333333333334, 0.5, 0.5 }, { 0.3333333333333333, 1 }, { 1, 0.3333333333333333 }, { 0.5, 0.5 },
                       { 1, 0, 2, 1 } });
}

static void large_logits_don_t_overflow(void **state)
{
    (void)state;
    static const float logits[] = { 3e4f, -3e4f };
    double p[2];
    near(metrics_softmax(logits, 2, p), 3e4);
    near(p[0], 1);
    near(p[1], 0);
    Metrics *m = class_metrics(logits, (int32_t[]){ 1 }, 1, 2);
    assert_true(m->loss == 6e4);
    metrics_free(m);
}

static void class_weights(void **state)
{
    (void)state;
    static const char *const labels[] = { "no", "yes", "never" };
    static const int32_t y[] = { 0, 1, 1, 1, 0, 1, 1, 1 };
    const Examples x = { .n = 8, .labels = y };
    float w[3];
    FtcDiag *d = ftc_diag_new(NULL);
    FtcLoss loss = { .mode = FTC_WEIGHTS_BALANCED };
    assert_true(class_weights_resolve(&loss, labels, 3, &x, w, d)); /* 8 / (3 * 2), 8 / (3 * 6) */
    assert_true(fabsf(w[0] - 1.3333333f) < 1e-6f && fabsf(w[1] - 0.44444445f) < 1e-6f && w[2] == 1.0f);
    loss = (FtcLoss){ .mode = FTC_WEIGHTS_NAMED, .n_class_weights = 1, .class_weights = (double[]){ 2.5 },
                      .class_names = (const char *[]){ "yes" } };
    assert_true(class_weights_resolve(&loss, labels, 3, &x, w, d));
    assert_true(w[0] == 1.0f && w[1] == 2.5f && w[2] == 1.0f);
    loss.class_names = (const char *[]){ "Yes" };
    assert_false(class_weights_resolve(&loss, labels, 3, &x, w, d));
    assert_string_equal(ftc_diag_last(d), "there is no label 'Yes' to give a class weight; the labels are 'no', 'yes', 'never'");
    loss = (FtcLoss){ .mode = FTC_WEIGHTS_LISTED, .n_class_weights = 2, .class_weights = (double[]){ 1, 2 } };
    assert_false(class_weights_resolve(&loss, labels, 3, &x, w, d));
    assert_string_equal(ftc_diag_last(d), "there are 2 class weights for 3 classes");
    ftc_diag_free(d);
}

static void predictions_keep_the_table(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    char in[256], out[256], got[1024];
    snprintf(in, sizeof in, "%s/in.csv", folder);
    snprintf(out, sizeof out, "%s/out.csv", folder);
    FILE *f = fopen(in, "w");
    fputs("id,text,note\r\n7,\"one, \"\"two\"\"\nthree\",\r\n\r\n8,four,x y\r\n", f);
    fclose(f);
    FtcDiag *d = ftc_diag_new(NULL);
    Csv *table = csv_open(in, NULL, d);
    assert_non_null(table);
    PredictionColumns c = { .labels = (const char *[]){ "a,b", "no" }, .classes = 2, .logits = true };
    static const float logits[] = { 0, 0, -1, 0.25f };
    assert_true(predictions_check(table, &c, d));
    assert_true(predictions_write(out, table, &c, logits, d));
    csv_close(table);
    f = fopen(out, "r");
    got[fread(got, 1, sizeof got - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(got, "id,text,note,predicted,\"p_a,b\",p_no,\"logit_a,b\",logit_no\n"
                             "7,\"one, \"\"two\"\"\nthree\",,\"a,b\",0.5,0.5,0,0\n"
                             "8,four,x y,no,0.222700139,0.777299861,-1,0.25\n");

    table = csv_open(out, NULL, d); /* its own output has the columns already */
    assert_false(predictions_check(table, &c, d));
    assert_non_null(strstr(ftc_diag_last(d), "already has a column 'predicted'"));
    csv_close(table);
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_classes_occur),
        cmocka_unit_test(some_are_never_true),
        cmocka_unit_test(one_is_never_predicted),
        cmocka_unit_test(one_does_not_occur),
        cmocka_unit_test(only_one_true_class),
        cmocka_unit_test(ties_go_to_the_first),
        cmocka_unit_test(large_logits_don_t_overflow),
        cmocka_unit_test(class_weights),
        cmocka_unit_test(predictions_keep_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
