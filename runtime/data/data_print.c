/* A data report's numbers as text; see data_report.h. */
#include "runtime/data/data_report.h"

#include "runtime/core/mem.h"

#include <stdlib.h>

static double percent(int64_t n, int64_t of) { return of ? 100 * (double)n / (double)of : 0; }

/* Columns of a label on a terminal: its characters, with a limit. */
static int width_of(const char *s)
{
    int n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

static void print_name(const char *name, int width, FILE *out) { fprintf(out, "%s%*s", name, width - width_of(name), ""); }

typedef int64_t (*Number)(const PartReport *p, int32_t label); /* below 0: not known, or of no use */

/* One row of the table: a number of each part, with its share of the rows. */
static void print_row(const DataReport *r, const char *name, int width, Number number, int32_t label, bool shares, FILE *out)
{
    int blank = 0; /* left out behind the last number */
    print_name(name, width, out);
    for (int p = 0; p < N_PARTS; p++) {
        const PartReport *part = &r->part[p];
        int64_t n = part->rows ? number(part, label) : -1;
        if (!part->rows)
            continue;
        if (n < 0)
            fprintf(out, "%*s  %9s", blank, "", "-");
        else
            fprintf(out, "%*s  %9lld", blank, "", (long long)n);
        blank = 9;
        if (n >= 0 && shares) {
            fprintf(out, " %6.1f %%", percent(n, part->rows));
            blank = 0;
        }
    }
    fputc('\n', out);
}

static int64_t n_rows(const PartReport *p, int32_t c) { return (void)c, p->rows; }
static int64_t n_class(const PartReport *p, int32_t c) { return p->count ? p->count[c] : -1; }
static int64_t n_half(const PartReport *p, int32_t c) { return (void)c, p->longest ? p->half : -1; }
static int64_t n_most(const PartReport *p, int32_t c) { return (void)c, p->longest ? p->most : -1; }
static int64_t n_longest(const PartReport *p, int32_t c) { return (void)c, p->longest ? p->longest : -1; }
static int64_t n_cut(const PartReport *p, int32_t c) { return (void)c, p->longest ? p->cut : -1; }
static int64_t n_repeats(const PartReport *p, int32_t c) { return (void)c, p->repeats; }
static int64_t n_conflicts(const PartReport *p, int32_t c) { return (void)c, p->conflicts; }
static int64_t n_known(const PartReport *p, int32_t c) { return (void)c, p->known; }

static bool has_counts(const DataReport *r)
{
    return r->part[PART_TRAIN].count || r->part[PART_DEV].count || r->part[PART_TEST].count;
}

void data_report_print(const DataReport *r, FILE *out)
{
    int width = 24;
    char *cut = xasprintf("texts cut at %d tokens", r->max_length);
    for (int32_t c = 0; c < r->n_labels; c++)
        if (width_of(r->labels[c]) + 2 > width && width_of(r->labels[c]) < 60)
            width = width_of(r->labels[c]) + 2;
    for (int p = 0; p < N_PARTS; p++)
        if (r->part[p].rows)
            fprintf(out, "%s: %s\n", r->part[p].name, r->part[p].file);
    fprintf(out, "\n%*s", width, "");
    for (int p = 0; p < N_PARTS; p++)
        if (r->part[p].rows)
            fprintf(out, "%*s  %9s", p > PART_TRAIN && r->part[PART_TRAIN].rows ? 9 : 0, "", r->part[p].name);
    fputc('\n', out);
    print_row(r, "rows", width, n_rows, 0, false, out);
    for (int32_t c = 0; c < r->n_labels && has_counts(r); c++) {
        char *name = xasprintf("  %s", r->labels[c]);
        print_row(r, name, width, n_class, c, true, out);
        free(name);
    }
    print_row(r, "tokens: median", width, n_half, 0, false, out);
    print_row(r, "  95 % have up to", width, n_most, 0, false, out);
    print_row(r, "  longest", width, n_longest, 0, false, out);
    print_row(r, cut, width, n_cut, 0, true, out);
    print_row(r, "text and label repeated", width, n_repeats, 0, true, out);
    print_row(r, "text with another label", width, n_conflicts, 0, true, out);
    if (r->part[PART_TRAIN].rows && (r->part[PART_DEV].rows || r->part[PART_TEST].rows))
        print_row(r, "text is in train, too", width, n_known, 0, true, out);
    free(cut);
}

void data_report_line(const DataReport *r, FILE *out)
{
    const PartReport *train = &r->part[PART_TRAIN];
    for (int p = 0; p < N_PARTS; p++)
        if (r->part[p].rows)
            fprintf(out, "%s%s %lld rows", p == PART_TRAIN ? "data: " : ", ", r->part[p].name, (long long)r->part[p].rows);
    if (train->count && r->n_labels) {
        int32_t most = 0, least = 0;
        for (int32_t c = 1; c < r->n_labels; c++) {
            if (train->count[c] > train->count[most])
                most = c;
            if (train->count[c] <= train->count[least])
                least = c;
        }
        fprintf(out, "; %d classes, the largest '%s' (%.1f %%), the smallest '%s' (%.1f %%)", r->n_labels, r->labels[most],
                percent(train->count[most], train->rows), r->labels[least], percent(train->count[least], train->rows));
    }
    if (train->longest)
        fprintf(out, "; tokens: median %d, 95 %% up to %d, longest %d", train->half, train->most, train->longest);
    if (train->repeats)
        fprintf(out, "; %lld rows repeat a text and its label", (long long)train->repeats);
    fputc('\n', out);
}
