/* The tensor IR: what one training step computes, as a graph of values.
 *
 * In:  the builder's calls (compiler/build, compiler/grad, the passes) or text (parse).
 * Out: a Graph of Nodes in topological order that prints to text and parses back unchanged.
 * The idea: few primitives, no control flow, every value immutable; whatever a pass knows about an op it reads in
 * one table (ops.def).  Composites (softmax, layer norm, dropout, attention) are functions in compiler/build.
 *
 * Meaning
 *   Types          element x dims.  A dim is a number or a symbol: C classes and V vocabulary entries are bound when
 *                  a model is loaded; T tokens, B rows, L longest row with every batch, and U, the vocabulary entries
 *                  used so far.  n(r) is the length of row r.
 *                  A type with n(r) in it is ragged: its first dim is r:B, and each row has its own sizes.
 *                  [T, ...] and [r:B, n(r), ...] are the same numbers in the same order (split and join are free).
 *   Broadcasting   MAP ops align their operands' dims at the right, as NumPy does; a missing dim or a dim of 1 repeats.
 *                  T and [r:B, n(r)] don't align: split or join first.
 *   Reductions     keep the reduced dims as 1.  A sum may be reassociated, in a way that depends on shapes only.  The
 *                  gradient of a maximum (amax, max, min) goes to all places that tie, in equal shares.
 *   Floats         IEEE single; nothing is contracted or reassociated in MAP ops; NaN propagates; max(NaN, x) is NaN.
 *   Integers       i32, wrapping.  A cast from float truncates.  bool is one byte, 0 or 1.
 *   dot            batch dims lead both operands; one dim of each is contracted; the result is
 *                  [batch..., a's other dim, b's other dim].  Either operand may lack its other dim.
 *   gather         y[i..., j...] = table[index[i...], j...]; scatter_add is its adjoint, in index order.  An index
 *                  outside the table is a bug of ours: the runtime checks ids before they get here.
 *   rand           y[i..., c] = 16 uniform bits, a pure function of (seed, step, site, row[i...], c): Philox 4x32-10
 *                  (Salmon et al. 2011) with key (seed, site) and counter (row, c/128*16 + c%16, step, 0): bits
 *                  16*((c/16)%2) and up of word (c/32)%4.  Sixteen neighbours share nothing but the key; one
 *                  evaluation serves 128 columns.  Nothing is stored; a slice of a mask is the mask of the slice.
 *   update         in[0] (a weight or state) takes the value in[1] after everything else in the step has been read.
 *   update_rows    the same for rows of in[0]: row in[1][i] takes in[2][i]; no row is named twice.
 *   stop_gradient  the identity, with gradient zero. */
#ifndef FTC_IR_H
#define FTC_IR_H

#include "compiler/support/arena.h"
#include "compiler/support/loc.h"
#include "compiler/support/name_table.h"
#include "ftc/diag.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- types ---------------------------------------------------------------------------------------------------- */

typedef enum { F32, BF16, I32, BOOL, N_ELEMS } Elem;

/* A dim: a number >= 0, or one of the symbols. */
typedef int64_t Dim;
enum { DIM_T = -1, DIM_B = -2, DIM_L = -3, DIM_C = -4, DIM_V = -5, DIM_U = -6, DIM_P = -7, DIM_N = -8 /* n(r) */, N_SYMBOLS = 7 };
#define SYMBOL_NAMES "T, B, L, C, V, U, P" /* in their order, for messages */

enum { MAX_RANK = 6 };

typedef struct {
    Elem elem;
    int rank;
    Dim dim[MAX_RANK];
} Type;

static inline int symbol_index(Dim d) { return (int)(-d - 1); } /* place of a symbol in arrays [N_SYMBOLS] */

#define type_of(elem, rank, ...) type_from(elem, rank, (const Dim[MAX_RANK]){ __VA_ARGS__ })
Type type_from(Elem elem, int rank, const Dim *dim);
Type scalar_type(Elem elem);
bool type_equal(const Type *a, const Type *b);
bool type_ragged(const Type *t); /* has n(r) */
size_t elem_size(Elem e);
const char *elem_name(Elem e);
const char *dim_name(Dim d, char buf[24]);
const char *type_name(const Type *t, char buf[160]); /* "f32[r:B,12,n(r),n(r)]" */

/* ---- ops ------------------------------------------------------------------------------------------------------ */

typedef enum {
#define MAP(name, ...) OP_##name,
#define OP(name, ...) OP_##name,
#include "compiler/ir/ops.def"
    N_OPS
} Op;

