/* Kernel -> LLVM IR: functions, loops and accumulators.
 *
 * In:  a verified kernel.
 * Out: a function `void f(const FtcKernelArgs *, int64_t piece)` in an LLVM module; near-final, with accumulators still
 *      in stack slots.
 * The idea: statements are written in order, at a current number of lanes.  Outside vec loops that is 1.  A vec is
 * written up to three times: for several vectors at once (only short sums and maxima gain by it), for one vector, and
 * for the rest, masked where the machine can and lane by lane where it can't.  Copies that a constant length makes
 * empty are not written, and a long body is written once, masked throughout, for the sake of compile time. */
#include "compiler/codegen/emit.h"

#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>

/* ---- blocks -------------------------------------------------------------------------------------------------- */

static LLVMBasicBlockRef new_block(Emit *e) { return LLVMAppendBasicBlockInContext(e->c, e->fn, ""); }

Loop loop_open(Emit *e, LLVMValueRef from, LLVMValueRef to, int64_t step)
{
    Loop l = { .body = new_block(e), .to = to, .step = step };
    LLVMValueRef any = LLVMBuildICmp(e->b, LLVMIntSLT, from, to, "");
    LLVMBasicBlockRef before = LLVMGetInsertBlock(e->b);
    l.exit = LLVMAppendBasicBlockInContext(e->c, e->fn, "");
    LLVMBuildCondBr(e->b, any, l.body, l.exit);
    LLVMPositionBuilderAtEnd(e->b, l.body);
    l.i = LLVMBuildPhi(e->b, e->i64, "");
    LLVMAddIncoming(l.i, &from, &before, 1);
    return l;
}

void loop_close(Emit *e, const Loop *l) { loop_close_by(e, l, whole(e->i64, l->step)); }

void loop_close_by(Emit *e, const Loop *l, LLVMValueRef step)
{
    LLVMValueRef next = LLVMBuildNSWAdd(e->b, l->i, step, "");
    LLVMBasicBlockRef last = LLVMGetInsertBlock(e->b);
    LLVMAddIncoming(l->i, &next, &last, 1);
    LLVMBuildCondBr(e->b, LLVMBuildICmp(e->b, LLVMIntSLT, next, l->to, ""), l->body, l->exit);
    LLVMMoveBasicBlockAfter(l->exit, last);
    LLVMPositionBuilderAtEnd(e->b, l->exit);
}

LLVMBasicBlockRef if_open(Emit *e, LLVMValueRef c)
{
    LLVMBasicBlockRef then = new_block(e), join = new_block(e);
    LLVMBuildCondBr(e->b, c, then, join);
    LLVMPositionBuilderAtEnd(e->b, then);
    return join;
}

void if_close(Emit *e, LLVMBasicBlockRef join)
{
    LLVMBuildBr(e->b, join);
    LLVMMoveBasicBlockAfter(join, LLVMGetInsertBlock(e->b));
    LLVMPositionBuilderAtEnd(e->b, join);
}

/* ---- accumulators -------------------------------------------------------------------------------------------- */

static LLVMValueRef identity(const Emit *e, const Acc *a)
{
    if (a->elem == I32)
        return LLVMConstInt(e->i32, a->op == OP_max ? 0x80000000u : 0, false);
    return LLVMConstReal(e->f32, a->op == OP_max ? -__builtin_inf() : 0);
}

static LLVMValueRef combine(Emit *e, const Acc *a, LLVMValueRef x, LLVMValueRef y)
{
    LLVMValueRef both[] = { x, y };
    return emit_map(e, a->op, a->elem, a->elem, both, 2);
}

static void declare(Emit *e, const KStmt *s)
{
    Acc *a = &e->acc[s->dst];
    *a = (Acc){ .op = s->op, .elem = e->k->values[s->dst] };
    a->slot = new_slot(e, lanes_of(e, elem_type(e, a->elem)));
    LLVMBuildStore(e->b, splat(e, identity(e, a), e->lanes), a->slot);
}

static LLVMTypeRef slot_type(LLVMValueRef slot) { return LLVMGetAllocatedType(slot); }

