/* dot -> tiles of fused multiply-adds, written inline.
 *
 * In:  a dot statement.
 * Out: a call of a function dot_… in the same module, made once for each layout of the operands, which goes over C by
 *      tiles of rows x vectors; and one function for each kind of tile.
 * The idea: a tile's sums stay in registers while k runs: in each turn one row of B is loaded, and each element of A's
 * column is broadcast once.  Around it, blocks: of K, so that a panel of B (as many columns as a tile has) lies in L1 or
 * L2 while the rows stream by, and of rows, so that their part of A stays in L2 while the panels go by.  A panel of B
 * that isn't packed yet is copied to the stack first, unless it is complete, lies by columns and has few rows to serve.
 * Rows left over take smaller tiles, halving: their cost is in proportion.  Columns left over are masked in C only,
 * because panels are filled up with zeros.  The copies of A and B take up to 430 KB of the thread's stack.
 *
 * What a number is: each element of C is one chain, c = fma(A[i,k], B[k,j], c) for k = 0, 1, ..., from 0 or from what it
 * was; at the end of a block of K it goes through memory, as the f32 it is.  So the bits depend on neither tiles, blocks,
 * vectors nor on where a piece begins.  (A machine without fma rounds twice, and has other bits.) */
#include "compiler/codegen/emit.h"

#include <stdio.h>
#include <string.h>

enum {
    K_BLOCK = 384,
    ROW_BLOCK = 196,    /* about; rounded down to whole tiles: with K_BLOCK, 300 KB of A */
    LINE = 16,           /* elements in a cache line */
    A_ROOM = (ROW_BLOCK + 2 * LINE) * (K_BLOCK + 2 * LINE),
    BAD_STRIDE = 512,   /* within a cache line of a multiple of it, the rows of A share a few sets of L1 */
    SLICE = 64,         /* rows no longer than this, cut out of far longer ones, use few sets of L1 too */
    PACK_ROWS = 64,     /* with fewer, a panel isn't worth a copy */
    GROUP = 4,          /* rows of A addressed from one pointer */
};

/* A tile's sums, a row of B and an element of A have to fit into the registers. */
typedef struct {
    int rows, vectors, lanes;
} Tile;

static Tile tile_of(const Target *t, int packed)
{
    static const struct {
        bool masks; /* AVX-512 comes with 32 registers */
        int rows, vectors;
    } table[] = { { true, 14, 2 }, { false, 6, 2 } };
    const int i = t->masks ? 0 : 1;
    Tile tile = { table[i].rows, t->lanes == 1 ? 1 : table[i].vectors, t->lanes };
    if (packed && tile.vectors * tile.lanes > packed)
        tile.vectors = packed / tile.lanes;
    return tile;
}

/* ---- functions of the module ---------------------------------------------------------------------------------- */

/* Starts to write a function of e's module, with `f`. */
static void write_function(const Emit *e, Emit *f, LLVMValueRef fn)
{
    *f = *e;
    f->fn = fn;
    target_mark(e->target, f->fn);
    f->b = LLVMCreateBuilderInContext(e->c);
    f->top = LLVMCreateBuilderInContext(e->c);
    LLVMPositionBuilderAtEnd(f->top, LLVMAppendBasicBlockInContext(e->c, f->fn, ""));
    LLVMPositionBuilderAtEnd(f->b, LLVMAppendBasicBlockInContext(e->c, f->fn, ""));
    f->lanes = 1;
    f->mask = NULL;
}

static LLVMValueRef open_function(const Emit *e, Emit *f, const char *name, LLVMTypeRef *params, unsigned n)
{
    LLVMValueRef fn = LLVMAddFunction(e->m, name, LLVMFunctionType(LLVMVoidTypeInContext(e->c), params, n, false));
    LLVMSetLinkage(fn, LLVMInternalLinkage);
    write_function(e, f, fn);
    return fn;
}

static void close_function(Emit *f)
{
    LLVMBuildRetVoid(f->b);
    LLVMBuildBr(f->top, LLVMGetNextBasicBlock(LLVMGetEntryBasicBlock(f->fn)));
    LLVMDisposeBuilder(f->b);
    LLVMDisposeBuilder(f->top);
}

static void call(Emit *e, LLVMValueRef fn, LLVMValueRef *args, unsigned n)
{
    LLVMBuildCall2(e->b, LLVMGlobalGetValueType(fn), fn, args, n, "");
}

static LLVMValueRef element(Emit *e, LLVMValueRef p, LLVMValueRef i)
{
    return LLVMBuildInBoundsGEP2(e->b, e->f32, p, &i, 1, "");
}

static LLVMValueRef plus(Emit *e, LLVMValueRef a, LLVMValueRef b) { return LLVMBuildNSWAdd(e->b, a, b, ""); }
static LLVMValueRef minus(Emit *e, LLVMValueRef a, LLVMValueRef b) { return LLVMBuildNSWSub(e->b, a, b, ""); }
static LLVMValueRef times(Emit *e, LLVMValueRef a, LLVMValueRef b) { return LLVMBuildNSWMul(e->b, a, b, ""); }
static LLVMValueRef at_least(Emit *e, LLVMValueRef a, LLVMValueRef b) { return LLVMBuildICmp(e->b, LLVMIntSGE, a, b, ""); }

static LLVMValueRef smaller(Emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildSelect(e->b, at_least(e, a, b), b, a, "");
}

static LLVMValueRef read_slot(Emit *e, LLVMValueRef slot)
{
    return LLVMBuildLoad2(e->b, LLVMGetAllocatedType(slot), slot, "");
}

static LLVMValueRef slot_with(Emit *e, LLVMValueRef v)
{
    LLVMValueRef slot = new_slot(e, LLVMTypeOf(v));
    LLVMBuildStore(e->b, v, slot);
    return slot;
}

/* e->lanes floats at p; those outside the mask are neither read (they are 0) nor written. */
static LLVMValueRef load_lanes(Emit *e, LLVMValueRef p, LLVMValueRef mask)
{
    LLVMTypeRef t = lanes_of(e, e->f32);
    if (mask)
        return call_masked(e, "llvm.masked.load", (LLVMTypeRef[]){ t, e->ptr },
                           (LLVMValueRef[]){ p, mask, LLVMConstNull(t) }, 3, 0, 4);
    LLVMValueRef v = LLVMBuildLoad2(e->b, t, p, "");
    LLVMSetAlignment(v, 4);
    return v;
}

