/* Dealing rows out; see split.h. */
#include "runtime/data/split.h"

#include "runtime/core/mem.h"
#include "runtime/data/numpy_random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void split_free(Split *s)
{
    for (int p = 0; p < N_PARTS; p++)
        free(s->row[p]);
    *s = (Split){ 0 };
}

static double share_of(const SplitShares *shares, Part p)
{
    return p == PART_TEST ? shares->test : p == PART_DEV ? shares->dev : 0;
}

/* Rounded down; .29 of 100 is 29, though the product of the two as binary numbers lies a little below. */
static int64_t part_of(double share, int64_t n) { return (int64_t)(share * (double)n + 1e-9); }

static void sizes(int64_t n, const SplitShares *shares, int64_t size[N_PARTS])
{
    size[PART_TEST] = part_of(shares->test, n);
    size[PART_DEV] = part_of(shares->dev, n);
    size[PART_TRAIN] = n - size[PART_TEST] - size[PART_DEV];
}

/* ---- as scikit-learn does ------------------------------------------------------------------------------------------------- */

/* How many of `draws` rows each class gets: its share rounded down, and one more for the largest fractions.  Of equal fractions
 * it takes some at random, with random numbers even where it takes all. */
static void draws_of_classes(const int64_t *count, int32_t classes, int64_t draws, NumpyRandom *r, int64_t *out)
{
    double *fraction = xcalloc((size_t)classes, sizeof *fraction);
    int64_t *tied = xcalloc((size_t)classes, sizeof *tied), *order = xcalloc((size_t)classes, sizeof *order);
    int64_t total = 0, missing = draws;
    for (int32_t c = 0; c < classes; c++)
        total += count[c];
    for (int32_t c = 0; c < classes; c++) {
        double exact = (double)count[c] / (double)total * (double)draws;
        out[c] = (int64_t)floor(exact);
        fraction[c] = exact - floor(exact);
        missing -= out[c];
    }
    for (double below = INFINITY; missing > 0;) {
        double largest = -1;
        int64_t n = 0;
        for (int32_t c = 0; c < classes; c++)
            if (fraction[c] < below && fraction[c] > largest)
                largest = fraction[c];
        if (largest < 0)
            break;
        for (int32_t c = 0; c < classes; c++)
            if (fraction[c] == largest)
                tied[n++] = c;
        numpy_permutation(r, order, n);
        for (int64_t i = 0; i < n && missing > 0; i++, missing--)
            out[tied[order[i]]]++;
        below = largest;
    }
    free(fraction);
    free(tied);
    free(order);
}

/* Takes `size` rows of from[n]: they become *taken, the others *rest. */
static void draw(const int64_t *from, int64_t n, int64_t size, uint32_t seed, int64_t **taken, int64_t **rest)
{
    NumpyRandom r;
    int64_t *order = xcalloc((size_t)n, sizeof *order);
    numpy_seed(&r, seed);
    numpy_permutation(&r, order, n);
    *taken = xcalloc((size_t)size, sizeof **taken);
    *rest = xcalloc((size_t)(n - size), sizeof **rest);
    for (int64_t i = 0; i < n; i++)
        *(i < size ? *taken + i : *rest + (i - size)) = from[order[i]];
    free(order);
}

/* The rows of each class, class by class: begin[c] .. begin[c + 1) of *places, which are places in from[n].  Only classes that have
 * any are counted; they are numbered anew, in their order. */
static int32_t by_class(const int64_t *from, int64_t n, const int32_t *class_of, int32_t classes, int64_t *begin, int64_t *places)
{
    int64_t *next = xcalloc((size_t)classes, sizeof *next), at = 0;
    int32_t present = 0;
    for (int64_t i = 0; i < n; i++)
        next[class_of[from[i]]]++;
    for (int32_t c = 0; c < classes; c++) {
        int64_t count = next[c];
        next[c] = at;
        if (count)
            begin[present++] = at;
        at += count;
    }
    begin[present] = at;
    for (int64_t i = 0; i < n; i++)
        places[next[class_of[from[i]]]++] = i;
    free(next);
    return present;
}

