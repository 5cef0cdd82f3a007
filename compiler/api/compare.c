/* Comparing models; see compare.h.
 *
 * The models run one after the other; of each its scores are kept, the labels in the first one's order.  When the last has run, its
 * table is still open, and gives the lines and texts of what is reported. */
#include "compiler/api/compare.h"

#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/text/columns.h"
#include "runtime/train/labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_ROWS = 10, LABEL_WIDTH = 16, TEXT_WIDTH = 60, MODEL_WIDTH = 24 };

typedef struct {
    const char *name;
    Scored scored;         /* of what stands below */
    float *scores, *targets, *thresholds;
    int32_t *labels;
    Sheet *sheet;
} Judged;

typedef struct {
    const CompareJob *job;
    FILE *out;
    char **label;          /* [classes] in the first model's order */
    Judged judged[COMPARE_MOST];
    int n;                 /* models that have run */
} Comparison;

/* ---- what a model says --------------------------------------------------------------------------------------------------- */

/* place[k]: where the first model has this model's label k.  False after an error. */
static bool match_labels(const Comparison *c, const SheetSource *found, const char *name, int32_t *place, FtcDiag *d)
{
    const Judged *first = &c->judged[0];
    const Scored *s = found->scored;
    if (s->task != first->scored.task)
        return ftc_error(d, FTC_FILE(name), "is a model of another task than %s; they can't be compared", first->name);
    if (s->classes != first->scored.classes)
        return ftc_error(d, FTC_FILE(name), "has %d labels, but %s has %d; they can't be compared", s->classes, first->name,
                         first->scored.classes);
    for (int32_t k = 0; k < s->classes; k++) {
        place[k] = s->task == FTC_REGRESSION ? 0 : label_place((const char *const *)c->label, first->scored.classes, found->labels[k]);
        if (place[k] < 0)
            return ftc_error(d, FTC_FILE(name), "has a label '%s', which %s hasn't; they can't be compared", found->labels[k],
                             first->name);
    }
    return true;
}

static void keep_labels(Comparison *c, const SheetSource *found)
{
    const Scored *s = found->scored;
    c->label = xcalloc((size_t)s->classes, sizeof *c->label);
    for (int32_t k = 0; k < s->classes; k++)
        c->label[k] = xstrdup(s->task == FTC_REGRESSION ? "" : found->labels[k]);
}

/* Copies [rows, classes], or nothing, with the labels where `place` says. */
static float *copy_columns(const float *from, int64_t rows, int32_t classes, const int32_t *place)
{
    if (!from)
        return NULL;
    float *to = xcalloc((size_t)rows * (size_t)classes, sizeof *to);
    for (int64_t i = 0; i < rows; i++)
        for (int32_t k = 0; k < classes; k++)
            to[i * classes + place[k]] = from[i * classes + k];
    return to;
}

static void copy_scored(Judged *j, const Scored *s, const int32_t *place)
{
    j->scores = copy_columns(s->scores, s->n, s->classes, place);
    j->targets = copy_columns(s->targets, s->n, s->classes, place);
    j->thresholds = copy_columns(s->thresholds, 1, s->classes, place);
    if (s->labels) {
        j->labels = xcalloc((size_t)s->n, sizeof *j->labels);
        for (int64_t i = 0; i < s->n; i++)
            j->labels[i] = place[s->labels[i]];
    }
    j->scored = *s;
    j->scored.scores = j->scores;
    j->scored.targets = j->targets;
    j->scored.thresholds = j->thresholds;
    j->scored.labels = j->labels;
    j->scored.positive = s->positive >= 0 ? place[s->positive] : -1;
}

