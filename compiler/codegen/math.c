/* What each MAP op becomes, at any number of lanes.
 *
 * In:  operands in registers (float, i32, i1; scalars or vectors).
 * Out: the result.  Rounding is IEEE single: nothing here allows LLVM to contract, reassociate or assume finite numbers.
 *
 * exp, log, tanh and erf are inline polynomials, so that they vectorize and a value has the same bits in every lane, at
 * every width.  Coefficients: minimax fits of our own, made by fit_math.py.  Largest errors over all floats, with fused
 * multiply-add (in brackets without), as tests/codegen/test_math.c holds them:
 *
 *   exp   0.9 ULP (1.2)   results below FLT_MIN are 0, which is at most 1.2e-38 away
 *   log   0.9 ULP         denormal arguments included
 *   tanh  2.5 ULP         never beyond 1
 *   erf   1.9 ULP         never beyond 1
 *   rsqrt 1.5 ULP         a square root and a division, both exactly rounded */
#include "compiler/codegen/emit.h"

#include <string.h>

/* ---- values -------------------------------------------------------------------------------------------------- */

static bool is_vector_type(LLVMTypeRef t) { return LLVMGetTypeKind(t) == LLVMVectorTypeKind; }

bool is_vector(LLVMValueRef v) { return is_vector_type(LLVMTypeOf(v)); }

LLVMTypeRef like(LLVMValueRef v, LLVMTypeRef scalar)
{
    return is_vector(v) ? LLVMVectorType(scalar, LLVMGetVectorSize(LLVMTypeOf(v))) : scalar;
}

LLVMTypeRef lanes_of(const Emit *e, LLVMTypeRef scalar)
{
    return e->lanes > 1 ? LLVMVectorType(scalar, (unsigned)e->lanes) : scalar;
}

static LLVMValueRef repeat(LLVMValueRef constant, unsigned lanes)
{
    LLVMValueRef v[64];
    for (unsigned l = 0; l < lanes; l++)
        v[l] = constant;
    return LLVMConstVector(v, lanes);
}

LLVMValueRef number(LLVMTypeRef t, double v)
{
    return is_vector_type(t) ? repeat(LLVMConstReal(LLVMGetElementType(t), v), LLVMGetVectorSize(t)) : LLVMConstReal(t, v);
}

/* v's low bits as they are: it may stand for a signed or an unsigned number */
LLVMValueRef whole(LLVMTypeRef t, int64_t v)
{
    LLVMTypeRef scalar = is_vector_type(t) ? LLVMGetElementType(t) : t;
    unsigned width = LLVMGetIntTypeWidth(scalar);
    unsigned long long bits = (unsigned long long)v;
    if (width < 64)
        bits &= (1ull << width) - 1;
    LLVMValueRef c = LLVMConstInt(scalar, bits, false);
    return is_vector_type(t) ? repeat(c, LLVMGetVectorSize(t)) : c;
}

LLVMValueRef lane_numbers(LLVMTypeRef scalar, int lanes)
{
    LLVMValueRef v[64];
    for (int l = 0; l < lanes; l++)
        v[l] = whole(scalar, l);
    return lanes > 1 ? LLVMConstVector(v, (unsigned)lanes) : v[0];
}

LLVMValueRef splat(Emit *e, LLVMValueRef scalar, int lanes)
{
    if (lanes == 1)
        return scalar;
    if (LLVMIsConstant(scalar))
        return repeat(scalar, (unsigned)lanes);
    LLVMTypeRef t = LLVMVectorType(LLVMTypeOf(scalar), (unsigned)lanes);
    LLVMValueRef one = LLVMBuildInsertElement(e->b, LLVMGetPoison(t), scalar, whole(e->i32, 0), "");
    return LLVMBuildShuffleVector(e->b, one, LLVMGetPoison(t), LLVMConstNull(LLVMVectorType(e->i32, (unsigned)lanes)), "");
}

LLVMValueRef spread(Emit *e, LLVMValueRef v) { return is_vector(v) ? v : splat(e, v, e->lanes); }

LLVMTypeRef elem_type(const Emit *e, Elem elem)
{
    if (elem == BF16)
        ftc_bug("kernel @%s: bf16 outside memory", e->k->name);
    return elem == F32 ? e->f32 : elem == I32 ? e->i32 : e->i1;
}