static void store_lanes(Emit *e, LLVMValueRef p, LLVMValueRef mask, LLVMValueRef v)
{
    if (mask)
        call_masked(e, "llvm.masked.store", (LLVMTypeRef[]){ LLVMTypeOf(v), e->ptr }, (LLVMValueRef[]){ v, p, mask }, 3, 1, 4);
    else
        LLVMSetAlignment(LLVMBuildStore(e->b, v, p), 4);
}

/* ---- tiles ---------------------------------------------------------------------------------------------------- */

/* bf16: DEPTH counts pairs; where the left-over k of an odd depth is read from A's row, ODD says that there is one. */
enum {
    TILE_A, TILE_A_STRIDE, TILE_B, TILE_B_STRIDE, TILE_C, TILE_C_STRIDE, TILE_DEPTH, TILE_COLUMNS, TILE_ACCUMULATE, TILE_ODD, TILE_ARGS
};

/* The columns of C in each vector of a tile. */
static void tile_masks(Emit *e, Tile t, LLVMValueRef columns, LLVMValueRef *mask)
{
    for (int v = 0; v < t.vectors; v++)
        mask[v] = t.lanes == 1 ? NULL : lanes_below(e, smaller(e, whole(e->i64, v * t.lanes), columns), columns, t.lanes);
}

/* Sums begin with C's elements, or with 0. */
static void load_sums(Emit *e, Tile t, LLVMValueRef accumulate, LLVMValueRef *sum)
{
    LLVMValueRef row = LLVMGetParam(e->fn, TILE_C), mask[2];
    LLVMBasicBlockRef join = if_open(e, accumulate);
    tile_masks(e, t, LLVMGetParam(e->fn, TILE_COLUMNS), mask);
    for (int r = 0; r < t.rows; r++) {
        for (int v = 0; v < t.vectors; v++)
            LLVMBuildStore(e->b, load_lanes(e, element(e, row, whole(e->i64, v * t.lanes)), mask[v]), sum[r * t.vectors + v]);
        row = element(e, row, LLVMGetParam(e->fn, TILE_C_STRIDE));
    }
    if_close(e, join);
}

/* Asks for the lines of C, which are written when k has run: a store that misses the cache holds up those behind it. */
static void fetch_rows(Emit *e, Tile t)
{
    LLVMValueRef row = LLVMGetParam(e->fn, TILE_C), depth = LLVMGetParam(e->fn, TILE_DEPTH);
    LLVMBasicBlockRef join = if_open(e, at_least(e, depth, whole(e->i64, 64))); /* else there is no time for it */
    for (int r = 0; r < t.rows; r++) {
        for (int at = 0; at < t.vectors * t.lanes; at += LINE)
            call_intrinsic(e, "llvm.prefetch", &e->ptr, 1,
                           (LLVMValueRef[]){ element(e, row, whole(e->i64, at)), whole(e->i32, 1), whole(e->i32, 3), whole(e->i32, 1) }, 4);
        row = element(e, row, LLVMGetParam(e->fn, TILE_C_STRIDE));
    }
    if_close(e, join);
}

static void store_rows(Emit *e, Tile t, LLVMValueRef *mask, LLVMValueRef *sum)
{
    LLVMValueRef row = LLVMGetParam(e->fn, TILE_C);
    for (int r = 0; r < t.rows; r++) {
        for (int v = 0; v < t.vectors; v++)
            store_lanes(e, element(e, row, whole(e->i64, v * t.lanes)), mask[v], read_slot(e, sum[r * t.vectors + v]));
        row = element(e, row, LLVMGetParam(e->fn, TILE_C_STRIDE));
    }
}

/* AVX-512 stores under a mask as fast as without; elsewhere the complete tile has its own stores. */
static void store_sums(Emit *e, Tile t, LLVMValueRef *sum)
{
    LLVMValueRef columns = LLVMGetParam(e->fn, TILE_COLUMNS), mask[2] = { NULL, NULL };
    if (t.lanes == 1) {
        store_rows(e, t, mask, sum);
        return;
    }
    LLVMBasicBlockRef join = NULL;
    if (!e->target->masks) {
        LLVMValueRef complete = at_least(e, columns, whole(e->i64, (int64_t)t.vectors * t.lanes));
        join = if_open(e, complete);
        store_rows(e, t, mask, sum);
        if_close(e, join);
        join = if_open(e, LLVMBuildNot(e->b, complete, ""));
    }
    tile_masks(e, t, columns, mask);
    store_rows(e, t, mask, sum);
    if (join)
        if_close(e, join);
}

static LLVMValueRef multiply_add(Emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
    if (!e->target->fma)
        return LLVMBuildFAdd(e->b, c, LLVMBuildFMul(e->b, a, b, ""), "");
    LLVMTypeRef t = LLVMTypeOf(c);
    return call_intrinsic(e, "llvm.fma", &t, 1, (LLVMValueRef[]){ a, b, c }, 3);
}

/* The upper or lower half of each 32 bits, as a float. */
static LLVMValueRef half_of(Emit *e, LLVMValueRef pairs, bool upper)
{
    LLVMTypeRef t = LLVMTypeOf(pairs);
    LLVMValueRef bits = upper ? LLVMBuildAnd(e->b, pairs, whole(t, 0xFFFF0000), "") : LLVMBuildShl(e->b, pairs, whole(t, 16), "");
    return LLVMBuildBitCast(e->b, bits, like(pairs, e->f32), "");
}

/* c + a's pair times b's pair, in each lane; a and b are pairs of bf16 in 32 bits.  Both products are exact. */
static LLVMValueRef multiply_add_pairs(Emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
    if (!e->target->bf16 || e->lanes != 16)
        return multiply_add(e, half_of(e, a, true), half_of(e, b, true), multiply_add(e, half_of(e, a, false), half_of(e, b, false), c));
    const char *name = "llvm.x86.avx512bf16.dpbf16ps.512";
    LLVMTypeRef pairs = LLVMVectorType(LLVMBFloatTypeInContext(e->c), 32);
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef fn = LLVMGetIntrinsicDeclaration(e->m, id, NULL, 0);
    LLVMValueRef args[] = { c, LLVMBuildBitCast(e->b, a, pairs, ""), LLVMBuildBitCast(e->b, b, pairs, "") };
    return LLVMBuildCall2(e->b, LLVMGlobalGetValueType(fn), fn, args, 3, "");
}

/* What a tile's turn of k reads. */
typedef struct {
    Tile t;
    bool turned, bf16;
    LLVMValueRef *sum, b;    /* slots */
    LLVMValueRef a[14 / GROUP + 1], offset[GROUP];
    int groups;
} Turn;

static LLVMValueRef half_element(Emit *e, LLVMValueRef p, LLVMValueRef i)
{
    return LLVMBuildInBoundsGEP2(e->b, e->i16, p, &i, 1, "");
}

