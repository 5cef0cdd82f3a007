/* Forward only, over all rows; see infer.h. */
#include "runtime/train/infer.h"

#include "runtime/core/interrupt.h"
#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>

bool infer_reserve(Exec *e, const Batcher *b, FtcDiag *d)
{
    BatchSize most = batcher_most(b);
    return exec_reserve(e, most.tokens, most.rows, most.longest, d);
}

bool infer_rows(Exec *e, const InferJob *j, const Examples *x, int64_t batch, float *out, Progress *progress, FtcDiag *d)
{
    FtcBatch rows;
    Batcher *b = batcher_new(x, batch, false, 0, d);
    bool ok = b && infer_reserve(e, b, d);
    for (int64_t at = 0; ok && batcher_next(b, &rows); at += rows.rows) {
        exec_run(e, j->program, &rows);
        if (exec_report_nan(e, &rows, NULL, d)) {
            ok = false;
            break;
        }
        memcpy(out + at * j->width, exec_output(e, j->output), (size_t)rows.rows * (size_t)j->width * sizeof *out);
        progress_rows(progress, j->what, at + rows.rows, x->n);
        ok = !interrupt_asked();
    }
    progress_clear(progress);
    batcher_free(b);
    return ok;
}

float *infer_logits(Exec *e, const Examples *x, int64_t batch, const char *what, Progress *progress, FtcDiag *d)
{
    InferJob job = { exec_model(e)->eval, "logits", exec_classes(e), what };
    float *logits = try_alloc((size_t)x->n, (size_t)job.width * sizeof *logits, 64);
    if (!logits)
        ftc_error(d, FTC_NOWHERE, "no memory for the logits of %lld rows", (long long)x->n);
    if (logits && infer_rows(e, &job, x, batch, logits, progress, d))
        return logits;
    free(logits);
    return NULL;
}

Scored infer_scored(const Exec *e, const Examples *x, const float *logits, const float *thresholds, int32_t positive)
{
    return (Scored){ .task = exec_model(e)->task, .n = x->n, .classes = exec_classes(e), .scores = logits,
                     .labels = x->labels, .targets = x->targets, .thresholds = thresholds, .positive = positive };
}
