/* What the spec says about class weights, as one number a class for the input "class_weights". */
#ifndef FTC_CLASS_WEIGHTS_H
#define FTC_CLASS_WEIGHTS_H

#include "runtime/train/batch.h"

/* out[c] for c < classes, by FtcLoss.mode (model.h), x being the training rows.  False after an error: a list of another length
 * than there are classes, or a name that is no label. */
bool class_weights_resolve(const FtcLoss *loss, const char *const *labels, int32_t classes, const Examples *x, float *out, FtcDiag *d);

#endif
