/* Counting metrics; see tally.h. */
#include "runtime/train/tally.h"

#include "runtime/core/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct Tally {
    Scored s;
    double *loss;          /* [n] */
    int32_t *said;         /* [n] single label: the predicted class; multi-label: how many labels are wrong */
    double *top;           /* [n] single label: the probability of it */
    uint8_t *decision;     /* [n, classes] multi-label: TRUE_ and SAID_ */
    Ranked *ranked;        /* [columns, n] */
    int32_t columns;       /* single label: the positive class of two, else all; multi-label: all; regression: predicted, true */
};

enum { TRUE_ = 1, SAID_ = 2 };

/* ---- working it out ------------------------------------------------------------------------------------------------------ */

/* Of two classes the positive one says it all. */
static int32_t class_of_column(const Scored *s, int32_t column)
{
    bool two = s->task == FTC_SINGLE_LABEL && s->classes == 2;
    return two ? (s->positive == 0 ? 0 : 1) : column;
}

static void prepare_single(Tally *t)
{
    const Scored *s = &t->s;
    double *p = xcalloc((size_t)s->n * (size_t)s->classes, sizeof *p);
    t->top = xcalloc((size_t)s->n, sizeof *t->top);
    for (int64_t i = 0; i < s->n; i++) {
        const float *row = s->scores + i * s->classes;
        t->said[i] = metrics_predict(row, s->classes);
        t->loss[i] = metrics_softmax(row, s->classes, p + i * s->classes) - (double)row[s->labels[i]];
        t->top[i] = p[i * s->classes + t->said[i]];
    }
    t->columns = s->classes == 2 ? 1 : s->classes;
    t->ranked = xcalloc((size_t)t->columns * (size_t)s->n, sizeof *t->ranked);
    for (int32_t k = 0; k < t->columns; k++) {
        int32_t class = class_of_column(s, k);
        Ranked *r = t->ranked + k * s->n;
        rank_doubles(p + class, s->classes, s->n, r);
        for (int64_t i = 0; i < s->n; i++)
            r[i].positive = s->labels[r[i].row] == class;
    }
    free(p);
}

