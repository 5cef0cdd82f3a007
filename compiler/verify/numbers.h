/* Sizes and numbers to run a graph on, when there is no table: what ftc verify and the tests compute with.
 *
 * In:  a graph; how many rows of which lengths.
 * Out: a Binding for its symbols, and a FillFn that gives every input, weight and state numbers it may have.
 * Numbers follow from (seed, name, element) alone and are exact in single precision.  What the runtime gives (ftc/model.h) is known by
 * its name.  Of anything else the graph says what it may be: an index stays below the size of what it picks from; what a logarithm, a
 * root or a division reads is above zero. */
#ifndef FTC_NUMBERS_H
#define FTC_NUMBERS_H

#include "compiler/ir/eval.h"

enum { MOST_ROWS = 63 };

/* Rows of given lengths; T, L and P follow. */
typedef struct {
    Binding b;
    int32_t row_start[MOST_ROWS + 1];
    uint32_t seed;
} Sizes;

Sizes *sizes_of(Sizes *s, int rows, const int *lengths, int64_t classes, int64_t vocabulary, uint32_t seed);

/* In (0, 1), of 16 bits. */
double uniform(uint32_t seed, uint32_t stream, uint32_t i);

/* One name, one set of numbers. */
uint32_t stream_of(const char *name);

/* What fill_numbers gets. */
typedef struct {
    const Sizes *sizes;
    const Graph *graph;   /* asked what a leaf may be; rewritten graphs get the numbers of the one they came from */
    const Node *along;    /* NULL; or a leaf, of any graph, whose every element is moved by `step` times direction(...) */
    double step;
} Numbers;

/* A FillFn; ctx is Numbers. */
void fill_numbers(void *ctx, const Node *n, Tensor *t);

/* Element i of the direction in which a leaf is moved: in [-1, 1], and not small. */
double direction(const Node *leaf, int64_t i);

#endif