/* An element of A, or a pair of k; its last half alone where `odd`. */
static LLVMValueRef load_left(Emit *e, const Turn *u, LLVMValueRef p, bool odd)
{
    LLVMValueRef x;
    if (odd) {
        x = LLVMBuildLoad2(e->b, e->i16, p, "");
        return splat(e, LLVMBuildZExt(e->b, x, e->i32, ""), u->t.lanes);
    }
    x = LLVMBuildLoad2(e->b, u->bf16 ? e->i32 : e->f32, p, "");
    LLVMSetAlignment(x, u->bf16 && !u->turned ? 2 : 4);
    return splat(e, x, u->t.lanes);
}

static void take_turn(Emit *e, const Turn *u, bool odd)
{
    bool rows_of_halves = u->bf16 && !u->turned; /* A is addressed by halves of 32 bits */
    LLVMValueRef a_stride = LLVMGetParam(e->fn, TILE_A_STRIDE), row[2], at = read_slot(e, u->b), from[14 / GROUP + 1];
    for (int v = 0; v < u->t.vectors; v++) {
        row[v] = load_lanes(e, element(e, at, whole(e->i64, v * u->t.lanes)), NULL);
        if (u->bf16)
            row[v] = LLVMBuildBitCast(e->b, row[v], lanes_of(e, e->i32), "");
    }
    LLVMBuildStore(e->b, element(e, at, LLVMGetParam(e->fn, TILE_B_STRIDE)), u->b);
    for (int g = 0; g < u->groups; g++) {
        from[g] = read_slot(e, u->a[g]);
        LLVMBuildStore(e->b, element(e, from[g], u->turned ? a_stride : whole(e->i64, 1)), u->a[g]);
    }
    for (int r = 0; r < u->t.rows; r++) {
        LLVMValueRef p = u->turned         ? element(e, from[0], whole(e->i64, r))
                         : rows_of_halves ? half_element(e, from[r / GROUP], u->offset[r % GROUP])
                                          : element(e, from[r / GROUP], u->offset[r % GROUP]);
        LLVMValueRef x = load_left(e, u, p, odd);
        for (int v = 0; v < u->t.vectors; v++) {
            LLVMValueRef slot = u->sum[r * u->t.vectors + v], sum = read_slot(e, slot);
            LLVMBuildStore(e->b, u->bf16 ? multiply_add_pairs(e, x, row[v], sum) : multiply_add(e, x, row[v], sum), slot);
        }
    }
}

/* C[0 .. rows, 0 .. columns) (+)= A B; turned: A's rows are contiguous, its stride is from one k (or pair) to the next. */
static LLVMValueRef tile_function(Emit *outer, Tile t, bool turned, bool bf16)
{
    char name[40];
    snprintf(name, sizeof name, "tile_%dx%d%s%s", t.rows, t.vectors * t.lanes, turned ? "_turned" : "", bf16 ? "_bf16" : "");
    LLVMValueRef known = LLVMGetNamedFunction(outer->m, name);
    if (known)
        return known;
    LLVMTypeRef i64 = outer->i64, ptr = outer->ptr;
    LLVMTypeRef params[TILE_ARGS] = { ptr, i64, ptr, i64, ptr, i64, i64, i64, outer->i1, outer->i1 };
    Emit f, *e = &f;
    LLVMValueRef fn = open_function(outer, e, name, params, TILE_ARGS);
    e->lanes = t.lanes;

    LLVMValueRef sum[14 * 2], accumulate = LLVMGetParam(fn, TILE_ACCUMULATE);
    for (int i = 0; i < t.rows * t.vectors; i++)
        sum[i] = slot_with(e, LLVMConstNull(lanes_of(e, e->f32)));
    fetch_rows(e, t);
    load_sums(e, t, accumulate, sum);

    /* One pointer for every few rows, and their offsets from it: few enough of both to stay in registers. */
    Turn u = { .t = t, .turned = turned, .bf16 = bf16, .sum = sum, .groups = turned ? 1 : (t.rows + GROUP - 1) / GROUP };
    LLVMValueRef a_stride = LLVMGetParam(fn, TILE_A_STRIDE), p = LLVMGetParam(fn, TILE_A);
    for (int r = 0; r < GROUP; r++)
        u.offset[r] = r ? plus(e, u.offset[r - 1], a_stride) : whole(e->i64, 0);
    for (int g = 0; g < u.groups; g++) {
        u.a[g] = slot_with(e, p);
        LLVMValueRef next = times(e, a_stride, whole(e->i64, GROUP));
        p = bf16 && !turned ? half_element(e, p, next) : element(e, p, next);
    }
    u.b = slot_with(e, LLVMGetParam(fn, TILE_B));
    Loop l = loop_open(e, whole(e->i64, 0), LLVMGetParam(fn, TILE_DEPTH), 1);
    take_turn(e, &u, false);
    loop_close(e, &l);
    if (bf16 && !turned) {
        LLVMBasicBlockRef join = if_open(e, LLVMGetParam(fn, TILE_ODD));
        take_turn(e, &u, true);
        if_close(e, join);
    }
    store_sums(e, t, sum);
    close_function(e);
    return fn;
}

/* ---- packing -------------------------------------------------------------------------------------------------- */

enum { COPY_FROM, COPY_STRIDE, COPY_TO, COPY_WIDTH, COPY_ROWS, COPY_COLUMNS, COPY_ARGS };

static LLVMValueRef open_copy(Emit *outer, Emit *e, const char *name, int lanes)
{
    LLVMTypeRef i64 = outer->i64, ptr = outer->ptr, params[COPY_ARGS] = { ptr, i64, ptr, i64, i64, i64 };
    LLVMValueRef fn = open_function(outer, e, name, params, COPY_ARGS);
    e->lanes = lanes;
    return fn;
}

