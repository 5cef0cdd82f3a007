/* What a data report counts, in tables whose repeats are known because they are made so. */
#include "tests/support/testing.h"

#include "runtime/data/data_report.h"

enum { ROWS = 9000, TEXTS = 6000 };

static const DatasetColumns columns = { .text = { "text" }, .label = "label" };
static const char *const labels[] = { "a", "b" };

/* Row i has text i % texts, with more white space the second time, and a label that differs then in every third. */
static void open_table(Dataset *s, const char *name, int first, int rows, int texts, FtcDiag *d)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.csv", temp_folder(), name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("text,label\n", f);
    for (int i = first; i < first + rows; i++)
        fprintf(f, "%stext  number %d,%s\n", i < texts ? "" : " \t", i % texts, i >= texts && i % 3 == 0 ? "b" : "a");
    fclose(f);
    assert_true(dataset_open(s, path, &columns, d));
    assert_true(dataset_number(s, labels, 2, "of these", d));
}

static void counts(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    Dataset train, test;
    open_table(&train, "train", 0, ROWS, TEXTS, d);
    open_table(&test, "test", TEXTS - 50, 50, TEXTS + 10, d); /* all of them are in train */
    ReportInput in = { .part = { [PART_TRAIN] = &train, [PART_TEST] = &test }, .labels = labels, .n_labels = 2 };
    DataReport r;
    data_report(&r, &in, d);
    assert_int_equal(r.part[PART_TRAIN].rows, ROWS);
    assert_int_equal(r.part[PART_TRAIN].conflicts, (ROWS - TEXTS) / 3);
    assert_int_equal(r.part[PART_TRAIN].repeats, (ROWS - TEXTS) / 3 * 2);
    assert_int_equal(r.part[PART_TRAIN].count[1], (ROWS - TEXTS) / 3);
    assert_int_equal(r.part[PART_TRAIN].known, -1);
    assert_int_equal(r.part[PART_TEST].repeats, 0);
    assert_int_equal(r.part[PART_TEST].known, 50);
    assert_int_equal(r.part[PART_DEV].rows, 0);
    assert_int_equal(ftc_diag_warnings(d), 3 * 4); /* conflicts, repeats and leaks: three of each and their number */
    data_report_free(&r);
    dataset_close(&test);
    dataset_close(&train);
    ftc_diag_free(d);
}

/* Half of the texts have up to 3 tokens, 19 of 20 up to 7, all up to 30. */
static void lengths(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    int32_t uncut[20] = { 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 4, 4, 4, 5, 5, 5, 6, 6, 7, 30 };
    Dataset train;
    open_table(&train, "short", 0, 20, 20, d);
    train.uncut = malloc(sizeof uncut);
    memcpy(train.uncut, uncut, sizeof uncut);
    ReportInput in = { .part = { &train }, .labels = labels, .n_labels = 2 };
    DataReport r;
    data_report(&r, &in, d);
    data_report_lengths(&r, &in);
    assert_int_equal(r.part[PART_TRAIN].half, 3);
    assert_int_equal(r.part[PART_TRAIN].most, 7);
    assert_int_equal(r.part[PART_TRAIN].longest, 30);
    assert_int_equal(ftc_diag_warnings(d), 0);
    data_report_free(&r);
    dataset_close(&train);
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(counts), cmocka_unit_test(lengths) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