static void reduce(Emit *e, const KStmt *s, LLVMValueRef x)
{
    const Acc *a = &e->acc[s->dst];
    LLVMValueRef slot = a->part[e->copy] ? a->part[e->copy] : a->slot;
    LLVMTypeRef t = slot_type(slot);
    LLVMValueRef old = LLVMBuildLoad2(e->b, t, slot, "");
    if (LLVMGetTypeKind(t) == LLVMVectorTypeKind)
        x = spread(e, x);
    LLVMValueRef sum = combine(e, a, old, x);
    if (e->mask && a->part[e->copy])
        sum = LLVMBuildSelect(e->b, e->mask, sum, old, "");
    LLVMBuildStore(e->b, sum, slot);
}

/* The lanes' parts of a sum: PARTS vectors, of which turn number i of the vec adds to number i % PARTS.  So short sums
 * needn't wait for each addition in turn, and the order depends on width and length alone, not on what else the loop
 * does: a sum that is computed again, in another kernel, has the same bits. */
static void open_parts(Emit *e, Acc *a, int lanes)
{
    for (int p = 0; p < PARTS; p++) {
        a->part[p] = new_slot(e, LLVMVectorType(elem_type(e, a->elem), (unsigned)lanes));
        LLVMBuildStore(e->b, splat(e, identity(e, a), lanes), a->part[p]);
    }
}

/* Where turns are not written out by fours, the next turn's part comes to the front. */
static void rotate_parts(Emit *e, const Acc *a)
{
    LLVMValueRef v[PARTS];
    for (int p = 0; p < PARTS; p++)
        v[p] = LLVMBuildLoad2(e->b, slot_type(a->part[p]), a->part[p], "");
    for (int p = 0; p < PARTS; p++)
        LLVMBuildStore(e->b, v[(p + 1) % PARTS], a->part[p]);
}

/* Adds the parts to the accumulator: 0 + 2 and 1 + 3, which is the same after any rotation, then halves of the vector until
 * one lane is left. */
static void close_parts(Emit *e, Acc *a, int lanes)
{
    LLVMValueRef v[PARTS];
    for (int p = 0; p < PARTS; p++)
        v[p] = LLVMBuildLoad2(e->b, slot_type(a->part[p]), a->part[p], "");
    for (int n = PARTS / 2; n; n /= 2)
        for (int p = 0; p < n; p++)
            v[p] = combine(e, a, v[p], v[p + n]);
    LLVMValueRef x = v[0];
    for (int n = lanes / 2; n; n /= 2) {
        LLVMValueRef low[16], high[16], none = LLVMGetPoison(LLVMTypeOf(x));
        for (int l = 0; l < n; l++) {
            low[l] = whole(e->i32, l);
            high[l] = whole(e->i32, l + n);
        }
        x = combine(e, a, LLVMBuildShuffleVector(e->b, x, none, LLVMConstVector(low, (unsigned)n), ""),
                    LLVMBuildShuffleVector(e->b, x, none, LLVMConstVector(high, (unsigned)n), ""));
    }
    x = LLVMBuildExtractElement(e->b, x, whole(e->i32, 0), "");
    LLVMValueRef old = LLVMBuildLoad2(e->b, slot_type(a->slot), a->slot, "");
    LLVMBuildStore(e->b, combine(e, a, old, x), a->slot);
    memset(a->part, 0, sizeof a->part);
}

/* ---- vec loops ----------------------------------------------------------------------------------------------- */

/* What differs from lane to lane, found before a line is written: a rand that serves a block of columns needs the same
 * row in all of them. */
typedef struct {
    bool *index, *value;
} Varying;

static bool poly_varies(const Varying *v, Poly p)
{
    for (int i = 0; i < p.n; i++)
        for (int j = 0; j < p.t[i].n; j++)
            if (v->index[p.t[i].var[j]])
                return true;
    return false;
}

static int sources(const KStmt *s)
{
    static const int of_kind[N_KSTMTS] = { [K_STORE] = 1, [K_REDUCE] = 1, [K_RAND] = 3 };
    return s->kind == K_LET ? op_info[s->op].inputs : of_kind[s->kind];
}

static void find_varying(Varying *v, const KStmt *s)
{
    for (; s; s = s->next) {
        bool varies = poly_varies(v, s->at) || poly_varies(v, s->hi) || poly_varies(v, s->lo);
        for (int i = 0; i < sources(s); i++)
            varies |= v->value[s->src[i]];
        switch (s->kind) {
        case K_LET: case K_LOAD: case K_FROM_INDEX: case K_RAND: v->value[s->dst] = varies; break;
        case K_ACC: v->value[s->dst] = true; break;
        case K_INDEX: case K_READ: v->index[s->ivar] = varies; break;
        case K_FOR: find_varying(v, s->body); break;
        default: break;
        }
    }
}

