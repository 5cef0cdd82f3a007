/* A program that knows include/ftc/ftc.h and nothing else: it trains, predicts, saves, and opens what it saved. */
#include "tests/support/testing.h"

#include "ftc/ftc.h"

#include <math.h>
#include <stdio.h>

enum { ROWS = 12, LENGTH = 16 };

static const char *const texts[ROWS] = {
    "a good day", "good food and good wine", "very good", "it was good", "the good one", "so good to see you",
    "a bad day",  "bad food and bad wine",   "very bad",  "it was bad",  "the bad one",  "so bad to see you",
};
static const char *const labels[] = { "good", "bad" };

static int32_t ids[ROWS * LENGTH], types[ROWS * LENGTH], row_start[ROWS + 1], classes[ROWS];

static FtcBatch batch_of(FtcSession *s)
{
    for (int i = 0; i < ROWS; i++) {
        int32_t at = row_start[i], n = ftc_tokenize(s, texts[i], NULL, ids + at, types + at);
        assert_true(n >= 4 && n <= LENGTH);
        row_start[i + 1] = at + n;
        classes[i] = i >= ROWS / 2;
    }
    return (FtcBatch){ .rows = ROWS, .ids = ids, .types = types, .row_start = row_start, .labels = classes };
}

static FtcSession *open_tiny(FtcDiag *d)
{
    const char *set[] = { "train.seed=3" };
    FtcOptions o = { .set = set, .n_set = 1, .labels = labels, .n_labels = 2, .texts = texts, .n_texts = ROWS, .threads = 2,
                     .no_cache = true };
    FtcSession *s = ftc_open(source_path("models/tiny_cls.yaml"), &o, d);
    assert_non_null(s);
    return s;
}

static void learns_and_comes_back(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    FtcSession *s = open_tiny(d);
    assert_int_equal(ftc_classes(s), 2);
    assert_string_equal(ftc_label(s, 1), "bad");
    assert_null(ftc_label(s, 2));
    assert_int_equal(ftc_max_length(s), LENGTH);
    FtcBatch b = batch_of(s);
    float first = 0, loss = 0, before[ROWS * 2], after[ROWS * 2];
    assert_true(ftc_train_step(s, &b, -1, &first));
    assert_true(fabsf(first - logf(2)) < 0.1f);
    for (int i = 0; i < 150; i++)
        assert_true(ftc_train_step(s, &b, 1e-2, &loss));
    assert_true(loss < 0.1f);
    assert_true(ftc_predict(s, &b, before));
    for (int i = 0; i < ROWS; i++)
        assert_int_equal(before[2 * i + 1] > before[2 * i], classes[i]);

    char folder[512];
    snprintf(folder, sizeof folder, "%s/model", temp_folder());
    assert_true(ftc_save(s, folder));
    ftc_close(s);
    s = ftc_open(folder, &(FtcOptions){ .predict_only = true, .no_cache = true }, d);
    assert_non_null(s);
    b = batch_of(s);
    b.labels = NULL;
    assert_true(ftc_predict(s, &b, after));
    assert_memory_equal(before, after, sizeof before);
    assert_false(ftc_train_step(s, &b, 1e-2, NULL));
    ftc_close(s);
    assert_int_equal(ftc_diag_errors(d), 1);
    ftc_diag_free(d);
}

/* Targets in place of labels, rows that count differently; thresholds are saved though nobody tuned them. */
static void several_labels(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    static const char *const set[] = { "loss.type=binary_cross_entropy", "data.threshold=tuned", "model.init_std=0.2" };
    FtcOptions o = { .set = set, .n_set = 3, .labels = labels, .n_labels = 2, .texts = texts, .n_texts = ROWS, .no_cache = true };
    FtcSession *s = ftc_open(source_path("models/tiny_cls.yaml"), &o, d);
    assert_non_null(s);
    FtcBatch b = batch_of(s);
    float loss, targets[2 * ROWS], weights[ROWS], logits[2 * ROWS];
    assert_false(ftc_train_step(s, &b, 1e-2, &loss));
    assert_string_equal(ftc_diag_last(d), "a batch to train on has targets");
    for (int i = 0; i < ROWS; i++) {
        targets[2 * i] = 1; /* all have the first one */
        targets[2 * i + 1] = (float)classes[i];
        weights[i] = 1 + (float)i;
    }
    b.targets = targets;
    b.row_weights = weights;
    for (int i = 0; i < 150; i++)
        assert_true(ftc_train_step(s, &b, 1e-2, &loss));
    assert_true(loss < 0.1f);
    assert_true(ftc_predict(s, &b, logits));
    for (int i = 0; i < ROWS; i++)
        assert_true(logits[2 * i] > 0 && (logits[2 * i + 1] > 0) == classes[i]);
    weights[3] = 0;
    assert_false(ftc_train_step(s, &b, 1e-2, &loss));
    assert_string_equal(ftc_diag_last(d), "row 3 of the batch has a weight that isn't a number above 0");
    b.row_weights = NULL;
    targets[5] = NAN;
    assert_false(ftc_train_step(s, &b, 1e-2, &loss));
    assert_string_equal(ftc_diag_last(d), "row 2 of the batch has a target that is no finite number");
    char folder[512];
    snprintf(folder, sizeof folder, "%s/labels", temp_folder());
    assert_true(ftc_save(s, folder));
    ftc_close(s);
    s = ftc_open(folder, &(FtcOptions){ .predict_only = true, .no_cache = true }, d);
    assert_non_null(s);
    ftc_close(s);
    ftc_diag_free(d);
}

