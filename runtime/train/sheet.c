/* Working the result sheet out; see sheet.h.  As text: report.c; as JSON and HTML: sheet_json.c, sheet_html.c. */
#include "runtime/train/sheet.h"

#include "runtime/core/files.h"
#include "runtime/core/mem.h"

#include <math.h>
#include <stdlib.h>

/* ---- the baseline -------------------------------------------------------------------------------------------------------- */

/* Scores of every row by the shares in this table, [classes]. */
static float *shares(const Scored *s)
{
    float *score = xcalloc((size_t)s->classes, sizeof *score);
    double *sum = xcalloc((size_t)s->classes, sizeof *sum);
    for (int64_t i = 0; i < s->n; i++) {
        if (s->task == FTC_SINGLE_LABEL)
            sum[s->labels[i]]++;
        for (int32_t c = 0; s->task != FTC_SINGLE_LABEL && c < s->classes; c++)
            sum[c] += (double)s->targets[i * s->classes + c];
    }
    for (int32_t c = 0; c < s->classes; c++) {
        double share = sum[c] / (double)s->n;
        score[c] = (float)(s->task == FTC_REGRESSION ? share : s->task == FTC_MULTI_LABEL ? log(share / (1 - share)) : log(share));
    }
    free(sum);
    return score;
}

static Metrics *baseline_of(const Scored *s)
{
    float *score = shares(s), *scores = xcalloc((size_t)s->n * (size_t)s->classes, sizeof *scores);
    for (int64_t i = 0; i < s->n * s->classes; i++)
        scores[i] = score[i % s->classes];
    Scored guess = *s;
    guess.scores = scores;
    Metrics *m = metrics_of(&guess);
    free(score);
    free(scores);
    return m;
}

void sheet_baseline(const Sheet *s, char *text, size_t size)
{
    const Metrics *m = s->baseline;
    if (m->task == FTC_REGRESSION)
        snprintf(text, size, "always the mean");
    else if (m->task == FTC_MULTI_LABEL)
        snprintf(text, size, "always the labels whose share reaches the threshold");
    else
        for (int32_t c = 0; c < m->classes; c++)
            if (m->by_class[c].predicted)
                snprintf(text, size, "always '%s'", s->source.labels[c]);
}

/* ---- the worst rows ------------------------------------------------------------------------------------------------------ */

static bool is_wrong(const Sheet *s, int64_t row)
{
    const Scored *x = s->source.scored;
    int32_t said = tally_said(s->tally)[row];
    return x->task == FTC_REGRESSION || (x->task == FTC_MULTI_LABEL ? said > 0 : said != x->labels[row]);
}

/* A list of twenty, kept in order by insertion. */
static void find_worst(Sheet *s)
{
    const double *loss = tally_losses(s->tally);
    for (int64_t row = 0; row < s->source.scored->n; row++) {
        int at = s->n_worst;
        if (!is_wrong(s, row))
            continue;
        while (at > 0 && loss[row] > loss[s->worst[at - 1]])
            at--;
        if (at == WORST_ROWS)
            continue;
        s->n_worst += s->n_worst < WORST_ROWS;
        for (int k = s->n_worst - 1; k > at; k--)
            s->worst[k] = s->worst[k - 1];
        s->worst[at] = row;
    }
}

int sheet_line(const Sheet *s, int64_t row)
{
    const Dataset *t = s->source.table;
    return t ? csv_record_loc(t->csv, dataset_record(t, row)).line : 0;
}

Slice sheet_text(const Sheet *s, int64_t row, Bytes *scratch)
{
    const Dataset *t = s->source.table;
    Bytes one = { 0 };
    scratch->n = 0;
    for (int k = 0; t && k < 2 && t->text[k].n; k++) {
        Slice text = dataset_text(t, row, k, &one);
        if (k)
            bytes_add(scratch, " | ", 3);
        bytes_add(scratch, text.p, text.n);
    }
    bytes_free(&one);
    return bytes_slice(scratch);
}

double sheet_probability(const Sheet *s, int64_t row, int32_t class)
{
    const Scored *x = s->source.scored;
    const float *scores = x->scores + row * x->classes;
    if (x->task == FTC_MULTI_LABEL)
        return metrics_sigmoid(scores[class]);
    return exp((double)scores[class] - metrics_softmax(scores, x->classes, NULL));
}

/* ---- the rest ------------------------------------------------------------------------------------------------------------ */

Sheet *sheet_new(const SheetSource *source)
{
    Sheet *s = xcalloc(1, sizeof *s);
    *s = (Sheet){ .source = *source, .metrics = metrics_of(source->scored), .baseline = baseline_of(source->scored),
                  .intervals = intervals_new(source->scored, source->seed, source->pool), .tally = tally_new(source->scored) };
    find_worst(s);
    return s;
}

void sheet_free(Sheet *s)
{
    if (!s)
        return;
    metrics_free(s->metrics);
    metrics_free(s->baseline);
    intervals_free(s->intervals);
    tally_free(s->tally);
    free(s);
}

Metrics *sheet_take_metrics(Sheet *s)
{
    Metrics *m = s->metrics;
    s->metrics = NULL;
    return m;
}

bool sheet_shows(const Sheet *s, MetricKind kind)
{
    switch (kind) {
    case METRIC_macro_precision: case METRIC_macro_recall: case METRIC_weighted_precision: case METRIC_weighted_recall:
        return false; /* they stand below the classes */
    case METRIC_micro_f1:
        return s->metrics->task == FTC_MULTI_LABEL; /* of one label a row it is the accuracy */
    case METRIC_f1:
        return s->metrics->positive >= 0;
    default:
        return metric_info[kind].tasks >> s->metrics->task & 1;
    }
}

void sheet_title(const Sheet *s, MetricKind kind, char *title, size_t size)
{
    const Metrics *m = s->metrics;
    bool of_class = kind == METRIC_f1 || (kind == METRIC_average_precision && m->classes == 2 && m->task == FTC_SINGLE_LABEL);
    if (of_class && m->positive >= 0)
        snprintf(title, size, "%s of '%s'", metric_info[kind].title, s->source.labels[m->positive]);
    else
        snprintf(title, size, "%s", metric_info[kind].title);
}

static int more_frequent_first(const void *a, const void *b)
{
    const Mistake *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return x->is != y->is ? (x->is > y->is) - (x->is < y->is) : (x->said > y->said) - (x->said < y->said);
}

Mistake *sheet_mistakes(const Metrics *m, int64_t *n)
{
    Mistake *list = NULL;
    int64_t cap = 0;
    *n = 0;
    for (int32_t r = 0; m->confusion && r < m->classes; r++)
        for (int32_t c = 0; c < m->classes; c++)
            if (r != c && m->confusion[(int64_t)r * m->classes + c]) {
                GROW(list, *n, cap);
                list[(*n)++] = (Mistake){ m->confusion[(int64_t)r * m->classes + c], r, c };
            }
    if (*n)
        qsort(list, (size_t)*n, sizeof *list, more_frequent_first);
    return list;
}

static void print_json(FILE *out, const void *sheet) { sheet_write_json(sheet, out); }
static void print_html(FILE *out, const void *sheet) { sheet_write_html(sheet, out); }

static bool save(const Sheet *s, const char *folder, const char *name, void (*print)(FILE *, const void *), FtcDiag *d)
{
    char *path = path_join(folder, name);
    bool ok = file_print(path, print, s, d);
    free(path);
    return ok;
}

bool sheet_save(const Sheet *s, const char *folder, FtcDiag *d)
{
    return save(s, folder, "report.json", print_json, d) && save(s, folder, "report.html", print_html, d);
}
