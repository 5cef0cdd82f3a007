/* The training loop.
 *
 * In:  an Exec with its parameters, rows of tokens, what was done already, and where to report.
 * Out: trained parameters, and the history of how they came about.
 * The idea: everything the loop does next follows from the number of steps made, so a run goes on from any step as if it had never
 * stopped: the data's order from (seed, epoch), the learning rate from the schedule, random numbers from (seed, step). */
#ifndef FTC_TRAIN_H
#define FTC_TRAIN_H

#include "runtime/train/checkpoint.h"
#include "runtime/train/infer.h"
#include "runtime/train/log.h"

typedef struct {
    const Examples *train;
    const Examples *dev;       /* evaluated as FtcTrain.eval_every says; NULL: none */
    const float *thresholds;   /* [classes] for metrics of several labels a row; NULL: 0.5 */
    int32_t positive;          /* the class f1 is of; -1: none */
    const char *train_name;    /* the table's file, for messages */
    Progress *progress;        /* NULL: none */
    Log *log;                  /* NULL: none */
    History *history;          /* what was done before, and then all that is */
    BestWeights *best;         /* with history->best, where FtcTrain.best chooses; restored into the parameters at the end */
    /* Called with each new record of history->epoch; `m` is what dev gave, valid during the call, or NULL. */
    void (*epoch)(void *user, const EpochRecord *r, const Metrics *m);
    /* Called where a checkpoint is due.  A failure has been reported and doesn't end training: the one before it stays. */
    void (*checkpoint)(void *user);
    void *user;
} TrainJob;

typedef enum {
    TRAIN_DONE,
    TRAIN_INTERRUPTED, /* between two steps, since the user wants it (interrupt.h); `checkpoint` was called */
    TRAIN_DIVERGED,    /* a loss or gradient was not finite; the parameters are the best or, if none was chosen, those after the last
                          good step */
    TRAIN_FAILED,      /* another error: no memory */
} TrainStatus;

typedef struct {
    int64_t steps;             /* updates made in all */
    double encode_s;           /* time in running model->encode over all rows of `train`, once; NAN: that was not done */
    bool stopped_early;        /* FtcTrain.patience was at its end */
} TrainResult;

/* Makes sure there is memory for all that train_run is going to do. */
bool train_prepare(Exec *e, const TrainJob *job, FtcDiag *d);

/* Trains as the model's FtcTrain and FtcOptimizer say, from the step that the history ends with.  Where the model has an encode
 * program and rows come more than once, it runs over all of them before the first step and then no more; or, where there is no
 * memory for what it says, with each batch.  Rows must have passed examples_check, exec be made with `train`.  What goes wrong has
 * been reported. */
TrainStatus train_run(Exec *e, Params *p, const TrainJob *job, TrainResult *r, FtcDiag *d);

#endif
