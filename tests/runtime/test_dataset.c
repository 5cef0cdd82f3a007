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
    static const uint16_t ids[] = { 2, 5, 6, 3, 7, 3, /**/ 2, 3, 6, 6, 6, 6, 3, /**/ 2, 7, 3, 3 };
    static const int32_t first[] = { 4, 2, 3 };
    static const int64_t start[] = { 0, 6, 13, 17 };
    assert_int_equal(s.examples.n, 3);
    assert_memory_equal(s.examples.start, start, sizeof start);
    assert_memory_equal(s.examples.short_ids, ids, sizeof ids);
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
    enum { RECORDS = 40000 }; /* more than a round */
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
        s[i].texts_end = i == 2;
        assert_true(dataset_tokenize(&s[i], t, 0, pool, d));
        assert_int_equal(s[i].cut, 0);
        assert_int_equal(s[i].examples.start[RECORDS], s[0].examples.start[RECORDS]);
        assert_memory_equal(s[i].examples.start, s[0].examples.start, (RECORDS + 1) * sizeof(int64_t));
        assert_memory_equal(s[i].examples.short_ids, s[0].examples.short_ids, (size_t)s[0].examples.start[RECORDS] * sizeof(uint16_t));
        pool_free(pool);
    }
    assert_int_equal(s[0].examples.start[9], 9 * 2 + 45); /* [CLS], 1 to 9 words, [SEP] */
    assert_int_equal(dataset_label_loc(&s[1], RECORDS - 1).line, RECORDS + 1);
    assert_int_equal(dataset_label_loc(&s[2], RECORDS - 1).line, 0); /* the text is gone */
    for (int i = 0; i < 3; i++)
        dataset_close(&s[i]);
    free(text);
    tokenizer_free(t);
    ftc_diag_free(d);
}

static const char *text_of(const Dataset *s, int64_t row, int which)
{
    static char buffer[64];
    Bytes scratch = { 0 };
    Slice text = dataset_text(s, row, which, &scratch);
    snprintf(buffer, sizeof buffer, "%.*s", SLICE_ARG(text));
    bytes_free(&scratch);
    return buffer;
}

static void joined_texts(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    Dataset s;
    const char *file = table(".csv", "title,body,a + b,q\nOne,\"two \"\"2\"\"\",x,?\n,three,y,\nfour,,z,!\n");
    DatasetColumns columns = { .text = { "title + body + title", "q" } };
    assert_true(dataset_open(&s, file, &columns, d));
    assert_string_equal(text_of(&s, 0, 0), "One two \"2\" One");
    assert_string_equal(text_of(&s, 1, 0), "three");
    assert_string_equal(text_of(&s, 2, 0), "four four");
    assert_string_equal(text_of(&s, 2, 1), "!");
    dataset_close(&s);

    columns = (DatasetColumns){ .text = { "a + b" } }; /* a column of that name goes first */
    assert_true(dataset_open(&s, file, &columns, d));
    assert_string_equal(text_of(&s, 0, 0), "x");
    dataset_close(&s);

    columns = (DatasetColumns){ .text = { "title + bdy" } };
    assert_false(dataset_open(&s, file, &columns, d));
    assert_non_null(strstr(ftc_diag_last(d), "there is no column 'bdy' (did you mean 'body'?)"));
    dataset_close(&s);
    columns = (DatasetColumns){ .text = { "title + q" }, .label = "q" };
    assert_false(dataset_open(&s, file, &columns, d));
    assert_non_null(strstr(ftc_diag_last(d), "the column 'q' can't be text and label at once"));
    dataset_close(&s);
    ftc_diag_free(d);
}

/* Opens a table and says what was said about it, its name left out. */
static bool open_with(Dataset *s, const char *text, const DatasetColumns *columns, char **said)
{
    size_t length;
    FILE *out = open_memstream(said, &length);
    FtcDiag *d = ftc_diag_new(out);
    bool ok = dataset_open(s, table(".csv", text), columns, d);
    ftc_diag_free(d);
    fclose(out);
    size_t n = strlen(path);
    for (char *at = *said; (at = strstr(at, path)); )
        memmove(at, at + n, strlen(at + n) + 1);
    return ok;
}

