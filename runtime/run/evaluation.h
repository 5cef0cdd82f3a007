/* Which class of a classifier F1 is of. */
#ifndef FTC_EVALUATION_H
#define FTC_EVALUATION_H

#include "runtime/run/classifier.h"

/* data.positive, or of two the last; -1: none.  When the labels are known. */
int32_t evaluation_positive(const Classifier *c);

/* False after an error: data.positive is no label, or there are no classes of which a row has one; or train.best is the F1 of
 * none. */
bool evaluation_check_positive(const Classifier *c, FtcDiag *d);

#endif
