/* Shared by the files of the lowering (lower.c: groups and buffers; emit_values.c: numbers at an index; domain.c: loops;
 * lower_*.c: one kind of group each).  In: one group.  Out: statements of its kernel. */
#ifndef FTC_LOWERING_H
#define FTC_LOWERING_H

#include "compiler/kernel/lower.h"

/* What of a dim a statement covers: from, from + 1, ..., size of them. */
typedef struct {
    Poly from, size;
} Span;

/* What was computed once and holds to the end of a block. */
typedef enum { MEMO_READ, MEMO_LOAD, MEMO_VALUE, MEMO_CONST, MEMO_LENGTH } MemoKind;
typedef struct {
    MemoKind kind;
    int key, depth, result;
    Elem elem;
    double number;
    Poly at;
} Memo;

enum { MAX_PARAMS = 256 };

/* A panel of tokens, as P in ftc/step.h has them. */
typedef struct {
    Poly number;
    Span tokens;
} Panel;

/* What a piece of an open chain covers. */
typedef struct {
    int fixed;        /* so many leading dims have one index: a row and a head; 0: a panel of tokens */
    Panel panel;
} Piece;

/* A copy in panels that is there already: of base's elements at offset, a polynomial in placeholders. */
typedef struct {
    const Node *base;
    Poly offset;
    int width, buf;
    bool split, kept;
} Pack;

typedef struct {
    Graph *g;
    Program *p;
    Arena *a;         /* of kernels and what leads to them; what the program keeps besides, and lists that outlive a group, are in p's */
    int *buf_of;      /* by node id: buffer number, or -1 */
    NameTable named[FTC_BUF_KEPT + 1]; /* by kind: the numbers of buffers that go by a name, from 1 */
    bool *stored;     /* by node id: read outside its group, so it needs a buffer */
    int *scratch_of;  /* by node id: the scratch parameter that carries it to a later pass over the row, or -1 */
    int packed_columns; /* of a panel of a dot's right operand */
    bool *keeps;      /* by node id: of a weight, that its panels may stay (find_keepers) */
    Call *prepare;    /* calls that come before all others */
    int n_prepare, cap_prepare;
    bool preparing;   /* the kernel at hand is one of them */
    char *packed_as;  /* by node id: its chain packs it, for dots' operands: PACKS_LEFT, PACKS_RIGHT, PACKS_SPLIT, or'ed */
    int *panel_of;    /* by node id: the scratch parameter that hands it on to a later stage of its chain, or -1 */

    /* the group at hand */
    int group;
    Node **members;   /* in graph order */
    int n_members;
    Kernel *k;
    KBuilder b;
    int param_buf[MAX_PARAMS]; /* the program's buffer of each parameter; -1: scratch */
    int32_t imms[MAX_PARAMS];
    Pack *packs;
    int n_packs, cap_packs;
    Memo *memo;
    int n_memo, cap_memo;
    int64_t *extents; /* by index variable; -1 unknown */
    int cap_extents;
    KStmt **before_vec; /* inside a vec: where statements that don't depend on the lane go */
    int vec_depth;
    int lane;         /* its variable; -1 outside */
    Piece *piece;     /* NULL: no chain is open */
} Lower;

static inline Poly var(Lower *l, int v) { return poly_var(l->a, v); }
static inline Poly minus(Arena *a, Poly x, Poly y) { return poly_add(a, x, poly_scale(a, y, -1)); }

/* Loops.  extent: the constant size, or -1. */
int open_par(Lower *l, const char *name, Poly end, int64_t step, int64_t extent);
int open_for(Lower *l, const char *name, Poly lo, Poly hi, int64_t extent);
int open_vec(Lower *l, Poly n, int64_t extent);
void close_block(Lower *l);
Poly dim_extent(Lower *l, Dim d);           /* in symbols; n(r) has none */
int64_t const_extent(Dim d);
Poly piece_end(Lower *l, int par, int64_t step, Poly end); /* min(par + step, end) */
Panel open_panel(Lower *l);                 /* a par dim over all panels */

/* A group's loops, outermost first.  With one n(r) the tokens are one dim of size T in front (on the ragged axis), unless rows
 * have to be told apart. */
typedef struct {
    Type type;
    int n, axis[MAX_RANK];
    bool by_row; /* the loop over r is explicit */
} Domain;

enum { PIECE = 16384 }; /* about this many elements make a piece */