static void records_left_out(void **state)
{
    (void)state;
    static const char text[] = "text,label\n a ,x\n\" \n\",x\nb,\nc,y\n,\nd,x\n";
    Dataset s;
    char *said;
    assert_false(open_with(&s, text, &single, &said));
    assert_string_equal(said, ":3:1: error: record 2 has no text in the column 'text'; give it one, or leave such records out: "
                              "-D data.missing=drop\n    3 | \" \n      | ^~\n");
    free(said);
    dataset_close(&s);

    DatasetColumns dropping = single;
    dropping.drop_missing = true;
    assert_true(open_with(&s, text, &dropping, &said));
    assert_string_equal(said, ":3:1: note: 3 of 6 records have no text or no label (data.missing) and are left out; this is the first\n"
                              "    3 | \" \n      | ^~\n");
    free(said);
    static const int64_t records[] = { 0, 3, 5 };
    assert_int_equal(s.n, 3);
    assert_memory_equal(s.record, records, sizeof records);
    assert_string_equal(text_of(&s, 2, 0), "d");

    FtcDiag *d = ftc_diag_new(NULL);
    Pool *pool = pool_new(1);
    Tokenizer *t = tokenizer(d);
    static const char *const labels[] = { "x", "y" };
    static const int32_t numbers[] = { 0, 1, 0 };
    static const uint16_t ids[] = { 2, 5, 3, 2, 7, 3, 2, 1, 3 };
    assert_true(dataset_number(&s, labels, 2, "", d));
    assert_memory_equal(s.examples.labels, numbers, sizeof numbers);
    assert_true(dataset_tokenize(&s, t, 8, pool, d));
    assert_memory_equal(s.examples.short_ids, ids, sizeof ids);
    assert_int_equal(s.examples.n, 3);
    assert_false(dataset_number(&s, labels + 1, 1, "of these", d)); /* a record's number is the table's */
    assert_non_null(strstr(ftc_diag_last(d), "of record 1 is none of these"));
    dataset_close(&s);

    assert_false(dataset_open(&s, table(".csv", "text,label\n,x\na,\n"), &dropping, d));
    assert_non_null(strstr(ftc_diag_last(d), "all of its records are left out"));
    dataset_close(&s);

    DatasetColumns to_predict = { .text = { "text" } }; /* every record gets its answer */
    assert_true(dataset_open(&s, table(".csv", "text,label\n,x\na,\n"), &to_predict, d));
    assert_int_equal(s.n, 2);
    dataset_close(&s);
    tokenizer_free(t);
    pool_free(pool);
    ftc_diag_free(d);
}

static void labels_are_mapped(void **state)
{
    (void)state;
    static const char *const code[] = { "10", "1", "a", "2" }, *const name[] = { "ten", "one", "one", "two" };
    static const char text[] = "text,label\nq,2\nr,a\ns,3\nt,10\nu,1\nv,100\n";
    DatasetColumns columns = single;
    columns.map = (LabelMap){ 4, code, name };
    Dataset s;
    char *said;
    assert_false(open_with(&s, text, &columns, &said));
    assert_string_equal(said, ":4:3: error: the label '3' of record 3 is no code of data.label_map; add it there, or leave such "
                              "records out: -D data.unmapped=drop\n    4 | s,3\n      |   ^\n");
    free(said);
    dataset_close(&s);
    columns.drop_unmapped = true;
    assert_true(open_with(&s, text, &columns, &said));
    assert_string_equal(said, ":4:1: note: 2 of 6 records have a label that data.label_map lacks (data.unmapped) and are left out; this "
                              "is the first\n    4 | s,3\n      | ^~~\n");
    free(said);
    FtcDiag *d = ftc_diag_new(NULL);
    Labels l;
    assert_true(labels_collect(&l, &s, d));
    assert_int_equal(l.n, 3);
    static const char *const wanted[] = { "one", "ten", "two" };
    static const int32_t numbers[] = { 2, 0, 1, 0 };
    for (int i = 0; i < 3; i++)
        assert_string_equal(l.v[i], wanted[i]);
    assert_true(dataset_number(&s, wanted, 3, "", d));
    assert_memory_equal(s.examples.labels, numbers, sizeof numbers);
    labels_free(&l);
    dataset_close(&s);
    ftc_diag_free(d);
}

/* A vocabulary of more than 65536 has ids of its own size. */
static void large_vocabularies(void **state)
{
    (void)state;
    enum { TOKENS = 65537 };
    FtcDiag *d = ftc_diag_new(NULL);
    Slice *tokens = malloc(TOKENS * sizeof *tokens);
    char *text = malloc(TOKENS * 12), *p = text;
    static const char *const special[] = { "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]" };
    for (int i = 0; i < TOKENS; i++, p += strlen(p) + 1) {
        sprintf(p, i < 5 ? "%s" : "%s%d", i < 5 ? special[i] : "x", i);
        tokens[i] = slice_of(p);
    }
    Pool *pool = pool_new(1);
    for (int n = TOKENS - 1; n <= TOKENS; n++) {
        Tokenizer *t = tokenizer_from_tokens(tokens, n, true, d);
        Dataset s;
        assert_non_null(t);
        assert_true(dataset_open(&s, table(".csv", "text,label\nx65535 x65536,1\n"), &single, d));
        assert_true(dataset_tokenize(&s, t, 0, pool, d));
        assert_int_equal(examples_id(&s.examples, 1), 65535);
        assert_int_equal(examples_id(&s.examples, 2), n == TOKENS ? 65536 : 1);
        assert_true((s.examples.short_ids == NULL) == (n == TOKENS));
        dataset_close(&s);
        tokenizer_free(t);
    }
    pool_free(pool);
    free(tokens);
    free(text);
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
        cmocka_unit_test(large_vocabularies),
        cmocka_unit_test(joined_texts),
        cmocka_unit_test(records_left_out),
        cmocka_unit_test(labels_are_mapped),
        cmocka_unit_test(tables_that_cannot_be_trained_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
