/* Counting, and warning of what was found; see data_report.h. */
#include "runtime/data/data_report.h"

#include "runtime/core/mem.h"
#include "runtime/data/text_index.h"
#include "runtime/text/unicode.h"

#include <stdlib.h>

static const char *const part_name[N_PARTS] = { [PART_TRAIN] = "train", [PART_DEV] = "dev", [PART_TEST] = "test" };

static FtcLoc label_loc(const Dataset *s, int64_t row) { return s->label < 0 ? dataset_text_loc(s, row) : dataset_label_loc(s, row); }

static double percent(int64_t n, int64_t of) { return of ? 100 * (double)n / (double)of : 0; }

/* ---- findings of a kind --------------------------------------------------------------------------------------------------- */

enum { SHOWN = 3 }; /* of each kind */

/* Pairs of rows: one, and the earlier one that it is held against. */
typedef struct {
    int64_t row[SHOWN], other[SHOWN], n;
} Finding;

static void add(Finding *f, int64_t row, int64_t other)
{
    if (f->n < SHOWN) {
        f->row[f->n] = row;
        f->other[f->n] = other;
    }
    f->n++;
}

static int64_t shown(const Finding *f) { return f->n < SHOWN ? f->n : SHOWN; }

static void warn_of_repeats(const Finding *f, const Dataset *s, const char *part, FtcDiag *d)
{
    if (20 * f->n <= s->n && !ftc_warning_asked(d, "duplicate-texts"))
        return;
    for (int64_t i = 0; i < shown(f); i++)
        if (ftc_warn(d, "duplicate-texts", dataset_text_loc(s, f->row[i]), "this text stands in %s again, with the same label", part))
            ftc_note(d, dataset_text_loc(s, f->other[i]), "the first one");
    if (f->n > SHOWN)
        ftc_warn(d, "duplicate-texts", FTC_FILE(csv_name(s->csv)), "%lld of %lld rows of %s (%.1f %%) repeat a text with the same "
                 "label", (long long)f->n, (long long)s->n, part, percent(f->n, s->n));
}

static void warn_of_conflicts(const Finding *f, const Dataset *s, const char *part, FtcDiag *d)
{
    Bytes scratch = { 0 };
    for (int64_t i = 0; i < shown(f); i++) {
        Slice other = s->label < 0 ? slice_of("others") : dataset_label(s, f->other[i], &scratch);
        if (ftc_warn(d, "label-conflict", label_loc(s, f->row[i]), "the same text also stands in %s with another label, '%.*s'",
                     part, SLICE_ARG(other)))
            ftc_note(d, label_loc(s, f->other[i]), "there");
    }
    bytes_free(&scratch);
    if (f->n > SHOWN)
        ftc_warn(d, "label-conflict", FTC_FILE(csv_name(s->csv)), "%lld of %lld rows of %s (%.1f %%) have a text that stands "
                 "before with another label", (long long)f->n, (long long)s->n, part, percent(f->n, s->n));
}

static void warn_of_leaks(const Finding *f, const Dataset *s, const char *part, const Dataset *train, FtcDiag *d)
{
    for (int64_t i = 0; i < shown(f); i++)
        if (ftc_warn(d, "leakage", dataset_text_loc(s, f->row[i]), "this text of %s is in train, too: how well it is classified says "
                     "nothing of new texts", part))
            ftc_note(d, dataset_text_loc(train, f->other[i]), "there");
    if (f->n > SHOWN)
        ftc_warn(d, "leakage", FTC_FILE(csv_name(s->csv)), "%lld of %lld rows of %s (%.1f %%) have a text that is in train, too",
                 (long long)f->n, (long long)s->n, part, percent(f->n, s->n));
}

/* ---- texts ---------------------------------------------------------------------------------------------------------------- */

/* Whether the rows are to have the same class or labels.  Numbers, of measurements say, need not be the same. */
static bool same_label(const Dataset *s, int64_t a, int64_t b)
{
    const Examples *x = &s->examples;
    size_t classes = (size_t)x->classes;
    if (x->labels)
        return x->labels[a] == x->labels[b];
    if (x->targets && classes > 1)
        return !memcmp(x->targets + (size_t)a * classes, x->targets + (size_t)b * classes, classes * sizeof *x->targets);
    return true;
}

