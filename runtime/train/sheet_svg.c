/* Pictures; see sheet_svg.h.  Lengths are in pixels of the picture's own size, which the page may scale down. */
#include "runtime/train/sheet_svg.h"

#include "runtime/core/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 460, HEIGHT = 300, LEFT = 54, RIGHT = 14, TOP = 12, BOTTOM = 44 };
enum { COLOURS = 6 }; /* c0 ... of the style sheet */

/* ---- axes ---------------------------------------------------------------------------------------------------------------- */

typedef struct {
    FILE *out;
    double x0, x1, y0, y1;  /* of the data */
} Plot;

static double plot_x(const Plot *p, double x) { return LEFT + (x - p->x0) / (p->x1 - p->x0) * (WIDTH - LEFT - RIGHT); }
static double plot_y(const Plot *p, double y) { return TOP + (p->y1 - y) / (p->y1 - p->y0) * (HEIGHT - TOP - BOTTOM); }

/* 1, 2 or 5 times a power of ten: some five of them make up the range. */
static double tick_step(double range)
{
    double power = pow(10, floor(log10(range / 5))), share = range / 5 / power;
    return power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
}

static void open_svg(FILE *out, int width, int height, const char *label)
{
    fprintf(out, "<svg viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"%s\">\n", width, height,
            width, height, label);
}

static void put_tick(const Plot *p, double v, bool across)
{
    char text[32];
    snprintf(text, sizeof text, fabs(v) >= 1e5 ? "%.0e" : "%.4g", fabs(v) < 1e-12 ? 0 : v);
    if (across)
        fprintf(p->out, "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", plot_x(p, v),
                HEIGHT - BOTTOM + 16, text);
    else
        fprintf(
            p->out,
            "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text class=\"tick\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
            LEFT, plot_y(p, v), WIDTH - RIGHT, LEFT - 7, plot_y(p, v) + 4, text);
}

static void begin_plot(const Plot *p, const char *label, const char *x_title, const char *y_title)
{
    double x_step = tick_step(p->x1 - p->x0), y_step = tick_step(p->y1 - p->y0);
    open_svg(p->out, WIDTH, HEIGHT, label);
    for (double v = ceil(p->y0 / y_step - 1e-9) * y_step; v <= p->y1 + y_step * 1e-9; v += y_step)
        put_tick(p, v, false);
    for (double v = ceil(p->x0 / x_step - 1e-9) * x_step; v <= p->x1 + x_step * 1e-9; v += x_step)
        put_tick(p, v, true);
    fprintf(p->out, "<path class=\"axis\" d=\"M%d %dV%dH%d\"/>\n", LEFT, TOP, HEIGHT - BOTTOM, WIDTH - RIGHT);
    fprintf(p->out, "<text class=\"title\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", (LEFT + WIDTH - RIGHT) / 2,
            HEIGHT - 8, x_title);
    fprintf(p->out, "<text class=\"title\" transform=\"translate(13 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
            (TOP + HEIGHT - BOTTOM) / 2, y_title);
}

static void end_plot(const Plot *p) { fputs("</svg>\n", p->out); }

static void put_dots(const Plot *p, const double (*v)[2], int64_t n, int colour)
{
    for (int64_t i = 0; i < n; i++)
        fprintf(p->out, "<circle class=\"f%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>", colour, plot_x(p, v[i][0]), plot_y(p, v[i][1]));
}

static void put_line(const Plot *p, const double (*v)[2], int64_t n, const char *class)
{
    fprintf(p->out, "<path class=\"line %s\" d=\"", class);
    for (int64_t i = 0; i < n; i++)
        fprintf(p->out, "%s%.1f %.1f", i ? "L" : "M", plot_x(p, v[i][0]), plot_y(p, v[i][1]));
    fputs("\"/>\n", p->out);
}

static void begin_legend(FILE *out) { fputs("<p class=\"legend\">", out); }
static void end_entry(FILE *out) { fputs("</span> ", out); }
static void end_legend(FILE *out) { fputs("</p>\n", out); }

/* In front of an entry's text, which ends with end_entry. */
static void begin_entry(FILE *out, const char *class)
{
    fprintf(out, "<span><svg width=\"26\" height=\"10\" aria-hidden=\"true\"><path class=\"line %s\" d=\"M1 5H25\"/></svg>", class);
}

/* ---- training ------------------------------------------------------------------------------------------------------------ */

enum { MOST_POINTS = 200 };

