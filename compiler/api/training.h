/* The training of a run, and what run.c and training.c share.  Private to the two.
 *
 * In:  a Run with its tables opened and tokenized, the classifier made.
 * Out: the model's folder; or, where the run is interrupted, what it takes to go on. */
#ifndef FTC_TRAINING_H
#define FTC_TRAINING_H

#include "compiler/api/outputs.h"
#include "runtime/train/dataset.h"
#include "runtime/train/train.h"

typedef struct {
    const RunJob *job;
    FtcDiag *diag;
    Classifier c;
    Outputs out;
    Pool *pool;
    Log *log;
    Dataset train, dev, eval, predict;
    double start, train_start;
    RunSummary summary;
    Metrics *metrics;           /* of eval */
    History history;
    BestWeights best;
} Run;

RunStatus training_run(Run *r);

#endif
