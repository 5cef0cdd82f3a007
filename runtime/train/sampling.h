/* Over- and undersampling: which rows of a table an epoch has.
 *
 * In:  rows with their classes, and the kind (FtcSampling); of the classes those count that have rows.
 * Out: the numbers of the epoch's rows, ascending.
 *
 *   none       all rows, once each
 *   over       M rows of each class, M those of the largest: of a class of n rows each M / n times (rounded down), and the first
 *              M % n of a random order once more
 *   under      the first m rows of a random order of each class, m those of the smallest
 *   weighted   as many rows as there are, each drawn anew: a class, all being as likely, and one of its rows
 *
 * What is drawn is a function of (seed, epoch) and nothing else. */
#ifndef FTC_SAMPLING_H
#define FTC_SAMPLING_H

#include "runtime/train/batch.h"

/* How many rows every epoch has. */
int64_t sampling_rows(const Examples *x);

/* rows[sampling_rows] */
void sampling_draw(const Examples *x, uint64_t seed, int64_t epoch, int64_t *rows);

#endif
