/* The training of a run, and what run.c and training.c share.  Private to the two.
 *
 * In:  a Run with its tables opened and tokenized, the classifier made.
 * Out: the model's folder; or, where the run is interrupted, what it takes to go on. */
#ifndef FTC_TRAINING_H
#define FTC_TRAINING_H

#include "runtime/run/outputs.h"
#include "runtime/train/dataset.h"
#include "runtime/train/train.h"

typedef struct {
    const RunWork *work;
    FtcDiag *diag;
    Classifier *c;
    Outputs out;
    Pool *pool;
    Log *log;
    Dataset train, dev, eval, predict;
    double start, train_start;
    RunSummary summary;
    Metrics *metrics;           /* of eval */
    History history;
    BestWeights best;
    double train_before;        /* seconds that a resumed run was trained already */
    char digest[65];            /* of the weights, once they are final */
    bool interrupted;           /* the user wanted to stop while it was trained */
    bool has_training_folder;   /* of this run, not of one before it */
    int64_t saved_step;         /* of the last checkpoint; -1: there is none */
} Run;

/* Fills in what the summary says of the model: its digest, labels and seed.  Once the weights are final. */
void run_digest(Run *r);

/* What went wrong has been reported. */
RunStatus training_run(Run *r);

/* Writes the record of the run as it stands, run.json, into a folder. */
bool training_record(const Run *r, const char *folder);

#endif