static bool declares(const KStmt *s, int acc)
{
    for (; s; s = s->next)
        if ((s->kind == K_ACC && s->dst == acc) || (s->body && declares(s->body, acc)))
            return true;
    return false;
}

enum { MAX_ACCS = 64 };
typedef struct {
    const KStmt *stmt;
    int acc[MAX_ACCS], n_accs; /* from outside, that the body reduces into */
} Vec;

static void find_outer_accs(Vec *v, const KStmt *s)
{
    for (; s; s = s->next) {
        if (s->body)
            find_outer_accs(v, s->body);
        if (s->kind != K_REDUCE || declares(v->stmt->body, s->dst))
            continue;
        bool known = false;
        for (int i = 0; i < v->n_accs; i++)
            known |= v->acc[i] == s->dst;
        if (known)
            continue;
        if (v->n_accs == MAX_ACCS)
            ftc_bug("a vec with more than %d accumulators", MAX_ACCS);
        v->acc[v->n_accs++] = s->dst;
    }
}

/* About how many instructions a body becomes. */
static int cost_of(const KStmt *s)
{
    int cost = 0;
    for (; s; s = s->next) {
        bool polynomial = s->kind == K_LET && (s->op == OP_exp || s->op == OP_log || s->op == OP_tanh || s->op == OP_erf);
        cost += s->kind == K_RAND ? 40 : polynomial ? 16 : 1;
        if (s->body)
            cost += 8 + cost_of(s->body);
    }
    return cost;
}

/* A body this short that ends in a sum or maximum is written PARTS times in a row. */
enum { SHORT_BODY = 8 };
/* One this long is written once, with a mask in every turn, rather than a second time for the rest. */
enum { LONG_BODY = 40 };

static void emit_block(Emit *e, const KStmt *s);

LLVMValueRef lanes_below(Emit *e, LLVMValueRef from, LLVMValueRef to, int lanes)
{
    LLVMValueRef left = LLVMBuildSub(e->b, to, from, ""), all = whole(e->i64, lanes);
    left = LLVMBuildSelect(e->b, LLVMBuildICmp(e->b, LLVMIntULT, left, all, ""), left, all, "");
    left = splat(e, LLVMBuildTrunc(e->b, left, e->i32, ""), lanes);
    return LLVMBuildICmp(e->b, LLVMIntULT, lane_numbers(e->i32, lanes), left, "");
}

/* The body for iterations from, from + step, ... below to, each of `unroll` times `lanes`; masked: to may lie within the
 * last. */
static void emit_lanes(Emit *e, const Vec *vec, LLVMValueRef from, LLVMValueRef to, int lanes, int unroll, bool masked)
{
    LLVMValueRef any = LLVMBuildICmp(e->b, LLVMIntSLT, from, to, "");
    if (LLVMIsAConstantInt(any) && !LLVMConstIntGetZExtValue(any))
        return;
    e->lanes = lanes;
    Loop l = loop_open(e, from, to, (int64_t)lanes * unroll);
    for (e->copy = 0; e->copy < unroll; e->copy++) {
        LaneIndex *i = &e->index[vec->stmt->ivar];
        *i = index_uniform(LLVMBuildNSWAdd(e->b, l.i, whole(e->i64, e->copy * lanes), ""), lanes);
        if (lanes > 1)
            i->step = whole(e->i64, 1);
        e->first = LLVMBuildICmp(e->b, LLVMIntEQ, i->base, whole(e->i64, 0), "");
        e->mask = masked ? lanes_below(e, i->base, to, lanes) : NULL;
        emit_block(e, vec->stmt->body);
    }
    e->copy = 0;
    e->mask = NULL;
    if (lanes > 1 && unroll == 1)
        for (int i = 0; i < vec->n_accs; i++)
            rotate_parts(e, &e->acc[vec->acc[i]]);
    loop_close(e, &l);
    e->lanes = 1;
}

