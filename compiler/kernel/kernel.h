/* The kernel IR: one loop nest over buffers, between the fused graph and LLVM.
 *
 * In:  lowered regions of the graph (lower.c) or text (kparse.c).
 * Out: LLVM IR, one to one, scalar or vector (codegen); C-like text that reads as loops (kprint.c); numbers (kinterp.c).
 * The idea: all arithmetic on indices is a polynomial in index variables, so that addresses, bounds and strides share one form;
 * loops over lanes (`vec`) promise independence, so that lowering to vectors is local and needs no analysis.
 *
 *   kernel @layer_norm(in f32 %x, in f32 %gamma, out f32 %y, scratch f32 %d[384]) {
 *     par %p = 0 .. T step 16
 *     index %end = min(%p + 16, T)
 *     for %t = %p .. %end {
 *       acc %s = add f32
 *       vec %j = 0 .. 384 {
 *         let %a = load %x[384*%t + %j]
 *         reduce %s, %a
 *       }
 *       let %inv = const 0.0026041667 f32
 *       let %mean = mul %s, %inv
 *       ...
 *
 * Meaning
 *   par      The pieces of the kernel, in any order, on any thread; pieces write disjoint memory.  Several par
 *            dims multiply.  A par variable takes begin, begin+step, ... below its end.
 *   for      In order.
 *   vec      Iterations are independent but for accumulators declared outside it; they may run in lanes, in any
 *            grouping.  A vec contains let, load, store, acc, reduce, index and for, no vec and no dot.  The bounds of a
 *            for in it are the same in all lanes.
 *   acc      A running sum or maximum, from 0 or -inf.  Declared outside a vec and reduced inside it, the lanes'
 *            parts are combined when the vec ends, in an order that depends on the vector width only.
 *            It reads as a value after the loop it is reduced in.
 *   let      A value: f32, i32 or bool; MAP ops of ops.def, const, load, rand, or an index as i32.  bf16 exists only in
 *            memory: a load widens, a store rounds to nearest even.
 *   dot      C[i,j] = sum over k of A[i,k] * B[k,j] (or += with accumulate), i < m, j < n, k < k.  C's columns are contiguous;
 *            A and B have a row and a column stride, one of which is 1.  A and B are both f32 or both bf16, C is f32.
 *            B may be `packed P` instead, P a multiple of 16: panels of P columns one after another, the last filled up with
 *            zeros, each with k rows of P elements: B[k,j] is element (j / P) * K * P + k * P + j % P, K being the dot's k.
 *            bf16 operands go by pairs of k: rows 2k and 2k + 1 are one row of P pairs, the last filled up with zeros:
 *            B[k,j] is element (j / P) * K' * P + (k / 2) * 2 * P + (j % P) * 2 + k % 2, K' being K or the even number above.
 *            `split P` is f32 in three bf16, each what the ones before leave of it, rounded (0 where they aren't finite): a panel has
 *            all pairs of the first, then those of the second and of the third.  A is then f32, and B's element is their sum.
 *   pack     Writes such panels, zeros included, from a matrix with strides, of which one is 1; of f32 into bf16 it rounds as a
 *            store does.  With `of K` the panels have K rows, and these are k of them: the place is the first one's (of bf16, an
 *            even one) in the first panel.
 *   Values are visible from their statement to the end of its block.  Inside a vec a value defined outside is the same in all lanes.
 *   Scratch parameters come last.  No two parameters overlap, except that one buffer may be given for several `in` parameters. */
#ifndef FTC_KERNEL_H
#define FTC_KERNEL_H

#include "compiler/ir/ir.h"

/* ---- index arithmetic ----------------------------------------------------------------------------------------- */

enum { MAX_FACTORS = 4 };

/* coef * product of index variables (variable numbers ascending, repeats allowed) */
typedef struct {
    int64_t coef;
    int n;
    int16_t var[MAX_FACTORS];
} Term;

/* A sum of terms, sorted, no two alike, no zero coefficient; n = 0 is 0.  Lives in the kernel's arena. */
typedef struct {
    int n;
    Term *t;
} Poly;

