/* The result sheet as JSON; see sheet.h.
 *
 *   {"rows": 90, "task": "single_label", "positive": null, "baseline": "always 'payment'", "resamples": 1000,
 *    "metrics": {"accuracy": {"value": 0.9, "low": 0.82, "high": 0.95, "baseline": 0.27, "interval": "wilson"}, ...},
 *    "per_class": [{"label": "payment", "support": 24, "precision": ..., "precision_low": ...}, ...],
 *    "confusion": [[...], ...], "calibration": [{"rows": 3, "right": 2, "probability": 0.61}, ...],
 *    "worst": [{"line": 17, "loss": 4.1, "true": "payment", "predicted": "return", "text": "..."}, ...],
 *    "history": {...}, "train_s": ..., "eval_s": ..., "rows_per_s": ..., "tokens_per_s": ...} */
#include "runtime/train/sheet.h"

#include "runtime/core/jsonwrite.h"

#include <math.h>

static void write_metrics(JsonWriter *w, const Sheet *s)
{
    jsonw_object(w, "metrics");
    for (int k = 0; k < METRIC_KINDS; k++) {
        if (!(metric_info[k].tasks >> s->metrics->task & 1))
            continue;
        jsonw_object(w, metric_info[k].name);
        jsonw_double(w, "value", s->metrics->value[k]);
        jsonw_double(w, "low", s->intervals->value[k].low);
        jsonw_double(w, "high", s->intervals->value[k].high);
        jsonw_double(w, "baseline", s->baseline->value[k]);
        jsonw_string(w, "interval", metric_is_share((MetricKind)k) ? "wilson" : "bootstrap");
        jsonw_end(w);
    }
    jsonw_end(w);
}

static void write_interval(JsonWriter *w, const char *low, const char *high, const Interval *i)
{
    jsonw_double(w, low, i->low);
    jsonw_double(w, high, i->high);
}

static void write_classes(JsonWriter *w, const Sheet *s)
{
    jsonw_array(w, "per_class");
    for (int32_t c = 0; s->metrics->by_class && c < s->metrics->classes; c++) {
        const ClassMetrics *k = &s->metrics->by_class[c];
        const ClassIntervals *i = &s->intervals->by_class[c];
        jsonw_object(w, NULL);
        jsonw_string(w, "label", s->source.labels[c]);
        jsonw_int(w, "support", k->support);
        jsonw_int(w, "predicted", k->predicted);
        jsonw_double(w, "precision", k->precision);
        write_interval(w, "precision_low", "precision_high", &i->precision);
        jsonw_double(w, "recall", k->recall);
        write_interval(w, "recall_low", "recall_high", &i->recall);
        jsonw_double(w, "f1", k->f1);
        write_interval(w, "f1_low", "f1_high", &i->f1);
        jsonw_end(w);
    }
    jsonw_end(w);
}

static void write_confusion(JsonWriter *w, const Metrics *m)
{
    jsonw_array(w, "confusion");
    for (int32_t r = 0; m->confusion && r < m->classes; r++) {
        jsonw_array(w, NULL);
        for (int32_t c = 0; c < m->classes; c++)
            jsonw_int(w, NULL, m->confusion[(int64_t)r * m->classes + c]);
        jsonw_end(w);
    }
    jsonw_end(w);
}

static void write_calibration(JsonWriter *w, const Sheet *s)
{
    CalibrationBin bin[CALIBRATION_BINS];
    jsonw_array(w, "calibration");
    if (s->metrics->task == FTC_SINGLE_LABEL) {
        tally_calibration(s->tally, NULL, bin);
        for (int k = 0; k < CALIBRATION_BINS; k++) {
            jsonw_object(w, NULL);
            jsonw_double(w, "rows", bin[k].rows);
            jsonw_double(w, "right", bin[k].right);
            jsonw_double(w, "probability", bin[k].rows > 0 ? bin[k].probability / bin[k].rows : (double)NAN);
            jsonw_end(w);
        }
    }
    jsonw_end(w);
}