/* Whether both mean the same rows: as many, with the same truth. */
static bool same_rows(const Judged *a, const Judged *b, FtcDiag *d)
{
    const Scored *x = &a->scored, *y = &b->scored;
    bool same = x->n == y->n && (!x->labels || !memcmp(x->labels, y->labels, (size_t)x->n * sizeof *x->labels)) &&
                (!x->targets || !memcmp(x->targets, y->targets, (size_t)x->n * (size_t)x->classes * sizeof *x->targets));
    return same || ftc_error(d, FTC_FILE(b->name), "reads other rows or labels of the table than %s: %lld rows, not %lld; the data "
                             "keys of their specs say why", a->name, (long long)y->n, (long long)x->n);
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------- */

/* Rows right in one alone, in the other alone. */
static void count_right(const Judged *a, const Judged *b, int64_t *only_a, int64_t *only_b)
{
    const Scored *s = &a->scored;
    const int32_t *x = tally_said(a->sheet->tally), *y = tally_said(b->sheet->tally);
    *only_a = *only_b = 0;
    for (int64_t i = 0; i < s->n; i++) {
        int32_t right = s->task == FTC_MULTI_LABEL ? 0 : s->labels[i]; /* of several labels `said` counts the wrong ones */
        *only_a += x[i] == right && y[i] != right;
        *only_b += x[i] != right && y[i] == right;
    }
}

static void put_value(FILE *out, double value, const char *format, int width)
{
    char text[32] = "-";
    if (isfinite(value))
        snprintf(text, sizeof text, format, value);
    fprintf(out, "%*s", width, text);
}

static void print_line(FILE *out, const char *title, int width, const Judged *j, MetricKind k, const PairedDifference *p)
{
    const Interval *i = &j->sheet->intervals->value[k];
    columns_put(out, title, width, false);
    fputs("  ", out);
    columns_put(out, j->name, MODEL_WIDTH, false);
    put_value(out, j->sheet->metrics->value[k], "%.4f", 9);
    put_value(out, i->low, "%.4f", 10);
    put_value(out, i->high, "%.4f", 9);
    if (p) {
        put_value(out, p->difference, "%+.4f", 12);
        put_value(out, p->interval.low, "%+.4f", 10);
        put_value(out, p->interval.high, "%+.4f", 9);
        put_value(out, p->p, p->p < 0.001 ? "%.1e" : "%.4f", 10);
    }
    fputc('\n', out);
}

static void print_numbers(Comparison *c, Pool *pool)
{
    const Judged *first = &c->judged[0];
    PairedDifference(*pair)[METRIC_KINDS] = xcalloc((size_t)c->n, sizeof *pair);
    char title[256];
    int width = 0;
    for (int m = 1; m < c->n; m++) {
        int64_t only_a, only_b;
        paired_bootstrap(&first->scored, &c->judged[m].scored, first->sheet->source.seed, pool, pair[m]);
        if (first->scored.task != FTC_REGRESSION) {
            count_right(first, &c->judged[m], &only_a, &only_b);
            pair[m][METRIC_accuracy].p = pair[m][METRIC_subset_accuracy].p = mcnemar_mid_p(only_a, only_b);
        }
    }
    for (int k = 0; k < METRIC_KINDS; k++)
        if (sheet_shows(first->sheet, (MetricKind)k)) {
            sheet_title(first->sheet, (MetricKind)k, title, sizeof title);
            width = columns_width(title) > width ? columns_width(title) : width;
        }
    width = width < 40 ? width : 40;
    columns_put(c->out, "metric", width, false);
    fputs("  ", c->out);
    columns_put(c->out, "model", MODEL_WIDTH, false);
    fprintf(c->out, "%9s%19s%12s%19s%10s\n", "value", "95 % interval", "difference", "95 % interval", "p");
    for (int k = 0; k < METRIC_KINDS; k++) {
        if (!sheet_shows(first->sheet, (MetricKind)k))
            continue;
        sheet_title(first->sheet, (MetricKind)k, title, sizeof title);
        for (int m = 0; m < c->n; m++)
            print_line(c->out, m ? "" : title, width, &c->judged[m], (MetricKind)k, m ? &pair[m][k] : NULL);
    }
    free(pair);
}

static void print_tests(const Comparison *c)
{
    const Judged *first = &c->judged[0];
    for (int m = 1; m < c->n && first->scored.task != FTC_REGRESSION; m++) {
        int64_t only_a, only_b;
        count_right(first, &c->judged[m], &only_a, &only_b);
        fprintf(c->out, "%s%lld rows are right in %s alone, %lld in %s alone\n", m == 1 ? "\n" : "", (long long)only_a, first->name,
                (long long)only_b, c->judged[m].name);
    }
    fprintf(c->out, "%sp: %sa paired bootstrap of %d resamples; differences are from %s%s\n",
            first->scored.task == FTC_REGRESSION ? "\n" : "",
            first->scored.task == FTC_REGRESSION ? "" : "McNemar's test (mid-p) of shares of right rows, else ",
            first->sheet->intervals->resamples, first->name, c->n > 2 ? ", one by one: of many, some are chance" : "");
}

/* ---- rows ---------------------------------------------------------------------------------------------------------------- */

/* What is said of a row, or true; free() it. */
static char *answer(const Comparison *c, const Judged *j, int64_t row, bool said)
{
    const Scored *s = &j->scored;
    if (s->task == FTC_REGRESSION)
        return xasprintf("%.6g", (double)(said ? s->scores[row] : s->targets[row]));
    if (s->task == FTC_SINGLE_LABEL)
        return xstrdup(c->label[said ? tally_said(j->sheet->tally)[row] : s->labels[row]]);
    Bytes list = { 0 };
    for (int32_t k = 0; k < s->classes; k++)
        if (tally_decides(j->sheet->tally, row, k, said)) {
            if (list.n)
                bytes_add(&list, ", ", 2);
            bytes_add(&list, c->label[k], strlen(c->label[k]));
        }
    bytes_put(&list, '\0');
    return list.p;
}

static bool differ(const Judged *a, const Judged *b, int64_t row)
{
    const Scored *s = &a->scored;
    if (s->task == FTC_REGRESSION)
        return a->scores[row] != b->scores[row];
    if (s->task == FTC_SINGLE_LABEL)
        return tally_said(a->sheet->tally)[row] != tally_said(b->sheet->tally)[row];
    for (int32_t k = 0; k < s->classes; k++)
        if (tally_decides(a->sheet->tally, row, k, true) != tally_decides(b->sheet->tally, row, k, true))
            return true;
    return false;
}

static bool disagree(const Comparison *c, int64_t row)
{
    for (int m = 1; m < c->n; m++)
        if (differ(&c->judged[0], &c->judged[m], row))
            return true;
    return false;
}

static void put_cut(FILE *out, const char *text, int width)
{
    columns_put(out, text, columns_width(text) < width ? columns_width(text) : width, false);
}

static void print_row(const Comparison *c, const Sheet *table, int64_t row, Bytes *text)
{
    fprintf(c->out, "%7d", sheet_line(table, row));
    for (int m = -1; m < c->n; m++) {
        char *a = answer(c, &c->judged[m < 0 ? 0 : m], row, m >= 0);
        fputs("  ", c->out);
        columns_put(c->out, a, LABEL_WIDTH, false);
        free(a);
    }
    sheet_text(table, row, text);
    bytes_put(text, '\0');
    fputs("  ", c->out);
    put_cut(c->out, text->p, TEXT_WIDTH);
    fputc('\n', c->out);
}

static void print_rows(const Comparison *c, const Sheet *table)
{
    int64_t n = c->judged[0].scored.n, all = 0, shown = 0;
    Bytes text = { 0 };
    for (int64_t i = 0; i < n; i++)
        all += disagree(c, i);
    fprintf(c->out, "\nthey disagree on %lld of %lld rows%s\n", (long long)all, (long long)n,
            all > SHOWN_ROWS ? ", the first of them" : "");
    if (all) {
        fprintf(c->out, "%7s", "line");
        for (int m = -1; m < c->n; m++) {
            fputs("  ", c->out);
            columns_put(c->out, m < 0 ? "true" : c->judged[m].name, LABEL_WIDTH, false);
        }
        fputs("  text\n", c->out);
    }
    for (int64_t i = 0; i < n && shown < SHOWN_ROWS; i++)
        if (disagree(c, i)) {
            print_row(c, table, i, &text);
            shown++;
        }
    bytes_free(&text);
}

static void put_field(Bytes *out, const char *text)
{
    if (out->n)
        bytes_put(out, ',');
    csv_put_field(out, slice_of(text), ',');
}

/* line,true,MODEL...,text: a record for each row that they disagree on. */
static bool write_rows(const Comparison *c, const Sheet *table, FtcDiag *d)
{
    FileWriter *w = file_create(c->job->rows, d);
    if (!w)
        return false;
    Bytes line = { 0 }, text = { 0 };
    put_field(&line, "line");
    put_field(&line, "true");
    for (int m = 0; m < c->n; m++)
        put_field(&line, c->judged[m].name);
    put_field(&line, "text");
    bytes_put(&line, '\n');
    file_put(w, line.p, line.n);
    for (int64_t i = 0; i < c->judged[0].scored.n; i++) {
        if (!disagree(c, i))
            continue;
        char *number = xasprintf("%d", sheet_line(table, i));
        line.n = 0;
        put_field(&line, number);
        free(number);
        for (int m = -1; m < c->n; m++) {
            char *a = answer(c, &c->judged[m < 0 ? 0 : m], i, m >= 0);
            put_field(&line, a);
            free(a);
        }
        bytes_put(&line, ',');
        csv_put_field(&line, sheet_text(table, i, &text), ',');
        bytes_put(&line, '\n');
        file_put(w, line.p, line.n);
    }
    bytes_free(&line);
    bytes_free(&text);
    return file_commit(w);
}

/* ---- all together -------------------------------------------------------------------------------------------------------- */

/* Of the last model, whose table is open. */
static bool report(Comparison *c, const SheetSource *last, FtcDiag *d)
{
    for (int m = 0; m < c->n; m++) {
        SheetSource source = *last;
        source.scored = &c->judged[m].scored;
        source.labels = (const char *const *)c->label;
        c->judged[m].sheet = sheet_new(&source);
    }
    const Sheet *table = c->judged[c->n - 1].sheet;
    fprintf(c->out, "%lld rows of %s\n\n", (long long)c->judged[0].scored.n, c->job->eval);
    print_numbers(c, last->pool);
    print_tests(c);
    print_rows(c, table);
    bool ok = !c->job->rows || write_rows(c, table, d);
    if (ok && c->job->rows && c->job->notes)
        fprintf(c->job->notes, "the rows they disagree on are in %s\n", c->job->rows);
    return ok;
}

static bool judge(void *user, const SheetSource *found, FtcDiag *d)
{
    Comparison *c = user;
    Judged *j = &c->judged[c->n];
    int32_t *place = xcalloc((size_t)found->scored->classes, sizeof *place);
    j->name = c->job->model[c->n];
    if (c->n == 0) {
        keep_labels(c, found);
        j->scored = *found->scored;
    }
    bool ok = match_labels(c, found, j->name, place, d);
    if (ok) {
        copy_scored(j, found->scored, place);
        j->scored.positive = c->judged[0].scored.positive;
        ok = same_rows(&c->judged[0], j, d);
        c->n++;
    }
    free(place);
    return ok && (c->n < c->job->n_models || report(c, found, d));
}

static void forget(Comparison *c)
{
    int32_t classes = c->n ? c->judged[0].scored.classes : 0;
    for (int32_t k = 0; c->label && k < classes; k++)
        free(c->label[k]);
    free(c->label);
    for (int m = 0; m < c->n; m++) {
        Judged *j = &c->judged[m];
        sheet_free(j->sheet);
        free(j->scores);
        free(j->targets);
        free(j->thresholds);
        free(j->labels);
    }
    free(c);
}

RunStatus compare_run(const CompareJob *job, FILE *out, FtcDiag *d)
{
    Comparison *c = xcalloc(1, sizeof *c);
    *c = (Comparison){ .job = job, .out = out };
    RunStatus status = RUN_DONE;
    for (int m = 0; m < job->n_models && status == RUN_DONE; m++) {
        RunJob run = { .source = { .model = job->model[m], .over = job->over, .n_over = job->n_over }, .eval = job->eval,
                       .threads = job->threads, .pipeline = job->pipeline, .codegen = job->codegen, .notes = job->notes,
                       .judge = judge, .judge_user = c };
        status = run_job(&run, d);
    }
    forget(c);
    return status;
}
