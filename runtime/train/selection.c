/* The choice of the epoch; see selection.h. */
#include "runtime/train/selection.h"

#include "runtime/train/metrics.h"

#include <math.h>

Selection selection_make(const FtcTrain *t)
{
    return (Selection){ .better = t->best ? metric_info[t->best - 1].better : 0, .patience = t->patience,
                        .threshold = t->threshold, .best = -1 };
}

bool selection_add(Selection *s, double value)
{
    bool first = s->best < 0, better = !isnan(value) && (first || s->better * (value - s->value) > 0);
    bool gain = better && (first || fabs(value - s->value) > s->threshold);
    s->without_gain = gain ? 0 : s->without_gain + 1;
    if (better) {
        s->best = s->n;
        s->value = value;
    }
    s->n++;
    return better;
}

bool selection_stops(const Selection *s) { return s->patience > 0 && s->without_gain >= s->patience; }
