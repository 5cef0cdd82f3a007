/* What a run has done so far: every step, and every time it was evaluated.
 *
 * In:  a StepRecord a step; an EpochRecord an evaluation of dev, or the end of an epoch where there is no dev.
 * Out: both lists, for the log, the table of epochs, the result sheet's curves and a checkpoint, which keeps them whole: so a
 *      resumed run reads like one. */
#ifndef FTC_HISTORY_H
#define FTC_HISTORY_H

#include "runtime/train/metrics.h"
#include "runtime/train/progress.h"

typedef struct {
    int64_t epoch, step;       /* from 1; the step it was taken after */
    double train_loss;         /* mean over the steps since the record before */
    double dev[METRIC_KINDS];  /* NAN: doesn't apply, or there is no dev */
    double train_s, dev_s;     /* since the record before */
} EpochRecord;

typedef struct {
    StepRecord *step;          /* [n_steps] */
    int64_t n_steps, cap_steps;
    EpochRecord *epoch;        /* [n_epochs], in order of steps */
    int64_t n_epochs, cap_epochs;
    int64_t best;              /* which of `epoch` train.best chose; -1: none */
} History;

void history_add_step(History *h, const StepRecord *r);
void history_add_epoch(History *h, const EpochRecord *r);
void history_free(History *h);

#endif
