/* Numbers that depend on an order only: the area under the ROC curve, average precision, rank correlation.
 *
 * In:  one score a row, sorted once.
 * Out: the numbers for the rows as they are, or each counted a number of times, by one walk along the order. */
#ifndef FTC_RANKS_H
#define FTC_RANKS_H

#include <stdbool.h>
#include <stdint.h>

/* The rows from the highest score down; rows of equal score stand together, and the first of them is marked. */
typedef struct {
    uint32_t row;
    bool first, positive;
} Ranked;

/* Fills out[n] from score[i * stride]; `positive` is left false.  NaN stands last. */
void rank_floats(const float *score, int64_t stride, int64_t n, Ranked *out);
void rank_doubles(const double *score, int64_t stride, int64_t n, Ranked *out);

/* times[n] as in tally.h; NULL: once each. */

typedef struct {
    double roc_auc;            /* NAN where all rows are positive, or none */
    double average_precision;  /* sum over the scores, from the highest, of (gain in recall) * precision; 0 without positive rows */
} RankScores;

RankScores ranks_score(const Ranked *r, int64_t n, const uint32_t *times);

/* The precision-recall curve as at most cap + 2 points { recall, precision }, recall rising: all of them, or where there are more
 * one for each gain of 1/cap in recall.  0 without positive rows. */
int64_t ranks_precision_recall(const Ranked *r, int64_t n, int64_t cap, double (*out)[2]);

/* out[row] = rank, mean of those of equal scores, among the rows counted so many times; 0 and on from the highest. */
void ranks_mean(const Ranked *r, int64_t n, const uint32_t *times, double *out);

#endif
