/* Rows into folds for cross-validation: every row is in one fold, and each fold has its share of every class. */
#ifndef FTC_FOLDS_H
#define FTC_FOLDS_H

#include <stdint.h>

/* fold[n] = 0 .. folds - 1: the rows of each class in a random order, a function of the seed, dealt out in turn.  So folds differ by
 * at most one row, and in the rows of a class by at most one. */
void folds_deal(const int32_t *class, int64_t n, int32_t classes, int32_t folds, uint64_t seed, int32_t *fold);

#endif
