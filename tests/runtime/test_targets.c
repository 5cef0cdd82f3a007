/* Tables of several labels a row, of numbers and of weights: what is read, each mistake at its place.  Thresholds, predictions. */
#include "tests/support/testing.h"

#include "runtime/train/class_weights.h"
#include "runtime/train/predictions.h"
#include "runtime/train/targets.h"
#include "runtime/train/thresholds.h"

#include <math.h>

static char path[512];

static const char *table(const char *text)
{
    snprintf(path, sizeof path, "%s/table.csv", temp_folder());
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

typedef struct {
    Dataset s;
    FtcDiag *diag;
    char *said;
    size_t size;
    FILE *out;
} Reading;

static Reading *open_table(const char *text, const DatasetColumns *columns)
{
    Reading *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->out = open_memstream(&r->said, &r->size);
    r->diag = ftc_diag_new(r->out);
    assert_true(dataset_open(&r->s, table(text), columns, r->diag));
    return r;
}

/* What was said begins, behind the file's name, with this; NULL: nothing was. */
static void close_table(Reading *r, const char *wanted)
{
    dataset_close(&r->s);
    ftc_diag_free(r->diag);
    fclose(r->out);
    const char *said = strstr(r->said, "table.csv");
    if (wanted && (!said || strncmp(said + 9, wanted, strlen(wanted))))
        fail_msg("'%s' isn't said, but '%s'", wanted, r->said);
    if (!wanted)
        assert_string_equal(r->said, "");
    free(r->said);
    free(r);
}

static const DatasetColumns labelled = { .text = { "text" }, .label = "label", .unlabelled = true };
static const char *const abc[] = { "a", "b c", "d" };

static void labels_of_a_column(void **state)
{
    (void)state;
    Reading *r = open_table("text,label\n1,\"d, b c\"\n2,\n3,a\n4,\" a ,d,a\"\n", &labelled);
    Labels l;
    assert_true(targets_collect(&l, &r->s, ",", r->diag));
    assert_int_equal(l.n, 3);
    for (int i = 0; i < 3; i++)
        assert_string_equal(l.v[i], abc[i]);
    labels_free(&l);
    static const float wanted[] = { 0, 1, 1, /**/ 0, 0, 0, /**/ 1, 0, 0, /**/ 1, 0, 1 };
    assert_true(targets_labels(&r->s, ",", abc, 3, "of these", r->diag));
    assert_int_equal(r->s.examples.classes, 3);
    assert_memory_equal(r->s.examples.targets, wanted, sizeof wanted);
    assert_true(targets_check(&r->s, r->diag));
    close_table(r, NULL);

    r = open_table("text,label\n1,d||b c\n2,a\n", &labelled);
    static const float pipes[] = { 0, 1, 1, /**/ 1, 0, 0 };
    assert_true(targets_labels(&r->s, "||", abc, 3, "of these", r->diag));
    assert_memory_equal(r->s.examples.targets, pipes, sizeof pipes);
    close_table(r, NULL);
}

static void mistakes_in_labels(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } cases[] = {
        { "text,label\n1,a\n2,\"a,e\"\n", ":3:3: error: the label 'e' of record 2 is none of these: 'a', 'b c', 'd'" },
        { "text,label\n1,\"a,,d\"\n", ":2:3: error: record 1 has an empty label" },
        { "text,label\n1,\"a,\"\n", ":2:3: error: record 1 has an empty label" },
        { "text,label\n1,a\n2,\",a\"\n", ":3:3: error: record 2 has an empty label" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Reading *r = open_table(cases[i].text, &labelled);
        assert_false(targets_labels(&r->s, ",", abc, 3, "of these", r->diag));
        close_table(r, cases[i].said);
    }
    Reading *r = open_table("text,label\n1,a\n2,\n", &labelled);
    Labels l;
    assert_false(targets_collect(&l, &r->s, ",", r->diag));
    labels_free(&l);
    close_table(r, ": error: the column 'label' has one label in all 2 records; training takes at least two labels");
    r = open_table("text,label\n1,\"a,d\"\n2,\"d,a\"\n", &labelled);
    assert_true(targets_labels(&r->s, ",", abc, 3, "of these", r->diag));
    assert_false(targets_check(&r->s, r->diag));
    close_table(r, ": error: all 2 records have the same labels; there is nothing to learn");
}

static void labels_in_columns(void **state)
{
    (void)state;
    static const char *const columns[] = { "d", "a", "b c" }, *const two[] = { "d", "a" }, *const others[] = { "d", "a", "text" };
    DatasetColumns flags = { .text = { "text" }, .flag = columns, .n_flags = 3 };
    Reading *r = open_table("a,text,d,b c\n1,x,0,0\n 0,x,1.0,1\n", &flags);
    static const float wanted[] = { 1, 0, 0, /**/ 0, 1, 1 };
    assert_true(targets_labels(&r->s, ",", abc, 3, "of these", r->diag));
    assert_memory_equal(r->s.examples.targets, wanted, sizeof wanted);
    close_table(r, NULL);

    r = open_table("a,text,d,b c\n1,x,0,0\n0,x,2,1\n", &flags);
    assert_false(targets_labels(&r->s, ",", abc, 3, "of these", r->diag));
    close_table(r, ":3:5: error: '2' in record 2 isn't 0 or 1, which the column 'd' should have");
    r = open_table("a,text,d,b c\n1,x,,0\n", &flags);
    assert_false(targets_labels(&r->s, ",", abc, 3, "of these", r->diag));
    close_table(r, ":2:5: error: record 1 has nothing in the column 'd', where 0 or 1 should be");
    flags = (DatasetColumns){ .text = { "text" }, .flag = two, .n_flags = 2 };
    r = open_table("a,text,d,b c\n1,x,0,0\n", &flags);
    assert_false(targets_labels(&r->s, ",", abc, 3, "of these", r->diag));
    close_table(r, ": error: data.label names 2 columns for 3 labels");
    flags = (DatasetColumns){ .text = { "text" }, .flag = others, .n_flags = 3 };
    r = open_table("a,text,d,b c\n1,1,0,0\n", &flags);
    assert_false(targets_labels(&r->s, ",", abc, 3, "of these", r->diag));
    close_table(r, ": error: the column 'text' of data.label is no label of these: 'a', 'b c', 'd'");
}

static void numbers_and_weights(void **state)
{
    (void)state;
    DatasetColumns columns = { .text = { "text" }, .label = "label", .weight = "w" };
    Reading *r = open_table("text,label,w\nx,-1.5,1\nx, 3e2 ,0.25\n", &columns);
    assert_true(targets_numbers(&r->s, r->diag) && targets_weights(&r->s, r->diag) && targets_check(&r->s, r->diag));
    assert_true(r->s.examples.classes == 1 && r->s.examples.targets[0] == -1.5f && r->s.examples.targets[1] == 300);
    assert_true(r->s.examples.weights[0] == 1 && r->s.examples.weights[1] == 0.25f);
    close_table(r, NULL);

    static const char *const bad[] = { "nan", "inf", "1e39", "3,5", "0x10", "1 2", "five", "--1", "1e" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[128], said[160];
        snprintf(text, sizeof text, "text,label,w\nx,1,1\nx,\"%s\",1\n", bad[i]);
        snprintf(said, sizeof said, ":3:3: error: '%s' in record 2 isn't a finite number, which the column 'label' should have",
                 bad[i]);
        r = open_table(text, &columns);
        assert_false(targets_numbers(&r->s, r->diag));
        close_table(r, said);
    }
    static const char *const none[] = { "0", "-1", "1e-60", "x" };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        char text[128], said[160];
        snprintf(text, sizeof text, "text,label,w\nx,1,%s\n", none[i]);
        snprintf(said, sizeof said, ":2:5: error: '%s' in record 1 isn't a number above 0, which the column 'w' should have",
                 none[i]);
        r = open_table(text, &columns);
        assert_false(targets_weights(&r->s, r->diag));
        close_table(r, said);
    }
    r = open_table("text,label,w\nx,2,1\nx,2.0,1\n", &columns);
    assert_true(targets_numbers(&r->s, r->diag));
    assert_false(targets_check(&r->s, r->diag));
    close_table(r, ": error: all 2 records have the same number; there is nothing to learn");
}

