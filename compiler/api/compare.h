/* Several models, one table: which is better, and is it more than chance?  What `ftc compare` does.
 *
 * Every model says what it makes of every row; all are then compared with the first.  Whether a share of right rows differs is
 * McNemar's test (exact, mid-p); of any other metric a bootstrap over rows, in which both models are counted in the same resamples.
 * A number per pair says how likely such a difference is between equals: of several comparisons, one may well be chance. */
#ifndef FTC_COMPARE_H
#define FTC_COMPARE_H

#include "compiler/api/run.h"

enum { COMPARE_MOST = 16 };

typedef struct {
    const char *model[COMPARE_MOST];  /* folders; the first is what the others are compared with */
    int n_models;
    const char *eval;                 /* the table */
    const char *rows;                 /* a CSV for the rows that they disagree on; NULL: none */
    const SpecSetting *over;          /* for all of them */
    int n_over;
    int threads;
    PipelineOptions pipeline;
    CodegenOptions codegen;
    FILE *notes;
} CompareJob;

/* Reports to `out`.  What went wrong has been reported: a model that can't be opened, models of other labels or tasks, or that
 * read other rows of the table. */
RunStatus compare_run(const CompareJob *job, FILE *out, FtcDiag *d);

#endif
