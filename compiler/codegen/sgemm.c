/* dot -> a call of cblas_sgemm, row-major; an operand whose rows are contiguous goes in as it is, one whose columns are
 * goes in transposed.
 *
 * Sizes are known when the kernel runs, so the degenerate ones are met there: an empty result calls nothing, an empty sum
 * stores zeros, and leading dimensions that BLAS would refuse for a matrix of one row are raised to what it asks for. */
#include "compiler/codegen/emit.h"
#include "compiler/codegen/rtcalls.h"

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 }; /* cblas.h */

static LLVMValueRef operand_pointer(Emit *e, const Operand *o)
{
    LLVMValueRef at = emit_uniform(e, o->at);
    if (e->k->params[o->buf].elem != F32)
        ftc_bug("kernel @%s: a dot of other than f32", e->k->name);
    return LLVMBuildInBoundsGEP2(e->b, e->f32, e->buf[o->buf], &at, 1, "");
}

static LLVMValueRef larger(Emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildSelect(e->b, LLVMBuildICmp(e->b, LLVMIntSGT, a, b, ""), a, b, "");
}

typedef struct {
    bool transposed;
    LLVMValueRef leading;
} Layout;

/* How BLAS is to see a rows x cols operand. */
static Layout layout_of(Emit *e, const Operand *o, LLVMValueRef rows, LLVMValueRef cols)
{
    int64_t one;
    Layout l = { .transposed = !(poly_is_const(o->col, &one) && one == 1) };
    if (l.transposed && !(poly_is_const(o->row, &one) && one == 1))
        ftc_bug("kernel @%s: a dot's operand %%%s has no stride of 1", e->k->name, e->k->params[o->buf].name);
    LLVMValueRef stride = emit_uniform(e, l.transposed ? o->col : o->row);
    l.leading = larger(e, larger(e, stride, l.transposed ? rows : cols), whole(e->i64, 1));
    return l;
}

static LLVMValueRef as_int(Emit *e, LLVMValueRef v) { return LLVMBuildTrunc(e->b, v, e->i32, ""); }

/* c[i, 0 .. n) = 0 for all rows */
static void zero_rows(Emit *e, const Dot *d, LLVMValueRef c, LLVMValueRef m, LLVMValueRef n)
{
    LLVMValueRef bytes = LLVMBuildMul(e->b, n, whole(e->i64, 4), ""), stride = emit_uniform(e, d->c.row);
    Loop l = loop_open(e, whole(e->i64, 0), m, 1);
    LLVMValueRef at = LLVMBuildMul(e->b, l.i, stride, "");
    LLVMBuildMemSet(e->b, LLVMBuildInBoundsGEP2(e->b, e->f32, c, &at, 1, ""), whole(e->i8, 0), bytes, 4);
    loop_close(e, &l);
}

void emit_dot_call(Emit *e, const Dot *d)
{
    LLVMBuilderRef b = e->b;
    LLVMValueRef zero = whole(e->i64, 0);
    int64_t one;
    if (!poly_is_const(d->c.col, &one) || one != 1)
        ftc_bug("kernel @%s: a dot's result has to have contiguous columns", e->k->name);
    LLVMValueRef m = emit_uniform(e, d->m), n = emit_uniform(e, d->n), k = emit_uniform(e, d->k);
    LLVMValueRef c = operand_pointer(e, &d->c);
    LLVMValueRef empty = LLVMBuildICmp(b, LLVMIntEQ, k, zero, "");
    if (!d->accumulate) {
        LLVMBasicBlockRef join = if_open(e, empty);
        zero_rows(e, d, c, m, n);
        if_close(e, join);
    }
    LLVMValueRef any = LLVMBuildICmp(b, LLVMIntSGT, m, zero, "");
    any = LLVMBuildAnd(b, any, LLVMBuildICmp(b, LLVMIntSGT, n, zero, ""), "");
    any = LLVMBuildAnd(b, any, LLVMBuildICmp(b, LLVMIntSGT, k, zero, ""), "");
    LLVMBasicBlockRef join = if_open(e, any);
    Layout la = layout_of(e, &d->a, m, k), lb = layout_of(e, &d->b, k, n);
    LLVMValueRef ldc = larger(e, emit_uniform(e, d->c.row), n);

    /* BLAS counts in 32 bits. */
    LLVMValueRef sizes[] = { m, n, k, la.leading, lb.leading, ldc }, all = zero;
    for (int i = 0; i < 6; i++)
        all = LLVMBuildOr(b, all, sizes[i], "");
    LLVMBasicBlockRef fits = if_open(e, LLVMBuildICmp(b, LLVMIntUGT, all, whole(e->i64, INT32_MAX), ""));
    call_intrinsic(e, "llvm.trap", NULL, 0, NULL, 0);
    if_close(e, fits);

    LLVMValueRef args[] = {
        whole(e->i32, ROW_MAJOR), whole(e->i32, la.transposed ? TRANS : NO_TRANS),
        whole(e->i32, lb.transposed ? TRANS : NO_TRANS), as_int(e, m), as_int(e, n), as_int(e, k),
        LLVMConstReal(e->f32, 1), operand_pointer(e, &d->a), as_int(e, la.leading),
        operand_pointer(e, &d->b), as_int(e, lb.leading),
        LLVMConstReal(e->f32, d->accumulate), c, as_int(e, ldc),
    };
    LLVMValueRef fn = rtcall_declare(e, RT_cblas_sgemm);
    LLVMBuildCall2(b, LLVMGlobalGetValueType(fn), fn, args, sizeof args / sizeof *args, "");
    if_close(e, join);
}
