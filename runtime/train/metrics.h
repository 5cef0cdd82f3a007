/* How good a classifier is: from logits and true classes to the numbers people report.
 *
 * In:  logits [n, classes], labels [n].
 * Out: one Metrics, and its text for a terminal.
 *
 * Conventions are scikit-learn's (classification_report, balanced_accuracy_score): the prediction is the first largest
 * logit; a ratio with nothing below the line is 0; the averages run over the classes that occur among the true or the
 * predicted ones; balanced accuracy over those that occur among the true ones.  The loss is the mean of -log
 * softmax(logits)[label], without class weights or smoothing.  All in double. */
#ifndef FTC_METRICS_H
#define FTC_METRICS_H

#include "ftc/model.h"

#include <stdint.h>
#include <stdio.h>

/* The numbers of one name each, METRIC_loss and on; metrics.def has them. */
typedef enum {
#define METRIC(name, title, better, tasks) METRIC_##name,
#include "runtime/train/metrics.def"
    METRIC_KINDS
} MetricKind;

typedef struct {
    const char *name, *title;
    int better;              /* 1: more is better, -1: less */
    unsigned tasks;          /* bit FtcTask is set: it has a meaning there */
} MetricInfo;

extern const MetricInfo metric_info[METRIC_KINDS];

typedef struct {
    int64_t support, predicted, right; /* rows of this class, rows said to be, both */
    double precision, recall, f1;
} ClassMetrics;

typedef struct {
    int64_t n;
    int32_t classes;
    double loss, accuracy, balanced_accuracy;
    double macro_precision, macro_recall, macro_f1;
    double weighted_precision, weighted_recall, weighted_f1; /* by support */
    ClassMetrics *by_class;  /* [classes] */
    int64_t *confusion;      /* [classes, classes]: row the true class, column the predicted one */
} Metrics;

/* n > 0; labels are below classes.  Free it with metrics_free. */
Metrics *metrics_new(const float *logits, const int32_t *labels, int64_t n, int32_t classes);
void metrics_free(Metrics *m);

/* NAN where that number has no meaning for this task. */
double metrics_value(const Metrics *m, MetricKind kind);

/* The class with the largest logit. */
int32_t metrics_predict(const float *logits, int32_t classes);

/* out[c] = softmax(logits)[c]; returns log(sum(exp(logits))). */
double metrics_softmax(const float *logits, int32_t classes, double *out);

/* A table a person reads.  Columns line up for labels in any script. */
void metrics_print(const Metrics *m, const char *const *labels, FILE *out);

#endif
