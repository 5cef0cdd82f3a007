/* Metrics as text for a terminal; see metrics.h.
 *
 * A label is cut to what a column holds, and columns line up in any script: wide characters (East Asian, pictures) count
 * twice, combining marks not at all.  A matrix too wide for a terminal gives way to the most frequent mistakes. */
#include "runtime/train/metrics.h"

#include "runtime/core/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_WIDTH 28    /* of a class in the table */
#define CELL_LABEL 10     /* over a column of the matrix */
#define MATRIX_WIDTH 100  /* the widest matrix printed */
#define MISTAKES 10

/* One character of text that is UTF-8 or nearly so: its length in bytes and how many columns it takes. */
static int char_width(const char *text, int *bytes)
{
    const unsigned char *p = (const unsigned char *)text;
    static const struct {
        uint32_t from, to;
    } wide[] = { { 0x1100, 0x115F }, { 0x2E80, 0xA4CF },   { 0xAC00, 0xD7A3 },   { 0xF900, 0xFAFF },
                 { 0xFE30, 0xFE6F }, { 0xFF00, 0xFF60 },   { 0xFFE0, 0xFFE6 },   { 0x1F300, 0x1FAFF }, { 0x20000, 0x3FFFD } };
    int n = p[0] < 0xC0 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    uint32_t c = n == 1 ? p[0] : p[0] & (0x7Fu >> n);
    for (int i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            n = i;
            break;
        }
        c = c << 6 | (p[i] & 0x3Fu);
    }
    *bytes = n;
    if ((c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) || (c >= 0xFE00 && c <= 0xFE0F))
        return 0;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (c >= wide[i].from && c <= wide[i].to)
            return 2;
    return 1;
}

static int text_width(const char *text)
{
    int width = 0, n;
    for (; *text; text += n)
        width += char_width(text, &n);
    return width;
}

/* The text in `width` columns: padded, or cut with an ellipsis; control characters as question marks. */
static void put_cell(FILE *out, const char *text, int width, bool right)
{
    int full = text_width(text), used = 0, n;
    int room = full > width ? width - 1 : width;
    int pad = full > width ? 0 : width - full;
    if (right)
        fprintf(out, "%*s", pad, "");
    for (; *text; text += n) {
        int w = char_width(text, &n);
        if (used + w > room)
            break;
        used += w;
        if (n == 1 && ((unsigned char)*text < 0x20 || *text == 0x7F))
            fputc('?', out);
        else
            fwrite(text, 1, (size_t)n, out);
    }
    if (full > width)
        fprintf(out, "%*s…", room - used, "");
    if (!right)
        fprintf(out, "%*s", pad, "");
}

static int label_column(const Metrics *m, const char *const *labels, int least, int most)
{
    int width = least;
    for (int32_t c = 0; c < m->classes; c++) {
        int w = text_width(labels[c]);
        width = w > width ? w : width;
    }
    return width < most ? width : most;
}

static void print_row(FILE *out, const char *label, int width, double precision, double recall, double f1, int64_t support)
{
    put_cell(out, label, width, false);
    fprintf(out, "  %9.4f  %7.4f  %7.4f  %8lld\n", precision, recall, f1, (long long)support);
}

static void print_classes(const Metrics *m, const char *const *labels, FILE *out)
{
    int width = label_column(m, labels, (int)strlen("weighted average"), LABEL_WIDTH);
    put_cell(out, "class", width, false);
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
        put_cell(out, labels[c], cell, true);
    }
    fputc('\n', out);
    for (int32_t r = 0; r < m->classes; r++) {
        put_cell(out, labels[r], left, false);
        for (int32_t c = 0; c < m->classes; c++)
            fprintf(out, "  %*lld", cell, (long long)m->confusion[(int64_t)r * m->classes + c]);
        fputc('\n', out);
    }
}

typedef struct {
    int64_t count;
    int32_t is, said;
} Mistake;

static int more_frequent_first(const void *a, const void *b)
{
    const Mistake *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return x->is != y->is ? (x->is > y->is) - (x->is < y->is) : (x->said > y->said) - (x->said < y->said);
}

static void print_mistakes(const Metrics *m, const char *const *labels, FILE *out)
{
    Mistake *list = NULL;
    int64_t n = 0, cap = 0;
    for (int32_t r = 0; r < m->classes; r++)
        for (int32_t c = 0; c < m->classes; c++)
            if (r != c && m->confusion[(int64_t)r * m->classes + c]) {
                GROW(list, n, cap);
                list[n++] = (Mistake){ m->confusion[(int64_t)r * m->classes + c], r, c };
            }
    if (n) {
        int width = label_column(m, labels, 10, LABEL_WIDTH);
        qsort(list, (size_t)n, sizeof *list, more_frequent_first);
        fputs("\nmost frequent mistakes\n", out);
        put_cell(out, "true", width, false);
        fputs("  ", out);
        put_cell(out, "predicted", width, false);
        fputs("      rows\n", out);
        for (int64_t i = 0; i < n && i < MISTAKES; i++) {
            put_cell(out, labels[list[i].is], width, false);
            fputs("  ", out);
            put_cell(out, labels[list[i].said], width, false);
            fprintf(out, "  %8lld\n", (long long)list[i].count);
        }
    }
    free(list);
}

void metrics_print(const Metrics *m, const char *const *labels, FILE *out)
{
    if (m->task == FTC_REGRESSION) {
        fprintf(out, "rows %lld   loss %.4f   Pearson %.4f   Spearman %.4f\n", (long long)m->n, m->loss, m->pearson, m->spearman);
        return;
    }
    if (m->task == FTC_MULTI_LABEL)
        fprintf(out, "rows %lld   loss %.4f   micro F1 %.4f   macro F1 %.4f   subset accuracy %.2f %%\n\n", (long long)m->n, m->loss,
                m->micro_f1, m->macro_f1, 100 * m->subset_accuracy);
    else
        fprintf(out, "rows %lld   loss %.4f   accuracy %.2f %%   balanced accuracy %.2f %%\n\n", (long long)m->n, m->loss,
                100 * m->accuracy, 100 * m->balanced_accuracy);
    print_classes(m, labels, out);
    if (!m->confusion)
        return;

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
