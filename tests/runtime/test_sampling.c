/* Over- and undersampling: how often each row comes, the same for the same seed and epoch, and what batches make of it. */
#include "tests/support/testing.h"

#include "runtime/train/sampling.h"
#include "runtime/train/schedule.h"

enum { ROWS = 70, CLASSES = 4 };

/* Class 0 has 7 rows, 1 none, 2 has 21, 3 has 42. */
static int32_t labels[ROWS], ids[ROWS];
static int64_t start[ROWS + 1];
static float targets[ROWS * 2], weights[ROWS];

static Examples examples(FtcSampling how)
{
    for (int i = 0; i < ROWS; i++) {
        labels[i] = i % 10 == 0 ? 0 : i % 10 < 4 ? 2 : 3;
        ids[i] = i;
        start[i + 1] = i + 1;
        targets[2 * i] = (float)i;
        targets[2 * i + 1] = (float)-i;
        weights[i] = 0.5f + (float)i;
    }
    return (Examples){ .n = ROWS, .ids = ids, .start = start, .labels = labels, .sampling = how };
}

/* times[i] of row i; the rows ascend. */
static void draw(const Examples *x, uint64_t seed, int64_t epoch, int times[ROWS])
{
    int64_t n = sampling_rows(x), rows[10 * ROWS];
    memset(times, 0, ROWS * sizeof *times);
    assert_true(n <= 10 * ROWS);
    sampling_draw(x, seed, epoch, rows);
    for (int64_t i = 0; i < n; i++) {
        assert_true(rows[i] >= 0 && rows[i] < ROWS && (i == 0 || rows[i - 1] <= rows[i]));
        times[rows[i]]++;
    }
}

static void of_each_class(const int times[ROWS], int count[CLASSES], int least[CLASSES], int most[CLASSES])
{
    for (int c = 0; c < CLASSES; c++) {
        count[c] = most[c] = 0;
        least[c] = ROWS;
    }
    for (int i = 0; i < ROWS; i++) {
        int c = labels[i];
        count[c] += times[i];
        least[c] = times[i] < least[c] ? times[i] : least[c];
        most[c] = times[i] > most[c] ? times[i] : most[c];
    }
}

static void oversampling_repeats_evenly(void **state)
{
    (void)state;
    Examples x = examples(FTC_SAMPLING_OVER);
    int times[ROWS], again[ROWS], count[CLASSES], least[CLASSES], most[CLASSES], different = 0;
    assert_int_equal(sampling_rows(&x), 3 * 42);
    draw(&x, 5, 0, times);
    of_each_class(times, count, least, most);
    assert_true(count[0] == 42 && count[1] == 0 && count[2] == 42 && count[3] == 42);
    assert_true(least[0] == 6 && most[0] == 6 && least[2] == 2 && most[2] == 2 && least[3] == 1 && most[3] == 1);

    for (int i = 0; i < 20; i++) /* classes of 9, 19 and 42 rows: 42 = 4 * 9 + 6 = 2 * 19 + 4 */
        labels[i] = i % 10 == 0 ? 2 : labels[i];
    labels[1] = labels[11] = labels[2] = labels[12] = 0;
    draw(&x, 5, 0, times);
    of_each_class(times, count, least, most);
    assert_true(count[0] == 42 && count[2] == 42 && least[0] == 4 && most[0] == 5 && least[2] == 2 && most[2] == 3);
    draw(&x, 5, 0, again);
    assert_memory_equal(times, again, sizeof times);
    draw(&x, 5, 1, again);
    for (int i = 0; i < ROWS; i++)
        different += times[i] != again[i];
    assert_true(different > 0);
}

static void undersampling_takes_others_each_epoch(void **state)
{
    (void)state;
    Examples x = examples(FTC_SAMPLING_UNDER);
    int times[ROWS], count[CLASSES], least[CLASSES], most[CLASSES], ever[ROWS] = { 0 }, seen = 0;
    assert_int_equal(sampling_rows(&x), 3 * 7);
    for (int epoch = 0; epoch < 40; epoch++) {
        draw(&x, 5, epoch, times);
        of_each_class(times, count, least, most);
        assert_true(count[0] == 7 && count[2] == 7 && count[3] == 7 && most[0] == 1 && most[2] == 1 && most[3] == 1);
        for (int i = 0; i < ROWS; i++)
            ever[i] |= times[i];
    }
    for (int i = 0; i < ROWS; i++)
        seen += ever[i];
    assert_int_equal(seen, ROWS); /* that one of 63 isn't: below 63 * (5/6)^40 = 0.04 with a fair draw, and not with this seed */
}

static void weighted_sampling_evens_out_classes(void **state)
{
    (void)state;
    Examples x = examples(FTC_SAMPLING_WEIGHTED);
    int times[ROWS], count[CLASSES], least[CLASSES], most[CLASSES], all[CLASSES] = { 0 };
    enum { EPOCHS = 300 };
    assert_int_equal(sampling_rows(&x), ROWS);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        draw(&x, 9, epoch, times);
        of_each_class(times, count, least, most);
        for (int c = 0; c < CLASSES; c++)
            all[c] += count[c];
    }
    for (int c = 0; c < CLASSES; c++) { /* 21000 draws of one in three: a deviation of 68 */
        int wanted = c == 1 ? 0 : ROWS * EPOCHS / 3;
        assert_true(abs(all[c] - wanted) <= 4 * 68);
    }
}

/* The rows of an epoch's batches are those that were drawn, with all that belongs to them. */
static void batches_have_the_drawn_rows(void **state)
{
    (void)state;
    for (int how = FTC_SAMPLING_NONE; how <= FTC_SAMPLING_WEIGHTED; how++)
        for (int shuffle = 0; shuffle < 2; shuffle++) {
            Examples x = examples((FtcSampling)how);
            x.targets = targets;
            x.classes = 2;
            x.weights = weights;
            int times[ROWS], got[ROWS] = { 0 };
            draw(&x, 3, 2, times);
            Batcher *b = batcher_new(&x, 16, shuffle, 3, NULL);
            FtcTrain plan = { .epochs = 1, .batch = 16 };
            assert_int_equal(batcher_steps(b), schedule_steps(&plan, sampling_rows(&x)));
            FtcBatch batch;
            batcher_begin(b, 2);
            while (batcher_next(b, &batch))
                for (int32_t k = 0; k < batch.rows; k++) {
                    int32_t row = batch.ids[k];
                    got[row]++;
                    assert_int_equal(batch.labels[k], labels[row]);
                    assert_true(batch.targets[2 * k] == (float)row && batch.targets[2 * k + 1] == (float)-row);
                    assert_true(batch.row_weights[k] == 0.5f + (float)row);
                    assert_true(batch.tokens <= batcher_most(b).tokens);
                }
            assert_memory_equal(times, got, sizeof times);
            batcher_free(b);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oversampling_repeats_evenly),
        cmocka_unit_test(undersampling_takes_others_each_epoch),
        cmocka_unit_test(weighted_sampling_evens_out_classes),
        cmocka_unit_test(batches_have_the_drawn_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