Poly poly_const(Arena *a, int64_t c);
Poly poly_var(Arena *a, int var);
Poly poly_copy(Arena *a, Poly x);
Poly poly_add(Arena *a, Poly x, Poly y);
Poly poly_mul(Arena *a, Poly x, Poly y);
Poly poly_scale(Arena *a, Poly x, int64_t c);
bool poly_equal(Poly x, Poly y);
bool poly_is_const(Poly x, int64_t *value);
/* x = quotient * var + rest, with no var in either; false if var occurs squared */
bool poly_split(Arena *a, Poly x, int var, Poly *quotient, Poly *rest);
bool poly_uses(Poly x, int var);

/* Index variables 0..N_SYMBOLS-1 are T, B, L, C, V, U, P (symbol DIM_T is variable 0, and so on); the others are the
 * kernel's own: par, for and vec variables, and the results of index statements. */
static inline int symbol_var(Dim d) { return (int)(-d - 1); }

/* ---- statements ----------------------------------------------------------------------------------------------- */

typedef enum {
    K_FOR,     /* for ivar = lo .. hi { body } */
    K_VEC,     /* vec ivar = lo .. hi { body }; lo is 0 */
    K_LET,     /* dst = op(src...) */
    K_CONST,   /* dst = value */
    K_LOAD,    /* dst = buf[at] */
    K_STORE,   /* buf[at] = src[0] */
    K_ACC,     /* declare accumulator dst with op OP_add or OP_max */
    K_REDUCE,  /* accumulator dst takes src[0] */
    K_FROM_INDEX, /* dst = at, as i32 */
    K_RAND,    /* dst = 16 random bits, i32: site argument imm, seed src[0], step src[1], row src[2], column at (see rand in ir.h) */
    K_INDEX,   /* ivar = at | min(at, hi) | div(at, hi) | mod(at, hi), by index_op */
    K_READ,    /* ivar = buf[at], an i32 */
    K_DOT,
    K_PACK,    /* c = a matrix, in panels */
    N_KSTMTS
} KKind;

typedef enum { IX_SET, IX_MIN, IX_DIV, IX_MOD } IndexOp; /* operands >= 0, divisor > 0 */

typedef struct {
    int buf;
    Poly at, row, col; /* element offset; strides in elements */
    int packed;        /* B: columns in a panel, and no strides; 0: not packed */
    bool split;        /* packed: in SPLIT_PARTS bf16 each */
} Operand;

/* For pack: c = b, whose sizes are k and n, in panels of m rows. */
typedef struct {
    Operand c, a, b;
    Poly m, n, k;
    bool accumulate;
} Dot;

typedef struct KStmt KStmt;
struct KStmt {
    KKind kind;
    Op op;          /* LET, ACC */
    IndexOp index_op;
    int dst;        /* value number */
    int src[3];
    int ivar;       /* FOR, VEC, INDEX, READ: the index variable defined */
    int buf;        /* LOAD, STORE, READ: parameter number */
    int imm;        /* RAND: which run-time argument is the site */
    double value;   /* CONST */
    Poly at, lo, hi;
    Dot *dot;
    KStmt *body;    /* first statement inside */
    KStmt *next;
    const Loc *loc;
};

typedef enum { PARAM_IN, PARAM_OUT, PARAM_INOUT, PARAM_SCRATCH } ParamMode;

typedef struct {
    const char *name;
    Elem elem;
    ParamMode mode;
    Poly size; /* SCRATCH: elements, in symbols; every thread has its own */
} KParam;

typedef struct {
    int ivar;
    Poly begin, end; /* in symbols */
    int64_t step;
} Par;

enum { SPLIT_PARTS = 3 };
enum { MAX_PAR = 3, MAX_IVARS = 32000, MAX_PANEL = 192 };

typedef struct {
    Arena *arena;
    const char *name;
    KParam *params;
    int n_params, cap_params;
    const char **ivars;     /* names; the first N_SYMBOLS are the symbols */
    int n_ivars, cap_ivars;
    Elem *values;           /* the type of value i */
    const char **value_names;
    NameTable names;  /* all of them, but for values that kb_name gave none */
    int n_values, cap_values, cap_value_names;
    int n_imms;             /* run-time arguments (sites) */
    Par par[MAX_PAR];       /* no par: one piece */
    int n_par;
    KStmt *body;
    bool debug;             /* -g: places are part of what it is, and of its code */
} Kernel;

/* ---- building: statements are appended to the innermost open block ---------------------------------------------- */

enum { MAX_DEPTH = 16 }; /* blocks, the kernel's own included */