/* As draw, class by class; `part` is what is taken. */
static SplitAnswer draw_stratified(Part part, const int64_t *from, int64_t n, int64_t size, const int32_t *class_of,
                                   int32_t classes, uint32_t seed, int64_t **taken, int64_t **rest)
{
    SplitAnswer answer = { .fault = SPLIT_FINE };
    NumpyRandom r;
    int64_t *begin = xcalloc((size_t)classes + 1, sizeof *begin), *places = xcalloc((size_t)n, sizeof *places);
    int64_t *count = xcalloc((size_t)classes, sizeof *count), *order = xcalloc((size_t)n, sizeof *order);
    int64_t *keep = xcalloc((size_t)classes, sizeof *keep), *take = xcalloc((size_t)classes, sizeof *take);
    int64_t n_rest = 0, n_taken = 0;
    classes = by_class(from, n, class_of, classes, begin, places);
    for (int32_t c = 0; c < classes && !answer.fault; c++) {
        count[c] = begin[c + 1] - begin[c];
        if (count[c] < 2)
            answer = (SplitAnswer){ .fault = SPLIT_LONE_ROW, .part = part, .row = from[places[begin[c]]] };
    }
    if (!answer.fault && n - size < classes)
        answer = (SplitAnswer){ .fault = SPLIT_FEW_ROWS, .part = PART_TRAIN, .rows = n - size, .classes = classes };
    if (!answer.fault && size < classes)
        answer = (SplitAnswer){ .fault = SPLIT_FEW_ROWS, .part = part, .rows = size, .classes = classes };
    if (answer.fault)
        goto done;

    numpy_seed(&r, seed);
    draws_of_classes(count, classes, n - size, &r, keep);
    for (int32_t c = 0; c < classes; c++)
        count[c] -= keep[c];
    draws_of_classes(count, classes, size, &r, take);
    *rest = xcalloc((size_t)(n - size), sizeof **rest);
    *taken = xcalloc((size_t)size, sizeof **taken);
    for (int32_t c = 0; c < classes; c++) {
        int64_t rows = begin[c + 1] - begin[c];
        numpy_permutation(&r, order, rows);
        for (int64_t i = 0; i < keep[c]; i++)
            (*rest)[n_rest++] = from[places[begin[c] + order[i]]];
        for (int64_t i = keep[c]; i < keep[c] + take[c]; i++)
            (*taken)[n_taken++] = from[places[begin[c] + order[i]]];
    }
    numpy_shuffle(&r, *rest, n_rest);
    numpy_shuffle(&r, *taken, n_taken);
done:
    free(begin);
    free(places);
    free(count);
    free(order);
    free(keep);
    free(take);
    return answer;
}

/* Test, then dev; class_of NULL: not stratified. */
static SplitAnswer split_drawn(Split *s, int64_t n, const int32_t *class_of, int32_t classes, const SplitShares *shares)
{
    static const Part turns[] = { PART_TEST, PART_DEV };
    *s = (Split){ 0 };
    sizes(n, shares, s->n);
    int64_t *left = xcalloc((size_t)n, sizeof *left), n_left = n;
    for (int64_t i = 0; i < n; i++)
        left[i] = i;
    for (int t = 0; t < 2; t++) {
        Part p = turns[t];
        int64_t *rest = NULL;
        SplitAnswer answer = { .fault = SPLIT_FINE };
        if (share_of(shares, p) == 0)
            continue;
        if (s->n[p] == 0)
            answer = (SplitAnswer){ .fault = SPLIT_EMPTY, .part = p };
        else if (class_of)
            answer = draw_stratified(p, left, n_left, s->n[p], class_of, classes, shares->seed, &s->row[p], &rest);
        else
            draw(left, n_left, s->n[p], shares->seed, &s->row[p], &rest);
        if (answer.fault) {
            free(left);
            return answer;
        }
        free(left);
        left = rest;
        n_left -= s->n[p];
    }
    s->row[PART_TRAIN] = left;
    return (SplitAnswer){ .fault = SPLIT_FINE };
}

SplitAnswer split_random(Split *s, int64_t n, const SplitShares *shares) { return split_drawn(s, n, NULL, 0, shares); }

