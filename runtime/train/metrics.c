/* Metrics of a model; see metrics.h.  The counting is in tally.c. */
#include "runtime/train/metrics.h"

#include "runtime/core/mem.h"
#include "runtime/train/tally.h"

#include <math.h>
#include <stdlib.h>

const MetricInfo metric_info[METRIC_KINDS] = {
#define METRIC(name, title, better, tasks) { #name, title, better, tasks },
#include "runtime/train/metrics.def"
};

static const char words[] =
#define METRIC(name, title, better, tasks) "|" #name
#include "runtime/train/metrics.def"
;
const char *const metric_words = words + 1;

double metrics_value(const Metrics *m, MetricKind kind) { return m->value[kind]; }

int32_t metrics_usual_positive(int32_t classes) { return classes == 2 ? 1 : -1; }

int32_t metrics_predict(const float *logits, int32_t classes)
{
    int32_t best = 0;
    for (int32_t c = 1; c < classes; c++)
        if (logits[c] > logits[best])
            best = c;
    return best;
}

double metrics_softmax(const float *logits, int32_t classes, double *out)
{
    double max = (double)logits[metrics_predict(logits, classes)], sum = 0;
    for (int32_t c = 0; c < classes; c++)
        sum += exp((double)logits[c] - max);
    for (int32_t c = 0; out && c < classes; c++)
        out[c] = exp((double)logits[c] - max) / sum;
    return max + log(sum);
}

double metrics_sigmoid(float score)
{
    double e = exp(-fabs((double)score));
    return score >= 0 ? 1 / (1 + e) : e / (1 + e);
}

Metrics *metrics_of(const Scored *s)
{
    Tally *t = tally_new(s);
    Metrics *m = xcalloc(1, sizeof *m);
    *m = (Metrics){ .task = s->task, .n = s->n, .classes = s->classes, .positive = s->positive };
    tally_values(t, NULL, m->value);
    if (s->task != FTC_REGRESSION) {
        m->by_class = xcalloc((size_t)s->classes, sizeof *m->by_class);
        tally_classes(t, NULL, m->by_class);
    }
    if (s->task == FTC_SINGLE_LABEL) {
        m->confusion = xcalloc((size_t)s->classes * (size_t)s->classes, sizeof *m->confusion);
        for (int64_t i = 0; i < s->n; i++)
            m->confusion[(int64_t)s->labels[i] * s->classes + tally_said(t)[i]]++;
    }
    tally_free(t);
    return m;
}

void metrics_free(Metrics *m)
{
    if (!m)
        return;
    free(m->by_class);
    free(m->confusion);
    free(m);
}

