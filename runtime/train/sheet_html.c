/* The result sheet as one HTML page; see sheet.h.
 *
 * The page needs nothing from anywhere: its style and pictures are in it, and it has no script.  Whatever comes from tables and
 * specs is escaped. */
#include "runtime/train/sheet_svg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_CHARS = 400, MISTAKES = 15 };

/* ---- pieces -------------------------------------------------------------------------------------------------------------- */

static void put(FILE *out, const char *text) { html_text(out, slice_of(text)); }

static void put_number(FILE *out, double value)
{
    if (isfinite(value))
        fprintf(out, "%.4f", value);
    else
        fputs("\xE2\x80\x93", out);
}

static void put_interval(FILE *out, const Interval *i)
{
    if (isfinite(i->low))
        fprintf(out, "%.4f to %.4f", i->low, i->high);
    else
        fputs("\xE2\x80\x93", out);
}

static void put_of_class(FILE *out, double value, const Interval *i)
{
    fputs("<td class=\"n\">", out);
    put_number(out, value);
    if (isfinite(i->low))
        fprintf(out, "<small>%.3f to %.3f</small>", i->low, i->high);
    fputs("</td>", out);
}

/* ---- head ---------------------------------------------------------------------------------------------------------------- */

static void put_head(const Sheet *s, FILE *out)
{
    const SheetSource *x = &s->source;
    const char *title = x->model ? x->model : "A model";
    html_begin(out, title, ": result sheet");
    fputs("<h1>", out);
    put(out, title);
    fputs("</h1>\n<p class=\"soft\">", out);
    if (x->table_name) {
        fputs("judged by ", out);
        put(out, x->table_name);
        fputs(", ", out);
    }
    fprintf(out, "%lld rows", (long long)s->metrics->n);
    if (s->metrics->task == FTC_SINGLE_LABEL)
        fprintf(out, ", %d classes", (int)s->metrics->classes);
    if (s->metrics->task == FTC_MULTI_LABEL)
        fprintf(out, ", %d labels", (int)s->metrics->classes);
    if (s->metrics->positive >= 0) {
        fputs("; the positive class is \xE2\x80\x98", out);
        put(out, x->labels[s->metrics->positive]);
        fputs("\xE2\x80\x99", out);
    }
    fputs("</p>\n", out);
}

/* The numbers to remember. */
static void put_key(const Sheet *s, FILE *out)
{
    static const MetricKind of_task[][4] = {
        [FTC_SINGLE_LABEL] = { METRIC_accuracy, METRIC_f1, METRIC_macro_f1, METRIC_mcc },
        [FTC_MULTI_LABEL] = { METRIC_micro_f1, METRIC_macro_f1, METRIC_subset_accuracy, METRIC_hamming_loss },
        [FTC_REGRESSION] = { METRIC_pearson, METRIC_spearman, METRIC_rmse, METRIC_r2 },
    };
    char title[256];
    fputs("<div class=\"key\">\n", out);
    for (int i = 0; i < 4; i++) {
        MetricKind k = of_task[s->metrics->task][i];
        if (k == METRIC_f1 && s->metrics->positive < 0)
            k = METRIC_balanced_accuracy;
        sheet_title(s, k, title, sizeof title);
        fputs("<div><span>", out);
        put(out, title);
        fputs("</span><b>", out);
        put_number(out, s->metrics->value[k]);
        fputs("</b><span>", out);
        put_interval(out, &s->intervals->value[k]);
        fputs("</span><span>baseline ", out);
        put_number(out, s->baseline->value[k]);
        fputs("</span></div>\n", out);
    }
    fputs("</div>\n", out);
}

/* ---- tables -------------------------------------------------------------------------------------------------------------- */

/* Whether a number is between 0 and 1, and so has a place on the line of svg_interval. */
static bool is_on_unit(MetricKind k)
{
    return k != METRIC_loss && k != METRIC_rmse && k != METRIC_mae;
}

static void put_metrics(const Sheet *s, FILE *out)
{
    char text[256];
    fputs("<section>\n<h2>Metrics</h2>\n<table>\n<tr><th>metric</th><th class=\"n\">value</th><th class=\"n\">95 % interval</th>"
          "<th class=\"n\">baseline</th><th>0 to 1; the bar is the baseline</th></tr>\n", out);
    for (int k = 0; k < METRIC_KINDS; k++) {
        if (!sheet_shows(s, (MetricKind)k))
            continue;
        sheet_title(s, (MetricKind)k, text, sizeof text);
        fputs("<tr><td class=\"label\">", out);
        put(out, text);
        fputs(metric_info[k].better < 0 ? " <span class=\"soft\">(less is better)</span></td><td class=\"n\">"
                                        : "</td><td class=\"n\">",
              out);
        put_number(out, s->metrics->value[k]);
        fputs("</td><td class=\"n\">", out);
        put_interval(out, &s->intervals->value[k]);
        fputs("</td><td class=\"n\">", out);
        put_number(out, s->baseline->value[k]);
        fputs("</td><td>", out);
        if (is_on_unit((MetricKind)k) && isfinite(s->metrics->value[k]))
            svg_interval(s->metrics->value[k], &s->intervals->value[k], s->baseline->value[k], out);
        fputs("</td></tr>\n", out);
    }
    sheet_baseline(s, text, sizeof text);
    fputs("</table>\n<p class=\"note\">The baseline never looks at a text: ", out);
    put(out, text);
    fprintf(out,
            ". Intervals of shares are Wilson\xE2\x80\x99s; the others come from a bootstrap of %d resamples of the rows (seed "
            "%llu). "
            "They say how far chance in the choice of these rows may go, not how much another training run would "
            "differ.</p>\n</section>\n",
            s->intervals->resamples, (unsigned long long)s->source.seed);
}