SplitAnswer split_stratified(Split *s, int64_t n, const int32_t *class_of, int32_t classes, const SplitShares *shares)
{
    return split_drawn(s, n, class_of, classes, shares);
}

/* ---- by what a row is ----------------------------------------------------------------------------------------------------- */

/* The rows by their parts, in their order. */
static SplitAnswer sort_out(Split *s, int64_t n, const unsigned char *part_of, const SplitShares *shares)
{
    memset(s->n, 0, sizeof s->n);
    for (int64_t i = 0; i < n; i++)
        s->n[part_of[i]]++;
    for (int p = 0; p < N_PARTS; p++) {
        if (s->n[p] == 0 && (p == PART_TRAIN || share_of(shares, p) > 0))
            return (SplitAnswer){ .fault = SPLIT_EMPTY, .part = p };
        s->row[p] = xcalloc((size_t)s->n[p], sizeof *s->row[p]);
        s->n[p] = 0;
    }
    for (int64_t i = 0; i < n; i++)
        s->row[part_of[i]][s->n[part_of[i]]++] = i;
    return (SplitAnswer){ .fault = SPLIT_FINE };
}

SplitAnswer split_hashed(Split *s, int64_t n, const uint64_t *hash, const SplitShares *shares)
{
    unsigned char *part_of = xcalloc((size_t)n, 1);
    *s = (Split){ 0 };
    for (int64_t i = 0; i < n; i++) {
        double u = (double)(hash[i] >> 11) * 0x1p-53;
        part_of[i] = u < shares->test ? PART_TEST : u < shares->test + shares->dev ? PART_DEV : PART_TRAIN;
    }
    SplitAnswer answer = sort_out(s, n, part_of, shares);
    free(part_of);
    return answer;
}

typedef struct {
    int64_t rows, turn, group;
} Group;

static int larger_first(const void *a, const void *b)
{
    const Group *x = a, *y = b;
    return x->rows != y->rows ? (x->rows < y->rows) - (x->rows > y->rows) : (x->turn > y->turn) - (x->turn < y->turn);
}

SplitAnswer split_grouped(Split *s, int64_t n, const int32_t *group_of, int32_t groups, const SplitShares *shares)
{
    int64_t missing[N_PARTS], *order = xcalloc((size_t)groups, sizeof *order);
    unsigned char *part_of = xcalloc((size_t)n, 1), *part_of_group = xcalloc((size_t)groups, 1);
    Group *group = xcalloc((size_t)groups, sizeof *group);
    bool empty[N_PARTS] = { true, shares->dev > 0, shares->test > 0 };
    int n_empty = empty[0] + empty[1] + empty[2];
    SplitAnswer answer = { .fault = SPLIT_FEW_GROUPS, .groups = groups };
    NumpyRandom r;
    *s = (Split){ 0 };
    if (groups < n_empty)
        goto done;
    numpy_seed(&r, shares->seed);
    numpy_permutation(&r, order, groups);
    for (int32_t i = 0; i < groups; i++)
        group[order[i]] = (Group){ .turn = i, .group = order[i] };
    for (int64_t i = 0; i < n; i++)
        group[group_of[i]].rows++;
    qsort(group, (size_t)groups, sizeof *group, larger_first);
    sizes(n, shares, missing);
    for (int32_t i = 0; i < groups; i++) {
        bool only_empty = groups - i == n_empty;
        int to = -1;
        for (int p = 0; p < N_PARTS; p++)
            if ((p == PART_TRAIN || share_of(shares, p) > 0) && (!only_empty || empty[p]) && (to < 0 || missing[p] > missing[to]))
                to = p;
        missing[to] -= group[i].rows;
        n_empty -= empty[to];
        empty[to] = false;
        part_of_group[group[i].group] = (unsigned char)to;
    }
    for (int64_t i = 0; i < n; i++)
        part_of[i] = part_of_group[group_of[i]];
    answer = sort_out(s, n, part_of, shares);
done:
    free(order);
    free(part_of);
    free(part_of_group);
    free(group);
    return answer;
}
