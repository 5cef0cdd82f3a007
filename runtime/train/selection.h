/* Which evaluation of dev was best, and when there is no point in going on.
 *
 * In:  the values of one metric, in the order of evaluations.
 * Out: the best of them, and whether to stop: as Hugging Face's load_best_model_at_end and EarlyStoppingCallback decide.  A tie
 *      goes to the earlier one.  An evaluation is a gain if it is better than the best before by more than the threshold; after
 *      `patience` in a row without one, training ends.  NaN is never best, and no gain.
 * All of it follows from the list of values, so a resumed run adds those of the record again. */
#ifndef FTC_SELECTION_H
#define FTC_SELECTION_H

#include "ftc/model.h"

#include <stdbool.h>

typedef struct {
    int better;              /* MetricInfo.better: 1 more, -1 less; 0: nothing is chosen */
    int64_t patience;        /* 0: never stops */
    double threshold;
    int64_t n, best;         /* values so far; which was best, -1: none */
    double value;            /* of the best */
    int64_t without_gain;    /* values in a row */
} Selection;

Selection selection_make(const FtcTrain *t);

/* Answers whether this value is the best so far. */
bool selection_add(Selection *s, double value);
bool selection_stops(const Selection *s);

#endif
