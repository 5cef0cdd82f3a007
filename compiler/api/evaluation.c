/* From logits to what can be judged; see evaluation.h. */
#include "compiler/api/evaluation.h"

#include "runtime/core/nearest.h"

#include <string.h>

static int32_t find_label(const Classifier *c, const char *label)
{
    for (int32_t i = 0; i < c->n_labels; i++)
        if (!strcmp(c->labels[i], label))
            return i;
    return -1;
}

int32_t evaluation_positive(const Classifier *c)
{
    const char *positive = c->spec->data.positive;
    return positive ? find_label(c, positive) : metrics_usual_positive(c->n_labels);
}

bool evaluation_check_positive(const Classifier *c, FtcDiag *d)
{
    const char *positive = c->spec->data.positive;
    if (!positive || find_label(c, positive) >= 0)
        return true;
    const char *near = nearest_word(positive, c->labels, c->n_labels);
    return ftc_error(d, spec_loc(c->spec, "data.positive"), "'positive' is '%s', which is no label; %s '%s'", positive,
                     near ? "did you mean" : "the first one is", near ? near : c->labels[0]);
}

Scored evaluation_scored(const Classifier *c, const Examples *x, const float *logits)
{
    return (Scored){ .task = c->compiled->model.task, .n = x->n, .classes = c->n_labels, .scores = logits, .labels = x->labels,
                     .positive = evaluation_positive(c) };
}