static void weights_can_be_read_and_written(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    FtcSession *s = open_tiny(d);
    int64_t count = 0;
    float *bias = ftc_weight(s, "classifier.bias", &count), logits[2 * ROWS];
    assert_non_null(bias);
    assert_int_equal(count, 2);
    assert_null(ftc_weight(s, "classifier.bios", &count));
    FtcBatch b = batch_of(s);
    bias[1] = 100;
    assert_true(ftc_predict(s, &b, logits));
    assert_true(logits[1] - logits[0] > 90);
    ftc_close(s);
    ftc_diag_free(d);
}

static double cross_entropy(const float *logits)
{
    double sum = 0;
    for (int i = 0; i < ROWS; i++)
        sum += log1p(exp((double)logits[2 * i + !classes[i]] - (double)logits[2 * i + classes[i]]));
    return sum / ROWS;
}

/* What training keeps of weights from step to step follows what the caller writes: a step's loss is that of the logits before it. */
static void written_weights_are_trained(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(stderr);
    static const char *const set[] = { "model.init_std=0.5" };
    FtcOptions o = { .set = set, .n_set = 1, .labels = labels, .n_labels = 2, .texts = texts, .n_texts = ROWS, .no_cache = true };
    FtcSession *s = ftc_open(source_path("models/tiny_cls.yaml"), &o, d);
    assert_non_null(s);
    FtcBatch b = batch_of(s);
    float loss, before[2 * ROWS], after[2 * ROWS], *w = NULL;
    int64_t count;
    for (int step = 0; step < 6; step++) {
        assert_true(ftc_predict(s, &b, before));
        if (step == 2)
            w = ftc_weight(s, "layers.0.attention.value.weight", &count);
        for (int64_t i = 0; w && i < count; i++)
            w[i] *= -8;
        assert_true(ftc_predict(s, &b, after));
        assert_true(ftc_train_step(s, &b, 1e-2, &loss));
        assert_true(fabs((double)loss - cross_entropy(after)) < 1e-5);
        assert_true(!w || fabs((double)loss - cross_entropy(before)) > 1e-3);
    }
    ftc_close(s);
    ftc_diag_free(d);
}

static void wrong_batches_are_refused(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    FtcSession *s = open_tiny(d);
    FtcBatch good = batch_of(s), b;
    int64_t count;
    float *w = ftc_weight(s, "embeddings.token.weight", &count), kept = w[0];
    int32_t wrong[ROWS * LENGTH];
    memcpy(wrong, ids, sizeof wrong);

    b = good;
    wrong[3] = (int32_t)ftc_vocab_size(s);
    b.ids = wrong;
    assert_false(ftc_train_step(s, &b, -1, NULL));
    assert_non_null(strstr(ftc_diag_last(d), "row 0 of the batch has the token id"));

    b = good;
    b.labels = (int32_t[ROWS]){ [5] = 2 };
    assert_false(ftc_train_step(s, &b, -1, NULL));
    assert_string_equal(ftc_diag_last(d), "row 5 of the batch has the class 2; classes are below 2");
    b.labels = NULL;
    assert_false(ftc_train_step(s, &b, -1, NULL));

    b = good;
    b.row_start = (int32_t[ROWS + 1]){ 0, 3, 3 };
    assert_false(ftc_train_step(s, &b, -1, NULL));
    assert_string_equal(ftc_diag_last(d), "row 1 of the batch has 0 tokens; the model takes 1 to 16");
    b.row_start = (int32_t[ROWS + 1]){ 0, LENGTH + 1 };
    b.rows = 1;
    assert_false(ftc_predict(s, &b, (float[2]){ 0 }));
    b.rows = 0;
    assert_false(ftc_predict(s, &b, NULL));
    assert_true(w[0] == kept);
    assert_true(ftc_train_step(s, &good, -1, NULL));
    ftc_close(s);
    ftc_diag_free(d);
}

static void what_is_left_open_is_asked_for(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    const char *spec = source_path("models/tiny_cls.yaml");
    assert_null(ftc_open(spec, NULL, d));
    assert_non_null(strstr(ftc_diag_last(d), "which classes?"));
    assert_null(ftc_open(spec, &(FtcOptions){ .labels = labels, .n_labels = 2 }, d));
    assert_non_null(strstr(ftc_diag_last(d), "which vocabulary?"));
    assert_null(ftc_open("nowhere.yaml", NULL, d));
    FtcSession *s = ftc_open(spec, &(FtcOptions){ .labels = labels, .n_labels = 2, .vocab_size = 50, .no_cache = true }, d);
    assert_non_null(s);
    assert_int_equal(ftc_vocab_size(s), 50);
    assert_int_equal(ftc_tokenize(s, "text", NULL, ids, NULL), -1);
    char folder[512];
    snprintf(folder, sizeof folder, "%s/model", temp_folder());
    assert_true(ftc_save(s, folder));
    ftc_close(s);
    s = ftc_open(folder, &(FtcOptions){ .predict_only = true, .no_cache = true }, d);
    assert_non_null(s);
    assert_int_equal(ftc_vocab_size(s), 50);
    ftc_close(s);
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_comes_back),
        cmocka_unit_test(several_labels),
        cmocka_unit_test(weights_can_be_read_and_written),
        cmocka_unit_test(written_weights_are_trained),
        cmocka_unit_test(wrong_batches_are_refused),
        cmocka_unit_test(what_is_left_open_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
