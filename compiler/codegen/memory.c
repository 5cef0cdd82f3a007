/* Indices and memory: polynomials become i64 arithmetic, addresses become loads and stores of the narrowest kind that
 * serves: one element for all lanes, a row of neighbours, or a gather.
 *
 * In:  the lane variable of the open vec as an LaneIndex whose step is 1, others as the same in all lanes.
 * Out: through the arithmetic on LaneIndex, every address knows how it moves from lane to lane.
 * bf16 and bool exist in memory only: here they become float and i1, and back. */
#include "compiler/codegen/emit.h"

#include <string.h>

/* ---- indices ------------------------------------------------------------------------------------------------- */

static int64_t gcd(int64_t a, int64_t b)
{
    a = a < 0 ? -a : a;
    b = b < 0 ? -b : b;
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/* A divisor of a * b that can't overflow. */
static int64_t common_product(int64_t a, int64_t b)
{
    if (a == 0 || b == 0)
        return 0;
    if (a > INT32_MAX)
        a &= -a;
    if (b > INT32_MAX)
        b &= -b;
    return a > INT32_MAX || b > INT32_MAX ? INT32_MAX / 2 + 1 : a * b;
}

LaneIndex index_uniform(LLVMValueRef v, int64_t multiple) { return (LaneIndex){ .base = v, .multiple = multiple }; }

LaneIndex index_const(Emit *e, int64_t v)
{
    return index_uniform(LLVMConstInt(e->i64, (unsigned long long)v, true), v < 0 ? -v : v);
}

static bool is_uniform(LaneIndex x) { return !x.step && !x.each; }

LLVMValueRef index_lanes(Emit *e, LaneIndex x)
{
    if (x.each || e->lanes == 1)
        return x.each ? x.each : x.base;
    LLVMValueRef v = splat(e, x.base, e->lanes);
    if (!x.step)
        return v;
    LLVMValueRef l = LLVMBuildMul(e->b, splat(e, x.step, e->lanes), lane_numbers(e->i64, e->lanes), "");
    return LLVMBuildAdd(e->b, v, l, "");
}

static LaneIndex index_add(Emit *e, LaneIndex x, LaneIndex y)
{
    if (x.each || y.each)
        return (LaneIndex){ .each = LLVMBuildAdd(e->b, index_lanes(e, x), index_lanes(e, y), ""), .multiple = 1 };
    LaneIndex sum = { .base = LLVMBuildAdd(e->b, x.base, y.base, ""), .multiple = gcd(x.multiple, y.multiple) };
    sum.step = !x.step ? y.step : !y.step ? x.step : LLVMBuildAdd(e->b, x.step, y.step, "");
    return sum;
}

static LaneIndex index_mul(Emit *e, LaneIndex x, LaneIndex y)
{
    if (!is_uniform(x) && !is_uniform(y))
        return (LaneIndex){ .each = LLVMBuildMul(e->b, index_lanes(e, x), index_lanes(e, y), ""), .multiple = 1 };
    if (!is_uniform(y)) {
        LaneIndex swap = x;
        x = y;
        y = swap;
    }
    if (x.each)
        return (LaneIndex){ .each = LLVMBuildMul(e->b, x.each, index_lanes(e, y), ""), .multiple = 1 };
    LaneIndex product = { .base = LLVMBuildMul(e->b, x.base, y.base, "") };
    product.multiple = common_product(x.multiple, y.multiple);
    if (x.step)
        product.step = LLVMBuildMul(e->b, x.step, y.base, "");
    return product;
}

LaneIndex emit_poly(Emit *e, Poly p)
{
    LaneIndex sum = index_const(e, 0);
    for (int i = 0; i < p.n; i++) {
        /* the coefficient last: what the variables multiply to is shared between polynomials */
        LaneIndex term = p.t[i].n ? e->index[p.t[i].var[0]] : index_const(e, 1);
        for (int j = 1; j < p.t[i].n; j++)
            term = index_mul(e, term, e->index[p.t[i].var[j]]);
        if (p.t[i].coef != 1)
            term = index_mul(e, term, index_const(e, p.t[i].coef));
        sum = index_add(e, sum, term);
    }
    return sum;
}

LLVMValueRef emit_uniform(Emit *e, Poly p)
{
    LaneIndex x = emit_poly(e, p);
    if (!is_uniform(x))
        ftc_bug("kernel @%s: an index that has to be the same in all lanes is not", e->k->name);
    return x.base;
}

/* Quotient (or rest) of each lane by division in double, which has vector instructions: exact below 2^53. */
static LLVMValueRef divide_lanes(Emit *e, LLVMValueRef x, LLVMValueRef y, bool rest)
{
    LLVMTypeRef f = lanes_of(e, e->f64);
    LLVMValueRef q = LLVMBuildFDiv(e->b, LLVMBuildSIToFP(e->b, x, f, ""), LLVMBuildSIToFP(e->b, y, f, ""), "");
    q = LLVMBuildFPToSI(e->b, q, LLVMTypeOf(x), "");
    return rest ? LLVMBuildSub(e->b, x, LLVMBuildMul(e->b, q, y, ""), "") : q;
}

LaneIndex emit_index_op(Emit *e, IndexOp op, LaneIndex x, LaneIndex y)
{
    LLVMBuilderRef b = e->b;
    if (op == IX_SET)
        return x;
    if (is_uniform(x) && is_uniform(y)) {
        if (op == IX_MIN) {
            LLVMValueRef less = LLVMBuildICmp(b, LLVMIntSLT, x.base, y.base, "");
            return index_uniform(LLVMBuildSelect(b, less, x.base, y.base, ""), gcd(x.multiple, y.multiple));
        }
        LLVMValueRef v = op == IX_DIV ? LLVMBuildUDiv(b, x.base, y.base, "") : LLVMBuildURem(b, x.base, y.base, "");
        return index_uniform(v, op == IX_DIV ? 1 : gcd(x.multiple, y.multiple));
    }
    if (op == IX_MIN) {
        LLVMValueRef vx = index_lanes(e, x), vy = index_lanes(e, y);
        LLVMValueRef less = LLVMBuildICmp(b, LLVMIntSLT, vx, vy, "");
        return (LaneIndex){ .each = LLVMBuildSelect(b, less, vx, vy, ""), .multiple = 1 };
    }
    /* A vector of neighbours that starts at a multiple of its length lies within one block of y. */
    if (x.step && is_uniform(y) && LLVMIsAConstantInt(x.step) && LLVMConstIntGetSExtValue(x.step) == 1 &&
        x.multiple % e->lanes == 0 && y.multiple % e->lanes == 0) {
        if (op == IX_DIV)
            return index_uniform(LLVMBuildUDiv(b, x.base, y.base, ""), 1);
        LLVMValueRef rest = LLVMBuildURem(b, x.base, y.base, "");
        return (LaneIndex){ .base = rest, .step = x.step, .multiple = gcd(x.multiple, y.multiple) };
    }
    return (LaneIndex){ .each = divide_lanes(e, index_lanes(e, x), index_lanes(e, y), op == IX_MOD), .multiple = 1 };
}

LLVMValueRef index_as_i32(Emit *e, LaneIndex x)
{
    if (x.each)
        return LLVMBuildTrunc(e->b, x.each, lanes_of(e, e->i32), "");
    LLVMValueRef v = LLVMBuildTrunc(e->b, x.base, e->i32, "");
    if (!x.step)
        return v;
    LLVMValueRef step = splat(e, LLVMBuildTrunc(e->b, x.step, e->i32, ""), e->lanes);
    return LLVMBuildAdd(e->b, splat(e, v, e->lanes), LLVMBuildMul(e->b, step, lane_numbers(e->i32, e->lanes), ""), "");
}

/* ---- memory -------------------------------------------------------------------------------------------------- */

LLVMValueRef new_slot(Emit *e, LLVMTypeRef t) { return LLVMBuildAlloca(e->top, t, ""); }

static LLVMTypeRef memory_type(const Emit *e, Elem elem)
{
    return elem == F32 ? e->f32 : elem == BF16 ? e->i16 : elem == I32 ? e->i32 : e->i8;
}

/* bf16 is the upper half of a float. */
static LLVMValueRef from_memory(Emit *e, Elem elem, LLVMValueRef v)
{
    if (elem == BF16) {
        LLVMTypeRef i32 = like(v, e->i32);
        v = LLVMBuildShl(e->b, LLVMBuildZExt(e->b, v, i32, ""), whole(i32, 16), "");
        return LLVMBuildBitCast(e->b, v, like(v, e->f32), "");
    }
    return elem == BOOL ? LLVMBuildICmp(e->b, LLVMIntNE, v, whole(LLVMTypeOf(v), 0), "") : v;
}

/* Rounds to nearest even by carrying into the upper half.  (vcvtneps2bf16 would flush denormals, and bits may not depend on the
 * machine.) */
static LLVMValueRef carried(Emit *e, LLVMValueRef bits)
{
    LLVMTypeRef t = LLVMTypeOf(bits);
    LLVMValueRef odd = LLVMBuildAnd(e->b, LLVMBuildLShr(e->b, bits, whole(t, 16), ""), whole(t, 1), "");
    return LLVMBuildAdd(e->b, LLVMBuildAdd(e->b, bits, whole(t, 0x7FFF), ""), odd, "");
}

static LLVMValueRef upper_half(Emit *e, LLVMValueRef bits)
{
    LLVMTypeRef t = LLVMTypeOf(bits);
    return LLVMBuildTrunc(e->b, LLVMBuildLShr(e->b, bits, whole(t, 16), ""), like(bits, e->i16), "");
}

LLVMValueRef round_finite_to_bf16(Emit *e, LLVMValueRef v)
{
    return upper_half(e, carried(e, LLVMBuildBitCast(e->b, v, like(v, e->i32), "")));
}

/* A NaN keeps its upper bits and stays one. */
LLVMValueRef round_to_bf16(Emit *e, LLVMValueRef v)
{
    LLVMTypeRef t = like(v, e->i32);
    LLVMValueRef bits = LLVMBuildBitCast(e->b, v, t, ""), nan = LLVMBuildFCmp(e->b, LLVMRealUNO, v, v, "");
    return upper_half(e, LLVMBuildSelect(e->b, nan, LLVMBuildOr(e->b, bits, whole(t, 0x400000), ""), carried(e, bits), ""));
}

static LLVMValueRef to_memory(Emit *e, Elem elem, LLVMValueRef v)
{
    return elem == BF16 ? round_to_bf16(e, v) : elem == BOOL ? LLVMBuildZExt(e->b, v, like(v, e->i8), "") : v;
}

/* Parameters don't overlap: say so of one access. */
static LLVMValueRef scoped(Emit *e, int buf, LLVMValueRef access)
{
    LLVMSetMetadata(access, e->scope_kind, e->scope[buf]);
    if (e->others[buf])
        LLVMSetMetadata(access, e->others_kind, e->others[buf]);
    return access;
}

static LLVMValueRef element_pointer(Emit *e, int buf, LLVMValueRef index)
{
    return LLVMBuildInBoundsGEP2(e->b, memory_type(e, e->k->params[buf].elem), e->buf[buf], &index, 1, "");
}

static LLVMValueRef all_lanes(Emit *e) { return LLVMConstAllOnes(lanes_of(e, e->i1)); }

/* Masked intrinsics took their alignment as an operand up to LLVM 21; since then it is an attribute of the pointer. */
LLVMValueRef call_masked(Emit *e, const char *name, LLVMTypeRef *overloads, LLVMValueRef *args, int n, int pointer,
                         unsigned align)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMTypeRef type = LLVMIntrinsicGetType(e->c, id, overloads, 2);
    LLVMValueRef all[4];
    bool operand = (int)LLVMCountParamTypes(type) > n;
    for (int i = 0, j = 0; i < n; i++) {
        all[j++] = args[i];
        if (i == pointer && operand)
            all[j++] = LLVMConstInt(e->i32, align, false);
    }
    LLVMValueRef fn = LLVMGetIntrinsicDeclaration(e->m, id, overloads, 2);
    LLVMValueRef call = LLVMBuildCall2(e->b, type, fn, all, (unsigned)(n + operand), "");
    if (!operand)
        LLVMAddCallSiteAttribute(call, (LLVMAttributeIndex)(pointer + 1),
                                 LLVMCreateEnumAttribute(e->c, LLVMGetEnumAttributeKindForName("align", 5), align));
    return call;
}

