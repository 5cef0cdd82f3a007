/* Running a model's programs over all rows of a data set, without training.
 *
 * In:  an Exec, rows that have passed examples_check.
 * Out: one output of a program for each row, in the rows' order. */
#ifndef FTC_INFER_H
#define FTC_INFER_H

#include "runtime/train/batch.h"
#include "runtime/train/exec.h"
#include "runtime/train/metrics.h"
#include "runtime/train/progress.h"

/* An output of a program for all rows, [n, width]. */
typedef struct {
    const FtcProgram *program;
    const char *output;
    int64_t width;
    const char *what;   /* for the progress line: "evaluating" */
} InferJob;

/* Fills out[x->n, width], `batch` rows at a time.  False after an error (memory), or where the user interrupts (interrupt.h). */
bool infer_rows(Exec *e, const InferJob *j, const Examples *x, int64_t batch, float *out, Progress *progress, FtcDiag *d);

/* Logits of all rows, [n, classes], by the eval program; free() it.  NULL as infer_rows answers false. */
float *infer_logits(Exec *e, const Examples *x, int64_t batch, const char *what, Progress *progress, FtcDiag *d);

/* Logits of rows beside what should have come out, as the model's task has it; thresholds may be NULL, positive is Scored's. */
Scored infer_scored(const Exec *e, const Examples *x, const float *logits, const float *thresholds, int32_t positive);

/* Makes sure there is memory for all batches of b. */
bool infer_reserve(Exec *e, const Batcher *b, FtcDiag *d);

#endif