/* Of labels: rows without / rows with. */
static void balanced_weights_of_labels(void **state)
{
    (void)state;
    static const float y[] = { 1, 0, 1, 0, /**/ 1, 0, 0, 0, /**/ 1, 0, 0, 1, /**/ 1, 0, 0, 0, /**/ 1, 0, 0, 0 };
    static const char *const labels[] = { "all", "none", "one", "other" };
    Examples x = { .n = 5, .targets = y, .classes = 4 };
    FtcLoss loss = { .mode = FTC_WEIGHTS_BALANCED };
    float w[4];
    assert_true(class_weights_resolve(&loss, labels, 4, &x, w, NULL));
    assert_true(w[0] == 1 && w[1] == 1 && w[2] == 4 && w[3] == 4);
}

static float logit(double p) { return (float)log(p / (1 - p)); }

static void thresholds_of_the_best_f1(void **state)
{
    (void)state;
    /* label 0: F1 of 1, 2, ... predicted is .5 .4 .667 .857 .75 .667; label 1: two tie, .667 with both, .5 with all; label 2: nobody */
    static const double p[][3] = { { .3, .6, .1 }, { .9, .2, .2 }, { .8, .6, .3 }, { .7, .1, .4 }, { .1, .15, .5 }, { .4, .05, .6 } };
    static const float y[] = { 0, 1, 0, /**/ 1, 0, 0, /**/ 0, 0, 0, /**/ 1, 0, 0, /**/ 0, 0, 0, /**/ 1, 0, 0 };
    float scores[18], t[3];
    for (int i = 0; i < 18; i++)
        scores[i] = logit(p[i / 3][i % 3]);
    thresholds_tune(scores, y, 6, 3, t);
    assert_true(fabsf(t[0] - 0.35f) < 1e-6f);
    assert_true(fabsf(t[1] - 0.4f) < 1e-6f);
    assert_true(t[2] == 0.5f);
}