typedef enum { CLASS_MAP, CLASS_REDUCE, CLASS_SHAPE, CLASS_CONTRACT, CLASS_INDEX, CLASS_RANDOM, CLASS_STATE } OpClass;
enum { COMM = 1 }; /* traits */

typedef struct Graph Graph;
typedef struct Node Node;

/* The attributes of all ops; an op uses what its row in ops.c names, the others are zero. */
typedef struct {
    int n_axes;             /* sum, amax: reduced axes, ascending; transpose: the permutation; */
    int axes[MAX_RANK];     /*   slice, concat, iota: the axis in axes[0] */
    int batch, ca, cb;      /* dot: leading batch dims; contracted axis of a and of b */
    int64_t begin, end;     /* slice */
    Dim dim;                /* rand: number of columns; scatter_add: rows of the result */
    int site;               /* rand: numbered from 1 when the graph is built */
    double value;           /* const: every element */
    const char *name;       /* input, weight, state: the binding's name; also the weight an update is for */
} Attrs;

typedef struct {
    const char *name;
    int inputs; /* -1: any number */
    OpClass class;
    int traits;
    bool (*infer)(Node *n, FtcDiag *d); /* fills n->type from operands and attributes; reports and returns false */
    void (*grad)(Graph *g, const Node *y, Node *dy, Node *dx[]); /* dx[i] stays NULL where nothing flows */
    const char *rule, *doc; /* for readers: the gradient as a formula, or ""; what it computes */
} OpInfo;

extern const OpInfo op_info[N_OPS];

/* ---- graphs --------------------------------------------------------------------------------------------------- */

/* Which part of the step a value belongs to; they run in this order. */
typedef enum { REGION_FORWARD, REGION_BACKWARD, REGION_UPDATE } Region;
const char *region_name(Region r);

enum { PACKS_LEFT = 1, PACKS_RIGHT = 2, PACKS_SPLIT = 4, PACKS_KEPT = 8 };

struct Node {
    Op op;
    Type type;
    int id;           /* its place in the graph; kept dense by graph_renumber */
    int n_in;
    Node **in;
    Attrs a;
    Region region;
    const char *name; /* unique in the graph, printed behind % */
    const Loc *loc;
    const char *grad_of; /* name of the value whose gradient computation this is, or NULL */
    int group;        /* after fusion: the kernel it is computed in, from 1; 0: a view, a constant, or given from outside */
    int stage;        /* of a group that chains several: which one, from 1; 0: the group is no chain */
    int packs;        /* dot: which operands are copied to panels first: PACKS_LEFT, PACKS_RIGHT or both; PACKS_SPLIT: the right one of
                       * f32 as three bf16 each; PACKS_KEPT: the right one's panels stay from step to step, and its update writes them */
    int uses;         /* operands and outputs that name it; kept by graph_count_uses */
    void *aux;        /* scratch of the running pass */
    Node *next, *prev;
};

typedef struct {
    const char *name;
    Node *node;
} Output;

enum { MAX_OUTPUTS = 4096 };

struct Graph {
    Arena *arena;
    const char *name;
    Node *first, *last;   /* topological order */
    int n;                /* nodes so far, and the next id */
    Output *outputs;      /* named results */
    int n_outputs, cap_outputs;
    NameTable names;
    FtcDiag *diag;        /* where a builder call reports a type error */
    struct OptNotes *notes; /* where passes say what they did; NULL: nobody asked */
    bool debug;           /* -g: kernels are told apart by the lines they come from */
    const struct Given *given; /* by id: the groups of a text, which passes keep to (passes.h, regroup); NULL: they are free */
    int panel_tokens;     /* for lowering: what goes token by token goes by panels of at most so many; 0: PANEL_TOKENS (lower.h) */
    int packed_columns;   /* the same: what is packed goes by panels of so many columns; 0: PACKED_COLUMNS */
    /* what new nodes get: */
    const Loc *loc;
    const char *scope;    /* prefix of names: "layers.3.ffn.up" */
    const char *grad_of;
    Region region;
    Node *before;         /* insert before this node; NULL: at the end */
    bool failed;          /* a builder call failed; every later one returns its dummy */
};

Graph *graph_new(Arena *arena, const char *name, FtcDiag *diag);
Node *graph_add(Graph *g, Op op, int n_in, Node **in, const Attrs *a, const Type *type); /* type only for infer_given */
void graph_output(Graph *g, const char *name, Node *n);
Node *graph_find_output(const Graph *g, const char *name);
void graph_rename(Graph *g, Node *n, const char *name); /* makes it unique */
void graph_remove(Graph *g, Node *n);
void graph_replace_uses(Graph *g, Node *old, Node *with); /* operands and outputs */
void graph_renumber(Graph *g);
void graph_count_uses(Graph *g);
void graph_dce(Graph *g);                               /* drop what no output needs; inputs, weights and state stay out too */
Graph *graph_copy(const Graph *g, Arena *arena);

