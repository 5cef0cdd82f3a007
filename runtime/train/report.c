/* The result sheet as text for a terminal; see sheet.h.  A matrix too wide for a terminal gives way to the
 * most frequent mistakes. */
#include "runtime/train/sheet.h"

#include "runtime/core/mem.h"
#include "runtime/text/columns.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_WIDTH 28    /* of a class in the table */
#define CELL_LABEL 10     /* over a column of the matrix */
#define MATRIX_WIDTH 100  /* the widest matrix printed */
#define MISTAKES 10
#define TEXT_WIDTH 60     /* of a text that was got wrong */
#define WORST_PRINTED 5

static int label_column(const Metrics *m, const char *const *labels, int least, int most)
{
    int width = least;
    for (int32_t c = 0; c < m->classes; c++) {
        int w = columns_width(labels[c]);
        width = w > width ? w : width;
    }
    return width < most ? width : most;
}

static void print_row(FILE *out, const char *label, int width, double precision, double recall, double f1, int64_t support)
{
    columns_put(out, label, width, false);
    fprintf(out, "  %9.4f  %7.4f  %7.4f  %8lld\n", precision, recall, f1, (long long)support);
}

static void print_classes(const Metrics *m, const char *const *labels, FILE *out)
{
    int width = label_column(m, labels, (int)strlen("weighted average"), LABEL_WIDTH);
    columns_put(out, m->task == FTC_MULTI_LABEL ? "label" : "class", width, false);
    fprintf(out, "  %9s  %7s  %7s  %8s\n", "precision", "recall", "F1", "support");
    for (int32_t c = 0; c < m->classes; c++) {
        const ClassMetrics *k = &m->by_class[c];
        print_row(out, labels[c], width, k->precision, k->recall, k->f1, k->support);
    }
    print_row(out, "macro average", width, m->macro_precision, m->macro_recall, m->macro_f1, m->n);
    print_row(out, "weighted average", width, m->weighted_precision, m->weighted_recall, m->weighted_f1, m->n);
}

static void print_matrix(const Metrics *m, const char *const *labels, int left, int cell, FILE *out)
{
    fputs("\nconfusion matrix (a row is a true class, a column what was predicted)\n", out);
    fprintf(out, "%*s", left, "");
    for (int32_t c = 0; c < m->classes; c++) {
        fputs("  ", out);
        columns_put(out, labels[c], cell, true);
    }
    fputc('\n', out);
    for (int32_t r = 0; r < m->classes; r++) {
        columns_put(out, labels[r], left, false);
        for (int32_t c = 0; c < m->classes; c++)
            fprintf(out, "  %*lld", cell, (long long)m->confusion[(int64_t)r * m->classes + c]);
        fputc('\n', out);
    }
}

static void print_mistakes(const Metrics *m, const char *const *labels, FILE *out)
{
    int64_t n;
    Mistake *list = sheet_mistakes(m, &n);
    if (n) {
        int width = label_column(m, labels, 10, LABEL_WIDTH);
        fputs("\nmost frequent mistakes\n", out);
        columns_put(out, "true", width, false);
        fputs("  ", out);
        columns_put(out, "predicted", width, false);
        fputs("      rows\n", out);
        for (int64_t i = 0; i < n && i < MISTAKES; i++) {
            columns_put(out, labels[list[i].is], width, false);
            fputs("  ", out);
            columns_put(out, labels[list[i].said], width, false);
            fprintf(out, "  %8lld\n", (long long)list[i].count);
        }
    }
    free(list);
}

static void print_confusion(const Metrics *m, const char *const *labels, FILE *out)
{
    int64_t largest = 0;
    for (int64_t i = 0; i < (int64_t)m->classes * m->classes; i++)
        largest = m->confusion[i] > largest ? m->confusion[i] : largest;
    int left = label_column(m, labels, 4, LABEL_WIDTH);
    int digits = snprintf(NULL, 0, "%lld", (long long)largest), cell = label_column(m, labels, digits, CELL_LABEL);
    if (left + (int64_t)m->classes * (2 + cell) <= MATRIX_WIDTH)
        print_matrix(m, labels, left, cell, out);
    else
        print_mistakes(m, labels, out);
}

/* ---- numbers with their intervals ---------------------------------------------------------------------------------------- */

