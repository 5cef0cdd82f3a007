/* The positive class; see evaluation.h. */
#include "runtime/run/evaluation.h"

#include "runtime/core/nearest.h"
#include "runtime/train/labels.h"
#include "runtime/train/metrics.h"

int32_t evaluation_positive(const Classifier *c)
{
    const char *positive = c->recipe->positive;
    if (c->recipe->task != FTC_SINGLE_LABEL)
        return -1;
    return positive ? label_place(c->labels, c->n_labels, positive) : metrics_usual_positive(c->n_labels);
}

bool evaluation_check_positive(const Classifier *c, FtcDiag *d)
{
    const char *positive = c->recipe->positive;
    FtcLoc at = recipe_loc(c->recipe, "data.positive");
    if (!positive && c->recipe->best - 1 == METRIC_f1 && c->n_labels > 2)
        return ftc_error(d, recipe_loc(c->recipe, "train.best"), "'best' is f1, but of which of %d classes? data.positive names it; macro_f1 "
                         "is the mean of all", c->n_labels);
    if (!positive)
        return true;
    if (c->recipe->task != FTC_SINGLE_LABEL)
        return ftc_error(d, at, "'positive' names a class, but the model's task has no classes of which a row has one; leave it out");
    if (label_place(c->labels, c->n_labels, positive) >= 0)
        return true;
    const char *near = nearest_word(positive, c->labels, c->n_labels);
    return ftc_error(d, at, "'positive' is '%s', which is no label; %s '%s'", positive, near ? "did you mean" : "the first one is",
                     near ? near : c->labels[0]);
}
