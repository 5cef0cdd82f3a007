/* One experiment several times: how much do the numbers vary?  What `ftc run --seeds N` and `ftc cv` do.
 *
 * seeds: N runs on the same tables, with the seeds S, S + 1, ..., S that of the spec.
 * folds: the training table is dealt into K parts of equal shares of the classes (folds.h); run k trains on all but part k and is
 *        judged by it.
 * Each run has a folder of its own in the output folder: run-1, run-2, ...; folds have their tables there, in folds/. */
#ifndef FTC_REPEAT_H
#define FTC_REPEAT_H

#include "compiler/api/run.h"

enum { REPEAT_MOST = 100 };

typedef struct {
    RunJob run;             /* with a table to train on; `output` is the folder of all runs, NULL: as that of one; judge isn't set */
    int seeds, folds;       /* one of them; the other is 0 */
    FILE *out;              /* mean, deviation and interval of each metric */
} RepeatJob;

/* Reports; the output folder has runs.json in the end.  What went wrong has been reported; the first run that fails ends it. */
RunStatus repeat_run(const RepeatJob *job, FtcDiag *d);

#endif