LLVMValueRef emit_load(Emit *e, int buf, LaneIndex at)
{
    Elem elem = e->k->params[buf].elem;
    LLVMTypeRef one = memory_type(e, elem), t = lanes_of(e, one);
    unsigned align = (unsigned)elem_size(elem);
    LLVMValueRef v;
    if (is_uniform(at)) {
        v = scoped(e, buf, LLVMBuildLoad2(e->b, one, element_pointer(e, buf, at.base), ""));
    } else if (at.step && LLVMIsAConstantInt(at.step) && LLVMConstIntGetSExtValue(at.step) == 1) {
        LLVMValueRef p = element_pointer(e, buf, at.base);
        if (e->mask) {
            LLVMTypeRef overloads[] = { t, e->ptr };
            LLVMValueRef args[] = { p, e->mask, LLVMConstNull(t) };
            v = scoped(e, buf, call_masked(e, "llvm.masked.load", overloads, args, 3, 0, align));
        } else {
            v = scoped(e, buf, LLVMBuildLoad2(e->b, t, p, ""));
            LLVMSetAlignment(v, align);
        }
    } else if (align == 4) {
        LLVMValueRef p = element_pointer(e, buf, index_lanes(e, at));
        LLVMTypeRef overloads[] = { t, LLVMTypeOf(p) };
        LLVMValueRef args[] = { p, e->mask ? e->mask : all_lanes(e), LLVMConstNull(t) };
        v = scoped(e, buf, call_masked(e, "llvm.masked.gather", overloads, args, 3, 0, align));
    } else {
        /* No machine gathers bytes or halves.  Lanes behind the last one read what lane 0 does, which always runs. */
        LLVMValueRef index = index_lanes(e, at);
        if (e->mask) {
            LLVMValueRef first = LLVMBuildExtractElement(e->b, index, whole(e->i32, 0), "");
            index = LLVMBuildSelect(e->b, e->mask, index, splat(e, first, e->lanes), "");
        }
        v = LLVMGetPoison(t);
        for (int l = 0; l < e->lanes; l++) {
            LLVMValueRef i = LLVMBuildExtractElement(e->b, index, whole(e->i32, l), "");
            LLVMValueRef x = scoped(e, buf, LLVMBuildLoad2(e->b, one, element_pointer(e, buf, i), ""));
            v = LLVMBuildInsertElement(e->b, v, x, whole(e->i32, l), "");
        }
    }
    return from_memory(e, elem, v);
}

