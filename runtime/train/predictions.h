/* predictions.csv: the table that was given, and what the model says about each record.
 *
 * All input columns as they are (in UTF-8), in their order; then `predicted`, a probability `p_LABEL` a class and, if asked
 * for, a `logit_LABEL` a class.  Where a row may have any number of labels, `predicted` has those whose probability reaches
 * their threshold, joined by the separator; where a number is predicted, it is the number, and no column follows.  One record
 * for each of the input, in order. */
#ifndef FTC_PREDICTIONS_H
#define FTC_PREDICTIONS_H

#include "ftc/model.h"
#include "runtime/text/csv.h"

typedef struct {
    FtcTask task;
    const char *const *labels;
    int32_t classes;
    bool logits;        /* write logit_LABEL too */
    const char *separator;   /* multi-label */
    const float *thresholds; /* [classes] multi-label */
} PredictionColumns;

/* Whether the new columns' names are free in this table, and no label has the separator in it: before the work, not after. */
bool predictions_check(const Csv *table, const PredictionColumns *c, FtcDiag *d);

/* Writes to a file, or for "-" to standard output.  logits [csv_records, classes]. */
bool predictions_write(const char *path, const Csv *table, const PredictionColumns *c, const float *logits, FtcDiag *d);

#endif
