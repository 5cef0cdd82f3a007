/* What the files that write LLVM IR share: the state of one kernel's emission.  Private to codegen. */
#ifndef FTC_EMIT_H
#define FTC_EMIT_H

#include "compiler/codegen/object.h"
#include "compiler/codegen/target.h"
#include "compiler/kernel/kernel.h"

#include <llvm-c/Core.h>

/* An index while lanes run: what lane l has is base + l * step, or each[l]. */
typedef struct {
    LLVMValueRef base; /* i64: lane 0's */
    LLVMValueRef step; /* i64; NULL: the same in all lanes */
    LLVMValueRef each; /* <lanes x i64> where the lanes follow no such rule; base and step are then NULL */
    int64_t multiple;  /* base is a multiple of this (0: base is 0) */
} LaneIndex;

/* A running sum or maximum: a stack slot, which mem2reg turns into a register. */
enum { PARTS = 4 };
typedef struct {
    LLVMValueRef slot;
    LLVMValueRef part[PARTS]; /* inside a vec it is declared outside of: slots of the lanes' parts; else NULL */
    Op op;
    Elem elem;
} Acc;

typedef struct {
    const Kernel *k;
    const Target *target;
    LLVMContextRef c;
    LLVMModuleRef m;
    LLVMValueRef fn;
    LLVMBuilderRef b;
    LLVMBuilderRef top;     /* the entry block: stack slots go there */
    LLVMTypeRef i1, i8, i16, i32, i64, f32, f64, ptr;
    int lanes;              /* of the code being written: 1 outside vec loops */
    LLVMValueRef mask;      /* <lanes x i1> in a last, partly filled vector; else NULL */
    int copy;               /* which of several unrolled copies of a vec's body this is */
    LLVMValueRef first;     /* i1: this is the first vector (or lane) of the open vec */
    LaneIndex *index;           /* by index variable */
    LLVMValueRef *value;    /* by value: a scalar, or a vector of `lanes` */
    Acc *acc;               /* by value */
    LLVMValueRef *buf, *imm;
    LLVMValueRef *words;    /* by value: the slot of a rand that serves blocks of 128 columns; else NULL */
    LLVMValueRef *scope, *others; /* by parameter: alias.scope and noalias metadata */
    unsigned scope_kind, others_kind;
    bool shared_dots;
    struct Lines *lines;    /* -g: what places are in debug information; else NULL */
} Emit;

/* Adds the kernel to module m as a function `symbol`.  shared_dots: the functions that its dots and packs call (gemm.c) are
 * declared, and stand in modules of their own; else they are added too. */
LLVMValueRef emit_kernel(LLVMModuleRef m, const Target *t, const Kernel *k, const char *symbol, bool shared_dots);

/* ---- values: math.c -------------------------------------------------------------------------------------------- */

bool is_vector(LLVMValueRef v);
LLVMTypeRef like(LLVMValueRef v, LLVMTypeRef scalar);           /* scalar, or a vector of as many lanes as v */
LLVMTypeRef lanes_of(const Emit *e, LLVMTypeRef scalar);        /* the same for the code being written */
LLVMValueRef splat(Emit *e, LLVMValueRef scalar, int lanes);    /* lanes 1: as it is */
LLVMValueRef spread(Emit *e, LLVMValueRef v);                   /* to all lanes, if it isn't a vector yet */
LLVMValueRef number(LLVMTypeRef t, double v);                   /* a constant, in each lane of t */
LLVMValueRef whole(LLVMTypeRef t, int64_t v);
LLVMValueRef lane_numbers(LLVMTypeRef scalar, int lanes);       /* <0, 1, 2, ...> */
LLVMValueRef call_intrinsic(Emit *e, const char *name, LLVMTypeRef *overloads, int n_overloads, LLVMValueRef *args, int n);
LLVMValueRef emit_map(Emit *e, Op op, Elem to, Elem from, LLVMValueRef *x, int n);
LLVMTypeRef elem_type(const Emit *e, Elem elem);                /* in registers: float, i32, i1 */

/* ---- addresses and memory: memory.c ---------------------------------------------------------------------------- */

LaneIndex index_const(Emit *e, int64_t v);
LaneIndex index_uniform(LLVMValueRef v, int64_t multiple);
LaneIndex emit_poly(Emit *e, Poly p);
LLVMValueRef emit_uniform(Emit *e, Poly p);                     /* ftc_bug if lanes differ */
LLVMValueRef round_to_bf16(Emit *e, LLVMValueRef v);                /* f32 -> i16, to nearest even */
LLVMValueRef round_finite_to_bf16(Emit *e, LLVMValueRef v);         /* no NaN */
LLVMValueRef index_lanes(Emit *e, LaneIndex x);                     /* <lanes x i64>, or i64 if lanes is 1 */
LaneIndex emit_index_op(Emit *e, IndexOp op, LaneIndex x, LaneIndex y);
LLVMValueRef index_as_i32(Emit *e, LaneIndex x);
LLVMValueRef emit_load(Emit *e, int buf, LaneIndex at);
void emit_store(Emit *e, int buf, LaneIndex at, LLVMValueRef v);
LLVMValueRef new_slot(Emit *e, LLVMTypeRef t);
/* An intrinsic such as llvm.masked.load, whose argument number `pointer` has this alignment. */
LLVMValueRef call_masked(Emit *e, const char *name, LLVMTypeRef *overloads, LLVMValueRef *args, int n, int pointer,
                         unsigned align);

/* ---- philox.c, gemm.c, sgemm.c --------------------------------------------------------------------------------------------- */

LLVMValueRef emit_rand(Emit *e, const KStmt *s);
LLVMValueRef new_rand_slot(Emit *e);
void emit_dot(Emit *e, const Dot *d);
void emit_dot_function(LLVMModuleRef m, const Target *t, DotLayout layout, const char *symbol);
void emit_pack(Emit *e, const Dot *d);
void emit_dot_call(Emit *e, const Dot *d);                      /* through BLAS */

/* ---- lines.c: -g -------------------------------------------------------------------------------------------------- */

struct Lines *lines_open(Emit *e);
void lines_at(Emit *e, const Loc *loc);                         /* the instructions that follow come from there */
void lines_close(struct Lines *lines);                          /* NULL is fine */

/* ---- emit.c --------------------------------------------------------------------------------------------- */

LLVMValueRef value_of(Emit *e, int v);

typedef struct {
    LLVMBasicBlockRef body, exit;
    LLVMValueRef i, to;
    int64_t step;
} Loop;

/* for i = from; i < to; i += step; the code between open and close is the body. */
Loop loop_open(Emit *e, LLVMValueRef from, LLVMValueRef to, int64_t step);
void loop_close(Emit *e, const Loop *l);
void loop_close_by(Emit *e, const Loop *l, LLVMValueRef step); /* of another step */

/* The lanes of the vector at `from` that are below `to`, as <lanes x i1>. */
LLVMValueRef lanes_below(Emit *e, LLVMValueRef from, LLVMValueRef to, int lanes);

/* The code until if_close runs where c holds. */
LLVMBasicBlockRef if_open(Emit *e, LLVMValueRef c);
void if_close(Emit *e, LLVMBasicBlockRef join);

#endif
