/* A whole run: tables in; a trained model's folder, an evaluation and predictions out.  What `ftc run` does.
 *
 * All that can be found wrong before training is looked for before it: every table is opened and its columns found, every
 * output is tried.  A model is in its folder before it is evaluated. */
#ifndef FTC_RUN_H
#define FTC_RUN_H

#include "compiler/api/classifier.h"
#include "runtime/train/sheet.h"

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
    bool check_arena;           /* exec.h */
    int threads;                /* 0: all cores */
    PipelineOptions pipeline;
    CodegenOptions codegen;
    FILE *notes;                /* progress; NULL: quiet */
    /* Is given what was found of `eval`, in place of the sheet's text; what that borrows is valid during the call.  False after
     * an error.  NULL: the text is printed. */
    bool (*judge)(void *user, const SheetSource *found, FtcDiag *d);
    void *judge_user;
} RunJob;

typedef enum {
    RUN_DONE,
    RUN_FAILED,
    RUN_DIVERGED,
    RUN_INTERRUPTED, /* the user wished it; how to go on was said */
} RunStatus;

/* What went wrong has been reported. */
RunStatus run_job(const RunJob *job, FtcDiag *d);

#endif