/* Means of the steps' losses, { last step, mean }, of up to MOST_POINTS stretches of equal length. */
static int64_t mean_losses(const History *h, double (*out)[2])
{
    int64_t each = (h->n_steps + MOST_POINTS - 1) / MOST_POINTS, n = 0;
    for (int64_t i = 0; i < h->n_steps; n++) {
        double sum = 0;
        int64_t k = 0;
        for (; k < each && i < h->n_steps; k++, i++)
            sum += h->step[i].loss;
        out[n][0] = (double)h->step[i - 1].step;
        out[n][1] = sum / (double)k;
    }
    return n;
}

/* What dev gave of a metric, { step, value }. */
static int64_t dev_points(const History *h, MetricKind kind, double (*out)[2])
{
    int64_t n = 0;
    for (int64_t i = 0; i < h->n_epochs; i++)
        if (isfinite(h->epoch[i].dev[kind])) {
            out[n][0] = (double)h->epoch[i].step;
            out[n++][1] = h->epoch[i].dev[kind];
        }
    return n;
}

static void widen(Plot *p, const double (*v)[2], int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        p->y0 = fmin(p->y0, v[i][1]);
        p->y1 = fmax(p->y1, v[i][1]);
    }
}

static void mark_best(const Plot *p, const History *h)
{
    if (h->best >= 0)
        fprintf(p->out, "<path class=\"line faint dash1\" d=\"M%.1f %dV%d\"/>\n", plot_x(p, (double)h->epoch[h->best].step), TOP,
                HEIGHT - BOTTOM);
}

static void legend_best(const History *h, FILE *out)
{
    if (h->best < 0)
        return;
    begin_entry(out, "faint dash1");
    fprintf(out, "chosen: step %lld", (long long)h->epoch[h->best].step);
    end_entry(out);
}

static Plot steps_plot(const History *h, FILE *out)
{
    double last = h->n_steps ? (double)h->step[h->n_steps - 1].step : 1;
    return (Plot){ .out = out, .x1 = last > 1 ? last : 2, .y0 = INFINITY, .y1 = -INFINITY };
}

static void round_range(Plot *p)
{
    if (p->y1 - p->y0 < 1e-9)
        p->y0 -= 0.05, p->y1 += 0.05;
    double step = tick_step(p->y1 - p->y0);
    p->y0 = floor(p->y0 / step) * step;
    p->y1 = ceil(p->y1 / step) * step;
}

void svg_loss_curve(const Sheet *s, FILE *out)
{
    const History *h = s->source.history;
    double(*train)[2] = xcalloc(MOST_POINTS, sizeof *train), (*dev)[2] = xcalloc((size_t)h->n_epochs + 1, sizeof *dev);
    int64_t n = mean_losses(h, train), m = dev_points(h, METRIC_loss, dev);
    Plot p = steps_plot(h, out);
    widen(&p, (const double(*)[2])train, n);
    widen(&p, (const double(*)[2])dev, m);
    p.y0 = fmin(p.y0, 0);
    round_range(&p);
    begin_plot(&p, "Loss by training step", "step", "loss");
    mark_best(&p, h);
    put_line(&p, (const double(*)[2])train, n, "c0");
    if (m) {
        put_line(&p, (const double(*)[2])dev, m, "c1 dash1");
        put_dots(&p, (const double(*)[2])dev, m, 1);
    }
    end_plot(&p);
    begin_legend(out);
    begin_entry(out, "c0");
    fputs("training", out);
    end_entry(out);
    if (m) {
        begin_entry(out, "c1 dash1");
        fputs("dev", out);
        end_entry(out);
    }
    legend_best(h, out);
    end_legend(out);
    free(train);
    free(dev);
}

/* The metrics of the curve, by task. */
static const MetricKind curve_kinds[][4] = {
    [FTC_SINGLE_LABEL] = { METRIC_accuracy, METRIC_balanced_accuracy, METRIC_macro_f1, METRIC_mcc },
    [FTC_MULTI_LABEL] = { METRIC_micro_f1, METRIC_macro_f1, METRIC_weighted_f1, METRIC_subset_accuracy },
    [FTC_REGRESSION] = { METRIC_pearson, METRIC_spearman, METRIC_r2, METRIC_r2 },
};

bool svg_has_metric_curve(const Sheet *s)
{
    const History *h = s->source.history;
    MetricKind first = curve_kinds[s->metrics->task][0];
    for (int64_t i = 0; h && i < h->n_epochs; i++)
        if (isfinite(h->epoch[i].dev[first]))
            return true;
    return false;
}