static void put_average(const char *name, double precision, double recall, double f1, FILE *out)
{
    fprintf(out,
            "<tr class=\"sum\"><td>%s</td><td></td><td class=\"n\">%.4f</td><td class=\"n\">%.4f</td><td "
            "class=\"n\">%.4f</td><td></td></tr>\n",
            name, precision, recall, f1);
}

static void put_classes(const Sheet *s, FILE *out)
{
    const Metrics *m = s->metrics;
    const char *what = m->task == FTC_MULTI_LABEL ? "label" : "class";
    fprintf(out, "<section>\n<h2>By %s</h2>\n<table>\n<tr><th>%s</th><th class=\"n\">rows</th><th class=\"n\">precision</th>"
            "<th class=\"n\">recall</th><th class=\"n\">F1</th><th>F1, 0 to 1</th></tr>\n", what, what);
    for (int32_t c = 0; c < m->classes; c++) {
        const ClassMetrics *k = &m->by_class[c];
        const ClassIntervals *i = &s->intervals->by_class[c];
        fputs("<tr><td class=\"label\">", out);
        put(out, s->source.labels[c]);
        fprintf(out, "</td><td class=\"n\">%lld</td>", (long long)k->support);
        put_of_class(out, k->precision, &i->precision);
        put_of_class(out, k->recall, &i->recall);
        put_of_class(out, k->f1, &i->f1);
        fputs("<td>", out);
        svg_interval(k->f1, &i->f1, NAN, out);
        fputs("</td></tr>\n", out);
    }
    put_average("macro average", m->macro_precision, m->macro_recall, m->macro_f1, out);
    put_average("weighted average", m->weighted_precision, m->weighted_recall, m->weighted_f1, out);
    fputs("</table>\n</section>\n", out);
}

static void put_mistakes(const Sheet *s, FILE *out)
{
    int64_t n;
    Mistake *list = sheet_mistakes(s->metrics, &n);
    if (n) {
        fputs("<section>\n<h2>Most frequent mistakes</h2>\n<table>\n<tr><th>true</th><th>predicted</th><th class=\"n\">rows</th>"
              "<th class=\"n\">of the true class</th></tr>\n", out);
        for (int64_t i = 0; i < n && i < MISTAKES; i++) {
            fputs("<tr><td class=\"label\">", out);
            put(out, s->source.labels[list[i].is]);
            fputs("</td><td class=\"label\">", out);
            put(out, s->source.labels[list[i].said]);
            fprintf(out, "</td><td class=\"n\">%lld</td><td class=\"n\">%.1f %%</td></tr>\n", (long long)list[i].count,
                    100 * (double)list[i].count / (double)s->metrics->by_class[list[i].is].support);
        }
        fputs("</table>\n</section>\n", out);
    }
    free(list);
}

/* ---- the worst rows ------------------------------------------------------------------------------------------------------ */

static void put_answer(const Sheet *s, int64_t row, bool said, FILE *out)
{
    const Scored *x = s->source.scored;
    fputs("<td class=\"label\">", out);
    if (x->task == FTC_REGRESSION)
        fprintf(out, "%.4g", (double)(said ? x->scores[row] : x->targets[row]));
    else if (x->task == FTC_SINGLE_LABEL) {
        int32_t class = said ? tally_said(s->tally)[row] : x->labels[row];
        put(out, s->source.labels[class]);
        fprintf(out, "<small>%.4f</small>", sheet_probability(s, row, class));
    } else
        for (int32_t c = 0; c < x->classes; c++)
            if (tally_decides(s->tally, row, c, said)) {
                fputs("<div>", out);
                put(out, s->source.labels[c]);
                fprintf(out, " <span class=\"soft\">%.2f</span></div>", sheet_probability(s, row, c));
            }
    fputs("</td>", out);
}

