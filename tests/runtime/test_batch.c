/* Batches: every row once an epoch, whole, in the promised order, within the promised sizes. */
#include "tests/support/testing.h"

#include "runtime/train/batch.h"

enum { ROWS = 103, LONGEST = 9 };

static int32_t ids[ROWS * LONGEST], first[ROWS], labels[ROWS];
static int64_t start[ROWS + 1], record[ROWS];
static float encoded[ROWS][3];

/* Row i has 1 + (i * i) % 9 tokens 100*i, 100*i + 1, ...; every third row is a pair. */
static Examples examples(void)
{
    for (int64_t i = 0; i < ROWS; i++) {
        int32_t n = (int32_t)(1 + i * i % LONGEST);
        start[i + 1] = start[i] + n;
        for (int32_t t = 0; t < n; t++)
            ids[start[i] + t] = (int32_t)(100 * i) + t;
        first[i] = i % 3 == 0 ? n / 2 : n;
        labels[i] = (int32_t)(i % 4);
        record[i] = 1000 + i;
        encoded[i][0] = encoded[i][2] = (float)i;
    }
    return (Examples){ .n = ROWS, .ids = ids, .start = start, .first = first, .labels = labels, .record = record,
                       .encoded = encoded[0], .width = 3 };
}

/* Reads an epoch, checks what a batch promises, and returns the order of rows. */
static void read_epoch(Batcher *b, int64_t batch, int64_t order[ROWS])
{
    BatchSize most = batcher_most(b);
    FtcBatch x;
    int64_t seen = 0, batches = 0;
    while (batcher_next(b, &x)) {
        assert_int_equal(x.rows, ROWS - seen < batch ? ROWS - seen : batch); /* only the last is short */
        assert_true(x.tokens <= most.tokens && x.rows <= most.rows && x.longest <= most.longest);
        assert_int_equal(x.row_start[0], 0);
        assert_int_equal(x.row_start[x.rows], x.tokens);
        int32_t longest = 0;
        for (int32_t k = 0; k < x.rows; k++) {
            int32_t row = x.ids[x.row_start[k]] / 100, n = x.row_start[k + 1] - x.row_start[k];
            assert_int_equal(n, start[row + 1] - start[row]);
            for (int32_t t = 0; t < n; t++) {
                assert_int_equal(x.ids[x.row_start[k] + t], 100 * row + t);
                assert_int_equal(x.types[x.row_start[k] + t], row % 3 == 0 && t >= n / 2);
            }
            assert_int_equal(x.labels[k], row % 4);
            assert_int_equal(x.record[k], 1000 + row);
            assert_memory_equal(x.encoded + 3 * k, encoded[row], sizeof encoded[row]);
            longest = n > longest ? n : longest;
            order[seen++] = row;
        }
        assert_int_equal(x.longest, longest);
        batches++;
    }
    assert_int_equal(seen, ROWS);
    assert_int_equal(batches, batcher_steps(b));
}

static void each_row_once_an_epoch(void **state)
{
    (void)state;
    Examples x = examples();
    int64_t order[4][ROWS], again[ROWS];
    Batcher *b = batcher_new(&x, 8, true, 5, NULL), *c = batcher_new(&x, 32, true, 5, NULL), *other = batcher_new(&x, 8, true, 6, NULL);
    for (int e = 0; e < 3; e++) {
        bool seen[ROWS] = { false };
        batcher_begin(b, e);
        read_epoch(b, 8, order[e]);
        for (int i = 0; i < ROWS; i++) {
            assert_false(seen[order[e][i]]);
            seen[order[e][i]] = true;
        }
    }
    assert_memory_not_equal(order[0], order[1], sizeof order[0]);
    assert_memory_not_equal(order[1], order[2], sizeof order[0]);
    batcher_begin(c, 1); /* straight to the second epoch, in other batches: the same order */
    read_epoch(c, 32, again);
    assert_memory_equal(order[1], again, sizeof again);
    batcher_begin(other, 1);
    read_epoch(other, 8, again);
    assert_memory_not_equal(order[1], again, sizeof again);
    batcher_free(b);
    batcher_free(c);
    batcher_free(other);
}

static void file_order_is_the_file_s(void **state)
{
    (void)state;
    Examples x = examples();
    int64_t order[ROWS];
    static const int64_t sizes[] = { 1, 7, 103, 500 };
    for (int s = 0; s < 4; s++) {
        Batcher *b = batcher_new(&x, sizes[s], false, 5, NULL);
        read_epoch(b, sizes[s], order);
        for (int64_t i = 0; i < ROWS; i++)
            assert_int_equal(order[i], i);
        batcher_free(b);
    }
}

static void the_largest_batch_is_known(void **state)
{
    (void)state;
    Examples x = examples();
    /* (i * i) % 9 is 0 1 4 0 7 7 0 4 1 and again: of 103 rows 22 have length 8, that is of 8 tokens; none has 9 */
    Batcher *b = batcher_new(&x, 8, true, 5, NULL);
    assert_int_equal(batcher_most(b).longest, 8);
    assert_int_equal(batcher_most(b).tokens, 64);
    assert_int_equal(batcher_most(b).rows, 8);
    batcher_free(b);
    b = batcher_new(&x, 1000, true, 5, NULL);
    assert_int_equal(batcher_most(b).tokens, start[ROWS]);
    assert_int_equal(batcher_most(b).rows, ROWS);
    batcher_free(b);
    b = batcher_new(&x, 9, false, 5, NULL); /* each nine rows in a row have 24 + 9 tokens */
    assert_int_equal(batcher_most(b).tokens, 33);
    batcher_free(b);
}

static void bad_rows_are_refused(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    FtcModel m = { .data = { .max_length = LONGEST, .segments = 2 } };
    Examples x = examples();
    assert_true(examples_check(&x, &m, 4, 100 * ROWS, d));
    assert_false(examples_check(&x, &m, 4, 100 * ROWS - 100, d));
    assert_non_null(strstr(ftc_diag_last(d), "record 1103 has the token id 10200"));
    assert_false(examples_check(&x, &m, 3, 100 * ROWS, d));
    assert_non_null(strstr(ftc_diag_last(d), "record 1004 has the class number 3"));
    m.data.max_length = 7;
    assert_false(examples_check(&x, &m, 4, 100 * ROWS, d));
    assert_non_null(strstr(ftc_diag_last(d), "record 1005 has 8 tokens"));
    m.data = (FtcData){ .max_length = LONGEST, .segments = 1 };
    assert_false(examples_check(&x, &m, 4, 100 * ROWS, d));
    assert_non_null(strstr(ftc_diag_last(d), "one segment only"));
    Examples none = { 0 };
    assert_null(batcher_new(&none, 8, true, 5, d));
    assert_int_equal(ftc_diag_errors(d), 5);
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_once_an_epoch),
        cmocka_unit_test(file_order_is_the_file_s),
        cmocka_unit_test(the_largest_batch_is_known),
        cmocka_unit_test(bad_rows_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