void svg_metric_curve(const Sheet *s, FILE *out)
{
    const History *h = s->source.history;
    const MetricKind *kind = curve_kinds[s->metrics->task];
    int n_kinds = s->metrics->task == FTC_REGRESSION ? 3 : 4;
    double(*v)[2] = xcalloc((size_t)h->n_epochs + 1, sizeof *v);
    char class[16];
    Plot p = steps_plot(h, out);
    for (int k = 0; k < n_kinds; k++)
        widen(&p, (const double(*)[2])v, dev_points(h, kind[k], v));
    round_range(&p);
    begin_plot(&p, "Metrics of the dev table by training step", "step", "dev");
    mark_best(&p, h);
    for (int k = 0; k < n_kinds; k++) {
        int64_t n = dev_points(h, kind[k], v);
        snprintf(class, sizeof class, "c%d dash%d", k, k);
        put_line(&p, (const double(*)[2])v, n, class);
        put_dots(&p, (const double(*)[2])v, n, k);
    }
    end_plot(&p);
    begin_legend(out);
    for (int k = 0; k < n_kinds; k++) {
        snprintf(class, sizeof class, "c%d dash%d", k, k);
        begin_entry(out, class);
        fputs(metric_info[kind[k]].title, out);
        end_entry(out);
    }
    legend_best(h, out);
    end_legend(out);
    free(v);
}

/* ---- one number ---------------------------------------------------------------------------------------------------------- */

static double on_unit(double v) { return 4 + 232 * fmin(1, fmax(0, v)); }

void svg_interval(double value, const Interval *i, double baseline, FILE *out)
{
    fputs("<svg viewBox=\"0 0 240 16\" width=\"240\" height=\"16\" aria-hidden=\"true\"><path class=\"grid\" d=\"M4 8H236\"/>",
          out);
    if (isfinite(baseline))
        fprintf(out, "<path class=\"line faint\" d=\"M%.1f 2V14\"/>", on_unit(baseline));
    if (isfinite(i->low))
        fprintf(out, "<path class=\"line c0\" d=\"M%.1f 4V12M%.1f 8H%.1f\"/>", on_unit(value), on_unit(i->low), on_unit(i->high));
    else
        fprintf(out, "<circle class=\"f0\" cx=\"%.1f\" cy=\"8\" r=\"3\"/>", on_unit(value));
    fputs("</svg>", out);
}

/* ---- predictions --------------------------------------------------------------------------------------------------------- */

enum { LABEL_CHARS = 22 };

static int characters(const char *text)
{
    int n = 0, size;
    for (size_t at = 0, all = strlen(text); at < all; at += (size_t)size, n++)
        utf8_decode(text + at, all - at, &size);
    return n;
}

typedef struct {
    int width, height, font;
    bool share;              /* there is room for it below the count */
} Cell;

static Cell cell_for(int32_t classes)
{
    return classes <= 6             ? (Cell){ 76, 54, 15, true }
           : classes <= 14          ? (Cell){ 56, 44, 13, true }
           : classes <= CONFUSION_FITS ? (Cell){ 30, 28, 11, true }
                                    : (Cell){ 26, 20, 10, false };
}

static void put_cell(const Sheet *s, const Cell *cell, int32_t r, int32_t c, int left, int top, FILE *out)
{
    const Metrics *m = s->metrics;
    int64_t count = m->confusion[(int64_t)r * m->classes + c], row = m->by_class[r].support;
    double share = row ? (double)count / (double)row : 0;
    int x = left + c * cell->width, y = top + r * cell->height;
    if (count == 0) {
        if (r == c)
            fprintf(out, "<rect class=\"none\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n", x, y, cell->width - 1,
                    cell->height - 1);
        return;
    }
    fputs("<g><title>", out);
    html_text(out, slice_of(s->source.labels[r]));
    fputs(" \xE2\x86\x92 ", out);
    html_text(out, slice_of(s->source.labels[c]));
    fprintf(out, ": %lld of %lld, %.1f %%</title>", (long long)count, (long long)row, 100 * share);
    fprintf(out, "<rect class=\"%s\" fill-opacity=\"%.2f\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", r == c ? "f0" : "f1",
            0.12 + 0.48 * sqrt(share), x, y, cell->width - 1, cell->height - 1);
    double middle = x + (cell->width - 1) / 2.0, base = y + cell->height / 2.0 + (cell->share ? -1 : cell->font * 0.36);
    fprintf(out, "<text class=\"count\" x=\"%.1f\" y=\"%.1f\" font-size=\"%d\" text-anchor=\"middle\">%lld</text>", middle, base,
            cell->font, (long long)count);
    if (cell->share)
        fprintf(out, "<text class=\"count\" x=\"%.1f\" y=\"%.1f\" font-size=\"%.1f\" text-anchor=\"middle\">%.0f %%</text>", middle,
                base + cell->font * 0.95, fmax(8.5, cell->font * 0.8), 100 * share);
    fputs("</g>\n", out);
}

