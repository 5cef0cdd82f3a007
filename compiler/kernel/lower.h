/* Lowering: groups of graph nodes -> kernels.
 *
 * In:  a graph whose nodes carry a group number (passes/fuse.c): what is computed together.  Views and constants have none;
 *      they are read through.
 * Out: a Program (program.h): for each group its kernel(s), the buffers they pass to each other, and the calls in order.
 *
 * Layout.  A value is stored row-major, but for ragged values: with one n(r) dim, [r:B, h, n(r), d] lies as [T, h, d], so
 * that split, join and transposes around them are strides; with two, row r of [r:B, h, n(r), n(r)] starts at row_start[r]*L*h
 * and is row-major with its own n(r).  In both, sizes are polynomials in T and L.
 *
 * Index of a value: a polynomial per dim.  For a dim n(r) it is the *token* number row_start[r] + i, so that the same
 * index serves the flat form; the index of r itself may be left open and is then found from a token by row_of. */
#ifndef FTC_LOWER_H
#define FTC_LOWER_H

#include "compiler/kernel/program.h"

/* The lower column of ops.def. */
typedef enum {
    lower_none,    /* given from outside: input, weight, state */
    lower_inline,  /* a number known at each index: const, iota */
    lower_view,    /* its operand under another index; a copy only where that index can't be said in strides */
    lower_loop,    /* element by element */
    lower_reduce,
    lower_dot,
    lower_scatter,
    lower_concat
} LowerKind;

extern const LowerKind op_lower[N_OPS];

typedef struct {
    Poly v[MAX_RANK]; /* v[0].n < 0: the row is left open */
    Poly token;       /* of an index with an open row */
} Index;

/* How many dims are n(r). */
int ragged_dims(const Type *t);

/* A weight's cast to bf16 that is in no group: nothing computes it, copies to panels round the weight instead (passes/pack.c). */
bool is_rounded_by_copies(const Node *n);

/* The node behind x's views that has a group or is no view. */
Node *behind_views(Node *x);

static inline bool row_is_open(const Index *at) { return at->v[0].n < 0; }

/* Extents of index variables, for deciding whether a reshape can be said in strides: below 0 for "not a constant". */
typedef int64_t ExtentFn(void *ctx, int var);

/* Follows views from x at `at` down to a node that has a group or is no view; `at` becomes that node's index.
 * Stops early at a view it can't see through: a reshape whose index would need a division. */
Node *follow_views(Arena *a, Node *x, Index *at, ExtentFn *extent, void *ctx);

/* The view on the way from x to what it shows that follow_views can't see through, whatever x's index; NULL if there is none. */
Node *blocking_view(Arena *a, Node *x);

/* The index at which an operand of type x is read for index `at` of a MAP op's result of type y. */
Index broadcast_index(const Type *x, const Type *y, const Index *at);

/* A row reduction: over the last dim that isn't 1 alone. */
bool is_row_reduction(const Node *n);
bool is_token_sum(const Node *n);                    /* [T, columns] to [columns], or the maximum */

/* The dim of a dot's operand that is neither batch nor contracted; -1: it has none. */
int dot_free_axis(const Node *dot, int which);

/* True if dot operand `which` of n can be read with strides of which one is 1. */
bool dot_operand_strided(Arena *a, const Node *n, int which);

/* By id: true of a matrix of weights whose panels can stay from step to step, because nothing in the graph changes it but one update, of
 * which its group has each number at hand; or nothing at all.  All false where no weight is updated. */
bool *find_keepers(Graph *g, Arena *a);

/* The weight that a dot's right operand is, as it lies or transposed, whose panels can stay; NULL: it is something else, or a part of
 * one, or the dot may come when it is updated already. */
Node *kept_operand(Arena *a, const bool *keeps, const Node *dot);

/* The same for all tokens and rows of a batch: a weight, or what is made of weights. */
bool is_shared_matrix(const Type *t);

/* Of a dot in a chain of tokens: bytes of the matrix that every panel is multiplied with; else 0.  As much as SHARED_BYTES stays in
 * a usual last-level cache from panel to panel. */
enum { SHARED_BYTES = 8 << 20 };
int64_t shared_bytes(const Node *n);

/* Four tiles of rows, or four blocks of matrix registers, which want each panel of a weight to be read for as many rows as can be
 * (codegen/gemm.c); what a chain of dots hands on stays in the cache. */
enum { PANEL_TOKENS = 56, MATRIX_PANEL_TOKENS = 128 }; /* at most MOST_PANEL_TOKENS */

enum { PACKED_COLUMNS = 32 };

/* What lowering is told of the machine that code is for, beside a graph. */
typedef struct {
    bool matrix_registers; /* passes that only then pay run, and panels of tokens are larger */
    int tile_columns;      /* of a dot's tiles, a multiple of 16: packed panels have as many; 0: PACKED_COLUMNS */
} Machine;

Program *lower_graph(Graph *g, Arena *arena);

#endif