/* Rows of columns to rows of width, a multiple of the lanes, filled up with zeros. */
static LLVMValueRef copy_function(Emit *outer, Tile t)
{
    static const char name[] = "copy_rows";
    LLVMValueRef fn = LLVMGetNamedFunction(outer->m, name);
    if (fn)
        return fn;
    Emit f, *e = &f;
    fn = open_copy(outer, e, name, t.lanes);
    LLVMValueRef columns = LLVMGetParam(fn, COPY_COLUMNS), width = LLVMGetParam(fn, COPY_WIDTH), zero = whole(e->i64, 0);
    Loop row = loop_open(e, zero, LLVMGetParam(fn, COPY_ROWS), 1);
    LLVMValueRef from = element(e, LLVMGetParam(fn, COPY_FROM), times(e, row.i, LLVMGetParam(fn, COPY_STRIDE)));
    LLVMValueRef to = element(e, LLVMGetParam(fn, COPY_TO), times(e, row.i, width));
    Loop l = loop_open(e, zero, width, t.lanes);
    LLVMValueRef v;
    if (t.lanes > 1) {
        v = load_lanes(e, element(e, from, l.i), lanes_below(e, smaller(e, l.i, columns), columns, t.lanes));
    } else {
        LLVMValueRef slot = slot_with(e, LLVMConstNull(e->f32));
        LLVMBasicBlockRef join = if_open(e, LLVMBuildICmp(e->b, LLVMIntSLT, l.i, columns, ""));
        LLVMBuildStore(e->b, load_lanes(e, element(e, from, l.i), NULL), slot);
        if_close(e, join);
        v = read_slot(e, slot);
    }
    store_lanes(e, element(e, to, l.i), NULL, v);
    loop_close(e, &l);
    loop_close(e, &row);
    close_function(e);
    return fn;
}

/* A complete panel from B whose columns are contiguous. */
static LLVMValueRef pack_rows_function(Emit *outer, Tile t)
{
    static const char name[] = "pack_rows";
    LLVMValueRef fn = LLVMGetNamedFunction(outer->m, name);
    if (fn)
        return fn;
    Emit f, *e = &f;
    fn = open_copy(outer, e, name, t.lanes);
    Loop l = loop_open(e, whole(e->i64, 0), LLVMGetParam(fn, COPY_ROWS), 1);
    LLVMValueRef from = element(e, LLVMGetParam(fn, COPY_FROM), times(e, l.i, LLVMGetParam(fn, COPY_STRIDE)));
    LLVMValueRef to = element(e, LLVMGetParam(fn, COPY_TO), times(e, l.i, whole(e->i64, (int64_t)t.vectors * t.lanes)));
    for (int v = 0; v < t.vectors; v++) {
        LLVMValueRef at = whole(e->i64, v * t.lanes);
        store_lanes(e, element(e, to, at), NULL, load_lanes(e, element(e, from, at), NULL));
    }
    loop_close(e, &l);
    close_function(e);
    return fn;
}

/* Each round zips rows i and i + n/2 into rows 2i and 2i + 1, which turns the bits of (row, column) by one: log2(n) rounds
 * swap the two. */
static void transpose_lanes(Emit *e, LLVMValueRef *v, int n)
{
    LLVMValueRef low[16], high[16], next[16];
    for (int i = 0; i < n; i++) {
        low[i] = whole(e->i32, i / 2 + i % 2 * n);
        high[i] = whole(e->i32, n / 2 + i / 2 + i % 2 * n);
    }
    for (int round = 1; round < n; round *= 2) {
        for (int i = 0; i < n / 2; i++) {
            next[2 * i] = LLVMBuildShuffleVector(e->b, v[i], v[i + n / 2], LLVMConstVector(low, (unsigned)n), "");
            next[2 * i + 1] = LLVMBuildShuffleVector(e->b, v[i], v[i + n / 2], LLVMConstVector(high, (unsigned)n), "");
        }
        memcpy(v, next, sizeof *v * (size_t)n);
    }
}

/* to[width * k + j] = k < kept ? from[k] : 0, for k in [begin, depth) */
static void copy_column(Emit *e, LLVMValueRef from, LLVMValueRef to, LLVMValueRef begin, LLVMValueRef kept, LLVMValueRef depth,
                        int64_t width)
{
    Loop l = loop_open(e, begin, kept, 1);
    LLVMValueRef x = LLVMBuildLoad2(e->b, e->f32, element(e, from, l.i), "");
    LLVMBuildStore(e->b, x, element(e, to, times(e, l.i, whole(e->i64, width))));
    loop_close(e, &l);
    LLVMValueRef rest = LLVMBuildSelect(e->b, at_least(e, kept, begin), kept, begin, "");
    l = loop_open(e, rest, depth, 1);
    LLVMBuildStore(e->b, LLVMConstNull(e->f32), element(e, to, times(e, l.i, whole(e->i64, width))));
    loop_close(e, &l);
}

/* B's k is contiguous: squares of lanes x lanes are transposed in registers, the rest goes one by one. */
static LLVMValueRef pack_turned_function(Emit *outer, Tile t)
{
    char name[40];
    snprintf(name, sizeof name, "pack_turned_%d", t.vectors * t.lanes);
    LLVMValueRef fn = LLVMGetNamedFunction(outer->m, name);
    if (fn)
        return fn;
    Emit f, *e = &f;
    fn = open_copy(outer, e, name, t.lanes);
    int64_t width = (int64_t)t.vectors * t.lanes;
    LLVMValueRef stride = LLVMGetParam(fn, COPY_STRIDE), depth = LLVMGetParam(fn, COPY_ROWS);
    LLVMValueRef zero = whole(e->i64, 0), lanes = whole(e->i64, t.lanes);
    Loop group = loop_open(e, zero, whole(e->i64, width), t.lanes);
    LLVMValueRef left = minus(e, LLVMGetParam(fn, COPY_COLUMNS), group.i);
    LLVMValueRef from = element(e, LLVMGetParam(fn, COPY_FROM), times(e, group.i, stride));
    LLVMValueRef to = element(e, LLVMGetParam(fn, COPY_TO), group.i);
    LLVMValueRef squares = LLVMBuildAnd(e->b, depth, whole(e->i64, -t.lanes), "");
    squares = LLVMBuildSelect(e->b, at_least(e, left, lanes), squares, zero, "");

    Loop square = loop_open(e, zero, squares, t.lanes);
    LLVMValueRef v[16], p = element(e, from, square.i);
    for (int i = 0; i < t.lanes; i++) {
        v[i] = load_lanes(e, p, NULL);
        p = element(e, p, stride);
    }
    if (t.lanes > 1)
        transpose_lanes(e, v, t.lanes);
    p = element(e, to, times(e, square.i, whole(e->i64, width)));
    for (int i = 0; i < t.lanes; i++)
        store_lanes(e, element(e, p, whole(e->i64, i * width)), NULL, v[i]);
    loop_close(e, &square);

    e->lanes = 1;
    Loop lane = loop_open(e, zero, lanes, 1);
    LLVMValueRef kept = LLVMBuildSelect(e->b, LLVMBuildICmp(e->b, LLVMIntSLT, lane.i, left, ""), depth, zero, "");
    copy_column(e, element(e, from, times(e, lane.i, stride)), element(e, to, lane.i), squares, kept, depth, width);
    loop_close(e, &lane);
    loop_close(e, &group);
    close_function(e);
    return fn;
}

/* ---- packing pairs of bf16 -------------------------------------------------------------------------------------- */