void svg_confusion(const Sheet *s, FILE *out)
{
    const Metrics *m = s->metrics;
    Cell cell = cell_for(m->classes);
    int longest = 4;
    for (int32_t c = 0; c < m->classes; c++) {
        int n = characters(s->source.labels[c]);
        longest = n > longest ? n : longest;
    }
    longest = longest < LABEL_CHARS ? longest : LABEL_CHARS;
    int left = 34 + 7 * longest, over = 8 + 4 * longest, top = 34 + 6 * longest;
    int width = left + m->classes * cell.width + over, height = top + m->classes * cell.height + 6;
    open_svg(out, width, height, "Confusion matrix: rows are true classes, columns predicted ones");
    fprintf(out, "<text class=\"title\" x=\"%d\" y=\"13\" text-anchor=\"middle\">predicted</text>\n",
            left + m->classes * cell.width / 2);
    fprintf(out, "<text class=\"title\" transform=\"translate(12 %d) rotate(-90)\" text-anchor=\"middle\">true</text>\n",
            top + m->classes * cell.height / 2);
    for (int32_t c = 0; c < m->classes; c++) {
        fprintf(out, "<text class=\"tick\" transform=\"translate(%d %d) rotate(-60)\">",
                left + c * cell.width + cell.width / 2 + 4, top - 6);
        html_cut(out, slice_of(s->source.labels[c]), LABEL_CHARS);
        fprintf(out, "</text><text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"end\">", left - 7,
                top + c * cell.height + cell.height / 2 + 4);
        html_cut(out, slice_of(s->source.labels[c]), LABEL_CHARS);
        fputs("</text>\n", out);
    }
    for (int32_t r = 0; r < m->classes; r++)
        for (int32_t c = 0; c < m->classes; c++)
            put_cell(s, &cell, r, c, left, top, out);
    fprintf(out, "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n", left, top, m->classes * cell.width - 1,
            m->classes * cell.height - 1);
    fputs("</svg>\n", out);
}

void svg_reliability(const Sheet *s, FILE *out)
{
    CalibrationBin bin[CALIBRATION_BINS];
    Plot p = { .out = out, .x1 = 1, .y1 = 1 };
    tally_calibration(s->tally, NULL, bin);
    begin_plot(&p, "Reliability: share of right predictions by their probability", "probability of the prediction", "share right");
    double most = 1;
    for (int k = 0; k < CALIBRATION_BINS; k++)
        most = fmax(most, bin[k].rows);
    for (int k = 0; k < CALIBRATION_BINS; k++) { /* how many rows, as bars up to a quarter of the height */
        double x = plot_x(&p, (double)k / CALIBRATION_BINS), h = bin[k].rows / most * (HEIGHT - TOP - BOTTOM) / 4;
        if (bin[k].rows > 0)
            fprintf(out,
                    "<rect class=\"none\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>%.0f rows</title></rect>",
                    x + 1, HEIGHT - BOTTOM - h, plot_x(&p, 1.0 / CALIBRATION_BINS) - LEFT - 2, h, bin[k].rows);
    }
    const double diagonal[2][2] = { { 0, 0 }, { 1, 1 } };
    put_line(&p, diagonal, 2, "faint dash1");
    for (int k = 0; k < CALIBRATION_BINS; k++) {
        if (bin[k].rows == 0)
            continue;
        Interval i = wilson((int64_t)bin[k].right, (int64_t)bin[k].rows);
        double x = bin[k].probability / bin[k].rows, y = bin[k].right / bin[k].rows;
        fprintf(
            out,
            "<path class=\"line c0 thin\" d=\"M%.1f %.1fV%.1f\"/><circle class=\"f0\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>\n",
            plot_x(&p, x), plot_y(&p, i.low), plot_y(&p, i.high), plot_x(&p, x), plot_y(&p, y),
            2.5 + 4 * sqrt(bin[k].rows / most));
    }
    end_plot(&p);
}

/* ---- precision and recall ------------------------------------------------------------------------------------------------ */

typedef struct {
    int32_t class;
    int64_t rows;
    double average_precision;
} Curve;