static void print_headline(const Metrics *m, FILE *out)
{
    fprintf(out, "rows %lld   loss %.4f", (long long)m->n, m->loss);
    if (m->task == FTC_SINGLE_LABEL)
        fprintf(out, "   accuracy %.2f %%   balanced accuracy %.2f %%", 100 * m->accuracy, 100 * m->balanced_accuracy);
    else if (m->task == FTC_MULTI_LABEL)
        fprintf(out, "   micro F1 %.4f   macro F1 %.4f   subset accuracy %.2f %%", m->micro_f1, m->macro_f1,
                100 * m->subset_accuracy);
    else
        fprintf(out, "   Pearson %.4f   Spearman %.4f   RMSE %.4f", m->pearson, m->spearman, m->rmse);
    fputs("\n\n", out);
}

static void put_number(FILE *out, double value, int width)
{
    if (isnan(value))
        fprintf(out, "%*s", width, "-");
    else
        fprintf(out, "%*.4f", width, value);
}

static void print_numbers(const Sheet *s, FILE *out)
{
    char title[256];
    int width = (int)strlen("balanced accuracy");
    for (int k = 0; k < METRIC_KINDS; k++)
        if (sheet_shows(s, (MetricKind)k)) {
            sheet_title(s, (MetricKind)k, title, sizeof title);
            width = columns_width(title) > width ? columns_width(title) : width;
        }
    width = width < 2 * LABEL_WIDTH ? width : 2 * LABEL_WIDTH;
    columns_put(out, "metric", width, false);
    fprintf(out, "  %9s  %19s  %9s\n", "value", "95 % interval", "baseline");
    for (int k = 0; k < METRIC_KINDS; k++) {
        if (!sheet_shows(s, (MetricKind)k))
            continue;
        const Interval *i = &s->intervals->value[k];
        sheet_title(s, (MetricKind)k, title, sizeof title);
        columns_put(out, title, width, false);
        put_number(out, s->metrics->value[k], 11);
        put_number(out, i->low, 11);
        put_number(out, i->high, 10);
        put_number(out, s->baseline->value[k], 11);
        fputc('\n', out);
    }
    sheet_baseline(s, title, sizeof title);
    fputs("baseline: ", out);
    columns_put(out, title, columns_width(title) < MATRIX_WIDTH ? columns_width(title) : MATRIX_WIDTH, false);
    fprintf(out, "\nintervals: %sa bootstrap of %d resamples of the rows\n",
            s->metrics->task == FTC_SINGLE_LABEL  ? "Wilson's of accuracy, else "
            : s->metrics->task == FTC_MULTI_LABEL ? "Wilson's of subset accuracy, else "
                                                  : "",
            s->intervals->resamples);
}

/* ---- rows ---------------------------------------------------------------------------------------------------------------- */

static void print_worst(const Sheet *s, FILE *out)
{
    const Metrics *m = s->metrics;
    Bytes text = { 0 };
    if (!s->source.table || m->task == FTC_MULTI_LABEL || !s->n_worst)
        return;
    int width = m->task == FTC_SINGLE_LABEL ? label_column(m, s->source.labels, 9, 16) : 9;
    fprintf(out, "\nworst errors\n%7s  %8s  ", "line", "loss");
    columns_put(out, "true", width, false);
    fputs("  ", out);
    columns_put(out, "predicted", width, false);
    fputs("  text\n", out);
    for (int i = 0; i < s->n_worst && i < WORST_PRINTED; i++) {
        int64_t row = s->worst[i];
        sheet_text(s, row, &text);
        bytes_put(&text, '\0');
        fprintf(out, "%7d  %8.4f  ", sheet_line(s, row), tally_losses(s->tally)[row]);
        if (m->task == FTC_SINGLE_LABEL) {
            columns_put(out, s->source.labels[s->source.scored->labels[row]], width, false);
            fputs("  ", out);
            columns_put(out, s->source.labels[tally_said(s->tally)[row]], width, false);
        } else
            fprintf(out, "%9.4g  %9.4g", (double)s->source.scored->targets[row], (double)s->source.scored->scores[row]);
        fputs("  ", out);
        columns_put(out, text.p, columns_width(text.p) < TEXT_WIDTH ? columns_width(text.p) : TEXT_WIDTH, false);
        fputc('\n', out);
    }
    bytes_free(&text);
}

void sheet_print(const Sheet *s, FILE *out)
{
    const Metrics *m = s->metrics;
    print_headline(m, out);
    print_numbers(s, out);
    if (m->by_class) {
        fputc('\n', out);
        print_classes(m, s->source.labels, out);
    }
    if (m->confusion)
        print_confusion(m, s->source.labels, out);
    print_worst(s, out);
}