/* The bf16 at p + i as the lower half of 32 bits; lanes outside the mask are 0. */
static LLVMValueRef load_halves(Emit *e, LLVMValueRef p, LLVMValueRef i, LLVMValueRef mask)
{
    LLVMTypeRef t = lanes_of(e, e->i16);
    LLVMValueRef at = half_element(e, p, i), v;
    if (mask) {
        v = call_masked(e, "llvm.masked.load", (LLVMTypeRef[]){ t, e->ptr }, (LLVMValueRef[]){ at, mask, LLVMConstNull(t) }, 3, 0, 2);
    } else {
        v = LLVMBuildLoad2(e->b, t, at, "");
        LLVMSetAlignment(v, 2);
    }
    return LLVMBuildZExt(e->b, v, lanes_of(e, e->i32), "");
}

/* Rows 2k and 2k + 1 of columns become row k of width pairs; what is outside of rows and columns is 0. */
static LLVMValueRef pair_rows_function(Emit *outer, Tile t)
{
    static const char name[] = "pair_rows";
    LLVMValueRef fn = LLVMGetNamedFunction(outer->m, name);
    if (fn)
        return fn;
    Emit f, *e = &f;
    fn = open_copy(outer, e, name, t.lanes);
    LLVMValueRef columns = LLVMGetParam(fn, COPY_COLUMNS), width = LLVMGetParam(fn, COPY_WIDTH), rows = LLVMGetParam(fn, COPY_ROWS);
    LLVMValueRef stride = LLVMGetParam(fn, COPY_STRIDE), zero = whole(e->i64, 0), one = whole(e->i64, 1);
    Loop row = loop_open(e, zero, rows, 2);
    LLVMValueRef low = half_element(e, LLVMGetParam(fn, COPY_FROM), times(e, row.i, stride)), high = half_element(e, low, stride);
    LLVMValueRef both = LLVMBuildICmp(e->b, LLVMIntSLT, plus(e, row.i, one), rows, "");
    LLVMValueRef to = element(e, LLVMGetParam(fn, COPY_TO), times(e, LLVMBuildLShr(e->b, row.i, one, ""), width));
    Loop l = loop_open(e, zero, width, t.lanes);
    LLVMValueRef v;
    if (t.lanes > 1) {
        LLVMValueRef mask = lanes_below(e, smaller(e, l.i, columns), columns, t.lanes);
        LLVMValueRef second = LLVMBuildSelect(e->b, both, mask, LLVMConstNull(LLVMTypeOf(mask)), "");
        v = load_halves(e, high, l.i, second);
        v = LLVMBuildOr(e->b, LLVMBuildShl(e->b, v, whole(LLVMTypeOf(v), 16), ""), load_halves(e, low, l.i, mask), "");
    } else {
        LLVMValueRef slot = slot_with(e, LLVMConstNull(e->i32)), inside = LLVMBuildICmp(e->b, LLVMIntSLT, l.i, columns, "");
        LLVMBasicBlockRef join = if_open(e, inside);
        LLVMBuildStore(e->b, load_halves(e, low, l.i, NULL), slot);
        if_close(e, join);
        join = if_open(e, LLVMBuildAnd(e->b, inside, both, ""));
        v = LLVMBuildShl(e->b, load_halves(e, high, l.i, NULL), whole(e->i32, 16), "");
        LLVMBuildStore(e->b, LLVMBuildOr(e->b, v, read_slot(e, slot), ""), slot);
        if_close(e, join);
        v = read_slot(e, slot);
    }
    LLVMSetAlignment(LLVMBuildStore(e->b, v, element(e, to, l.i)), 4);
    loop_close(e, &l);
    loop_close(e, &row);
    close_function(e);
    return fn;
}

/* to[width * k] = the pair at from[2k], for pairs k in [begin, end) of which `kept` halves are there. */
static void copy_pairs(Emit *e, LLVMValueRef from, LLVMValueRef to, LLVMValueRef begin, LLVMValueRef end, LLVMValueRef kept, int64_t width)
{
    LLVMValueRef two = whole(e->i64, 2), one = whole(e->i64, 1);
    Loop l = loop_open(e, begin, end, 1);
    LLVMValueRef at = times(e, l.i, two), slot = slot_with(e, LLVMConstNull(e->i32));
    LLVMBuildStore(e->b, LLVMConstNull(e->i32), slot);
    LLVMBasicBlockRef join = if_open(e, LLVMBuildICmp(e->b, LLVMIntSLT, at, kept, ""));
    LLVMBuildStore(e->b, load_halves(e, from, at, NULL), slot);
    if_close(e, join);
    join = if_open(e, LLVMBuildICmp(e->b, LLVMIntSLT, plus(e, at, one), kept, ""));
    LLVMValueRef high = LLVMBuildShl(e->b, load_halves(e, from, plus(e, at, one), NULL), whole(e->i32, 16), "");
    LLVMBuildStore(e->b, LLVMBuildOr(e->b, high, read_slot(e, slot), ""), slot);
    if_close(e, join);
    LLVMBuildStore(e->b, read_slot(e, slot), element(e, to, times(e, l.i, whole(e->i64, width))));
    loop_close(e, &l);
}

/* B's k is contiguous: a panel of its columns, COPY_ROWS deep.  Pairs lie side by side already, so squares of them turn as
 * floats do. */