/* Of classes of equally many rows the hardest. */
static int most_rows_first(const void *a, const void *b)
{
    const Curve *x = a, *y = b;
    if (x->rows != y->rows)
        return x->rows < y->rows ? 1 : -1;
    return x->average_precision != y->average_precision ? (x->average_precision > y->average_precision ? 1 : -1)
                                                        : (x->class > y->class) - (x->class < y->class);
}

/* A step for each point: its precision holds for all recall since the point before. */
static void put_precision_recall(const Plot *p, const Ranked *r, int64_t n, const char *class)
{
    double(*v)[2] = xcalloc(MOST_POINTS + 2, sizeof *v);
    int64_t points = ranks_precision_recall(r, n, MOST_POINTS, v);
    fprintf(p->out, "<path class=\"line %s\" d=\"M%.1f %.1f", class, plot_x(p, 0), plot_y(p, v[0][1]));
    for (int64_t i = 0; i < points; i++)
        fprintf(p->out, "V%.1fH%.1f", plot_y(p, v[i][1]), plot_x(p, v[i][0]));
    fputs("\"/>\n", p->out);
    free(v);
}

void svg_precision_recall(const Sheet *s, FILE *out)
{
    const Metrics *m = s->metrics;
    Curve *curve = xcalloc((size_t)m->classes, sizeof *curve);
    int n = 0;
    char class[16];
    for (int32_t c = 0; c < m->classes; c++) {
        const Ranked *r = tally_ranked(s->tally, c);
        if (r && m->by_class[c].support)
            curve[n++] = (Curve){ c, m->by_class[c].support, ranks_score(r, m->n, NULL).average_precision };
    }
    if (n > COLOURS)
        qsort(curve, (size_t)n, sizeof *curve, most_rows_first);
    int shown = n < COLOURS ? n : COLOURS;
    Plot p = { .out = out, .x1 = 1, .y1 = 1 };
    begin_plot(&p, "Precision by recall", "recall", "precision");
    for (int k = 0; k < shown; k++) {
        snprintf(class, sizeof class, "c%d dash%d", k, k);
        put_precision_recall(&p, tally_ranked(s->tally, curve[k].class), m->n, class);
    }
    if (n == 1) {
        double share = (double)m->by_class[curve[0].class].support / (double)m->n;
        const double always[2][2] = { { 0, share }, { 1, share } };
        put_line(&p, always, 2, "faint dash1");
    }
    end_plot(&p);
    begin_legend(out);
    for (int k = 0; k < shown; k++) {
        snprintf(class, sizeof class, "c%d dash%d", k, k);
        begin_entry(out, class);
        html_cut(out, slice_of(s->source.labels[curve[k].class]), LABEL_CHARS);
        fprintf(out, " (%.3f)", curve[k].average_precision);
        end_entry(out);
    }
    if (n == 1) {
        begin_entry(out, "faint dash1");
        fputs("baseline", out);
        end_entry(out);
    }
    end_legend(out);
    if (n > COLOURS)
        fprintf(out, "<p class=\"note\">The %d of %d with the most rows; of equally many the hardest.</p>\n", COLOURS, n);
    free(curve);
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------- */

void svg_scatter(const Sheet *s, FILE *out)
{
    enum { MOST_DOTS = 2000 };
    const Scored *x = s->source.scored;
    Plot p = { .out = out, .x0 = INFINITY, .x1 = -INFINITY, .y0 = INFINITY, .y1 = -INFINITY };
    for (int64_t i = 0; i < x->n; i++) {
        p.y0 = fmin(p.y0, fmin((double)x->scores[i], (double)x->targets[i]));
        p.y1 = fmax(p.y1, fmax((double)x->scores[i], (double)x->targets[i]));
    }
    round_range(&p);
    p.x0 = p.y0;
    p.x1 = p.y1;
    begin_plot(&p, "Predicted by true number", "true", "predicted");
    const double diagonal[2][2] = { { p.x0, p.x0 }, { p.x1, p.x1 } };
    put_line(&p, diagonal, 2, "faint dash1");
    int64_t each = (x->n + MOST_DOTS - 1) / MOST_DOTS;
    for (int64_t i = 0; i < x->n; i += each)
        if (isfinite(x->scores[i]))
            fprintf(out, "<circle class=\"f0\" fill-opacity=\"0.45\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>",
                    plot_x(&p, (double)x->targets[i]), plot_y(&p, (double)x->scores[i]));
    end_plot(&p);
    if (each > 1)
        fprintf(out, "<p class=\"note\">Every %lldth row.</p>\n", (long long)each);
}
