/* Lists of label names: kept in byte order while they are found, and as text for messages. */
#ifndef FTC_LABELS_H
#define FTC_LABELS_H

#include "runtime/text/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No table with more classes is taken for one. */
#define LABELS_MAX 10000

/* Different labels in byte order; labels_free. */
typedef struct {
    char **v;
    int32_t n, cap;
} Labels;

/* Adds a label that isn't there yet; false where there are LABELS_MAX already. */
bool labels_add(Labels *l, Slice label);
void labels_free(Labels *l);

/* The first place of a label in a list; -1: it is none of them.  For a few; else LabelIndex. */
int32_t label_place(const char *const *labels, int32_t n, const char *label);

/* A list in any order, made to be looked up: number[i] is the place in it of the i-th in byte order. */
typedef struct {
    char **sorted;
    int32_t *number, n;
} LabelIndex;

/* The labels are borrowed; label_index_free. */
LabelIndex label_index_new(const char *const *labels, int32_t n);
void label_index_free(LabelIndex *x);

/* The label's place in the list; -1: it is none of them. */
int32_t label_index_find(const LabelIndex *x, Slice label);

/* "'no', 'yes'", cut with three dots where it is too long. */
void labels_text(const char *const *labels, int32_t n, char *out, size_t size);

#endif
