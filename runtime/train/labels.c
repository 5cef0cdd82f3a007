/* Lists of label names; see labels.h. */
#include "runtime/train/labels.h"

#include "runtime/core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As strcmp, between a piece of text and a string. */
static int compare(Slice a, const char *b)
{
    size_t n = strlen(b);
    int order = a.n && n ? memcmp(a.p, b, a.n < n ? a.n : n) : 0;
    return order ? order : (a.n > n) - (a.n < n);
}

/* Where `label` is among the sorted labels, or would be inserted. */
static int32_t find(char *const *sorted, int32_t n, Slice label, bool *found)
{
    int32_t from = 0;
    *found = false;
    while (n > 0) {
        int32_t half = n / 2;
        int order = compare(label, sorted[from + half]);
        if (order == 0) {
            *found = true;
            return from + half;
        }
        if (order > 0) {
            from += half + 1;
            n -= half + 1;
        } else
            n = half;
    }
    return from;
}

bool labels_add(Labels *l, Slice label)
{
    bool found;
    int32_t at = find(l->v, l->n, label, &found);
    if (found || l->n == LABELS_MAX)
        return found;
    GROW(l->v, l->n, l->cap);
    memmove(l->v + at + 1, l->v + at, (size_t)(l->n - at) * sizeof *l->v);
    l->v[at] = xstrndup(label.p, label.n);
    l->n++;
    return true;
}

void labels_free(Labels *l)
{
    for (int32_t i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l->v);
    *l = (Labels){ 0 };
}

typedef struct {
    const char *label;
    int32_t number;
} Numbered;

static int by_label(const void *a, const void *b) { return strcmp(((const Numbered *)a)->label, ((const Numbered *)b)->label); }

int32_t label_place(const char *const *labels, int32_t n, const char *label)
{
    for (int32_t i = 0; i < n; i++)
        if (!strcmp(labels[i], label))
            return i;
    return -1;
}

LabelIndex label_index_new(const char *const *labels, int32_t n)
{
    LabelIndex x = { .n = n };
    Numbered *list = xcalloc((size_t)n, sizeof *list);
    x.sorted = xcalloc((size_t)n, sizeof *x.sorted);
    x.number = xcalloc((size_t)n, sizeof *x.number);
    for (int32_t i = 0; i < n; i++)
        list[i] = (Numbered){ labels[i], i };
    qsort(list, (size_t)n, sizeof *list, by_label);
    for (int32_t i = 0; i < n; i++) {
        x.sorted[i] = (char *)list[i].label;
        x.number[i] = list[i].number;
    }
    free(list);
    return x;
}

void label_index_free(LabelIndex *x)
{
    free(x->sorted);
    free(x->number);
    *x = (LabelIndex){ 0 };
}

int32_t label_index_find(const LabelIndex *x, Slice label)
{
    bool found;
    int32_t at = find(x->sorted, x->n, label, &found);
    return found ? x->number[at] : -1;
}

void labels_text(const char *const *labels, int32_t n, char *out, size_t size)
{
    *out = '\0';
    for (int32_t i = 0; i < n; i++) {
        size_t used = strlen(out);
        if (used + strlen(labels[i]) + 12 > size) {
            snprintf(out + used, size - used, ", ...");
            return;
        }
        snprintf(out + used, size - used, "%s'%s'", i ? ", " : "", labels[i]);
    }
}
