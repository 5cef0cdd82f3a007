/* ftc as a library: compile a spec, train on batches, predict, save.
 *
 *     FtcDiag *d = ftc_diag_new(stderr);
 *     FtcOptions o = { .labels = (const char *[]){ "no", "yes" }, .n_labels = 2, .texts = texts, .n_texts = n };
 *     FtcSession *s = ftc_open("models/tiny_cls.yaml", &o, d);
 *     ... fill an FtcBatch (step.h) with ids from ftc_tokenize ...
 *     for (int i = 0; s && i < 100; i++)
 *         ftc_train_step(s, &batch, -1, &loss);
 *     ftc_predict(s, &batch, logits);
 *     ftc_save(s, "my-model");
 *     ftc_close(s);
 *     ftc_diag_free(d);
 *
 * What goes wrong is reported to the FtcDiag given to ftc_open, which must outlive the session; the function then answers
 * false, NULL or -1, and the session is as it was.  Whatever a session returns belongs to it, unless said otherwise.  A session
 * serves one thread at a time, and uses threads of its own. */
#ifndef FTC_FTC_H
#define FTC_FTC_H

#include "ftc/diag.h"
#include "ftc/step.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct FtcSession FtcSession;

/* Zero stands for the default of each. */
typedef struct {
    const char *init;              /* a Hugging Face folder, whose encoder and tokenizer are used under a new head */
    const char *const *set;        /* settings such as "optimizer.lr=3e-5", stronger than the spec */
    int32_t n_set;
    const char *const *labels;     /* the classes, where neither the spec nor a model's folder names them */
    int32_t n_labels;
    const char *const *texts;      /* to learn a vocabulary from, where no folder has one */
    int64_t n_texts;
    int64_t vocab_size;            /* where there is no tokenizer at all: ids are below this */
    int threads;                   /* default: one for each core */
    bool unoptimized;              /* as ftc's -O0: one kernel an op */
    bool predict_only;             /* compile no training step, keep no optimizer state */
    bool no_cache;                 /* don't use the cache of compiled kernels */
} FtcOptions;

/* Compiles.  `path` is a spec's file, the folder of a saved model, or NULL for the default spec (or, with init, for what
 * that folder says).  options may be NULL; nothing of it has to outlive the call.  ftc_close it. */
FtcSession *ftc_open(const char *path, const FtcOptions *options, FtcDiag *d);
void ftc_close(FtcSession *s);

int32_t ftc_classes(const FtcSession *s);
const char *ftc_label(const FtcSession *s, int32_t number);   /* NULL: no such class */
int32_t ftc_max_length(const FtcSession *s);                  /* tokens a row */
int64_t ftc_vocab_size(const FtcSession *s);

/* The ids of a text, or of a pair where `pair` isn't NULL, special tokens included, at most ftc_max_length of them, into ids and
 * (may be NULL) segment numbers into types: arrays of that many.  Answers how many there are; -1: there is no tokenizer. */
int32_t ftc_tokenize(FtcSession *s, const char *text, const char *pair, int32_t *ids, int32_t *types);

/* One update from a batch with labels or, where the spec's loss asks for such, targets.  tokens and longest of the batch are found
 * from row_start; types, record and row_weights may be NULL.  lr below 0 stands for the spec's optimizer.lr; schedules are the
 * caller's.  *loss (may be NULL) is the loss before the update.  False: the batch doesn't fit the model, or loss or gradient are not finite; then nothing changed. */
bool ftc_train_step(FtcSession *s, const FtcBatch *batch, double lr, float *loss);

/* logits[rows, classes] of a batch; its labels don't matter. */
bool ftc_predict(FtcSession *s, const FtcBatch *batch, float *logits);

/* The elements of a parameter, such as "classifier.weight"; NULL: there is none of this name.  They may be read and written
 * between other calls. */
float *ftc_weight(FtcSession *s, const char *name, int64_t *count);

/* Makes the folder, or replaces it as a whole: whatever fails, what was there stays. */
bool ftc_save(FtcSession *s, const char *folder);

const char *ftc_version(void);

#ifdef __cplusplus
}
#endif

#endif
