/* ftc as a library: compiles a spec, trains it on texts that stand in this file, and labels the texts it is called with.
 *
 *   cmake --build build --target library
 *   build/examples/library models/logreg.yaml "the zip is broken" "lovely colours"
 *
 * include/ftc/ftc.h is all it knows. */
#include "ftc/ftc.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS = 12, STEPS = 40 };

static const char *const labels[] = { "complaint", "praise" };

static const struct {
    const char *text;
    int32_t label; /* number in labels */
} rows[ROWS] = {
    { "the handle is broken", 0 },          { "lovely mug, thank you", 1 },
    { "one glass arrived broken", 0 },      { "the colours are lovely", 1 },
    { "the lid does not fit", 0 },          { "thank you for the quick answer", 1 },
    { "it leaks and it smells", 0 },        { "great lamp, great light", 1 },
    { "wrong size, and too late", 0 },      { "my mother is happy with it", 1 },
    { "the zip does not close", 0 },        { "works as it should, I am happy", 1 },
};

/* The rows as one batch, laid end to end; its arrays are one allocation, ids. */
static FtcBatch tokenize(FtcSession *s, const char *const *texts, int32_t n)
{
    size_t most = (size_t)n * (size_t)ftc_max_length(s);
    int32_t *ids = malloc((most + (size_t)n + 1) * sizeof *ids), *row_start = ids + most;
    if (!ids)
        exit(1);
    row_start[0] = 0;
    for (int32_t i = 0; i < n; i++)
        row_start[i + 1] = row_start[i] + ftc_tokenize(s, texts[i], NULL, ids + row_start[i], NULL);
    return (FtcBatch){ .rows = n, .ids = ids, .row_start = row_start };
}

static bool train(FtcSession *s, const char *const *texts)
{
    int32_t classes[ROWS];
    for (int i = 0; i < ROWS; i++)
        classes[i] = rows[i].label;
    FtcBatch batch = tokenize(s, texts, ROWS);
    batch.labels = classes;
    float loss = 0;
    bool ok = true;
    for (int step = 1; ok && step <= STEPS; step++) {
        ok = ftc_train_step(s, &batch, -1, &loss);
        if (ok && step % 10 == 0)
            printf("step %d  loss %.3f\n", step, loss);
    }
    free((void *)batch.ids);
    return ok;
}

static bool predict(FtcSession *s, const char *const *texts, int32_t n)
{
    FtcBatch batch = tokenize(s, texts, n);
    float *logits = calloc((size_t)n, 2 * sizeof *logits); /* [n, 2] */
    bool ok = logits && ftc_predict(s, &batch, logits);
    for (int32_t i = 0; ok && i < n; i++) {
        double p = 1 / (1 + exp((double)logits[2 * i] - logits[2 * i + 1])); /* of class 1 */
        printf("%s (%.2f): %s\n", ftc_label(s, p > 0.5), p > 0.5 ? p : 1 - p, texts[i]);
    }
    free(logits);
    free((void *)batch.ids);
    return ok;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: library SPEC.yaml TEXT...\n");
        return 1;
    }
    const char *texts[ROWS]; /* the vocabulary is learned from them */
    for (int i = 0; i < ROWS; i++)
        texts[i] = rows[i].text;
    FtcDiag *d = ftc_diag_new(stderr);
    FtcOptions options = { .labels = labels, .n_labels = 2, .texts = texts, .n_texts = ROWS };
    FtcSession *s = ftc_open(argv[1], &options, d);
    bool ok = s && train(s, texts) && predict(s, (const char *const *)argv + 2, argc - 2);
    ftc_close(s);
    ftc_diag_free(d);
    return ok ? 0 : 1;
}
