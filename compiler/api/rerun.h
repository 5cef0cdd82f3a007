/* A run once more, from its record: what `ftc rerun` does. */
#ifndef FTC_RERUN_H
#define FTC_RERUN_H

#include "compiler/api/run.h"

typedef struct {
    const char *folder;   /* a trained model's, with its run.json */
    bool check;           /* only compare the weights' digests; no model is left.  Else it goes to given.output */
    RunJob given;         /* places of files that have moved, threads, notes */
} RerunJob;

/* What went wrong has been reported; other bits than before are an error. */
RunStatus rerun(const RerunJob *job, FtcDiag *d);

#endif