/* A rand directly in the vec, in columns lane + (what all lanes share), can serve 128 columns with one evaluation. */
static bool serves_block(const KStmt *vec, const KStmt *s, const Varying *v)
{
    Arena *a = arena_new(); /* the kernel's own isn't this thread's alone */
    Poly quotient, rest;
    int64_t c;
    bool serves = !v->value[s->src[0]] && !v->value[s->src[1]] && !v->value[s->src[2]] &&
                  poly_split(a, s->at, vec->ivar, &quotient, &rest) && poly_is_const(quotient, &c) && c == 1 &&
                  !poly_varies(v, rest);
    arena_free(a);
    return serves;
}

/* n rounded down to a multiple of a power of two */
static LLVMValueRef round_down(Emit *e, LLVMValueRef n, int64_t power)
{
    return LLVMBuildAnd(e->b, n, whole(e->i64, -power), "");
}

static void emit_vec(Emit *e, const KStmt *vec)
{
    const Kernel *k = e->k;
    LLVMValueRef n = emit_uniform(e, vec->hi), zero = whole(e->i64, 0);
    Varying v = { xcalloc((size_t)k->n_ivars, 1), xcalloc((size_t)k->n_values + 1, 1) };
    v.index[vec->ivar] = true;
    find_varying(&v, vec->body);
    for (const KStmt *s = vec->body; s; s = s->next)
        if (s->kind == K_RAND)
            e->words[s->dst] = serves_block(vec, s, &v) ? new_rand_slot(e) : NULL;
    int lanes = e->target->lanes;
    free(v.index);
    free(v.value);

    Vec all = { .stmt = vec };
    if (lanes == 1) {
        emit_lanes(e, &all, zero, n, 1, 1, false);
        return;
    }
    find_outer_accs(&all, vec->body);
    for (int i = 0; i < all.n_accs; i++)
        open_parts(e, &e->acc[all.acc[i]], lanes);
    LLVMValueRef done = zero, full = round_down(e, n, lanes);
    int cost = cost_of(vec->body);
    bool masks = e->target->masks, unroll = all.n_accs && cost <= SHORT_BODY;
    if (unroll) {
        done = round_down(e, n, (int64_t)PARTS * lanes);
        emit_lanes(e, &all, zero, done, lanes, PARTS, false);
    }
    /* with masks, what unrolled copies leave is at most PARTS turns, and a long body is worth one copy only */
    if (!masks || (!unroll && (cost < LONG_BODY || LLVMIsAConstantInt(n)))) {
        emit_lanes(e, &all, done, full, lanes, 1, false);
        done = full;
    }
    if (masks)
        emit_lanes(e, &all, done, n, lanes, 1, true);
    for (int i = 0; i < all.n_accs; i++)
        close_parts(e, &e->acc[all.acc[i]], lanes);
    if (!masks)
        emit_lanes(e, &all, done, n, 1, 1, false);
}

/* ---- statements ---------------------------------------------------------------------------------------------- */

LLVMValueRef value_of(Emit *e, int v)
{
    const Acc *a = &e->acc[v];
    return a->slot ? LLVMBuildLoad2(e->b, slot_type(a->slot), a->slot, "") : e->value[v];
}

static LLVMValueRef constant_of(const Emit *e, Elem elem, double v)
{
    return elem == F32 ? LLVMConstReal(e->f32, v)
                       : LLVMConstInt(elem == I32 ? e->i32 : e->i1, (unsigned long long)(int64_t)v, true);
}