/* log(1 + exp(-x)) for a label that is there, log(1 + exp(x)) for one that isn't. */
static double binary_loss(double score, bool there)
{
    double x = there ? -score : score;
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

static void prepare_multi(Tally *t)
{
    const Scored *s = &t->s;
    t->decision = xcalloc((size_t)s->n * (size_t)s->classes, 1);
    for (int64_t i = 0; i < s->n * s->classes; i++) {
        int32_t c = (int32_t)(i % s->classes);
        bool there = s->targets[i] > 0.5f;
        bool said = metrics_sigmoid(s->scores[i]) >= (s->thresholds ? (double)s->thresholds[c] : 0.5);
        t->decision[i] = (uint8_t)((there ? TRUE_ : 0) | (said ? SAID_ : 0));
        t->loss[i / s->classes] += binary_loss((double)s->scores[i], there) / s->classes;
        t->said[i / s->classes] += there != said;
    }
    t->columns = s->classes;
    t->ranked = xcalloc((size_t)t->columns * (size_t)s->n, sizeof *t->ranked);
    for (int32_t c = 0; c < t->columns; c++) {
        Ranked *r = t->ranked + c * s->n;
        rank_floats(s->scores + c, s->classes, s->n, r);
        for (int64_t i = 0; i < s->n; i++)
            r[i].positive = t->decision[(int64_t)r[i].row * s->classes + c] & TRUE_;
    }
}

static void prepare_regression(Tally *t)
{
    const Scored *s = &t->s;
    for (int64_t i = 0; i < s->n; i++) {
        double off = (double)s->scores[i] - (double)s->targets[i];
        t->loss[i] = off * off;
    }
    t->columns = 2;
    t->ranked = xcalloc(2 * (size_t)s->n, sizeof *t->ranked);
    rank_floats(s->scores, 1, s->n, t->ranked);
    rank_floats(s->targets, 1, s->n, t->ranked + s->n);
}

Tally *tally_new(const Scored *s)
{
    static void (*const prepare[])(Tally *) = { [FTC_SINGLE_LABEL] = prepare_single, [FTC_MULTI_LABEL] = prepare_multi,
                                                [FTC_REGRESSION] = prepare_regression };
    Tally *t = xcalloc(1, sizeof *t);
    *t = (Tally){ .s = *s, .loss = xcalloc((size_t)s->n, sizeof *t->loss), .said = xcalloc((size_t)s->n, sizeof *t->said) };
    prepare[s->task](t);
    return t;
}

void tally_free(Tally *t)
{
    if (!t)
        return;
    free(t->loss);
    free(t->said);
    free(t->top);
    free(t->decision);
    free(t->ranked);
    free(t);
}

const double *tally_losses(const Tally *t) { return t->loss; }
const int32_t *tally_said(const Tally *t) { return t->said; }

bool tally_decides(const Tally *t, int64_t row, int32_t label, bool said)
{
    return t->decision[row * t->s.classes + label] & (said ? SAID_ : TRUE_);
}

const Ranked *tally_ranked(const Tally *t, int32_t class)
{
    for (int32_t k = 0; k < t->columns; k++)
        if (class_of_column(&t->s, k) == class)
            return t->ranked + k * t->s.n;
    return NULL;
}

/* ---- counting ------------------------------------------------------------------------------------------------------------ */

static double ratio(double a, double b) { return b > 0 ? a / b : 0; }

static int64_t count_of(const uint32_t *times, int64_t row) { return times ? times[row] : 1; }

static void count_decisions(const Tally *t, const uint32_t *times, ClassMetrics *by_class)
{
    const uint8_t *decision = t->decision;
    for (int64_t i = 0; i < t->s.n; i++) {
        int64_t w = count_of(times, i);
        if (w == 0) {
            decision += t->s.classes;
            continue;
        }
        for (int32_t c = 0; c < t->s.classes; c++, decision++) {
            by_class[c].support += *decision & TRUE_ ? w : 0;
            by_class[c].predicted += *decision & SAID_ ? w : 0;
            by_class[c].right += *decision == (TRUE_ | SAID_) ? w : 0;
        }
    }
}

void tally_classes(const Tally *t, const uint32_t *times, ClassMetrics *by_class)
{
    memset(by_class, 0, (size_t)t->s.classes * sizeof *by_class);
    if (t->s.task == FTC_MULTI_LABEL)
        count_decisions(t, times, by_class);
    for (int64_t i = 0; t->s.task == FTC_SINGLE_LABEL && i < t->s.n; i++) {
        int64_t w = count_of(times, i);
        int32_t is = t->s.labels[i], said = t->said[i];
        by_class[is].support += w;
        by_class[said].predicted += w;
        by_class[is].right += is == said ? w : 0;
    }
    for (int32_t c = 0; c < t->s.classes; c++) {
        ClassMetrics *k = &by_class[c];
        k->precision = ratio((double)k->right, (double)k->predicted);
        k->recall = ratio((double)k->right, (double)k->support);
        k->f1 = ratio(2 * (double)k->right, (double)(k->support + k->predicted));
    }
}

void tally_calibration(const Tally *t, const uint32_t *times, CalibrationBin bin[CALIBRATION_BINS])
{
    memset(bin, 0, CALIBRATION_BINS * sizeof *bin);
    for (int64_t i = 0; i < t->s.n; i++) {
        double w = (double)count_of(times, i), p = t->top[i];
        int k = isnan(p) ? 0 : (int)(p * CALIBRATION_BINS);
        CalibrationBin *b = &bin[k < CALIBRATION_BINS ? k : CALIBRATION_BINS - 1];
        b->rows += w;
        b->probability += w * p;
        b->right += t->said[i] == t->s.labels[i] ? w : 0;
    }
}

static double calibration_error(const Tally *t, const uint32_t *times)
{
    CalibrationBin bin[CALIBRATION_BINS];
    double off = 0, rows = 0;
    tally_calibration(t, times, bin);
    for (int k = 0; k < CALIBRATION_BINS; k++) {
        off += fabs(bin[k].right - bin[k].probability);
        rows += bin[k].rows;
    }
    return off / rows;
}

static double mean_loss(const Tally *t, const uint32_t *times)
{
    double sum = 0, rows = 0;
    for (int64_t i = 0; i < t->s.n; i++) {
        double w = (double)count_of(times, i);
        sum += w * t->loss[i];
        rows += w;
    }
    return sum / rows;
}

static void rank_values(const Tally *t, const uint32_t *times, double v[METRIC_KINDS])
{
    RankScores sum = { 0, 0 };
    for (int32_t k = 0; k < t->columns; k++) {
        RankScores one = ranks_score(t->ranked + k * t->s.n, t->s.n, times);
        sum.roc_auc += one.roc_auc;
        sum.average_precision += one.average_precision;
    }
    v[METRIC_roc_auc] = sum.roc_auc / t->columns;
    v[METRIC_average_precision] = sum.average_precision / t->columns;
}

/* Averages over classes; `all` counts those, too, that occur nowhere. */
static void average(const ClassMetrics *by_class, int32_t classes, bool all, double v[METRIC_KINDS])
{
    double seen = 0, support = 0, predicted = 0, right = 0, sum[3] = { 0 }, weighted[3] = { 0 };
    for (int32_t c = 0; c < classes; c++) {
        const ClassMetrics *k = &by_class[c];
        const double of[3] = { k->precision, k->recall, k->f1 };
        for (int i = 0; i < 3; i++) {
            sum[i] += of[i];
            weighted[i] += of[i] * (double)k->support;
        }
        seen += all || k->support || k->predicted;
        support += (double)k->support;
        predicted += (double)k->predicted;
        right += (double)k->right;
    }
    v[METRIC_macro_precision] = sum[0] / seen;
    v[METRIC_macro_recall] = sum[1] / seen;
    v[METRIC_macro_f1] = sum[2] / seen;
    v[METRIC_weighted_precision] = ratio(weighted[0], support);
    v[METRIC_weighted_recall] = ratio(weighted[1], support);
    v[METRIC_weighted_f1] = ratio(weighted[2], support);
    v[METRIC_micro_f1] = ratio(2 * right, support + predicted);
}

static void single_values(const Tally *t, const uint32_t *times, const ClassMetrics *by_class, double v[METRIC_KINDS])
{
    double n = 0, right = 0, present = 0, recalls = 0, both = 0, is = 0, said = 0;
    for (int32_t c = 0; c < t->s.classes; c++) {
        const ClassMetrics *k = &by_class[c];
        n += (double)k->support;
        right += (double)k->right;
        present += k->support > 0;
        recalls += k->recall;
        both += (double)k->support * (double)k->predicted;
        is += (double)k->support * (double)k->support;
        said += (double)k->predicted * (double)k->predicted;
    }
    double spread = (n * n - is) * (n * n - said);
    v[METRIC_accuracy] = right / n;
    v[METRIC_balanced_accuracy] = recalls / present;
    v[METRIC_mcc] = spread > 0 ? (right * n - both) / sqrt(spread) : 0;
    if (t->s.positive >= 0)
        v[METRIC_f1] = by_class[t->s.positive].f1;
    v[METRIC_ece] = calibration_error(t, times);
}

static void multi_values(const Tally *t, const uint32_t *times, double v[METRIC_KINDS])
{
    double rows = 0, exact = 0, wrong = 0;
    for (int64_t i = 0; i < t->s.n; i++) {
        double w = (double)count_of(times, i);
        rows += w;
        wrong += w * t->said[i];
        exact += t->said[i] == 0 ? w : 0;
    }
    v[METRIC_subset_accuracy] = exact / rows;
    v[METRIC_hamming_loss] = wrong / (rows * t->s.classes);
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    double rows, mean[2], square[2], product; /* sums of squares and products are about the means */
} Moments;

static Moments moments(const double *x, const double *y, int64_t n, const uint32_t *times)
{
    Moments m = { 0 };
    for (int64_t i = 0; i < n; i++) {
        double w = (double)count_of(times, i);
        m.rows += w;
        m.mean[0] += w * x[i];
        m.mean[1] += w * y[i];
    }
    m.mean[0] /= m.rows;
    m.mean[1] /= m.rows;
    for (int64_t i = 0; i < n; i++) {
        double w = (double)count_of(times, i), a = x[i] - m.mean[0], b = y[i] - m.mean[1];
        m.square[0] += w * a * a;
        m.square[1] += w * b * b;
        m.product += w * a * b;
    }
    return m;
}

static double correlation(const Moments *m)
{
    double spread = sqrt(m->square[0]) * sqrt(m->square[1]);
    return spread > 0 ? fmin(1, fmax(-1, m->product / spread)) : NAN;
}

static void number_values(const Tally *t, const uint32_t *times, double v[METRIC_KINDS])
{
    int64_t n = t->s.n;
    double *x = xcalloc(2 * (size_t)n, sizeof *x), *y = x + n, off = 0;
    for (int64_t i = 0; i < n; i++) {
        x[i] = (double)t->s.scores[i];
        y[i] = (double)t->s.targets[i];
        off += (double)count_of(times, i) * fabs(x[i] - y[i]);
    }
    Moments m = moments(x, y, n, times);
    double squares = v[METRIC_loss] * m.rows;
    v[METRIC_rmse] = sqrt(v[METRIC_loss]);
    v[METRIC_mae] = off / m.rows;
    v[METRIC_r2] = m.rows < 2 ? (double)NAN : m.square[1] > 0 ? 1 - squares / m.square[1] : squares > 0 ? 0 : 1;
    v[METRIC_pearson] = correlation(&m);
    ranks_mean(t->ranked, n, times, x);
    ranks_mean(t->ranked + n, n, times, y);
    m = moments(x, y, n, times);
    v[METRIC_spearman] = correlation(&m);
    free(x);
}

void tally_values(const Tally *t, const uint32_t *times, double value[METRIC_KINDS])
{
    for (int k = 0; k < METRIC_KINDS; k++)
        value[k] = NAN;
    value[METRIC_loss] = mean_loss(t, times);
    if (t->s.task == FTC_REGRESSION) {
        number_values(t, times, value);
        return;
    }
    ClassMetrics *by_class = xcalloc((size_t)t->s.classes, sizeof *by_class);
    tally_classes(t, times, by_class);
    average(by_class, t->s.classes, t->s.task == FTC_MULTI_LABEL, value);
    if (t->s.task == FTC_SINGLE_LABEL)
        single_values(t, times, by_class, value);
    else
        multi_values(t, times, value);
    rank_values(t, times, value);
    free(by_class);
}