LLVMValueRef call_intrinsic(Emit *e, const char *name, LLVMTypeRef *overloads, int n_overloads, LLVMValueRef *args, int n)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMTypeRef type = LLVMIntrinsicGetType(e->c, id, overloads, (size_t)n_overloads);
    LLVMValueRef fn = LLVMGetIntrinsicDeclaration(e->m, id, overloads, (size_t)n_overloads);
    return LLVMBuildCall2(e->b, type, fn, args, (unsigned)n, "");
}

/* ---- short names for the polynomials --------------------------------------------------------------------------- */

#define B e->b

static LLVMValueRef num(LLVMValueRef x, double v) { return number(LLVMTypeOf(x), v); }
static LLVMValueRef fadd(Emit *e, LLVMValueRef a, LLVMValueRef b) { return LLVMBuildFAdd(B, a, b, ""); }
static LLVMValueRef fsub(Emit *e, LLVMValueRef a, LLVMValueRef b) { return LLVMBuildFSub(B, a, b, ""); }
static LLVMValueRef fmul(Emit *e, LLVMValueRef a, LLVMValueRef b) { return LLVMBuildFMul(B, a, b, ""); }
static LLVMValueRef fdiv(Emit *e, LLVMValueRef a, LLVMValueRef b) { return LLVMBuildFDiv(B, a, b, ""); }

/* a * b + c */
static LLVMValueRef fma_(Emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
    if (!e->target->fma)
        return fadd(e, fmul(e, a, b), c);
    LLVMTypeRef t = LLVMTypeOf(a);
    return call_intrinsic(e, "llvm.fma", &t, 1, (LLVMValueRef[]){ a, b, c }, 3);
}

/* c[0] + c[1] x + ... by Horner's rule */
static LLVMValueRef polynomial(Emit *e, LLVMValueRef x, const double *c, int n)
{
    LLVMValueRef y = num(x, c[n - 1]);
    for (int i = n - 2; i >= 0; i--)
        y = fma_(e, y, x, num(x, c[i]));
    return y;
}
#define POLYNOMIAL(x, ...) \
    polynomial(e, x, (const double[]){ __VA_ARGS__ }, (int)(sizeof((const double[]){ __VA_ARGS__ }) / sizeof(double)))

static LLVMValueRef choose(Emit *e, LLVMValueRef c, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildSelect(B, c, a, b, "");
}

static LLVMValueRef compare(Emit *e, LLVMRealPredicate p, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildFCmp(B, p, a, b, "");
}

static LLVMValueRef as_bits(Emit *e, LLVMValueRef x) { return LLVMBuildBitCast(B, x, like(x, e->i32), ""); }
static LLVMValueRef as_float(Emit *e, LLVMValueRef x) { return LLVMBuildBitCast(B, x, like(x, e->f32), ""); }

/* bits: shifted left (or, for a negative n, arithmetically right) */
static LLVMValueRef shift(Emit *e, LLVMValueRef x, int n)
{
    LLVMTypeRef t = LLVMTypeOf(x);
    return n >= 0 ? LLVMBuildShl(B, x, whole(t, n), "") : LLVMBuildAShr(B, x, whole(t, -n), "");
}

/* min(x, bound), in the order of operands that lets a NaN in x through; one instruction on x86 */
static LLVMValueRef cap(Emit *e, LLVMValueRef x, double bound)
{
    LLVMValueRef b = num(x, bound);
    return choose(e, compare(e, LLVMRealOLT, b, x), b, x);
}

static LLVMValueRef with_sign_of(Emit *e, LLVMValueRef magnitude, LLVMValueRef x)
{
    LLVMValueRef b = as_bits(e, x);
    LLVMValueRef sign = LLVMBuildAnd(B, b, whole(LLVMTypeOf(b), 0x80000000), "");
    return as_float(e, LLVMBuildOr(B, as_bits(e, magnitude), sign, ""));
}

static LLVMValueRef magnitude(Emit *e, LLVMValueRef x)
{
    LLVMValueRef b = as_bits(e, x);
    return as_float(e, LLVMBuildAnd(B, b, whole(LLVMTypeOf(b), 0x7FFFFFFF), ""));
}