static LLVMValueRef pair_turned_function(Emit *outer, Tile t)
{
    char name[40];
    snprintf(name, sizeof name, "pair_turned_%d", t.vectors * t.lanes);
    LLVMValueRef fn = LLVMGetNamedFunction(outer->m, name);
    if (fn)
        return fn;
    Emit f, *e = &f;
    fn = open_copy(outer, e, name, t.lanes);
    int64_t width = (int64_t)t.vectors * t.lanes;
    LLVMValueRef stride = LLVMGetParam(fn, COPY_STRIDE), depth = LLVMGetParam(fn, COPY_ROWS), zero = whole(e->i64, 0);
    LLVMValueRef lanes = whole(e->i64, t.lanes), one = whole(e->i64, 1);
    LLVMValueRef pairs = LLVMBuildLShr(e->b, plus(e, depth, one), one, ""), full = LLVMBuildLShr(e->b, depth, one, "");
    Loop group = loop_open(e, zero, whole(e->i64, width), t.lanes);
    LLVMValueRef left = minus(e, LLVMGetParam(fn, COPY_COLUMNS), group.i);
    LLVMValueRef from = half_element(e, LLVMGetParam(fn, COPY_FROM), times(e, group.i, stride));
    LLVMValueRef to = element(e, LLVMGetParam(fn, COPY_TO), group.i);
    LLVMValueRef squares = LLVMBuildAnd(e->b, full, whole(e->i64, -t.lanes), "");
    squares = LLVMBuildSelect(e->b, at_least(e, left, lanes), squares, zero, "");

    Loop square = loop_open(e, zero, squares, t.lanes);
    LLVMValueRef v[16], p = half_element(e, from, times(e, square.i, whole(e->i64, 2)));
    for (int i = 0; i < t.lanes; i++) {
        v[i] = load_lanes(e, p, NULL);
        LLVMSetAlignment(v[i], 2);
        p = half_element(e, p, stride);
    }
    if (t.lanes > 1)
        transpose_lanes(e, v, t.lanes);
    p = element(e, to, times(e, square.i, whole(e->i64, width)));
    for (int i = 0; i < t.lanes; i++)
        store_lanes(e, element(e, p, whole(e->i64, i * width)), NULL, v[i]);
    loop_close(e, &square);

    e->lanes = 1;
    Loop lane = loop_open(e, zero, lanes, 1);
    LLVMValueRef kept = LLVMBuildSelect(e->b, LLVMBuildICmp(e->b, LLVMIntSLT, lane.i, left, ""), depth, zero, "");
    copy_pairs(e, half_element(e, from, times(e, lane.i, stride)), element(e, to, lane.i), squares, pairs, kept, width);
    loop_close(e, &lane);
    loop_close(e, &group);
    close_function(e);
    return fn;
}

/* ---- dots ----------------------------------------------------------------------------------------------------- */

enum { DOT_A, DOT_A_STRIDE, DOT_B, DOT_B_STRIDE, DOT_C, DOT_C_STRIDE, DOT_M, DOT_N, DOT_K, DOT_ACCUMULATE, DOT_ARGS };

static LLVMValueRef left_element(Emit *e, bool turned, bool bf16, LLVMValueRef a, LLVMValueRef i)
{
    return bf16 && !turned ? half_element(e, a, i) : element(e, a, i);
}

/* All rows of a block of them against one panel. */
static void stream_rows(Emit *e, Tile t, bool turned, bool bf16, LLVMValueRef rows, LLVMValueRef args[TILE_ARGS])
{
    LLVMValueRef a = args[TILE_A], c = args[TILE_C], a_stride = args[TILE_A_STRIDE], c_stride = args[TILE_C_STRIDE];
    LLVMValueRef left = LLVMBuildURem(e->b, rows, whole(e->i64, t.rows), ""), full = minus(e, rows, left);
    LLVMValueRef a_row = turned ? whole(e->i64, 1) : a_stride;
    Loop l = loop_open(e, whole(e->i64, 0), full, t.rows);
    args[TILE_A] = left_element(e, turned, bf16, a, times(e, l.i, a_row));
    args[TILE_C] = element(e, c, times(e, l.i, c_stride));
    call(e, tile_function(e, t, turned, bf16), args, TILE_ARGS);
    loop_close(e, &l);
    /* what is left, by its binary digits */
    int largest = 1;
    while (2 * largest < t.rows)
        largest *= 2;
    for (int digit = largest; digit; digit /= 2) {
        LLVMValueRef set = LLVMBuildAnd(e->b, left, whole(e->i64, digit), "");
        LLVMValueRef above = LLVMBuildAnd(e->b, left, whole(e->i64, -2 * digit), ""), at = plus(e, full, above);
        LLVMBasicBlockRef join = if_open(e, LLVMBuildICmp(e->b, LLVMIntNE, set, whole(e->i64, 0), ""));
        args[TILE_A] = left_element(e, turned, bf16, a, times(e, at, a_row));
        args[TILE_C] = element(e, c, times(e, at, c_stride));
        call(e, tile_function(e, (Tile){ digit, t.vectors, t.lanes }, turned, bf16), args, TILE_ARGS);
        if_close(e, join);
    }
}

/* Where the panel of columns [j0, j0 + columns), depths [k0, k0 + depth) begins, and how far its rows are apart. */
static void find_panel(Emit *e, Tile t, DotLayout layout, LLVMValueRef room, LLVMValueRef j0, LLVMValueRef columns,
                       LLVMValueRef k0, LLVMValueRef depth, LLVMValueRef *panel, LLVMValueRef *stride)
{
    LLVMValueRef b = LLVMGetParam(e->fn, DOT_B), b_stride = LLVMGetParam(e->fn, DOT_B_STRIDE), one = whole(e->i64, 1);
    int width = t.vectors * t.lanes;
    if (layout.packed) {
        LLVMValueRef within = LLVMBuildURem(e->b, j0, whole(e->i64, layout.packed), ""), all = LLVMGetParam(e->fn, DOT_K), first = k0;
        if (layout.bf16) { /* rows of pairs */
            all = LLVMBuildLShr(e->b, plus(e, all, one), one, "");
            first = LLVMBuildLShr(e->b, k0, one, "");
        }
        LLVMValueRef before = times(e, minus(e, j0, within), all);
        *stride = whole(e->i64, layout.packed);
        *panel = element(e, b, plus(e, plus(e, before, times(e, first, *stride)), within));
        return;
    }
    if (layout.bf16) {
        LLVMValueRef place = layout.b_turned ? plus(e, times(e, j0, b_stride), k0) : plus(e, times(e, k0, b_stride), j0);
        LLVMValueRef copy[COPY_ARGS] = { half_element(e, b, place), b_stride, room, whole(e->i64, width), depth, columns };
        call(e, layout.b_turned ? pair_turned_function(e, t) : pair_rows_function(e, t), copy, COPY_ARGS);
        *panel = room;
        *stride = whole(e->i64, width);
        return;
    }
    LLVMValueRef from = element(e, b, layout.b_turned ? plus(e, times(e, j0, b_stride), k0) : plus(e, times(e, k0, b_stride), j0));
    LLVMValueRef args[COPY_ARGS] = { from, b_stride, room, whole(e->i64, width), depth, columns };
    if (layout.b_turned) {
        call(e, pack_turned_function(e, t), args, COPY_ARGS);
        *panel = room;
        *stride = whole(e->i64, width);
        return;
    }
    LLVMValueRef partial = LLVMBuildICmp(e->b, LLVMIntSLT, columns, whole(e->i64, width), "");
    LLVMValueRef pack = LLVMBuildAnd(e->b, at_least(e, LLVMGetParam(e->fn, DOT_M), whole(e->i64, PACK_ROWS)),
                                     LLVMBuildNot(e->b, partial, ""), "");
    LLVMBasicBlockRef join = if_open(e, partial);
    call(e, copy_function(e, t), args, COPY_ARGS);
    if_close(e, join);
    join = if_open(e, pack);
    call(e, pack_rows_function(e, t), args, COPY_ARGS);
    if_close(e, join);
    LLVMValueRef copied = LLVMBuildOr(e->b, partial, pack, "");
    *panel = LLVMBuildSelect(e->b, copied, room, from, "");
    *stride = LLVMBuildSelect(e->b, copied, whole(e->i64, width), b_stride, "");
}