static void emit_stmt(Emit *e, const KStmt *s)
{
    const Elem *types = e->k->values;
    switch (s->kind) {
    case K_FOR: {
        LLVMValueRef from = emit_uniform(e, s->lo);
        Loop l = loop_open(e, from, emit_uniform(e, s->hi), 1);
        e->index[s->ivar] = index_uniform(l.i, 1);
        emit_block(e, s->body);
        loop_close(e, &l);
        return;
    }
    case K_VEC:
        emit_vec(e, s);
        return;
    case K_LET: {
        LLVMValueRef x[3];
        int n = op_info[s->op].inputs;
        for (int i = 0; i < n; i++)
            x[i] = value_of(e, s->src[i]);
        e->value[s->dst] = emit_map(e, s->op, types[s->dst], types[s->src[n - 1]], x, n);
        return;
    }
    case K_CONST:
        e->value[s->dst] = constant_of(e, types[s->dst], s->value);
        return;
    case K_LOAD:
        e->value[s->dst] = emit_load(e, s->buf, emit_poly(e, s->at));
        return;
    case K_STORE:
        emit_store(e, s->buf, emit_poly(e, s->at), value_of(e, s->src[0]));
        return;
    case K_ACC:
        declare(e, s);
        return;
    case K_REDUCE:
        reduce(e, s, value_of(e, s->src[0]));
        return;
    case K_FROM_INDEX:
        e->value[s->dst] = index_as_i32(e, emit_poly(e, s->at));
        return;
    case K_RAND:
        e->value[s->dst] = emit_rand(e, s);
        return;
    case K_INDEX:
        e->index[s->ivar] = emit_index_op(e, s->index_op, emit_poly(e, s->at),
                                          s->index_op == IX_SET ? index_const(e, 0) : emit_poly(e, s->hi));
        return;
    case K_READ: {
        LLVMValueRef v = emit_load(e, s->buf, emit_poly(e, s->at));
        v = LLVMBuildSExt(e->b, v, like(v, e->i64), "");
        e->index[s->ivar] = is_vector(v) ? (LaneIndex){ .each = v, .multiple = 1 } : index_uniform(v, 1);
        return;
    }
    case K_DOT:
        emit_dot(e, s->dot);
        return;
    case K_PACK:
        emit_pack(e, s->dot);
        return;
    case N_KSTMTS:
        break;
    }
    ftc_bug("kernel @%s: unknown statement %d", e->k->name, (int)s->kind);
}

static void emit_block(Emit *e, const KStmt *s)
{
    for (; s; s = s->next) {
        if (e->lines && s->loc)
            lines_at(e, s->loc);
        emit_stmt(e, s);
    }
}

/* ---- kernels ------------------------------------------------------------------------------------------------- */

/* Each parameter is its own alias scope, and an access says which scopes it stays out of. */
static void make_scopes(Emit *e)
{
    LLVMContextRef c = e->c;
    int n = e->k->n_params;
    e->scope_kind = LLVMGetMDKindIDInContext(c, "alias.scope", 11);
    e->others_kind = LLVMGetMDKindIDInContext(c, "noalias", 7);
    LLVMMetadataRef name = LLVMMDStringInContext2(c, "ftc", 3), domain = LLVMMDNodeInContext2(c, &name, 1);
    LLVMMetadataRef *scopes = xcalloc((size_t)n + 1, sizeof *scopes), *list = xcalloc((size_t)n + 1, sizeof *list);
    for (int i = 0; i < n; i++) {
        char label[24];
        int len = snprintf(label, sizeof label, "ftc.%d", i);
        LLVMMetadataRef both[] = { LLVMMDStringInContext2(c, label, (size_t)len), domain };
        scopes[i] = LLVMMDNodeInContext2(c, both, 2);
        e->scope[i] = LLVMMetadataAsValue(c, LLVMMDNodeInContext2(c, &scopes[i], 1));
    }
    for (int i = 0; i < n; i++) {
        size_t others = 0;
        for (int j = 0; j < n; j++)
            if (j != i)
                list[others++] = scopes[j];
        e->others[i] = others ? LLVMMetadataAsValue(c, LLVMMDNodeInContext2(c, list, others)) : NULL;
    }
    free(scopes);
    free(list);
}

/* The i-th field of FtcKernelArgs; all are pointers. */
static LLVMValueRef args_field(Emit *e, int i)
{
    LLVMValueRef index = whole(e->i64, i);
    LLVMValueRef p = LLVMBuildInBoundsGEP2(e->b, e->ptr, LLVMGetParam(e->fn, 0), &index, 1, "");
    return LLVMBuildLoad2(e->b, e->ptr, p, "");
}

static LLVMValueRef array_element(Emit *e, LLVMTypeRef t, LLVMValueRef array, int i, const char *name)
{
    LLVMValueRef index = whole(e->i64, i);
    return LLVMBuildLoad2(e->b, t, LLVMBuildInBoundsGEP2(e->b, t, array, &index, 1, ""), name);
}

static void load_arguments(Emit *e)
{
    const Kernel *k = e->k;
    LLVMValueRef bufs = args_field(e, 0), syms = args_field(e, 1), imms = args_field(e, 2);
    for (int i = 0; i < k->n_params; i++)
        e->buf[i] = array_element(e, e->ptr, bufs, i, k->params[i].name);
    for (int i = 0; i < N_SYMBOLS; i++)
        e->index[i] = index_uniform(array_element(e, e->i64, syms, i, k->ivars[i]), 1);
    for (int i = 0; i < k->n_imms; i++)
        e->imm[i] = array_element(e, e->i32, imms, i, "");
}