static void put_worst(const Sheet *s, FILE *out)
{
    Bytes text = { 0 };
    if (!s->n_worst)
        return;
    fputs("<section>\n<h2>Worst errors</h2>\n<p class=\"note\">", out);
    fputs(s->metrics->task == FTC_REGRESSION
              ? "The rows of the highest loss"
              : "The wrong rows of the highest loss, with the model\xE2\x80\x99s probabilities",
          out);
    fputs(": often what the table says of them deserves a second look.</p>\n<table>\n"
          "<tr><th class=\"n\">line</th><th class=\"n\">loss</th>"
          "<th>true</th><th>predicted</th><th>text</th></tr>\n",
          out);
    for (int i = 0; i < s->n_worst; i++) {
        int64_t row = s->worst[i];
        int line = sheet_line(s, row);
        fputs("<tr><td class=\"n\">", out);
        if (line)
            fprintf(out, "%d", line);
        fprintf(out, "</td><td class=\"n\">%.3f</td>", tally_losses(s->tally)[row]);
        put_answer(s, row, false, out);
        put_answer(s, row, true, out);
        fputs("<td class=\"text\">", out);
        html_cut(out, sheet_text(s, row, &text), TEXT_CHARS);
        fputs("</td></tr>\n", out);
    }
    fputs("</table>\n</section>\n", out);
    bytes_free(&text);
}

/* ---- pictures ------------------------------------------------------------------------------------------------------------ */

static void begin_plot(const char *title, FILE *out) { fprintf(out, "<section class=\"plot\">\n<h2>%s</h2>\n", title); }

static void put_training(const Sheet *s, FILE *out)
{
    if (!s->source.history || !s->source.history->n_steps)
        return;
    fputs("<div class=\"pair\">\n", out);
    begin_plot("Loss", out);
    svg_loss_curve(s, out);
    fputs("</section>\n", out);
    if (svg_has_metric_curve(s)) {
        begin_plot("Dev table", out);
        svg_metric_curve(s, out);
        fputs("</section>\n", out);
    }
    fputs("</div>\n", out);
}

static void put_confusion(const Sheet *s, FILE *out)
{
    if (s->metrics->task != FTC_SINGLE_LABEL || s->metrics->classes > CONFUSION_MOST)
        return;
    fprintf(out, "<section%s>\n", s->metrics->classes > CONFUSION_FITS ? " class=\"wide\"" : "");
    fputs("<h2>Confusion matrix</h2>\n<p class=\"note\">A row is a true class, a column what was predicted: "
          "how many rows, and their share of the true class, which the shade shows.</p>\n", out);
    svg_confusion(s, out);
    fputs("</section>\n", out);
}

static void put_pictures(const Sheet *s, FILE *out)
{
    FtcTask task = s->metrics->task;
    fputs("<div class=\"pair\">\n", out);
    if (task == FTC_SINGLE_LABEL) {
        begin_plot("Reliability", out);
        svg_reliability(s, out);
        fprintf(out,
                "<p class=\"note\">Of predictions given a probability, how many are right (with 95 %% intervals); on the "
                "dashed line both "
                "are equal. The larger a dot, the more rows, which the bars count. The mean distance, the calibration error, "
                "is %.4f.</p>\n</section>\n",
                s->metrics->ece);
    }
    if (task == FTC_REGRESSION) {
        begin_plot("Predicted and true", out);
        svg_scatter(s, out);
    } else {
        begin_plot("Precision and recall", out);
        svg_precision_recall(s, out);
        fputs("<p class=\"note\">In brackets the average precision.</p>\n", out);
    }
    fputs("</section>\n</div>\n", out);
}

/* ---- foot ---------------------------------------------------------------------------------------------------------------- */

static void put_fact(FILE *out, const char *name, double value, const char *unit, int digits)
{
    if (isfinite(value))
        fprintf(out, "<tr><td>%s</td><td class=\"n\">%.*f %s</td></tr>\n", name, digits, value, unit);
}

static void put_facts(const Sheet *s, FILE *out)
{
    const SheetSource *x = &s->source;
    fputs("<section>\n<h2>The run</h2>\n<table>\n", out);
    if (x->history && x->history->n_steps)
        fprintf(out, "<tr><td>training steps</td><td class=\"n\">%lld</td></tr>\n",
                (long long)x->history->step[x->history->n_steps - 1].step);
    put_fact(out, "training", x->train_s, "s", 1);
    put_fact(out, "throughput of training, real tokens only", x->tokens_per_s, "tokens/s", 0);
    put_fact(out, "judging this table", x->eval_s, "s", 2);
    put_fact(out, "throughput of judging", (double)s->metrics->n / x->eval_s, "rows/s", 0);
    fputs("</table>\n", out);
    if (x->version) {
        fputs("<p class=\"note\">ftc ", out);
        put(out, x->version);
        fputs("</p>\n", out);
    }
    fputs("</section>\n", out);
}

void sheet_write_html(const Sheet *s, FILE *out)
{
    put_head(s, out);
    put_key(s, out);
    put_metrics(s, out);
    put_training(s, out);
    put_confusion(s, out);
    put_pictures(s, out);
    if (s->metrics->by_class)
        put_classes(s, out);
    put_mistakes(s, out);
    put_worst(s, out);
    put_facts(s, out);
    html_end(out);
}