/* ---- exp, log, tanh, erf --------------------------------------------------------------------------------------- */

/* x = n ln 2 + r with |r| <= ln 2 / 2.  Adding 1.5 * 2^23 rounds to a whole number, which is then the sum's lowest bits
 * (*scaled).  ln 2 in two parts (Cody and Waite); n times the first is exact. */
static LLVMValueRef reduce_by_ln2(Emit *e, LLVMValueRef x, LLVMValueRef *n, LLVMValueRef *scaled)
{
    *scaled = fma_(e, x, num(x, 1.4426950408889634), num(x, 12582912));
    *n = fsub(e, *scaled, num(x, 12582912));
    LLVMValueRef r = fma_(e, *n, num(x, -0.693359375), x);
    return fma_(e, *n, num(x, 2.12194440e-4), r);
}

/* e^x = 2^n e^r; n goes straight into the exponent of e^r. */
static LLVMValueRef emit_exp(Emit *e, Elem to, Elem from, LLVMValueRef *v)
{
    (void)to, (void)from;
    LLVMValueRef x = v[0], n, scaled, r = reduce_by_ln2(e, x, &n, &scaled);
    LLVMValueRef p = POLYNOMIAL(r, 1, 1, 0.4999999403953552, 0.1666652113199234, 0.04166838526725769, 0.008368703536689281,
                                0.001381464535370469);
    LLVMValueRef y = as_float(e, LLVMBuildAdd(B, as_bits(e, p), shift(e, as_bits(e, scaled), 23), ""));
    y = choose(e, compare(e, LLVMRealOLT, x, num(x, -87.33654022216797)), num(x, 0), y);
    /* above the largest, or NaN */
    return choose(e, compare(e, LLVMRealUGT, x, num(x, 88.72283172607422)), fmul(e, x, num(x, __builtin_inf())), y);
}

/* log x = n ln 2 + log(1 + f), 1 + f in [sqrt(1/2), sqrt(2)) */
static LLVMValueRef emit_log(Emit *e, Elem to, Elem from, LLVMValueRef *v)
{
    (void)to, (void)from;
    LLVMValueRef x = v[0], zero = num(x, 0);
    LLVMValueRef tiny = compare(e, LLVMRealOLT, x, num(x, 1.1754943508222875e-38));
    LLVMValueRef normal = choose(e, tiny, fmul(e, x, num(x, 8388608)), x), b = as_bits(e, normal);
    LLVMTypeRef t = LLVMTypeOf(b);
    LLVMValueRef exponent = shift(e, LLVMBuildSub(B, b, whole(t, 0x3F3504F3), ""), -23);
    LLVMValueRef f = fsub(e, as_float(e, LLVMBuildSub(B, b, shift(e, exponent, 23), "")), num(x, 1));
    LLVMValueRef n = LLVMBuildSIToFP(B, exponent, LLVMTypeOf(x), "");
    n = fsub(e, n, choose(e, tiny, num(x, 23), zero));
    LLVMValueRef square = fmul(e, f, f);
    LLVMValueRef p = POLYNOMIAL(f, 0.33333319425582886, -0.25000011920928955, 0.20001715421676636, -0.16667652130126953,
                                0.142261803150177, -0.12414722144603729, 0.11853761970996857, -0.11612865328788757,
                                0.06742674857378006);
    LLVMValueRef rest = fmul(e, fmul(e, p, f), square);
    rest = fma_(e, n, num(x, -2.12194440e-4), rest);
    rest = fma_(e, square, num(x, -0.5), rest);
    LLVMValueRef y = fma_(e, n, num(x, 0.693359375), fadd(e, f, rest));
    y = choose(e, compare(e, LLVMRealOEQ, x, num(x, __builtin_inf())), x, y);
    y = choose(e, compare(e, LLVMRealOEQ, x, zero), num(x, -__builtin_inf()), y);
    y = choose(e, compare(e, LLVMRealUNO, x, x), x, y);
    return choose(e, compare(e, LLVMRealUGE, x, zero), y, num(x, __builtin_nan("")));
}