/* Where a block of A lies, and its stride: rows that would push each other out of the cache are copied apart. */
static void find_block(Emit *e, Tile t, DotLayout layout, LLVMValueRef i0, LLVMValueRef rows, LLVMValueRef k0, LLVMValueRef depth,
                       LLVMValueRef *block, LLVMValueRef *stride)
{
    LLVMValueRef a_stride = LLVMGetParam(e->fn, DOT_A_STRIDE), room = new_slot(e, LLVMArrayType2(e->f32, A_ROOM));
    LLVMSetAlignment(room, 64);
    if (layout.bf16) { /* rows are read as they lie; turned, by pairs of them */
        LLVMValueRef a = LLVMGetParam(e->fn, DOT_A);
        *stride = a_stride;
        *block = half_element(e, a, plus(e, times(e, i0, a_stride), k0));
        if (!layout.a_turned)
            return;
        *stride = LLVMBuildAnd(e->b, plus(e, rows, whole(e->i64, LINE - 1)), whole(e->i64, -LINE), "");
        LLVMValueRef args[COPY_ARGS] = { half_element(e, a, plus(e, times(e, k0, a_stride), i0)), a_stride, room, *stride, depth, rows };
        call(e, pair_rows_function(e, t), args, COPY_ARGS);
        *block = room;
        return;
    }
    LLVMValueRef outer = layout.a_turned ? k0 : i0, inner = layout.a_turned ? i0 : k0;
    LLVMValueRef from = element(e, LLVMGetParam(e->fn, DOT_A), plus(e, times(e, outer, a_stride), inner));
    LLVMValueRef count = layout.a_turned ? depth : rows, length = layout.a_turned ? rows : depth;
    LLVMValueRef width = LLVMBuildAnd(e->b, plus(e, length, whole(e->i64, 2 * LINE - 1)), whole(e->i64, -LINE), "");
    LLVMValueRef beside = LLVMBuildAnd(e->b, plus(e, a_stride, whole(e->i64, LINE)), whole(e->i64, BAD_STRIDE - 1), "");
    LLVMValueRef collide = LLVMBuildICmp(e->b, LLVMIntSLT, beside, whole(e->i64, 2 * LINE), "");
    LLVMValueRef slices = LLVMBuildAnd(e->b, LLVMBuildICmp(e->b, LLVMIntSLE, length, whole(e->i64, SLICE), ""),
                                       at_least(e, a_stride, times(e, length, whole(e->i64, 4))), "");
    LLVMValueRef copy = LLVMBuildAnd(e->b, LLVMBuildOr(e->b, collide, slices, ""),
                                     at_least(e, LLVMGetParam(e->fn, DOT_N), whole(e->i64, PACK_ROWS)), "");
    LLVMBasicBlockRef join = if_open(e, copy);
    call(e, copy_function(e, t), (LLVMValueRef[]){ from, a_stride, room, width, count, length }, COPY_ARGS);
    if_close(e, join);
    *block = LLVMBuildSelect(e->b, copy, room, from, "");
    *stride = LLVMBuildSelect(e->b, copy, width, a_stride, "");
}

/* The function as callers see it; `known` says whether it was there already. */
static LLVMValueRef declare_dot(Emit *e, const char *name, bool *known)
{
    LLVMTypeRef i64 = e->i64, ptr = e->ptr, params[DOT_ARGS] = { ptr, i64, ptr, i64, ptr, i64, i64, i64, i64, e->i1 };
    LLVMValueRef fn = LLVMGetNamedFunction(e->m, name);
    *known = fn != NULL;
    return fn ? fn : LLVMAddFunction(e->m, name, LLVMFunctionType(LLVMVoidTypeInContext(e->c), params, DOT_ARGS, false));
}

static LLVMValueRef dot_function(Emit *outer, DotLayout layout, const char *symbol)
{
    char name[40];
    bool known;
    snprintf(name, sizeof name, "dot_%c%c%d%s", layout.a_turned ? 't' : 'n', layout.b_turned ? 't' : 'n', layout.packed,
             layout.bf16 ? "_bf16" : "");
    if (!symbol && outer->shared_dots) {
        KernelKey key = dot_key(outer->target, layout);
        return declare_dot(outer, key.symbol, &known);
    }
    LLVMValueRef fn = declare_dot(outer, symbol ? symbol : name, &known);
    if (known)
        return fn;
    Emit f, *e = &f;
    write_function(outer, e, fn);
    if (!symbol)
        LLVMSetLinkage(fn, LLVMInternalLinkage);
    Tile t = tile_of(e->target, layout.packed);
    int width = t.vectors * t.lanes;
    LLVMValueRef room = NULL, zero = whole(e->i64, 0);
    if (!layout.packed) {
        room = new_slot(e, LLVMArrayType2(e->f32, (uint64_t)K_BLOCK * (uint64_t)width));
        LLVMSetAlignment(room, 64);
    }
    LLVMValueRef c = LLVMGetParam(fn, DOT_C), a, a_stride;
    LLVMValueRef m = LLVMGetParam(fn, DOT_M), n = LLVMGetParam(fn, DOT_N), k = LLVMGetParam(fn, DOT_K);
    LLVMValueRef c_stride = LLVMGetParam(fn, DOT_C_STRIDE), accumulate = LLVMGetParam(fn, DOT_ACCUMULATE);

    int64_t row_block = ROW_BLOCK / t.rows * t.rows, k_block = layout.bf16 ? 2 * K_BLOCK : K_BLOCK; /* bytes are the same */
    Loop rows = loop_open(e, zero, m, row_block);
    LLVMValueRef some_rows = smaller(e, whole(e->i64, row_block), minus(e, m, rows.i));
    /* one block at least: an empty sum has to be stored too */
    Loop depths = loop_open(e, zero, LLVMBuildSelect(e->b, at_least(e, k, whole(e->i64, 1)), k, whole(e->i64, 1), ""), k_block);
    LLVMValueRef depth = smaller(e, whole(e->i64, k_block), minus(e, k, depths.i)), steps = depth, odd = LLVMConstNull(e->i1);
    if (layout.bf16) {
        LLVMValueRef one = whole(e->i64, 1), full = LLVMBuildLShr(e->b, depth, one, "");
        steps = layout.a_turned ? LLVMBuildLShr(e->b, plus(e, depth, one), one, "") : full;
        if (!layout.a_turned)
            odd = LLVMBuildTrunc(e->b, depth, e->i1, "");
    }
    LLVMValueRef again = LLVMBuildICmp(e->b, LLVMIntNE, depths.i, zero, "");
    find_block(e, t, layout, rows.i, some_rows, depths.i, depth, &a, &a_stride);
    Loop panels = loop_open(e, zero, n, width);
    LLVMValueRef columns = smaller(e, whole(e->i64, width), minus(e, n, panels.i));
    LLVMValueRef args[TILE_ARGS] = { [TILE_A_STRIDE] = a_stride, [TILE_C_STRIDE] = c_stride, [TILE_DEPTH] = steps, [TILE_ODD] = odd,
                                     [TILE_COLUMNS] = columns, [TILE_ACCUMULATE] = LLVMBuildOr(e->b, accumulate, again, "") };
    find_panel(e, t, layout, room, panels.i, columns, depths.i, depth, &args[TILE_B], &args[TILE_B_STRIDE]);
    args[TILE_A] = a;
    args[TILE_C] = element(e, c, plus(e, times(e, rows.i, c_stride), panels.i));
    stream_rows(e, t, layout.a_turned, layout.bf16, some_rows, args);
    loop_close(e, &panels);
    loop_close(e, &depths);
    loop_close(e, &rows);
    close_function(e);
    return fn;
}