/* Fills the index with the rows of one table. */
static void compare_rows(TextIndex *index, const Dataset *s, PartReport *p, FtcDiag *d)
{
    Finding repeats = { .n = 0 }, conflicts = { .n = 0 };
    for (int64_t i = 0; i < s->n; i++) {
        int64_t first = text_index_add(index, i);
        if (first >= 0)
            add(same_label(s, first, i) ? &repeats : &conflicts, i, first);
    }
    p->repeats = repeats.n;
    p->conflicts = conflicts.n;
    warn_of_conflicts(&conflicts, s, p->name, d);
    warn_of_repeats(&repeats, s, p->name, d);
}

static void compare_with_train(TextIndex *train_index, const Dataset *train, const Dataset *s, PartReport *p, FtcDiag *d)
{
    Finding leaks = { .n = 0 };
    for (int64_t i = 0; i < s->n; i++) {
        int64_t there = text_index_find(train_index, s, i);
        if (there >= 0)
            add(&leaks, i, there);
    }
    p->known = leaks.n;
    warn_of_leaks(&leaks, s, p->name, train, d);
}

static void compare_texts(DataReport *r, const ReportInput *in, FtcDiag *d)
{
    const Dataset *train = in->part[PART_TRAIN];
    TextIndex *of_train = text_index_new(train, -1);
    compare_rows(of_train, train, &r->part[PART_TRAIN], d);
    for (int p = PART_DEV; p < N_PARTS; p++) {
        const Dataset *s = in->part[p];
        if (!s)
            continue;
        TextIndex *index = text_index_new(s, -1);
        compare_rows(index, s, &r->part[p], d);
        text_index_free(index);
        compare_with_train(of_train, train, s, &r->part[p], d);
    }
    text_index_free(of_train);
}

/* ---- lengths -------------------------------------------------------------------------------------------------------------- */

static void measure(PartReport *p, const Dataset *s)
{
    p->cut = s->cut;
    for (int64_t i = 0; i < s->n; i++)
        if (s->uncut[i] > p->longest)
            p->longest = s->uncut[i];
    int64_t *rows = xcalloc((size_t)p->longest + 1, sizeof *rows), so_far = 0; /* of each length */
    for (int64_t i = 0; i < s->n; i++)
        rows[s->uncut[i]]++;
    for (int32_t length = 0; length <= p->longest; length++) {
        int64_t before = so_far;
        so_far += rows[length];
        if (2 * before < s->n && 2 * so_far >= s->n)
            p->half = length;
        if (20 * before < 19 * s->n && 20 * so_far >= 19 * s->n)
            p->most = length;
    }
    free(rows);
}

void data_warn_cut(const Dataset *s, int max_length, FtcDiag *d)
{
    if (!s->cut)
        return;
    ftc_warn(d, "cut-texts", s->longest_at, "%lld of %lld texts (%.1f %%) are longer than %d tokens and are cut there "
             "(data.max_length); the longest, this one, has %d", (long long)s->cut, (long long)s->n, percent(s->cut, s->n),
             max_length, s->uncut[s->longest]);
}

/* ---- labels --------------------------------------------------------------------------------------------------------------- */

typedef struct {
    char *folded;
    int32_t label;
} Folded;

static int by_folded(const void *a, const void *b)
{
    const Folded *x = a, *y = b;
    int order = strcmp(x->folded, y->folded);
    return order ? order : (x->label > y->label) - (x->label < y->label);
}

/* In small letters, without white space. */
static char *fold(const char *label, Bytes *scratch)
{
    static const Normalizer how = { .clean = true, .lowercase = true };
    scratch->n = 0;
    normalize(&how, slice_of(label), scratch);
    size_t n = 0;
    for (size_t i = 0; i < scratch->n; i++)
        if (scratch->p[i] != ' ')
            scratch->p[n++] = scratch->p[i];
    return xstrndup(scratch->p, n);
}

static bool has_classes(const Dataset *s) { return s && (s->examples.labels || (s->examples.targets && s->examples.classes > 1)); }

