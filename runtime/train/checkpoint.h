/* Checkpoints: all that a run is at one step, so that going on from there gives the bits of a run that was never stopped.
 *
 * In:  parameters, optimizer states, the vocabulary's rows in use, the history, the best evaluation's weights.
 * Out: a file "step-00000120.safetensors" in the run's folder for checkpoints; and the same back from it.
 *
 * A file is written beside its place and renamed into it, and holds a SHA-256 of every tensor: a damaged one is told from a whole
 * one, and the one before it is used.  Where the run stands in its data, its schedule and its random numbers follows from the
 * step; nothing else is kept.  The file is opened by any reader of safetensors: weight/NAME, state/PREFIX:NAME, best/NAME. */
#ifndef FTC_CHECKPOINT_H
#define FTC_CHECKPOINT_H

#include "runtime/core/pool.h"
#include "runtime/train/exec.h"
#include "runtime/train/history.h"

/* The weights of an evaluation, kept beside those that go on being trained. */
typedef struct {
    int n;               /* weights; 0: none are kept */
    float **data;        /* [n]; NULL where the weight is frozen */
} BestWeights;

typedef struct {
    Exec *exec;
    Params *params;
    Pool *pool;
    History *history;    /* its n_steps is the step */
    BestWeights *best;
    double *train_s;     /* time spent so far */
} Checkpoint;

/* Copies the weights as they are; false after an error (memory).  best_restore copies them back. */
bool best_keep(BestWeights *b, const Params *p, FtcDiag *d);
void best_restore(const BestWeights *b, Params *p);
void best_free(BestWeights *b);

/* Writes the state after history's last step and removes all but the last `keep` files. */
bool checkpoint_write(const char *folder, const Checkpoint *c, int64_t keep, FtcDiag *d);

/* The state of the newest whole file into c, whose exec and params are those of the same model; its step in *step.  Damaged files
 * are warned of.  Without a file *step is 0 and nothing changes.  False after an error: none of the files can be used. */
bool checkpoint_read(const char *folder, Checkpoint *c, int64_t *step, FtcDiag *d);

#endif
