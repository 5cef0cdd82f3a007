/* A whole run, from a spec or a folder: what `ftc run` does.  The work is runtime/run/run.h's. */
#ifndef FTC_RUN_H
#define FTC_RUN_H

#include "compiler/api/spec_model.h"
#include "runtime/run/run.h"

#include <stdio.h>

typedef struct {
    ClassifierSource source;
    const char *train, *dev, *eval, *predict;   /* tables; NULL: none */
    const char *resume;         /* a model's folder with a run that isn't done, which is gone on with; then the other members are
                                   what its record says, except places of files, threads, and what is printed where */
    const char *output;         /* the model's folder; NULL: ./NAME-model, NAME from the spec's file or else the table's */
    bool force;                 /* it may exist, and is then replaced */
    const char *predictions;    /* a file, "-", or NULL: predictions.csv in the model's folder */
    bool logits;                /* write them too */
    const char *log;            /* a file for a line of JSON a step, or NULL */
    bool json;                  /* print the last line of it to standard output; then reports go to `notes` */
    bool check_arena, find_nan; /* exec.h */
    int threads;                /* 0: all cores */
    PipelineOptions pipeline;
    CodegenOptions codegen;
    FILE *notes;                /* progress; NULL: quiet */
    /* Is given what was found of `eval`, in place of the sheet's text; what that borrows is valid during the call.  False after
     * an error.  NULL: the text is printed. */
    bool (*judge)(void *user, const SheetSource *found, FtcDiag *d);
    void *judge_user;
} RunJob;

/* What went wrong has been reported. */
RunStatus run_job(const RunJob *job, FtcDiag *d);

#endif