static inline bool is_update(const Node *n) { return n->op == OP_update || n->op == OP_update_rows; }
static inline const char *updated(const Node *n) { return n->in[0]->a.name; } /* the weight or state that an update is of */

#define EACH_NODE(n, g) for (Node *n = (g)->first; n; n = n->next)

/* Builder: one function an op, named as the op.  Operands broadcast as said above. */
Node *add(Graph *g, Node *a, Node *b);
Node *sub(Graph *g, Node *a, Node *b);
Node *mul(Graph *g, Node *a, Node *b);
Node *divide(Graph *g, Node *a, Node *b);
Node *maximum(Graph *g, Node *a, Node *b);
Node *minimum(Graph *g, Node *a, Node *b);
Node *map1(Graph *g, Op op, Node *a);                  /* neg, abs, exp, log, tanh, erf, sqrt, rsqrt, not */
Node *map2(Graph *g, Op op, Node *a, Node *b);         /* lt, le, eq, and */
Node *select_(Graph *g, Node *c, Node *a, Node *b);
Node *cast(Graph *g, Node *a, Elem to);
Node *input(Graph *g, const char *name, Type t);
Node *weight(Graph *g, const char *name, Type t);
Node *state(Graph *g, const char *name, Type t);
Node *constant(Graph *g, double value, Elem e);        /* scalar */
Node *zeros(Graph *g, const Type *t);                  /* const of that type */
Node *update(Graph *g, Node *target, Node *value);     /* also becomes an output */
Node *update_rows(Graph *g, Node *target, Node *rows, Node *value);
Node *stop_gradient(Graph *g, Node *a);
Node *sum(Graph *g, Node *a, int axis);                /* axis from 0, or from the end when negative */
Node *sum_axes(Graph *g, Node *a, int n_axes, const int *axes);
Node *amax(Graph *g, Node *a, int axis);
Node *reshape(Graph *g, Node *a, Type t);              /* row-major order; symbols must match one to one */
Node *transpose(Graph *g, Node *a, int n, const int *perm); /* result dim i is a's dim perm[i] */
Node *swap_last(Graph *g, Node *a);                    /* transpose of the last two dims */
Node *broadcast(Graph *g, Node *a, Type t);
Node *slice(Graph *g, Node *a, int axis, int64_t begin, int64_t end);
Node *concat(Graph *g, int n, Node **parts, int axis);
Node *split(Graph *g, Node *a);                        /* [T, ...] -> [r:B, n(r), ...] */
Node *join(Graph *g, Node *a);
Node *dot(Graph *g, Node *a, Node *b, int batch, int ca, int cb); /* ca, cb may count from the end */
Node *iota(Graph *g, Type t, int axis);                /* i32; the index along axis */
Node *gather(Graph *g, Node *table, Node *index);
Node *scatter_add(Graph *g, Node *index, Node *values, Dim rows);
Node *rand_bits(Graph *g, int site, Node *row, Node *seed, Node *step, Dim columns);

/* ---- text, checks, reference ---------------------------------------------------------------------------------- */

/* graph @step {
 *   %ids = input {name="ids"} : i32[T]
 *   %table = weight {name="embeddings.token.weight"} : f32[V,384]
 *   %x = gather %table, %ids : f32[T,384]                          @bert.yaml:4:5<models/my.yaml:7:3
 *   %dx = ... : f32[T,384]  grad %x
 *   %y = ... : f32[T,384]  in 7                  (after fusion: computed in group 7)
 *   %z = ... : f32[T,384]  in 8.2                (in the second stage of the chain that is group 8)
 *   %w = ... : f32[T,384]  in 9 packs 2          (a dot whose right operand is copied to panels first; 1: the left; 6: split; 10: kept)
 *   return loss=%loss, logits=%logits, %w.new
 * } */
void graph_print(const Graph *g, FILE *out);
char *graph_text(const Graph *g); /* free() it */
Graph *graph_parse(Arena *arena, const char *file, const char *text, size_t len, FtcDiag *d);

/* Types agree with the ops' rules, operands precede uses, names are unique, regions don't go back.  Bugs of ours:
 * calls ftc_bug with the node's name. */
void graph_verify(const Graph *g);

#endif
