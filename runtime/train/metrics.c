/* Metrics of a classifier; see metrics.h.  The printed form is in report.c. */
#include "runtime/train/metrics.h"

#include "runtime/core/mem.h"

#include <math.h>
#include <stdlib.h>

const MetricInfo metric_info[METRIC_KINDS] = {
#define METRIC(name, title, better, tasks) { #name, title, better, tasks },
#include "runtime/train/metrics.def"
};

double metrics_value(const Metrics *m, MetricKind kind)
{
    switch (kind) {
    case METRIC_loss: return m->loss;
    case METRIC_accuracy: return m->accuracy;
    case METRIC_balanced_accuracy: return m->balanced_accuracy;
    case METRIC_macro_f1: return m->macro_f1;
    case METRIC_weighted_f1: return m->weighted_f1;
    case METRIC_KINDS: break;
    }
    return NAN;
}

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

static double ratio(double a, double b) { return b > 0 ? a / b : 0; }

static void average(Metrics *m)
{
    int32_t seen = 0, present = 0;
    double recalls = 0;
    for (int32_t c = 0; c < m->classes; c++) {
        const ClassMetrics *k = &m->by_class[c];
        double share = (double)k->support / (double)m->n;
        if (k->support || k->predicted) {
            seen++;
            m->macro_precision += k->precision;
            m->macro_recall += k->recall;
            m->macro_f1 += k->f1;
        }
        if (k->support) {
            present++;
            recalls += k->recall;
        }
        m->weighted_precision += share * k->precision;
        m->weighted_recall += share * k->recall;
        m->weighted_f1 += share * k->f1;
    }
    m->macro_precision /= seen;
    m->macro_recall /= seen;
    m->macro_f1 /= seen;
    m->balanced_accuracy = recalls / present;
}

Metrics *metrics_new(const float *logits, const int32_t *labels, int64_t n, int32_t classes)
{
    Metrics *m = xcalloc(1, sizeof *m);
    *m = (Metrics){ .n = n, .classes = classes };
    m->by_class = xcalloc((size_t)classes, sizeof *m->by_class);
    m->confusion = xcalloc((size_t)classes * (size_t)classes, sizeof *m->confusion);
    int64_t right = 0;
    for (int64_t i = 0; i < n; i++) {
        const float *row = logits + i * classes;
        int32_t said = metrics_predict(row, classes), is = labels[i];
        m->loss += metrics_softmax(row, classes, NULL) - (double)row[is];
        m->confusion[(int64_t)is * classes + said]++;
        m->by_class[is].support++;
        m->by_class[said].predicted++;
        m->by_class[is].right += said == is;
        right += said == is;
    }
    m->loss /= (double)n;
    m->accuracy = (double)right / (double)n;
    for (int32_t c = 0; c < classes; c++) {
        ClassMetrics *k = &m->by_class[c];
        k->precision = ratio((double)k->right, (double)k->predicted);
        k->recall = ratio((double)k->right, (double)k->support);
        k->f1 = ratio(2 * (double)k->right, (double)(k->support + k->predicted));
    }
    average(m);
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