typedef struct {
    Kernel *k;
    KStmt **tail[MAX_DEPTH];
    int depth;
    const Loc *loc; /* given to new statements */
} KBuilder;

Kernel *kernel_new(Arena *arena, const char *name);
void kb_begin(KBuilder *b, Kernel *k);
int kernel_param(Kernel *k, const char *name, Elem elem, ParamMode mode, Poly scratch_size);
int kb_par(KBuilder *b, const char *name, Poly begin, Poly end, int64_t step); /* returns the index variable */
int kb_for(KBuilder *b, const char *name, Poly lo, Poly hi);                   /* opens a block */
int kb_vec(KBuilder *b, const char *name, Poly n);                             /* opens a block */
void kb_end(KBuilder *b);                                                      /* closes the innermost block */
int kb_let(KBuilder *b, Op op, Elem elem, const int *src);
int kb_const(KBuilder *b, double value, Elem elem);
int kb_load(KBuilder *b, int buf, Poly at);
void kb_store(KBuilder *b, int buf, Poly at, int value);
int kb_acc(KBuilder *b, Op op, Elem elem);
void kb_reduce(KBuilder *b, int acc, int value);
int kb_from_index(KBuilder *b, Poly at);
int kb_rand(KBuilder *b, int imm, int seed, int step, int row, Poly column);
int kb_index(KBuilder *b, const char *name, IndexOp op, Poly x, Poly y);
int kb_read(KBuilder *b, const char *name, int buf, Poly at);
void kb_dot(KBuilder *b, const Dot *d);
void kb_pack(KBuilder *b, const Dot *d);
void kb_name(KBuilder *b, int value, const char *name); /* for printing; made unique */

/* Numbers the index variables in the order of their definitions, as kernel_parse does.  For a kernel whose statements were
 * not made in the order of its text. */
void kernel_renumber(Kernel *k);

/* ---- text, checks, reference ---------------------------------------------------------------------------------- */

void kernel_print(const Kernel *k, FILE *out);   /* deterministic; where a statement's place is new, a comment says it */
char *kernel_text(const Kernel *k);              /* free() it; without places but with -g: equal kernels, equal text (a cache's key) */
bool kernel_same(const Kernel *x, const Kernel *y); /* equal texts, as kernel_text makes them */
void poly_print(FILE *out, const Kernel *k, Poly p); /* k may be NULL where there are symbols only */
char *stmt_text(const Kernel *k, const KStmt *s); /* its line, for messages; free() it */
Kernel *kernel_parse(Arena *arena, const char *file, const char *text, size_t len, FtcDiag *d); /* NULL after an error */
Kernel *kernel_parse_at(Arena *arena, const char *file, int line, const char *text, size_t len, FtcDiag *d); /* from there on */

/* The first breach of the rules above (scoping, types, nesting), as a sentence in the kernel's arena; NULL if there is
 * none.  *where is the statement, NULL for the kernel's head. */
const char *kernel_problem(const Kernel *k, const KStmt **where);
void kernel_verify(const Kernel *k);             /* ftc_bug with kernel, statement and problem */

/* Run all pieces in C: bufs[i] is parameter i (scratch parameters are allocated here).  sym[N_SYMBOLS]: T, B, L, C, V, U, P.
 * Sums and dots run in double and round at the store.  Scratch holds NaN at the start of each piece, and every access to
 * it is checked; with sizes (elements of each parameter that is not scratch) every access is: ftc_bug names kernel and
 * statement. */
void kernel_interpret(const Kernel *k, void *const *bufs, const int64_t *sizes, const int64_t *sym, const int32_t *imms);

/* One piece; the last par dim varies fastest. */
void kernel_interpret_piece(const Kernel *k, int64_t piece, void *const *bufs, const int64_t *sizes, const int64_t *sym,
                            const int32_t *imms);

/* The number of pieces for given symbols. */
int64_t kernel_pieces(const Kernel *k, const int64_t *sym);
int64_t poly_eval_symbols(Poly p, const int64_t *sym);
int64_t poly_eval(Poly p, const int64_t *ivar); /* ivar[i]: the value of index variable i */

/* Sets the par variables to those of a piece; ivar[0..N_SYMBOLS-1] are the symbols. */
void kernel_piece(const Kernel *k, int64_t piece, int64_t *ivar);

#endif