/* The true or the predicted answer of a row: a label, a list of labels, or a number. */
static void write_answer(JsonWriter *w, const char *key, const Sheet *s, int64_t row, bool said)
{
    const Scored *x = s->source.scored;
    if (x->task == FTC_REGRESSION)
        jsonw_float(w, key, said ? x->scores[row] : x->targets[row]);
    else if (x->task == FTC_SINGLE_LABEL)
        jsonw_string(w, key, s->source.labels[said ? tally_said(s->tally)[row] : x->labels[row]]);
    else {
        jsonw_array(w, key);
        for (int32_t c = 0; c < x->classes; c++)
            if (tally_decides(s->tally, row, c, said))
                jsonw_string(w, NULL, s->source.labels[c]);
        jsonw_end(w);
    }
}

static void write_worst(JsonWriter *w, const Sheet *s)
{
    Bytes text = { 0 };
    jsonw_array(w, "worst");
    for (int i = 0; i < s->n_worst; i++) {
        int64_t row = s->worst[i];
        jsonw_object(w, NULL);
        if (s->source.table)
            jsonw_int(w, "line", sheet_line(s, row));
        jsonw_double(w, "loss", tally_losses(s->tally)[row]);
        write_answer(w, "true", s, row, false);
        write_answer(w, "predicted", s, row, true);
        sheet_text(s, row, &text);
        bytes_put(&text, '\0');
        jsonw_string(w, "text", s->source.table ? text.p : NULL);
        jsonw_end(w);
    }
    jsonw_end(w);
    bytes_free(&text);
}

static void write_history(JsonWriter *w, const History *h)
{
    if (!h || !h->n_steps) {
        jsonw_null(w, "history");
        return;
    }
    jsonw_object(w, "history");
    jsonw_int(w, "steps", h->n_steps);
    jsonw_int(w, "best", h->best < 0 ? 0 : h->epoch[h->best].step);
    jsonw_array(w, "evaluations");
    for (int64_t i = 0; i < h->n_epochs; i++) {
        const EpochRecord *e = &h->epoch[i];
        jsonw_object(w, NULL);
        jsonw_int(w, "epoch", e->epoch);
        jsonw_int(w, "step", e->step);
        jsonw_double(w, "train_loss", e->train_loss);
        for (int k = 0; k < METRIC_KINDS; k++)
            if (!isnan(e->dev[k]))
                jsonw_double(w, metric_info[k].name, e->dev[k]);
        jsonw_double(w, "train_s", e->train_s);
        jsonw_double(w, "dev_s", e->dev_s);
        jsonw_end(w);
    }
    jsonw_end(w);
    jsonw_end(w);
}

void sheet_write_json(const Sheet *s, FILE *out)
{
    static const char *const task[] = { [FTC_SINGLE_LABEL] = "single_label", [FTC_MULTI_LABEL] = "multi_label",
                                        [FTC_REGRESSION] = "regression" };
    const Metrics *m = s->metrics;
    char baseline[256];
    JsonWriter w;
    sheet_baseline(s, baseline, sizeof baseline);
    jsonw_begin(&w, out, JSON_PRETTY);
    jsonw_object(&w, NULL);
    jsonw_string(&w, "ftc", s->source.version);
    jsonw_string(&w, "model", s->source.model);
    jsonw_string(&w, "table", s->source.table_name);
    jsonw_int(&w, "rows", m->n);
    jsonw_string(&w, "task", task[m->task]);
    jsonw_string(&w, "positive", m->positive >= 0 ? s->source.labels[m->positive] : NULL);
    jsonw_string(&w, "baseline", baseline);
    jsonw_int(&w, "resamples", s->intervals->resamples);
    jsonw_int(&w, "seed", (int64_t)s->source.seed);
    write_metrics(&w, s);
    write_classes(&w, s);
    write_confusion(&w, m);
    write_calibration(&w, s);
    write_worst(&w, s);
    write_history(&w, s->source.history);
    jsonw_double(&w, "train_s", s->source.train_s);
    jsonw_double(&w, "tokens_per_s", s->source.tokens_per_s);
    jsonw_double(&w, "eval_s", s->source.eval_s);
    jsonw_double(&w, "rows_per_s", (double)m->n / s->source.eval_s);
    jsonw_end(&w);
}
