/* The reference evaluator: the definition of what a graph computes, in double, one op after the other.
 *
 * In:  a graph, sizes for its symbols, values for its inputs, weights and states.
 * Out: a tensor per node, each number with a bound on how far honest single precision may be from it.
 * The bound is carried forward through every op (a running error analysis): |compiled - v| <= e * FLT_EPSILON must
 * hold, and is never relative to the result.  e is infinite where a comparison may fall either way. */
#ifndef FTC_EVAL_H
#define FTC_EVAL_H

#include "compiler/ir/ir.h"

typedef struct {
    int64_t sym[N_SYMBOLS];   /* T, B, L, C, V, U, P */
    const int32_t *row_start; /* [B+1] */
} Binding;

/* Row-major; a ragged tensor holds its rows one behind the other. */
typedef struct {
    Type type;
    const Binding *bind;
    int64_t n;           /* elements */
    int64_t *row_base;   /* ragged: [B+1] first element of each row; else NULL */
    double *v, *e;
} Tensor;

Tensor *tensor_new(Arena *a, Type t, const Binding *b);
int64_t tensor_dim(const Tensor *t, int axis, int64_t row);     /* row: the value of the first index, for n(r) */
int64_t tensor_offset(const Tensor *t, const int64_t *index);   /* index has t's rank */
int64_t tensor_aligned(const Tensor *t, const int64_t *index, int rank); /* broadcast: index of a result of that rank */
bool tensor_first(const Tensor *t, int64_t *index);             /* false if there is no element */
bool tensor_next(const Tensor *t, int64_t *index);              /* row-major; false after the last */

typedef void FillFn(void *ctx, const Node *n, Tensor *t);       /* values of an input, weight or state */

/* Evaluates every node; result[id] is node id's tensor (graph_renumber first).  Lives in the arena. */
Tensor **graph_eval(const Graph *g, const Binding *b, FillFn *fill, void *ctx, Arena *arena);

/* The rounding allowance of a sum of n terms, in units of FLT_EPSILON * sum of |terms|: added one after another, terms of one sign are
 * off by some 0.2 sqrt(n) of them, as a random walk goes; of several thousand sums one may be off by four times that. */
double sum_allowance(int64_t n);

/* What an operand's bound is worth in a result that moves by so much when the operand moves by one. */
double carried_bound(double e, double by);

#endif
