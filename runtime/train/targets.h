/* What a table asks of rows that don't have one class each: any number of labels, or a number; and how much each row counts.
 *
 * In:  a Dataset, opened with the columns it takes.
 * Out: examples.targets: [records, labels] of 1 where the row has the label and 0 where not; or [records, 1] numbers; and
 *      examples.weights.
 * Labels stand in one column, with a separator between them and white space around them that doesn't count, an empty field for
 * none; or each in a column of its own, named as the label, of 0 and 1. */
#ifndef FTC_TARGETS_H
#define FTC_TARGETS_H

#include "runtime/train/dataset.h"

/* As labels_collect, where a record may have several labels or none. */
bool targets_collect(Labels *l, const Dataset *s, const char *separator, FtcDiag *d);

/* Fills in the targets of n labels; none, after an error, as below.  `whose` says whose labels they are (dataset_number).  An error
 * is: a label that is none of these, a label that no column has, another field than 0 or 1 in such a column. */
bool targets_labels(Dataset *s, const char *separator, const char *const *labels, int32_t n, const char *whose, FtcDiag *d);

/* Fills in the numbers of the label column.  An error is: a field that isn't a finite number. */
bool targets_numbers(Dataset *s, FtcDiag *d);

/* False after an error: training rows that are all the same, so that there is nothing to learn. */
bool targets_check(const Dataset *s, FtcDiag *d);

/* Fills in the weights.  An error is: a field that isn't a number above 0. */
bool targets_weights(Dataset *s, FtcDiag *d);

#endif