/* tanh x = m / (m + 2) with m = e^2x - 1 = 2^n (e^r - 1) + (2^n - 1), which loses nothing near 0 */
static LLVMValueRef emit_tanh(Emit *e, Elem to, Elem from, LLVMValueRef *v)
{
    (void)to, (void)from;
    LLVMValueRef x = v[0], a = magnitude(e, x), n, scaled;
    LLVMValueRef r = reduce_by_ln2(e, cap(e, fadd(e, a, a), 40), &n, &scaled);
    LLVMValueRef q = POLYNOMIAL(r, 0.5, 0.1666666567325592, 0.041666362434625626, 0.008333389647305012,
                                0.0013940561329945922, 0.00019845760834868997);
    LLVMValueRef p = fma_(e, fmul(e, r, r), q, r), b = as_bits(e, scaled);
    LLVMValueRef power = as_float(e, LLVMBuildAdd(B, shift(e, b, 23), whole(LLVMTypeOf(b), 0x3F800000), ""));
    LLVMValueRef m = fma_(e, power, p, fsub(e, power, num(x, 1)));
    return with_sign_of(e, fdiv(e, m, fadd(e, m, num(x, 2))), x);
}

/* Below 1.1 erf x = x + x P(x^2), above 1 - Q(x)^4, where an error of Q counts little; from 4 on it is 1. */
static LLVMValueRef emit_erf(Emit *e, Elem to, Elem from, LLVMValueRef *v)
{
    (void)to, (void)from;
    LLVMValueRef x = v[0], a = cap(e, magnitude(e, x), 4);
    LLVMValueRef p = POLYNOMIAL(fmul(e, a, a), 0.12837916612625122, -0.3761259913444519, 0.1128329187631607,
                                -0.02684144116938114, 0.00516486307606101, -0.0007805792265571654, 7.187997834989801e-05);
    LLVMValueRef q = POLYNOMIAL(a, 1.0051876306533813, -0.30754971504211426, -0.06549232453107834, -0.048597630113363266,
                                0.06511438637971878, -0.021896440535783768, 0.003179964842274785, -0.000175604727701284);
    q = fmul(e, q, q);
    q = fsub(e, num(x, 1), fmul(e, q, q));
    return with_sign_of(e, choose(e, compare(e, LLVMRealOGT, a, num(x, 1.1)), q, fma_(e, a, p, a)), x);
}

/* ---- the other rows ---------------------------------------------------------------------------------------------- */

static LLVMValueRef emit_add(Emit *e, Elem to, Elem from, LLVMValueRef *x)
{
    (void)to;
    return from == I32 ? LLVMBuildAdd(B, x[0], x[1], "") : fadd(e, x[0], x[1]);
}

static LLVMValueRef emit_sub(Emit *e, Elem to, Elem from, LLVMValueRef *x)
{
    (void)to;
    return from == I32 ? LLVMBuildSub(B, x[0], x[1], "") : fsub(e, x[0], x[1]);
}

static LLVMValueRef emit_mul(Emit *e, Elem to, Elem from, LLVMValueRef *x)
{
    (void)to;
    return from == I32 ? LLVMBuildMul(B, x[0], x[1], "") : fmul(e, x[0], x[1]);
}

static LLVMValueRef emit_div(Emit *e, Elem to, Elem from, LLVMValueRef *x)
{
    (void)to, (void)from;
    return fdiv(e, x[0], x[1]);
}

/* a > b ? a : b answers b where one is NaN, so a NaN in a needs a word more.  (llvm.maximum would order zeros too.) */
static LLVMValueRef extreme(Emit *e, Elem elem, bool max, LLVMValueRef a, LLVMValueRef b)
{
    if (elem == I32)
        return choose(e, LLVMBuildICmp(B, max ? LLVMIntSGT : LLVMIntSLT, a, b, ""), a, b);
    LLVMValueRef y = choose(e, compare(e, max ? LLVMRealOGT : LLVMRealOLT, a, b), a, b);
    return choose(e, compare(e, LLVMRealUNO, a, a), a, y);
}

static LLVMValueRef emit_max(Emit *e, Elem to, Elem from, LLVMValueRef *x)
{
    (void)to;
    return extreme(e, from, true, x[0], x[1]);
}

static LLVMValueRef emit_min(Emit *e, Elem to, Elem from, LLVMValueRef *x)
{
    (void)to;
    return extreme(e, from, false, x[0], x[1]);
}

