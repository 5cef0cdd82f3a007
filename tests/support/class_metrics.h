/* Metrics of a task of classes, for tests: logits [n, classes], labels below classes; the usual positive class. */
#ifndef FTC_CLASS_METRICS_H
#define FTC_CLASS_METRICS_H

#include "runtime/train/metrics.h"

static inline Metrics *class_metrics(const float *logits, const int32_t *labels, int64_t n, int32_t classes)
{
    return metrics_of(&(Scored){ .task = FTC_SINGLE_LABEL, .n = n, .classes = classes, .scores = logits, .labels = labels,
                                 .positive = metrics_usual_positive(classes) });
}

#endif