static void check_predictions(const PredictionColumns *c, const float *logits, const char *wanted)
{
    char in[600], out[640], got[512] = "";
    FtcDiag *d = ftc_diag_new(stderr);
    snprintf(in, sizeof in, "%s", table("id,text\n1,x\n2,y\n"));
    snprintf(out, sizeof out, "%s.out", in);
    Csv *csv = csv_open(in, NULL, d);
    assert_true(csv && predictions_check(csv, c, d) && predictions_write(out, csv, c, logits, d));
    FILE *f = fopen(out, "r");
    assert_non_null(f);
    got[fread(got, 1, sizeof got - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(got, wanted);
    csv_close(csv);
    ftc_diag_free(d);
}

static void predictions_of_each_task(void **state)
{
    (void)state;
    static const float scores[] = { 0, -1, 2, /**/ -3, -0.5f, -9 }, thresholds[] = { 0.5f, 0.25f, 0.9f };
    PredictionColumns several = { .task = FTC_MULTI_LABEL, .labels = abc, .classes = 3, .separator = ",", .thresholds = thresholds };
    check_predictions(&several, scores, "id,text,predicted,p_a,p_b c,p_d\n1,x,\"a,b c\",0.5,0.268941421,0.880797078\n"
                                        "2,y,b c,0.0474258732,0.377540669,0.000123394576\n");
    static const float all[] = { 9, 9, 9, /**/ -9, -9, -9 };
    several.separator = "; ";
    check_predictions(&several, all, "id,text,predicted,p_a,p_b c,p_d\n1,x,a; b c; d,0.999876605,0.999876605,0.999876605\n"
                                     "2,y,,0.000123394576,0.000123394576,0.000123394576\n");
    PredictionColumns number = { .task = FTC_REGRESSION, .labels = abc, .classes = 1, .logits = true };
    static const float two[] = { 1.25f, -3e-7f };
    check_predictions(&number, two, "id,text,predicted\n1,x,1.25\n2,y,-3.00000011e-07\n");

    FtcDiag *d = ftc_diag_new(NULL);
    Csv *csv = csv_open(table("text\nx\n"), NULL, d);
    several.separator = " ";
    assert_false(predictions_check(csv, &several, d));
    assert_string_equal(ftc_diag_last(d), "the label 'b c' has a ' ' in it, which is to stand between the predicted labels; "
                                          "data.label_separator names another");
    csv_close(csv);
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_of_a_column),      cmocka_unit_test(mistakes_in_labels),
        cmocka_unit_test(labels_in_columns),       cmocka_unit_test(numbers_and_weights),
        cmocka_unit_test(balanced_weights_of_labels), cmocka_unit_test(thresholds_of_the_best_f1),
        cmocka_unit_test(predictions_of_each_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