static LLVMValueRef emit_neg(Emit *e, Elem to, Elem from, LLVMValueRef *x)
{
    (void)to;
    return from == I32 ? LLVMBuildNeg(B, x[0], "") : LLVMBuildFNeg(B, x[0], "");
}

static LLVMValueRef emit_abs(Emit *e, Elem to, Elem from, LLVMValueRef *x)
{
    (void)to, (void)from;
    return magnitude(e, x[0]);
}

static LLVMValueRef emit_sqrt(Emit *e, Elem to, Elem from, LLVMValueRef *x)
{
    (void)to, (void)from;
    LLVMTypeRef t = LLVMTypeOf(x[0]);
    return call_intrinsic(e, "llvm.sqrt", &t, 1, x, 1);
}

static LLVMValueRef emit_rsqrt(Emit *e, Elem to, Elem from, LLVMValueRef *x)
{
    return fdiv(e, num(x[0], 1), emit_sqrt(e, to, from, x));
}

static LLVMValueRef emit_lt(Emit *e, Elem to, Elem from, LLVMValueRef *x)
{
    (void)to;
    return from == F32 ? compare(e, LLVMRealOLT, x[0], x[1]) : LLVMBuildICmp(B, LLVMIntSLT, x[0], x[1], "");
}

static LLVMValueRef emit_le(Emit *e, Elem to, Elem from, LLVMValueRef *x)
{
    (void)to;
    return from == F32 ? compare(e, LLVMRealOLE, x[0], x[1]) : LLVMBuildICmp(B, LLVMIntSLE, x[0], x[1], "");
}

static LLVMValueRef emit_eq(Emit *e, Elem to, Elem from, LLVMValueRef *x)
{
    (void)to;
    return from == F32 ? compare(e, LLVMRealOEQ, x[0], x[1]) : LLVMBuildICmp(B, LLVMIntEQ, x[0], x[1], "");
}

static LLVMValueRef emit_and(Emit *e, Elem to, Elem from, LLVMValueRef *x)
{
    (void)to, (void)from;
    return LLVMBuildAnd(B, x[0], x[1], "");
}

static LLVMValueRef emit_not(Emit *e, Elem to, Elem from, LLVMValueRef *x)
{
    (void)to, (void)from;
    return LLVMBuildNot(B, x[0], "");
}

static LLVMValueRef emit_select(Emit *e, Elem to, Elem from, LLVMValueRef *x)
{
    (void)to, (void)from;
    return choose(e, x[0], x[1], x[2]);
}

/* To i32: towards zero, saturating, NaN is 0.  To bool: whether it isn't zero. */
static LLVMValueRef emit_cast(Emit *e, Elem to, Elem from, LLVMValueRef *v)
{
    LLVMValueRef x = v[0];
    if (to == from)
        return x;
    LLVMTypeRef t = like(x, elem_type(e, to));
    if (to == BOOL)
        return from == F32 ? compare(e, LLVMRealUNE, x, num(x, 0))
                           : LLVMBuildICmp(B, LLVMIntNE, x, whole(LLVMTypeOf(x), 0), "");
    if (to == F32)
        return from == BOOL ? LLVMBuildUIToFP(B, x, t, "") : LLVMBuildSIToFP(B, x, t, "");
    if (from == BOOL)
        return LLVMBuildZExt(B, x, t, "");
    LLVMTypeRef overloads[] = { t, LLVMTypeOf(x) };
    return call_intrinsic(e, "llvm.fptosi.sat", overloads, 2, &x, 1);
}

typedef LLVMValueRef MapRule(Emit *e, Elem to, Elem from, LLVMValueRef *x);

static MapRule *const rules[N_OPS] = {
#define MAP(name, inputs, traits, infer, grad, samples, ...) [OP_##name] = emit_##name,
#include "compiler/ir/ops.def"
};

LLVMValueRef emit_map(Emit *e, Op op, Elem to, Elem from, LLVMValueRef *x, int n)
{
    if (!rules[op])
        ftc_bug("kernel @%s: '%s' is no element-by-element op", e->k->name, op_info[op].name);
    bool vector = false;
    for (int i = 0; i < n; i++)
        vector |= is_vector(x[i]);
    if (vector)
        for (int i = 0; i < n; i++)
            x[i] = spread(e, x[i]);
    return rules[op](e, to, from, x);
}
