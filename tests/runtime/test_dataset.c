/* Tables as rows of tokens: numbered labels, pairs, cuts, and the same rows for every number of threads. */
#include "tests/support/testing.h"

#include "runtime/train/dataset.h"

#include <unistd.h>

static char path[512];

static const char *table(const char *ending, const char *text)
{
    snprintf(path, sizeof path, "%s/table%s", temp_folder(), ending);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static Tokenizer *tokenizer(FtcDiag *d)
{
    static const char *const words[] = { "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c" };
    Slice tokens[8];
    for (int i = 0; i < 8; i++)
        tokens[i] = slice_of(words[i]);
    Tokenizer *t = tokenizer_from_tokens(tokens, 8, true, d);
    assert_non_null(t);
    return t;
}

static const DatasetColumns single = { .text = { "text" }, .label = "label" };

static void labels_are_numbered_by_bytes(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    Dataset s;
    Labels l;
    assert_true(dataset_open(&s, table(".csv", "text,label\na,b\na,B\na,10\na,2\na,\xC3\xA4\na,b\na,\"a,\"\"x\"\"\"\n"), &single, d));
    assert_true(labels_collect(&l, &s, d));
    static const char *const wanted[] = { "10", "2", "B", "a,\"x\"", "b", "\xC3\xA4" };
    static const int32_t numbers[] = { 4, 2, 0, 1, 5, 4, 3 };
    assert_int_equal(l.n, 6);
    for (int i = 0; i < 6; i++)
        assert_string_equal(l.v[i], wanted[i]);
    assert_true(dataset_number(&s, (const char *const *)l.v, l.n, "of these", d));
    assert_memory_equal(s.examples.labels, numbers, sizeof numbers);
    assert_true(dataset_check_classes(&s, d));

    /* an order of one's own, and a label that it lacks */
    static const char *const own[] = { "\xC3\xA4", "b", "B", "2", "a,\"x\"", "10" };
    assert_true(dataset_number(&s, own, 6, "of these", d));
    assert_int_equal(s.examples.labels[0], 1);
    assert_int_equal(s.examples.labels[4], 0);
    assert_false(dataset_number(&s, own, 5, "of these", d));
    assert_non_null(strstr(ftc_diag_last(d), "the label '10' of record 3 is none of these"));
    labels_free(&l);
    dataset_close(&s);
    ftc_diag_free(d);
}

static void pairs_and_cuts(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    Tokenizer *t = tokenizer(d);
    Pool *pool = pool_new(2);
    Dataset s;
    DatasetColumns columns = { .text = { "q", "r" } };
    assert_true(dataset_open(&s, table(".tsv", "q\tr\na b\tc\n\tb b b b b b b\nc\t\n"), &columns, d));
    assert_true(dataset_tokenize(&s, t, 7, pool, d));
    static const int32_t ids[] = { 2, 5, 6, 3, 7, 3, /**/ 2, 3, 6, 6, 6, 6, 3, /**/ 2, 7, 3, 3 }, first[] = { 4, 2, 3 };
    static const int64_t start[] = { 0, 6, 13, 17 };
    assert_int_equal(s.examples.n, 3);
    assert_memory_equal(s.examples.start, start, sizeof start);
    assert_memory_equal(s.examples.ids, ids, sizeof ids);
    assert_memory_equal(s.examples.first, first, sizeof first);
    assert_null(s.examples.labels);
    assert_int_equal(s.cut, 1);
    dataset_close(&s);
    pool_free(pool);
    tokenizer_free(t);
    ftc_diag_free(d);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    Tokenizer *t = tokenizer(d);
    enum { RECORDS = 1500 };
    char *text = malloc(RECORDS * 40), *p = text;
    p += sprintf(p, "text,label\n");
    for (int i = 0; i < RECORDS; i++, p += sprintf(p, ",%d\n", i % 2))
        for (int k = 0; k <= i % 9; k++)
            p += sprintf(p, "%c ", 'a' + (i + k) % 3);
    const char *file = table(".csv", text);
    Dataset s[3];
    for (int i = 0; i < 3; i++) {
        Pool *pool = pool_new(1 + 3 * i);
        assert_true(dataset_open(&s[i], file, &single, d));
        assert_true(dataset_tokenize(&s[i], t, 0, pool, d));
        assert_int_equal(s[i].cut, 0);
        assert_int_equal(s[i].examples.start[RECORDS], s[0].examples.start[RECORDS]);
        assert_memory_equal(s[i].examples.start, s[0].examples.start, (RECORDS + 1) * sizeof(int64_t));
        assert_memory_equal(s[i].examples.ids, s[0].examples.ids, (size_t)s[0].examples.start[RECORDS] * sizeof(int32_t));
        pool_free(pool);
    }
    assert_int_equal(s[0].examples.start[9], 9 * 2 + 45); /* [CLS], 1 to 9 words, [SEP] */
    for (int i = 0; i < 3; i++)
        dataset_close(&s[i]);
    free(text);
    tokenizer_free(t);
    ftc_diag_free(d);
}

static void refused(const char *text, const char *says)
{
    FtcDiag *d = ftc_diag_new(NULL);
    Dataset s;
    Labels l = { 0 };
    bool ok = dataset_open(&s, table(".csv", text), &single, d) && labels_collect(&l, &s, d) &&
              dataset_number(&s, (const char *const *)l.v, l.n, "", d) && dataset_check_classes(&s, d);
    assert_false(ok);
    if (!strstr(ftc_diag_last(d), says))
        fail_msg("said: %s", ftc_diag_last(d));
    labels_free(&l);
    dataset_close(&s);
    ftc_diag_free(d);
}

static void tables_that_cannot_be_trained_on(void **state)
{
    (void)state;
    refused("text,label\n", "has a header but no records");
    refused("txt,label\na,b\n", "there is no column 'text' (did you mean 'txt'?)");
    refused("text,label\na,x\nb,\n", "record 2 has no label in the column 'label'");
    refused("text,label\na,x\nb,x\n", "all 2 records have the label 'x'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_numbered_by_bytes),
        cmocka_unit_test(pairs_and_cuts),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(tables_that_cannot_be_trained_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
