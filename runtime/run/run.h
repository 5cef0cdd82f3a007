/* A whole run of a classifier: tables in; a trained model's folder, an evaluation and predictions out.
 *
 * In:  a classifier that is open: recipe, labels and tokenizer as far as they are known.
 * Out: files, what is printed, and the classifier trained.
 * All that can be found wrong before training is looked for before it: every table is opened and its columns found, every
 * output is tried.  A model is in its folder before it is evaluated. */
#ifndef FTC_RUNTIME_RUN_H
#define FTC_RUNTIME_RUN_H

#include "runtime/run/classifier.h"
#include "runtime/run/record.h"
#include "runtime/train/checkpoint.h"
#include "runtime/train/sheet.h"

#include <stdio.h>

typedef struct RunWork {
    const char *train, *dev, *eval, *predict;   /* tables; NULL: none */
    const char *spec, *model;   /* where the classifier comes from, for names: a spec's file, a model's folder; NULL: from none */
    const char *stage;          /* what was compiled, where that is a stage that someone may have edited; NULL: it follows from the spec */
    const Origin *origin;
    Inputs *inputs;             /* digests of what training reads, for the record; started early, as reading the model's folder takes one
                                 * thread; NULL: nothing is trained */
    /* Goes to the newest checkpoint in the output's folder, which the run goes on from: checkpoint_read; NULL: it begins anew.  (A
     * pointer, so that a program which never goes on needs nothing that reads files of weights.) */
    bool (*resume)(const char *folder, Checkpoint *c, int64_t *step, FtcDiag *d);
    const char *output;         /* the model's folder; NULL: outputs_default_folder */
    bool force;                 /* it may exist, and is then replaced */
    const char *predictions;    /* a file, "-", or NULL: predictions.csv in the model's folder */
    bool logits;                /* write them too */
    const char *log;            /* a file for a line of JSON a step, or NULL */
    bool json;                  /* print the last line of it to standard output; then reports go to `notes` */
    bool check_arena, find_nan; /* exec.h */
    int threads;                /* 0: all cores */
    FILE *notes;                /* progress; NULL: quiet */
    /* Is given what was found of `eval`, in place of the sheet's text; what that borrows is valid during the call.  False after
     * an error.  NULL: the text is printed. */
    bool (*judge)(void *user, const SheetSource *found, FtcDiag *d);
    void *judge_user;
    /* Gives the classifier its model, on a thread beside the work on the data; false after an error.  NULL: it has one. */
    bool (*compile)(void *user, FtcDiag *d);
    void *compile_user;
} RunWork;

typedef enum {
    RUN_DONE,
    RUN_FAILED,
    RUN_DIVERGED,
    RUN_INTERRUPTED, /* the user wished it; how to go on was said */
} RunStatus;

/* Whether what was asked for makes sense; before the classifier is opened. */
bool run_check(const RunWork *work, FtcDiag *d);

/* What went wrong has been reported to c->diag. */
RunStatus run_classifier(Classifier *c, const RunWork *work);

#endif
