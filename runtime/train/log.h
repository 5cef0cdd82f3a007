/* The record of a run as JSON lines (--log): one a step, and one at the end (--json prints that one too).
 *
 *   {"step": 1, "epoch": 1, "loss": 1.79, "lr": 0.0, "tokens": 412, "ms": 12.5}
 *   {"event": "end", "steps": 475, ...} */
#ifndef FTC_LOG_H
#define FTC_LOG_H

#include "ftc/diag.h"
#include "runtime/core/jsonwrite.h"
#include "runtime/train/metrics.h"
#include "runtime/train/progress.h"

typedef struct Log Log;

/* Starts an empty log; NULL after an error.  Lines reach the file one by one, so that a run that dies leaves what
 * it did.  Every function takes a NULL Log. */
Log *log_open(const char *path, FtcDiag *d);
bool log_close(Log *log, FtcDiag *d); /* false after an error: the disk was full */

void log_step(Log *log, const StepRecord *r);

/* What the last line says.  Times in seconds; a NAN is written as null: what didn't happen. */
typedef struct {
    int64_t steps;
    double train_s;            /* from opening the table to the last step */
    double encode_s;           /* of it: running a frozen encoder once for all epochs */
    double compile_s, eval_s, predict_s, total_s;
    double tokens_per_s;       /* of training */
    int64_t seed;
    const Metrics *eval;       /* NULL: there was none */
    const char *const *labels;
    int32_t n_labels;
    const char *weights_sha256;
} RunSummary;

void log_end(Log *log, const RunSummary *s);
void summary_write(const RunSummary *s, FILE *out);

/* All of it as members of the object that w is in. */
void summary_members(JsonWriter *w, const RunSummary *s);

/* The most memory this process has had, in MiB. */
double peak_rss_mib(void);

#endif