void emit_store(Emit *e, int buf, LaneIndex at, LLVMValueRef v)
{
    Elem elem = e->k->params[buf].elem;
    unsigned align = (unsigned)elem_size(elem);
    v = to_memory(e, elem, v);
    if (is_uniform(at)) {
        /* in a vec of one iteration only: lanes write disjoint places */
        if (is_vector(v))
            v = LLVMBuildExtractElement(e->b, v, whole(e->i32, 0), "");
        scoped(e, buf, LLVMBuildStore(e->b, v, element_pointer(e, buf, at.base)));
        return;
    }
    v = spread(e, v);
    if (at.step && LLVMIsAConstantInt(at.step) && LLVMConstIntGetSExtValue(at.step) == 1) {
        LLVMValueRef p = element_pointer(e, buf, at.base);
        if (e->mask) {
            LLVMTypeRef overloads[] = { LLVMTypeOf(v), e->ptr };
            LLVMValueRef args[] = { v, p, e->mask };
            scoped(e, buf, call_masked(e, "llvm.masked.store", overloads, args, 3, 1, align));
        } else {
            LLVMValueRef store = scoped(e, buf, LLVMBuildStore(e->b, v, p));
            LLVMSetAlignment(store, align);
        }
        return;
    }
    LLVMValueRef p = element_pointer(e, buf, index_lanes(e, at));
    LLVMTypeRef overloads[] = { LLVMTypeOf(v), LLVMTypeOf(p) };
    LLVMValueRef args[] = { v, p, e->mask ? e->mask : all_lanes(e) };
    scoped(e, buf, call_masked(e, "llvm.masked.scatter", overloads, args, 3, 1, align));
}
