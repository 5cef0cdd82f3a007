/* The checks of ftc verify that take a model, in the process that they may end; private to verify.c. */
#ifndef FTC_VERIFY_MODEL_H
#define FTC_VERIFY_MODEL_H

#include "compiler/api/verify.h"

enum { MOST_TEXT = 64 << 20 };

/* Shared by the process that checks and the one that waits for it.  The text is a graph that shows the failure, or would show
 * one that happens now. */
typedef struct {
    Failure failure;
    bool unfused;        /* it shows without the passes */
    size_t n;
    char text[MOST_TEXT];
} Witness;

void witness_graph(Witness *w, const Graph *g);

/* What is verified: a spec, or a stage. */
typedef struct {
    const Spec *spec;
    const StageText *stage;   /* NULL: the spec is built */
    const char *name;
} VerifiedModel;

/* *ok: nothing failed; else the witness says what.  False after an error of the user's. */
bool verify_model(const VerifyJob *j, const VerifiedModel *m, Witness *w, bool *ok, FtcDiag *d);

/* Trains on 1, 2, 3 and 7 threads (verify_threads.c); false where bits differ. */
bool verify_threads(const Compiled *c, int longest, Failure *f, FtcDiag *d);

#endif
