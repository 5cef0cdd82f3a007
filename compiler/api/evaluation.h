/* Judging a classifier by a labelled table.
 *
 * In:  a classifier, the rows it was run over, and its logits.
 * Out: a Scored, from which metrics and the result sheet are made. */
#ifndef FTC_EVALUATION_H
#define FTC_EVALUATION_H

#include "compiler/api/classifier.h"
#include "runtime/train/batch.h"
#include "runtime/train/metrics.h"

/* Borrows all it is given.  logits [x->n, classes]. */
Scored evaluation_scored(const Classifier *c, const Examples *x, const float *logits);

/* The class that F1 is of: data.positive, or of two the last; -1: none.  When the labels are known. */
int32_t evaluation_positive(const Classifier *c);

/* False after an error: data.positive is no label. */
bool evaluation_check_positive(const Classifier *c, FtcDiag *d);

#endif