static bool row_has(const Dataset *s, int64_t row, int32_t label)
{
    const Examples *x = &s->examples;
    return x->labels ? x->labels[row] == label : x->targets[row * x->classes + label] > 0;
}

/* The first row that has the label, of the first part with any. */
static bool find_class(const ReportInput *in, int32_t label, const Dataset **s, int64_t *row)
{
    for (int p = 0; p < N_PARTS; p++) {
        *s = in->part[p];
        for (int64_t i = 0; has_classes(*s) && i < (*s)->n; i++)
            if (row_has(*s, i, label)) {
                *row = i;
                return true;
            }
    }
    return false;
}

static int64_t rows_of(const DataReport *r, int32_t label)
{
    int64_t n = 0;
    for (int p = 0; p < N_PARTS; p++)
        n += r->part[p].count ? r->part[p].count[label] : 0;
    return n;
}

/* The rarer one is the one that is likely wrong. */
static void warn_of_pair(const DataReport *r, const ReportInput *in, int32_t a, int32_t b, FtcDiag *d)
{
    const Dataset *s;
    int64_t row;
    if (rows_of(r, a) > rows_of(r, b)) {
        int32_t kept = a;
        a = b;
        b = kept;
    }
    if (!find_class(in, a, &s, &row))
        return;
    int64_t rows_a = rows_of(r, a), rows_b = rows_of(r, b);
    if (!ftc_warn(d, "near-labels", label_loc(s, row), "the label '%s' (%lld row%s) differs from '%s' (%lld row%s) only in case or "
                  "white space, and is a class of its own", in->labels[a], (long long)rows_a, rows_a == 1 ? "" : "s", in->labels[b],
                  (long long)rows_b, rows_b == 1 ? "" : "s"))
        return;
    if (find_class(in, b, &s, &row))
        ftc_note(d, label_loc(s, row), "the other one");
}

static void compare_labels(const DataReport *r, const ReportInput *in, FtcDiag *d)
{
    Folded *f = xcalloc((size_t)in->n_labels, sizeof *f);
    Bytes scratch = { 0 };
    for (int32_t c = 0; c < in->n_labels; c++)
        f[c] = (Folded){ fold(in->labels[c], &scratch), c };
    qsort(f, (size_t)in->n_labels, sizeof *f, by_folded);
    for (int32_t c = 1; c < in->n_labels; c++)
        if (!strcmp(f[c - 1].folded, f[c].folded))
            warn_of_pair(r, in, f[c - 1].label, f[c].label, d);
    for (int32_t c = 0; c < in->n_labels; c++)
        free(f[c].folded);
    free(f);
    bytes_free(&scratch);
}

static void count_classes(PartReport *p, const Dataset *s, int32_t n_labels)
{
    const Examples *x = &s->examples;
    if (!has_classes(s))
        return;
    p->count = xcalloc((size_t)n_labels, sizeof *p->count);
    for (int64_t i = 0; i < s->n; i++) {
        if (x->labels)
            p->count[x->labels[i]]++;
        for (int32_t c = 0; !x->labels && c < n_labels; c++)
            p->count[c] += x->targets[i * x->classes + c] > 0;
    }
}

/* ---- all together --------------------------------------------------------------------------------------------------------- */

void data_report(DataReport *r, const ReportInput *in, FtcDiag *d)
{
    *r = (DataReport){ .labels = in->labels, .n_labels = in->n_labels, .max_length = in->max_length };
    for (int p = 0; p < N_PARTS; p++) {
        const Dataset *s = in->part[p];
        if (!s)
            continue;
        r->part[p] = (PartReport){ .name = part_name[p], .file = csv_name(s->csv), .rows = s->n, .known = -1 };
        count_classes(&r->part[p], s, in->n_labels);
    }
    compare_labels(r, in, d);
    compare_texts(r, in, d);
}

void data_report_lengths(DataReport *r, const ReportInput *in)
{
    for (int p = 0; p < N_PARTS; p++)
        if (in->part[p])
            measure(&r->part[p], in->part[p]);
}

void data_report_free(DataReport *r)
{
    for (int p = 0; p < N_PARTS; p++)
        free(r->part[p].count);
    *r = (DataReport){ 0 };
}
