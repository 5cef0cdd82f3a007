/* Labels, numbers and weights of rows; see targets.h. */
#include "runtime/train/targets.h"

#include "runtime/core/mem.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ----- several labels in a column ----- */

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static Slice trim(Slice s)
{
    while (s.n && is_space(s.p[0]))
        s = (Slice){ s.p + 1, s.n - 1 };
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* Takes the first label off a row of them. */
static Slice next_label(Slice *row, const char *separator)
{
    size_t n = strlen(separator), end = 0;
    while (end < row->n && (row->n - end < n || memcmp(row->p + end, separator, n)))
        end++;
    Slice label = { row->p, end };
    size_t taken = end < row->n ? end + n : end;
    *row = (Slice){ row->p + taken, row->n - taken };
    return trim(label);
}

typedef bool LabelFn(void *ctx, int64_t row, Slice label);

/* Calls `each` for every label of every row. */
static bool each_label(const Dataset *s, const char *separator, LabelFn *each, void *ctx, FtcDiag *d)
{
    Bytes scratch = { 0 };
    bool ok = true;
    for (int64_t i = 0; ok && i < s->n; i++) {
        Slice row = trim(dataset_label(s, i, &scratch));
        while (ok && row.n) {
            bool more = row.n >= strlen(separator) && !memcmp(row.p + row.n - strlen(separator), separator, strlen(separator));
            Slice label = next_label(&row, separator);
            ok = label.n && !(more && !row.n) ? each(ctx, i, label)
                                              : ftc_error(d, dataset_label_loc(s, i), "record %lld has an empty label: a '%s' "
                                                          "(data.label_separator) with nothing on one side",
                                                          (long long)dataset_record(s, i) + 1, separator);
        }
    }
    bytes_free(&scratch);
    return ok;
}

typedef struct {
    const Dataset *s;
    Labels *found;
    FtcDiag *diag;
} Collecting;

static bool collect_label(void *ctx, int64_t row, Slice label)
{
    Collecting *c = ctx;
    return labels_add(c->found, label) || too_many_labels(c->s, row, c->diag);
}

bool targets_collect(Labels *l, const Dataset *s, const char *separator, FtcDiag *d)
{
    *l = (Labels){ 0 };
    Collecting c = { s, l, d };
    if (!each_label(s, separator, collect_label, &c, d))
        return false;
    return l->n > 1 || ftc_error(d, FTC_FILE(csv_name(s->csv)), "the column '%s' has %s in all %lld records; training takes at least two "
                                 "labels", csv_column_name(s->csv, s->label), l->n ? "one label" : "no label",
                                 (long long)s->n);
}

typedef struct {
    const Dataset *s;
    LabelIndex index;
    float *target;
    const char *const *labels;
    const char *whose;
    FtcDiag *diag;
} Marking;

static bool mark_label(void *ctx, int64_t row, Slice label)
{
    Marking *m = ctx;
    int32_t c = label_index_find(&m->index, label);
    if (c < 0)
        return unknown_label(m->s, row, label, m->labels, m->index.n, m->whose, m->diag);
    m->target[row * m->index.n + c] = 1;
    return true;
}

/* ----- numbers ----- */

/* Where a record's number isn't what it should be. */
static bool bad_number(const Dataset *s, int64_t record, int column, Slice text, const char *wanted, FtcDiag *d)
{
    FtcLoc at = csv_field_loc(s->csv, record, column);
    if (!text.n)
        return ftc_error(d, at, "record %lld has nothing in the column '%s', where %s should be; fill it in or take the record out",
                         (long long)record + 1, csv_column_name(s->csv, column), wanted);
    return ftc_error(d, at, "'%.*s' in record %lld isn't %s, which the column '%s' should have", SLICE_ARG(text), (long long)record + 1,
                     wanted, csv_column_name(s->csv, column));
}

/* The number a text is, or NAN: digits, a point and an exponent, nothing else. */
static double parse_number(Slice text)
{
    char copy[64], *end;
    if (!text.n || text.n >= sizeof copy)
        return NAN;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    if (copy[strspn(copy, "0123456789+-.eE")])
        return NAN;
    double x = strtod(copy, &end);
    return *end || fabs(x) > FLT_MAX ? NAN : x;
}

typedef bool NumberFn(double x);

/* The numbers of a column, of which those that `fits` takes may be there; `wanted` says what they are. */
static bool read_column(const Dataset *s, int column, NumberFn *fits, const char *wanted, float *out, int64_t stride, FtcDiag *d)
{
    Bytes scratch = { 0 };
    bool ok = true;
    for (int64_t i = 0; ok && i < s->n; i++) {
        int64_t record = dataset_record(s, i);
        Slice text = trim(csv_field(s->csv, record, column, &scratch));
        double x = parse_number(text);
        ok = fits(x) || bad_number(s, record, column, text, wanted, d);
        out[i * stride] = (float)x;
    }
    bytes_free(&scratch);
    return ok;
}

static bool is_flag(double x) { return x == 0 || x == 1; }
static bool is_number(double x) { return isfinite(x); }
static bool is_weight(double x) { return (float)x > 0; }

/* ----- targets ----- */

static bool unknown_column(const Dataset *s, const char *name, const Marking *m, FtcDiag *d)
{
    char list[320];
    labels_text(m->labels, m->index.n, list, sizeof list);
    return ftc_error(d, FTC_FILE(csv_name(s->csv)), "the column '%s' of data.label is no label %s: %s", name, m->whose, list);
}

/* The label columns, each to its label's place. */
static bool read_flags(const Dataset *s, const Marking *m, FtcDiag *d)
{
    bool ok = true;
    if (s->n_flags != m->index.n)
        return ftc_error(d, FTC_FILE(csv_name(s->csv)), "data.label names %d columns for %d labels", s->n_flags, m->index.n);
    for (int32_t i = 0; ok && i < s->n_flags; i++) {
        const char *name = csv_column_name(s->csv, s->flag[i]);
        int32_t c = label_index_find(&m->index, slice_of(name));
        ok = c < 0 ? unknown_column(s, name, m, d)
                   : read_column(s, s->flag[i], is_flag, "0 or 1", m->target + c, m->index.n, d);
    }
    return ok;
}

static float *new_targets(Dataset *s, int32_t classes)
{
    float *target = xcalloc((size_t)s->n * (size_t)classes, sizeof *target);
    free((void *)s->examples.targets);
    s->examples.targets = target;
    s->examples.classes = classes;
    return target;
}

static bool drop_targets(Dataset *s)
{
    free((void *)s->examples.targets);
    s->examples.targets = NULL;
    return false;
}

bool targets_labels(Dataset *s, const char *separator, const char *const *labels, int32_t n, const char *whose, FtcDiag *d)
{
    Marking m = { .s = s, .index = label_index_new(labels, n), .target = new_targets(s, n), .labels = labels, .whose = whose, .diag = d };
    bool ok = s->n_flags ? read_flags(s, &m, d) : each_label(s, separator, mark_label, &m, d);
    label_index_free(&m.index);
    return ok || drop_targets(s);
}

bool targets_numbers(Dataset *s, FtcDiag *d)
{
    return read_column(s, s->label, is_number, "a finite number", new_targets(s, 1), 1, d) || drop_targets(s);
}

bool targets_check(const Dataset *s, FtcDiag *d)
{
    int64_t n = s->n;
    const Examples *x = &s->examples;
    for (int64_t i = 1; i < n; i++)
        if (memcmp(x->targets, x->targets + i * x->classes, (size_t)x->classes * sizeof *x->targets))
            return true;
    return ftc_error(d, FTC_FILE(csv_name(s->csv)), "all %lld records have the same %s; there is nothing to learn", (long long)n,
                     x->classes > 1 ? "labels" : "number");
}

bool targets_weights(Dataset *s, FtcDiag *d)
{
    if (s->weight < 0)
        return true;
    float *weight = xcalloc((size_t)s->n, sizeof *weight);
    free((void *)s->examples.weights);
    s->examples.weights = weight;
    return read_column(s, s->weight, is_weight, "a number above 0", weight, 1, d);
}
