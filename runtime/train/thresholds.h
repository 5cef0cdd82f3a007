/* From which probability on a row is said to have a label.
 *
 * In:  scores [n, labels] of rows beside their targets (0 or 1), of a table that wasn't trained on.
 * Out: for each label the threshold of the best F1; of several that are as good the highest.  It lies halfway between two
 *      probabilities that occur, so that no row is near it.  0.5 for a label that no row has. */
#ifndef FTC_THRESHOLDS_H
#define FTC_THRESHOLDS_H

#include <stdint.h>

#define USUAL_THRESHOLD 0.5f

void thresholds_tune(const float *scores, const float *targets, int64_t n, int32_t labels, float *out);

#endif