Domain domain_of(const Type *t, bool by_row);
Index domain_index(const Domain *d);        /* all zero, the row open where tokens are looped over */
void axis_bounds(Lower *l, const Domain *d, int axis, const Index *at, Poly *lo, Poly *hi); /* n(r) in an explicit row: its tokens */
const char *axis_name(const Domain *d, int axis);
int64_t rows_per_piece(const Domain *d);
void open_axis(Lower *l, const Domain *d, int axis, Index *at); /* a for over the whole axis */
void open_axis_lanes(Lower *l, int axis, Poly lo, Poly hi, int64_t extent, Index *at);
void close_blocks(Lower *l, int n);
bool needs_serial(Lower *l, const Domain *d); /* lanes can't be used: an index would have to be read, or a division done, for each */

/* Rows: index variables that read row_start and row_of, hoisted out of the lanes. */
Poly row_start_of(Lower *l, Poly row);
Poly row_end_of(Lower *l, Poly row);
Poly row_of_index(Lower *l, const Type *t, const Index *at);  /* at's row, found from its token if open */

Span whole_dim(Lower *l, Dim d, const Index *at); /* n(r): the tokens of at's row; T in a chain of panels: the panel */

/* Buffers and parameters. */
int input_buf(Lower *l, const char *name, Elem elem, Poly size);
int buffer_of(Lower *l, const Node *n);
int temp_buf(Lower *l, const char *name, Elem elem, Poly size);
int kept_buf(Lower *l, const char *name, Elem elem, Poly size);
int param_of(Lower *l, int buf, ParamMode mode);
int scratch_param(Lower *l, const char *name, Elem elem, Poly size);
Poly storage_size(Lower *l, const Type *t);
Poly element_offset(Lower *l, const Type *t, const Index *at);
Poly row_length(Lower *l, Poly row);                          /* as a variable */

/* Numbers.  value_at: x's element at an index, read, recomputed or remembered.  compute: a member's own element. */
int value_at(Lower *l, Node *x, Index at);
int compute(Lower *l, Node *n, const Index *at);
int constant_value(Lower *l, double v, Elem e);
Poly integer_at(Lower *l, Node *x, Index at); /* an i32 as an index */
void remember(Lower *l, const Node *n, int value);
int remembered(Lower *l, const Node *n);
void store_member(Lower *l, const Node *n, const Index *at, int value);
ExtentFn lower_extent;

/* "add_mul_sum": the ops of a group, for people to recognise it by. */
const char *group_name(Lower *l);

/* Statements from here on are n's; answers whose they were, to be set again. */
static inline const Loc *at_node(Lower *l, const Node *n)
{
    const Loc *before = l->b.loc;
    l->b.loc = n->loc;
    return before;
}

/* Begin and end a kernel of this group: end adds it to the program, with the call. */
void begin_kernel(Lower *l, const char *name);
void end_kernel(Lower *l);

static inline Op reduce_op(const Node *n) { return n->op == OP_sum ? OP_add : OP_max; }

Poly panel_size(Lower *l, const Type *t);                     /* of a value within a piece */
Poly panel_offset(Lower *l, const Type *t, const Index *at);

/* In an open kernel. */
void lower_loop_stage(Lower *l, Index at);                    /* the members are a group whose outer dims `at` has */
int lower_sum_stage(Lower *l, Node *n);                       /* a token sum's panel; returns the buffer of all panels' sums */
void lower_sum_partials(Lower *l, Node *n, int partial);      /* adds them up, in a kernel of its own */
/* The buffers of a dot's packed operands; -1: as they lie. */
typedef struct {
    int a, b;
} Packed;
Packed pack_operands(Lower *l, Node *dot);                    /* makes kernels of its own: before one is open */
Node *packed_by_chain(Lower *l, const Node *dot, int which);  /* the value that a chain of panels packs for this operand, or NULL */
void pack_rows(Lower *l, Node *x);                            /* a panel's rows of x, in an open chain, as dots want them */
bool has_kept_panels(const Lower *l, const Node *weight);
void pack_kept(Lower *l, Node *weight, Span rows, Span columns); /* this part of it, to all its panels that are kept */
void lower_dot_statement(Lower *l, Node *dot, const Index *at, Span m, Span n, Span k, Packed packed);

/* One kind of group each. */
void lower_chain_group(Lower *l);
void lower_loop_group(Lower *l);
void lower_reduce_group(Lower *l, Node *reduce);
void lower_dot_group(Lower *l, Node *dot);
void lower_scatter_group(Lower *l, Node *scatter);
void lower_concat_group(Lower *l, Node *concat);

#endif