/* The piece's number, split over the par dims; the first is the slowest. */
static void split_piece(Emit *e)
{
    LLVMValueRef piece = LLVMGetParam(e->fn, 1);
    for (int i = e->k->n_par - 1; i >= 0; i--) {
        const Par *p = &e->k->par[i];
        LaneIndex begin = emit_poly(e, p->begin);
        LLVMValueRef at = piece;
        if (i > 0) {
            LLVMValueRef span = LLVMBuildSub(e->b, emit_uniform(e, p->end), begin.base, "");
            span = LLVMBuildAdd(e->b, span, whole(e->i64, p->step - 1), "");
            LLVMValueRef n = LLVMBuildUDiv(e->b, span, whole(e->i64, p->step), "");
            at = LLVMBuildURem(e->b, piece, n, "");
            piece = LLVMBuildUDiv(e->b, piece, n, "");
        }
        at = LLVMBuildAdd(e->b, begin.base, LLVMBuildMul(e->b, at, whole(e->i64, p->step), ""), e->k->ivars[p->ivar]);
        int64_t multiple = begin.multiple, step = p->step;
        while (step) {
            int64_t r = multiple % step;
            multiple = step;
            step = r;
        }
        e->index[p->ivar] = index_uniform(at, multiple);
    }
}

LLVMValueRef emit_kernel(LLVMModuleRef m, const Target *t, const Kernel *k, const char *symbol, bool shared_dots)
{
    LLVMContextRef c = LLVMGetModuleContext(m);
    size_t params = (size_t)k->n_params + 1, values = (size_t)k->n_values + 1;
    Emit e = {
        .k = k, .target = t, .c = c, .m = m, .lanes = 1, .shared_dots = shared_dots,
        .b = LLVMCreateBuilderInContext(c), .top = LLVMCreateBuilderInContext(c),
        .i1 = LLVMInt1TypeInContext(c), .i8 = LLVMInt8TypeInContext(c), .i16 = LLVMInt16TypeInContext(c),
        .i32 = LLVMInt32TypeInContext(c), .i64 = LLVMInt64TypeInContext(c), .f32 = LLVMFloatTypeInContext(c),
        .f64 = LLVMDoubleTypeInContext(c), .ptr = LLVMPointerTypeInContext(c, 0),
        .index = xcalloc((size_t)k->n_ivars + N_SYMBOLS, sizeof(LaneIndex)),
        .value = xcalloc(values, sizeof(LLVMValueRef)), .acc = xcalloc(values, sizeof(Acc)),
        .words = xcalloc(values, sizeof(LLVMValueRef)), .buf = xcalloc(params, sizeof(LLVMValueRef)),
        .scope = xcalloc(params, sizeof(LLVMValueRef)), .others = xcalloc(params, sizeof(LLVMValueRef)),
        .imm = xcalloc((size_t)k->n_imms + 1, sizeof(LLVMValueRef)),
    };
    LLVMTypeRef arguments[] = { e.ptr, e.i64 };
    e.fn = LLVMAddFunction(m, symbol, LLVMFunctionType(LLVMVoidTypeInContext(c), arguments, 2, false));
    LLVMSetValueName2(LLVMGetParam(e.fn, 0), "args", 4);
    LLVMSetValueName2(LLVMGetParam(e.fn, 1), "piece", 5);
    target_mark(t, e.fn);

    LLVMBasicBlockRef entry = new_block(&e), body = new_block(&e);
    LLVMPositionBuilderAtEnd(e.top, entry);
    LLVMPositionBuilderAtEnd(e.b, body);
    make_scopes(&e);
    if (k->debug)
        e.lines = lines_open(&e);
    load_arguments(&e);
    split_piece(&e);
    emit_block(&e, k->body);
    LLVMBuildRetVoid(e.b);
    LLVMBuildBr(e.top, body);

    lines_close(e.lines);
    LLVMDisposeBuilder(e.b);
    LLVMDisposeBuilder(e.top);
    void *const owned[] = { e.index, e.value, e.acc, e.words, e.buf, e.scope, e.others, e.imm };
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    return e.fn;
}
