/* The training loop, and running a model over all rows of a data set.
 *
 * In:  an Exec with its parameters, rows of tokens, and where to report.
 * Out: trained parameters; logits. */
#ifndef FTC_TRAIN_H
#define FTC_TRAIN_H

#include "runtime/train/batch.h"
#include "runtime/train/exec.h"
#include "runtime/train/log.h"
#include "runtime/train/metrics.h"
#include "runtime/train/progress.h"

typedef struct {
    const Examples *train;
    const Examples *dev;       /* evaluated after each epoch; NULL: none */
    const char *train_name;    /* the table's file, for messages */
    Progress *progress;        /* NULL: none */
    Log *log;                  /* NULL: none */
    /* Called with the numbers of each epoch, where there is `dev`; `m` is valid during the call. */
    void (*epoch)(void *user, int64_t epoch, const Metrics *m);
    void *user;
} TrainJob;

typedef enum {
    TRAIN_DONE,
    TRAIN_DIVERGED, /* a loss or gradient was not finite; the parameters are those after the last good step */
    TRAIN_FAILED,   /* another error: no memory */
} TrainStatus;

typedef struct {
    int64_t steps;             /* updates made */
    int64_t tokens;
    double step_s, dev_s;      /* time in steps; in evaluations of dev */
    double encode_s;           /* time in running model->encode over all rows of `train`, once; NAN: that was not done */
    double first_loss, last_loss;
} TrainResult;

/* Makes sure there is memory for all that train_run is going to do. */
bool train_prepare(Exec *e, const TrainJob *job, FtcDiag *d);

/* Trains as the model's FtcTrain and FtcOptimizer say, from step 0.  Where the model has an encode program and rows come more
 * than once, it runs over all of them before the first step and then no more; or, where there is no memory for what it says, with
 * each batch.  Rows must have passed examples_check, exec be made with `train`.  What goes wrong has been reported. */
TrainStatus train_run(Exec *e, const TrainJob *job, TrainResult *r, FtcDiag *d);

/* Logits of all rows in their order, [n, classes], by the eval program in batches of `batch` rows; free() it.  NULL after
 * an error (memory).  `what` names the work on the progress line. */
float *predict_logits(Exec *e, const Examples *x, int64_t batch, const char *what, Progress *progress, FtcDiag *d);

#endif