static bool is_one(Poly p)
{
    int64_t one;
    return poly_is_const(p, &one) && one == 1;
}

static bool is_half(const Emit *e, const Operand *o) { return e->k->params[o->buf].elem == BF16; }

/* Panels of bf16 are addressed by the bf16 too. */
static LLVMValueRef operand_pointer(Emit *e, const Operand *o)
{
    LLVMValueRef at = emit_uniform(e, o->at);
    return is_half(e, o) ? half_element(e, e->buf[o->buf], at) : element(e, e->buf[o->buf], at);
}

/* One panel after another; each by the function that copies one for a dot. */
void emit_pack(Emit *e, const Dot *d)
{
    int width = d->c.packed, lanes = e->target->lanes;
    bool turned = !is_one(d->b.col);
    Tile t = { 1, width / lanes, lanes };
    LLVMValueRef n = emit_uniform(e, d->n), depth = emit_uniform(e, d->k), stride = emit_uniform(e, turned ? d->b.col : d->b.row);
    LLVMValueRef from = operand_pointer(e, &d->b), to = operand_pointer(e, &d->c), one = whole(e->i64, 1);
    Loop l = loop_open(e, whole(e->i64, 0), n, width);
    LLVMValueRef before = times(e, l.i, turned ? stride : one), rows = depth;
    bool half = is_half(e, &d->c);
    if (half) /* of pairs */
        rows = LLVMBuildLShr(e->b, plus(e, depth, one), one, "");
    LLVMValueRef args[COPY_ARGS] = {
        half ? half_element(e, from, before) : element(e, from, before), stride, element(e, to, times(e, l.i, rows)),
        whole(e->i64, width), depth, smaller(e, whole(e->i64, width), minus(e, n, l.i)),
    };
    LLVMValueRef fn = half ? turned ? pair_turned_function(e, t) : pair_rows_function(e, t)
                           : turned ? pack_turned_function(e, t) : copy_function(e, t);
    call(e, fn, args, COPY_ARGS);
    loop_close(e, &l);
}

static bool is_tiled(const Target *t, const Kernel *k, const Dot *d)
{
    return d->b.packed || k->params[d->a.buf].elem == BF16 || t->gemm == GEMM_NATIVE || (t->gemm == GEMM_AUTO && t->fma && t->lanes >= 8);
}

static DotLayout layout_of(const Kernel *k, const Dot *d)
{
    return (DotLayout){ .bf16 = k->params[d->a.buf].elem == BF16, .a_turned = !is_one(d->a.col), .b_turned = !d->b.packed && !is_one(d->b.col), .packed = d->b.packed };
}

void emit_dot(Emit *e, const Dot *d)
{
    if (!is_tiled(e->target, e->k, d)) {
        emit_dot_call(e, d);
        return;
    }
    DotLayout layout = layout_of(e->k, d);
    LLVMValueRef args[DOT_ARGS] = {
        operand_pointer(e, &d->a), emit_uniform(e, layout.a_turned ? d->a.col : d->a.row),
        operand_pointer(e, &d->b), emit_uniform(e, layout.b_turned ? d->b.col : d->b.row),
        operand_pointer(e, &d->c), emit_uniform(e, d->c.row),
        emit_uniform(e, d->m), emit_uniform(e, d->n), emit_uniform(e, d->k),
        LLVMConstInt(e->i1, d->accumulate, false),
    };
    call(e, dot_function(e, layout, NULL), args, DOT_ARGS);
}

static int collect_dots(const Target *t, const Kernel *k, const KStmt *s, DotLayout *layout, int n)
{
    for (; s; s = s->next) {
        n = collect_dots(t, k, s->body, layout, n);
        if (s->kind != K_DOT || !is_tiled(t, k, s->dot))
            continue;
        DotLayout own = layout_of(k, s->dot);
        bool known = false;
        for (int i = 0; i < n; i++)
            known |= layout[i].a_turned == own.a_turned && layout[i].b_turned == own.b_turned && layout[i].packed == own.packed && layout[i].bf16 == own.bf16;
        if (known)
            continue;
        if (n == MAX_DOT_LAYOUTS)
            ftc_bug("a kernel with dots of more than %d layouts", MAX_DOT_LAYOUTS);
        layout[n++] = own;
    }
    return n;
}

int kernel_dots(const Target *t, const Kernel *k, DotLayout layout[MAX_DOT_LAYOUTS])
{
    return collect_dots(t, k, k->body, layout, 0);
}

void emit_dot_function(LLVMModuleRef m, const Target *t, DotLayout layout, const char *symbol)
{
    LLVMContextRef c = LLVMGetModuleContext(m);
    Emit e = {
        .target = t, .c = c, .m = m, .lanes = 1,
        .i1 = LLVMInt1TypeInContext(c), .i8 = LLVMInt8TypeInContext(c), .i16 = LLVMInt16TypeInContext(c),
        .i32 = LLVMInt32TypeInContext(c), .i64 = LLVMInt64TypeInContext(c), .f32 = LLVMFloatTypeInContext(c),
        .f64 = LLVMDoubleTypeInContext(c), .ptr = LLVMPointerTypeInContext(c, 0),
    };
    dot_function(&e, layout, symbol);
}
