/* How good a model is: from what it says of rows and the truth about them to the numbers people report.
 *
 * In:  Scored: a model's scores of n rows beside the truth, for one of the tasks.
 * Out: one Metrics.  (For people: sheet.h.)
 *
 * Conventions are scikit-learn's (classification_report, balanced_accuracy_score, roc_auc_score, ...), all in double:
 *
 *   single label  The prediction is the first largest logit.  The loss is the mean of -log softmax(logits)[label], without class
 *                 weights or smoothing.  Macro averages run over the classes that occur among the true or the predicted ones,
 *                 balanced accuracy over those among the true ones.  f1 is that of the class `positive`; roc_auc and
 *                 average_precision are of its probability where there are two classes, and else the mean over the classes, each
 *                 against the rest (multi_class="ovr").  ece: 15 bins of equal width by the probability of the prediction,
 *                 [k/15, (k+1)/15), the last one closed; the mean over rows of a bin's |share right - mean probability|.
 *   multi-label   A label is predicted where sigmoid(score) >= its threshold.  The loss is the mean binary cross entropy of all
 *                 rows and labels, hamming_loss the share of wrong decisions, subset_accuracy that of rows without one.
 *                 Averages run over all labels.
 *   regression    The loss is the mean squared error.  Spearman's correlation gives ties their mean rank.
 *
 * A ratio with nothing below the line is 0.  NAN stands for what has no value: a ROC AUC where a class doesn't occur, or
 * nothing else does; a correlation with what doesn't vary. */
#ifndef FTC_METRICS_H
#define FTC_METRICS_H

#include "ftc/model.h"

#include <stdint.h>

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
extern const char *const metric_words; /* their names: "loss|accuracy|..." */

/* What was scored: borrowed arrays. */
typedef struct {
    FtcTask task;
    int64_t n;                /* rows, > 0 and below 2^32 */
    int32_t classes;          /* single label: > 1; multi-label: the labels, > 0; regression: 1 */
    const float *scores;      /* [n, classes] logits; regression: the predicted numbers */
    const int32_t *labels;    /* [n] single label: the true classes */
    const float *targets;     /* [n, classes] multi-label: 0 or 1; regression: the true numbers */
    const float *thresholds;  /* [classes] multi-label, as probabilities; NULL: 0.5 */
    int32_t positive;         /* single label: the class f1 is of; -1: none */
} Scored;

typedef struct {
    int64_t support, predicted, right; /* rows of this class, rows said to be, both */
    double precision, recall, f1;
} ClassMetrics;

typedef struct {
    FtcTask task;
    int64_t n;
    int32_t classes, positive;
    union {
        double value[METRIC_KINDS];
        struct {
#define METRIC(name, title, better, tasks) double name;
#include "runtime/train/metrics.def"
        };
    };
    ClassMetrics *by_class;  /* [classes]; regression: NULL */
    int64_t *confusion;      /* single label: [classes, classes], row the true class, column the predicted one; else NULL */
} Metrics;

/* Free it with metrics_free. */
Metrics *metrics_of(const Scored *s);
void metrics_free(Metrics *m);

/* The class that f1 is of where nobody named one: of two the last. */
int32_t metrics_usual_positive(int32_t classes);

/* NAN where that number has no meaning for this task. */
double metrics_value(const Metrics *m, MetricKind kind);

/* The class with the largest logit. */
int32_t metrics_predict(const float *logits, int32_t classes);

/* out[c] = softmax(logits)[c]; returns log(sum(exp(logits))). */
double metrics_softmax(const float *logits, int32_t classes, double *out);

/* 1 / (1 + exp(-score)), without overflow. */
double metrics_sigmoid(float score);

#endif
