/* What metrics need of each row, worked out once, so that they can be counted again and again: for the rows as they are, or
 * for a resample, in which each row occurs so many times. */
#ifndef FTC_TALLY_H
#define FTC_TALLY_H

#include "runtime/train/metrics.h"
#include "runtime/train/ranks.h"

enum { CALIBRATION_BINS = 15 };

/* Rows whose prediction is given a probability in [k/15, (k+1)/15). */
typedef struct {
    double rows, right, probability; /* how many, of them right, sum of the probabilities */
} CalibrationBin;

typedef struct Tally Tally;

/* Borrows the arrays of s. */
Tally *tally_new(const Scored *s);
void tally_free(Tally *t);

/* times[n]: how often each row counts, of which one at least does; NULL: once each.  Several threads may count at once. */
void tally_values(const Tally *t, const uint32_t *times, double value[METRIC_KINDS]);
void tally_classes(const Tally *t, const uint32_t *times, ClassMetrics *by_class); /* [classes]; not of a regression */
void tally_calibration(const Tally *t, const uint32_t *times, CalibrationBin bin[CALIBRATION_BINS]); /* single label */

/* Of each row: its loss, and (single label) the predicted class; (multi-label) how many labels are wrong. */
const double *tally_losses(const Tally *t);
const int32_t *tally_said(const Tally *t);

/* Multi-label: whether a row has a label, or is said to. */
bool tally_decides(const Tally *t, int64_t row, int32_t label, bool said);

/* The rows by the probability of a class, the positive ones marked; NULL: it was not worked out (of two classes one is). */
const Ranked *tally_ranked(const Tally *t, int32_t class);

#endif
