/* Copies to panels: see gemm.h.  A panel has the columns that one tile takes, row by row of k, filled up with zeros.
 *
 * What other kernels read, and not soon, is streamed: such stores go past the caches, to which a line that is written would else be
 * read first.  They write whole lines at once. */
#include "compiler/codegen/gemm.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    ROUND_DEPTH = 64,  /* rows of k on the stack at a time */
    LINES_AHEAD = 32,  /* asked for, of rows of a panel's width: as many as are on their way at a time; more push each other out */
    ROWS_AHEAD = 32, LONG_ROWS_AHEAD = 2 /* the same of a row's end to end */
};

LLVMTypeRef *copy_params(const Emit *e, LLVMTypeRef params[COPY_ARGS])
{
    for (int i = 0; i < COPY_ARGS; i++)
        params[i] = i == COPY_FROM || i == COPY_TO ? e->ptr : e->i64;
    return params;
}

/* Begins to write the function of this name; false where the module has it already. */
static bool open_copy(Emit *outer, Emit *e, const char *verb, int lanes, bool streamed, LLVMValueRef *fn)
{
    LLVMTypeRef params[COPY_ARGS];
    char name[40];
    snprintf(name, sizeof name, "%s%s", verb, streamed ? "_streamed" : "");
    *fn = LLVMGetNamedFunction(outer->m, name);
    if (*fn)
        return false;
    *fn = open_function(outer, e, name, copy_params(outer, params), COPY_ARGS);
    e->lanes = lanes;
    return true;
}

/* A vector of a row at p; a row begins at a line. */
static void store_vector(Emit *e, LLVMValueRef p, LLVMValueRef v, bool streamed)
{
    if (!streamed) {
        store_lanes(e, p, NULL, v);
        return;
    }
    LLVMValueRef store = LLVMBuildStore(e->b, v, p);
    LLVMSetAlignment(store, 4 * (unsigned)e->lanes);
    LLVMMetadataRef one = LLVMValueAsMetadata(whole(e->i32, 1));
    LLVMSetMetadata(store, LLVMGetMDKindIDInContext(e->c, "nontemporal", 11), LLVMMetadataAsValue(e->c, LLVMMDNodeInContext2(e->c, &one, 1)));
}

/* The numbers of this type at p, which a bf16 could be at; what is outside of the mask is 0. */
static LLVMValueRef load_some(Emit *e, LLVMTypeRef type, LLVMValueRef p, LLVMValueRef mask)
{
    LLVMTypeRef t = lanes_of(e, type);
    LLVMValueRef none = LLVMConstNull(t), args[] = { p, mask, none };
    if (e->lanes > 1)
        return call_masked(e, "llvm.masked.load", (LLVMTypeRef[]){ t, e->ptr }, args, 3, 0, 2);
    LLVMValueRef slot = slot_with(e, none);
    LLVMBasicBlockRef join = if_open(e, mask);
    LLVMValueRef x = LLVMBuildLoad2(e->b, t, p, "");
    LLVMSetAlignment(x, 2);
    LLVMBuildStore(e->b, x, slot);
    if_close(e, join);
    return read_slot(e, slot);
}

/* Of lanes from i on, those that are below n. */
static LLVMValueRef mask_below(Emit *e, LLVMValueRef i, LLVMValueRef n)
{
    return e->lanes > 1 ? lanes_below(e, smaller(e, i, n), n, e->lanes) : LLVMBuildICmp(e->b, LLVMIntSLT, i, n, "");
}

/* Asks for what lies so many rows below: rows of a few lines each, far apart, no processor reads ahead by itself. */
static void fetch_below(Emit *e, Copy copy, LLVMValueRef from, int rows)
{
    LLVMValueRef below = times(e, LLVMGetParam(e->fn, COPY_STRIDE), whole(e->i64, rows));
    fetch(e, source_element(e, copy, from, below), FOR_READING, TO_L1);
}

/* Rows of columns to rows of width, a multiple of the lanes, filled up with zeros. */
LLVMValueRef copy_function(Emit *outer, Tile t, bool streamed)
{
    Emit f, *e = &f;
    LLVMValueRef fn;
    if (!open_copy(outer, e, "copy_rows", t.lanes, streamed, &fn))
        return fn;
    LLVMValueRef columns = LLVMGetParam(fn, COPY_COLUMNS), width = LLVMGetParam(fn, COPY_WIDTH), zero = whole(e->i64, 0);
    Loop row = loop_open(e, zero, LLVMGetParam(fn, COPY_ROWS), 1);
    LLVMValueRef from = element(e, LLVMGetParam(fn, COPY_FROM), times(e, row.i, LLVMGetParam(fn, COPY_STRIDE)));
    LLVMValueRef to = element(e, LLVMGetParam(fn, COPY_TO), times(e, row.i, width));
    Loop l = loop_open(e, zero, width, t.lanes);
    LLVMValueRef at = element(e, from, l.i);
    fetch_below(e, COPY_F32, at, LINES_AHEAD / t.vectors);
    store_vector(e, element(e, to, l.i), load_some(e, e->f32, at, mask_below(e, l.i, columns)), streamed);
    loop_close(e, &l);
    loop_close(e, &row);
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

/* ---- bf16, in pairs or widened ---------------------------------------------------------------------------------- */

LLVMValueRef half_of(Emit *e, LLVMValueRef pairs, bool upper)
{
    LLVMTypeRef t = LLVMTypeOf(pairs);
    LLVMValueRef bits = upper ? LLVMBuildAnd(e->b, pairs, whole(t, 0xFFFF0000), "") : LLVMBuildShl(e->b, pairs, whole(t, 16), "");
    return LLVMBuildBitCast(e->b, bits, like(pairs, e->f32), "");
}

/* The parts of x, or the first of them alone; quick: by the instruction that comes with matrix registers, to which denormals are 0 as
 * to them.  What the first leaves is finite, or 0 instead. */
static void round_parts(Emit *e, LLVMValueRef x, bool quick, int parts, LLVMValueRef part[SPLIT_PARTS])
{
    LLVMTypeRef halves = lanes_of(e, LLVMBFloatTypeInContext(e->c)), floats = LLVMTypeOf(x);
    for (int p = 0; p < parts; p++) {
        part[p] = quick ? LLVMBuildBitCast(e->b, LLVMBuildFPTrunc(e->b, x, halves, ""), lanes_of(e, e->i16), "")
                  : p   ? round_finite_to_bf16(e, x)
                        : round_to_bf16(e, x);
        if (p + 1 == parts)
            return;
        LLVMValueRef rounded = half_of(e, LLVMBuildZExt(e->b, part[p], like(x, e->i32), ""), false);
        x = LLVMBuildFSub(e->b, x, rounded, "");
        if (p)
            continue;
        LLVMValueRef size = call_intrinsic(e, "llvm.fabs", &floats, 1, &rounded, 1);
        LLVMValueRef finite = LLVMBuildFCmp(e->b, LLVMRealOLT, size, number(floats, INFINITY), "");
        x = LLVMBuildSelect(e->b, finite, x, LLVMConstNull(floats), "");
    }
}

/* The same of the numbers at p, which may be bf16 already. */
static void load_parts(Emit *e, Copy copy, LLVMValueRef p, LLVMValueRef mask, bool quick, int parts, LLVMValueRef part[SPLIT_PARTS])
{
    if (copy >= COPY_ROUNDED)
        round_parts(e, load_some(e, e->f32, p, mask), quick, parts, part);
    else
        part[0] = load_some(e, e->i16, p, mask);
}

static LLVMValueRef part_offset(Emit *e, int part) { return times(e, LLVMGetParam(e->fn, COPY_PART), whole(e->i64, part)); }

/* Two of 16 bits as 32. */
static LLVMValueRef pair_of(Emit *e, LLVMValueRef low, LLVMValueRef high)
{
    LLVMTypeRef bits = like(low, e->i32);
    high = LLVMBuildShl(e->b, LLVMBuildZExt(e->b, high, bits, ""), whole(bits, 16), "");
    return LLVMBuildOr(e->b, high, LLVMBuildZExt(e->b, low, bits, ""), "");
}

/* One row of pairs, the k-th, at `to`; or its two rows of f32. */
static void store_pairs(Emit *e, Copy copy, LLVMValueRef to, LLVMValueRef k, LLVMValueRef width, LLVMValueRef pairs, bool streamed)
{
    LLVMValueRef row = element(e, to, times(e, copy == COPY_WIDE ? times(e, k, whole(e->i64, 2)) : k, width));
    if (copy != COPY_WIDE) {
        store_vector(e, row, pairs, streamed);
        return;
    }
    store_lanes(e, row, NULL, half_of(e, pairs, true));
    store_lanes(e, element(e, row, width), NULL, half_of(e, pairs, false));
}

LLVMValueRef load_pairs(Emit *e, LLVMValueRef p)
{
    return LLVMBuildBitCast(e->b, load_lanes(e, p, NULL), lanes_of(e, e->i32), "");
}

/* bf16 as the lower half of 32 bits. */
static LLVMValueRef load_halves(Emit *e, LLVMValueRef p, LLVMValueRef mask)
{
    return LLVMBuildZExt(e->b, load_some(e, e->i16, p, mask), lanes_of(e, e->i32), "");
}

/* Twice as many bf16 as there are lanes, in pairs. */
static LLVMValueRef in_pairs(Emit *e, LLVMValueRef low, LLVMValueRef high)
{
    LLVMValueRef in_order[32];
    if (e->lanes == 1)
        return LLVMBuildBitCast(e->b, pair_of(e, low, high), e->f32, "");
    for (int i = 0; i < 2 * e->lanes; i++)
        in_order[i] = whole(e->i32, i);
    LLVMValueRef both = LLVMBuildShuffleVector(e->b, low, high, LLVMConstVector(in_order, 2 * (unsigned)e->lanes), "");
    return LLVMBuildBitCast(e->b, both, lanes_of(e, e->f32), "");
}

/* Two rows, which become one of pairs; both: there is the second. */
typedef struct {
    LLVMValueRef low, high, both;
} RowPair;

static RowPair row_pair(Emit *e, Copy copy, LLVMValueRef row)
{
    LLVMValueRef stride = LLVMGetParam(e->fn, COPY_STRIDE);
    LLVMValueRef low = source_element(e, copy, LLVMGetParam(e->fn, COPY_FROM), times(e, row, stride));
    LLVMValueRef high = source_element(e, copy, low, stride);
    return (RowPair){ low, high, LLVMBuildICmp(e->b, LLVMIntSLT, plus(e, row, whole(e->i64, 1)), LLVMGetParam(e->fn, COPY_ROWS), "") };
}

/* Their lanes from column i on, as load_parts has them; asks for what lies so many rows below. */
static void load_row_pair(Emit *e, Copy copy, RowPair r, LLVMValueRef i, LLVMValueRef mask, int ahead, int parts, LLVMValueRef part[2][SPLIT_PARTS])
{
    for (int h = 0; h < 2; h++) {
        LLVMValueRef own = h ? LLVMBuildSelect(e->b, r.both, mask, LLVMConstNull(LLVMTypeOf(mask)), "") : mask;
        LLVMValueRef from = source_element(e, copy, h ? r.high : r.low, i);
        fetch_below(e, copy, from, ahead);
        load_parts(e, copy, from, own, false, parts, part[h]);
    }
}

/* A row goes to as many panels as tiles will take its columns. */
LLVMValueRef left_panels_function(Emit *outer, Tile t, Copy copy)
{
    const bool wide = copy == COPY_WIDE;
    Emit f, *e = &f;
    LLVMValueRef fn;
    if (!open_copy(outer, e, wide ? "widen_left" : "copy_left", t.lanes, false, &fn))
        return fn;
    LLVMValueRef columns = LLVMGetParam(fn, COPY_COLUMNS), zero = whole(e->i64, 0), lanes = whole(e->i64, t.lanes);
    LLVMValueRef to = new_slot(e, e->ptr);
    Loop row = loop_open(e, zero, LLVMGetParam(fn, COPY_ROWS), wide ? 2 : 1);
    RowPair rows = row_pair(e, copy, row.i);
    LLVMBuildStore(e->b, element(e, LLVMGetParam(fn, COPY_TO), times(e, row.i, lanes)), to);
    Loop l = loop_open(e, zero, columns, 1);
    LLVMValueRef at = read_slot(e, to), mask = mask_below(e, l.i, columns), part[2][SPLIT_PARTS];
    if (wide) {
        load_row_pair(e, copy, rows, l.i, mask, LONG_ROWS_AHEAD, 1, part);
        store_pairs(e, copy, at, zero, lanes, pair_of(e, part[0][0], part[1][0]), false);
    } else {
        LLVMValueRef from = element(e, rows.low, l.i);
        fetch_below(e, copy, from, LONG_ROWS_AHEAD);
        store_lanes(e, at, NULL, load_some(e, e->f32, from, mask));
    }
    LLVMBuildStore(e->b, element(e, at, LLVMGetParam(fn, COPY_PART)), to);
    loop_close_by(e, &l, rows_of_tile(e, t, minus(e, columns, l.i)));
    loop_close(e, &row);
    close_function(e);
    return fn;
}

/* Rows 2k and 2k + 1 of columns become row k of width pairs; what is outside of rows and columns is 0. */
LLVMValueRef pair_rows_function(Emit *outer, Tile t, Copy copy, bool streamed)
{
    static const char *const verbs[] = { [COPY_PAIRS] = "pair_rows", [COPY_WIDE] = "widen_both", [COPY_ROUNDED] = "round_rows",
                                         [COPY_SPLIT] = "split_both" };
    Emit f, *e = &f;
    LLVMValueRef fn;
    if (!open_copy(outer, e, verbs[copy], t.lanes, streamed, &fn))
        return fn;
    LLVMValueRef columns = LLVMGetParam(fn, COPY_COLUMNS), width = LLVMGetParam(fn, COPY_WIDTH), zero = whole(e->i64, 0);
    Loop row = loop_open(e, zero, LLVMGetParam(fn, COPY_ROWS), 2);
    RowPair rows = row_pair(e, copy, row.i);
    LLVMValueRef k = LLVMBuildLShr(e->b, row.i, whole(e->i64, 1), "");
    const int parts = copy == COPY_SPLIT ? SPLIT_PARTS : 1;
    Loop l = loop_open(e, zero, width, t.lanes);
    LLVMValueRef mask = mask_below(e, l.i, columns), part[2][SPLIT_PARTS];
    load_row_pair(e, copy, rows, l.i, mask, LINES_AHEAD / t.vectors, parts, part);
    for (int p = 0; p < parts; p++) {
        LLVMValueRef to = plus(e, l.i, part_offset(e, p));
        store_pairs(e, copy, element(e, LLVMGetParam(fn, COPY_TO), to), k, width, pair_of(e, part[0][p], part[1][p]), streamed);
    }
    loop_close(e, &l);
    loop_close(e, &row);
    close_function(e);
    return fn;
}

LLVMValueRef widen_pairs_function(Emit *outer, Tile t)
{
    Emit f, *e = &f;
    LLVMValueRef fn;
    if (!open_copy(outer, e, "widen_pairs", t.lanes, false, &fn))
        return fn;
    LLVMValueRef width = whole(e->i64, (int64_t)t.vectors * t.lanes), zero = whole(e->i64, 0);
    Loop l = loop_open(e, zero, pairs_of(e, LLVMGetParam(fn, COPY_ROWS)), 1);
    LLVMValueRef from = element(e, LLVMGetParam(fn, COPY_FROM), times(e, l.i, LLVMGetParam(fn, COPY_STRIDE)));
    for (int v = 0; v < t.vectors; v++) {
        LLVMValueRef at = whole(e->i64, v * t.lanes);
        store_pairs(e, COPY_WIDE, element(e, LLVMGetParam(fn, COPY_TO), at), l.i, width, load_pairs(e, element(e, from, at)), false);
    }
    loop_close(e, &l);
    close_function(e);
    return fn;
}

/* Element k of a row goes to k ^ 1; without a neighbour, that is 0. */
LLVMValueRef widen_rows_function(Emit *outer, Tile t)
{
    Emit f, *e = &f;
    LLVMValueRef fn;
    if (!open_copy(outer, e, "widen_rows", t.lanes, false, &fn))
        return fn;
    LLVMValueRef columns = LLVMGetParam(fn, COPY_COLUMNS), zero = whole(e->i64, 0), one = whole(e->i64, 1);
    Loop row = loop_open(e, zero, LLVMGetParam(fn, COPY_ROWS), 1);
    LLVMValueRef from = half_element(e, LLVMGetParam(fn, COPY_FROM), times(e, row.i, LLVMGetParam(fn, COPY_STRIDE)));
    LLVMValueRef to = element(e, LLVMGetParam(fn, COPY_TO), times(e, row.i, LLVMGetParam(fn, COPY_WIDTH)));
    Loop l = loop_open(e, zero, even(e, columns), t.lanes);
    LLVMValueRef v;
    if (t.lanes > 1) {
        LLVMValueRef swapped[16];
        for (int i = 0; i < t.lanes; i++)
            swapped[i] = whole(e->i32, i ^ 1);
        v = load_halves(e, half_element(e, from, l.i), mask_below(e, l.i, columns));
        v = LLVMBuildShuffleVector(e->b, v, LLVMGetUndef(LLVMTypeOf(v)), LLVMConstVector(swapped, (unsigned)t.lanes), "");
    } else {
        LLVMValueRef k = LLVMBuildXor(e->b, l.i, one, "");
        v = load_halves(e, half_element(e, from, k), mask_below(e, k, columns));
    }
    store_lanes(e, element(e, to, l.i), NULL, half_of(e, v, false));
    loop_close(e, &l);
    loop_close(e, &row);
    close_function(e);
    return fn;
}

/* A square that isn't complete, as it would lie: `rows` of it are there, of each the lanes in the mask, and of bf16 in `last` the
 * half that is left over (last < 0: none); the rest is 0. */
static void fill_square(Emit *e, LLVMValueRef square, LLVMValueRef from, LLVMValueRef stride, LLVMValueRef rows, LLVMValueRef mask,
                        LLVMValueRef last)
{
    LLVMTypeRef t = lanes_of(e, e->f32);
    LLVMValueRef lanes = whole(e->i64, e->lanes), zero = whole(e->i64, 0);
    for (int i = 0; i < e->lanes; i++)
        store_lanes(e, element(e, square, whole(e->i64, i * e->lanes)), NULL, LLVMConstNull(t));
    Loop row = loop_open(e, zero, rows, 1);
    LLVMValueRef before = times(e, row.i, stride), own = last ? half_element(e, from, before) : element(e, from, before);
    LLVMValueRef to = element(e, square, times(e, row.i, lanes));
    store_lanes(e, to, NULL, load_some(e, e->f32, own, mask));
    if (last) {
        LLVMBasicBlockRef join = if_open(e, at_least(e, last, zero));
        LLVMValueRef half = LLVMBuildLoad2(e->b, e->i16, half_element(e, own, times(e, last, whole(e->i64, 2))), "");
        LLVMBuildStore(e->b, LLVMBuildZExt(e->b, half, e->i32, ""), element(e, to, last));
        if_close(e, join);
    }
    loop_close(e, &row);
}

/* B's k is contiguous: a panel of its columns, COPY_ROWS deep.  Squares of lanes x lanes are transposed in registers; one that isn't
 * complete comes from the stack and goes there.  Pairs of bf16 lie side by side already, so squares of them turn as floats do. */
static LLVMValueRef turn_squares_function(Emit *outer, Tile t, Copy copy, bool streamed)
{
    static const char *const verbs[] = { [COPY_F32] = "pack", [COPY_PAIRS] = "pair", [COPY_WIDE] = "widen" };
    const bool pairs = copy != COPY_F32, wide = copy == COPY_WIDE;
    char name[40];
    snprintf(name, sizeof name, "%s_turned_%d", verbs[copy], t.vectors * t.lanes);
    Emit f, *e = &f;
    LLVMValueRef fn;
    if (!open_copy(outer, e, name, t.lanes, streamed, &fn))
        return fn;
    LLVMValueRef stride = LLVMGetParam(fn, COPY_STRIDE), depth = LLVMGetParam(fn, COPY_ROWS);
    LLVMValueRef width = whole(e->i64, (int64_t)t.vectors * t.lanes);
    LLVMValueRef zero = whole(e->i64, 0), lanes = whole(e->i64, t.lanes), one = whole(e->i64, 1);
    LLVMValueRef square_in = new_slot(e, LLVMArrayType2(e->f32, 16 * 16));
    LLVMValueRef square_out = new_slot(e, LLVMArrayType2(e->f32, 2 * 16 * 16));
    LLVMSetAlignment(square_out, 64);
    LLVMValueRef full = depth, all = depth; /* numbers, or pairs: those that are complete, and with the one that isn't */
    if (pairs) {
        full = LLVMBuildLShr(e->b, depth, one, "");
        all = pairs_of(e, depth);
    }
    Loop group = loop_open(e, zero, width, t.lanes);
    LLVMValueRef left = minus(e, LLVMGetParam(fn, COPY_COLUMNS), group.i);
    LLVMValueRef from = source_element(e, copy, LLVMGetParam(fn, COPY_FROM), times(e, group.i, stride));
    LLVMValueRef to = element(e, LLVMGetParam(fn, COPY_TO), group.i);

    Loop square = loop_open(e, zero, all, t.lanes);
    LLVMValueRef p = source_element(e, copy, from, pairs ? times(e, square.i, whole(e->i64, 2)) : square.i);
    LLVMValueRef q = element(e, to, times(e, square.i, wide ? times(e, width, whole(e->i64, 2)) : width));
    LLVMValueRef behind = plus(e, square.i, lanes), complete = at_least(e, full, behind);
    complete = LLVMBuildAnd(e->b, complete, at_least(e, left, lanes), "");
    LLVMBasicBlockRef join = if_open(e, LLVMBuildNot(e->b, complete, ""));
    LLVMValueRef there = smaller(e, lanes, LLVMBuildSelect(e->b, at_least(e, left, zero), left, zero, "")), last = NULL;
    if (pairs) {
        LLVMValueRef odd = LLVMBuildICmp(e->b, LLVMIntSLT, full, smaller(e, all, behind), "");
        last = LLVMBuildSelect(e->b, odd, minus(e, full, square.i), whole(e->i64, -1), "");
    }
    fill_square(e, square_in, p, stride, there, mask_below(e, square.i, full), last);
    if_close(e, join);

    LLVMValueRef v[16], step = LLVMBuildSelect(e->b, complete, stride, whole(e->i64, pairs ? 2 * t.lanes : t.lanes), "");
    p = LLVMBuildSelect(e->b, complete, p, square_in, "");
    for (int i = 0; i < t.lanes; i++) {
        v[i] = load_lanes(e, p, NULL);
        if (!streamed)
            fetch_below(e, copy, p, t.lanes);
        if (pairs)
            LLVMSetAlignment(v[i], 2);
        p = source_element(e, copy, p, step);
    }
    if (t.lanes > 1)
        transpose_lanes(e, v, t.lanes);
    LLVMValueRef apart = LLVMBuildSelect(e->b, complete, width, lanes, "");
    LLVMValueRef target = LLVMBuildSelect(e->b, complete, q, square_out, "");
    for (int i = 0; i < t.lanes; i++)
        if (wide)
            store_pairs(e, copy, target, whole(e->i64, i), apart, LLVMBuildBitCast(e->b, v[i], lanes_of(e, e->i32), ""), false);
        else
            store_vector(e, element(e, target, times(e, apart, whole(e->i64, i))), v[i], streamed);

    join = if_open(e, LLVMBuildNot(e->b, complete, ""));
    LLVMValueRef rows = smaller(e, lanes, minus(e, all, square.i));
    Loop row = loop_open(e, zero, wide ? times(e, rows, whole(e->i64, 2)) : rows, 1);
    store_lanes(e, element(e, q, times(e, row.i, width)), NULL, load_lanes(e, element(e, square_out, times(e, row.i, lanes)), NULL));
    loop_close(e, &row);
    if_close(e, join);
    loop_close(e, &square);
    loop_close(e, &group);
    close_function(e);
    return fn;
}

/* The same of what is rounded: ROUND_DEPTH rows of k at a time are turned as floats, to the stack, and rounded from there. */
static LLVMValueRef turn_rounded_function(Emit *outer, Tile t, Copy copy, bool streamed)
{
    char name[40];
    snprintf(name, sizeof name, "%s_turned_%d", copy == COPY_SPLIT ? "split" : "round", t.vectors * t.lanes);
    Emit f, *e = &f;
    LLVMValueRef fn;
    if (!open_copy(outer, e, name, 1, streamed, &fn))
        return fn;
    LLVMValueRef width = whole(e->i64, (int64_t)t.vectors * t.lanes), rows = LLVMGetParam(fn, COPY_ROWS), zero = whole(e->i64, 0);
    LLVMValueRef room = new_slot(e, LLVMArrayType2(e->f32, (uint64_t)(ROUND_DEPTH * t.vectors * t.lanes)));
    LLVMSetAlignment(room, 64);
    Loop l = loop_open(e, zero, rows, ROUND_DEPTH);
    LLVMValueRef depth = smaller(e, whole(e->i64, ROUND_DEPTH), minus(e, rows, l.i));
    LLVMValueRef turn[COPY_ARGS] = {
        [COPY_FROM] = element(e, LLVMGetParam(fn, COPY_FROM), l.i), [COPY_STRIDE] = LLVMGetParam(fn, COPY_STRIDE),
        [COPY_TO] = room, [COPY_WIDTH] = width, [COPY_ROWS] = depth, [COPY_COLUMNS] = LLVMGetParam(fn, COPY_COLUMNS),
        [COPY_PART] = zero,
    };
    call(e, turn_squares_function(outer, t, COPY_F32, false), turn, COPY_ARGS);
    LLVMValueRef round[COPY_ARGS] = {
        [COPY_FROM] = room, [COPY_STRIDE] = width,
        [COPY_TO] = element(e, LLVMGetParam(fn, COPY_TO), times(e, LLVMBuildLShr(e->b, l.i, whole(e->i64, 1), ""), width)),
        [COPY_WIDTH] = width, [COPY_ROWS] = depth, [COPY_COLUMNS] = width, [COPY_PART] = LLVMGetParam(fn, COPY_PART),
    };
    call(e, pair_rows_function(outer, t, copy, streamed), round, COPY_ARGS);
    loop_close(e, &l);
    close_function(e);
    return fn;
}

LLVMValueRef turn_function(Emit *outer, Tile t, Copy copy, bool streamed)
{
    return copy >= COPY_ROUNDED ? turn_rounded_function(outer, t, copy, streamed) : turn_squares_function(outer, t, copy, streamed);
}

/* A square of 16 columns x 16 pairs of rows at a time; rows from end to end. */
LLVMValueRef turn_left_function(Emit *outer, Tile t, bool split)
{
    Emit f, *e = &f;
    LLVMValueRef fn;
    if (!open_copy(outer, e, split ? "split_left" : "turn_left", t.lanes, false, &fn))
        return fn;
    LLVMValueRef columns = LLVMGetParam(fn, COPY_COLUMNS), width = LLVMGetParam(fn, COPY_WIDTH), rows = LLVMGetParam(fn, COPY_ROWS);
    LLVMValueRef stride = LLVMGetParam(fn, COPY_STRIDE), zero = whole(e->i64, 0);
    Loop pair = loop_open(e, zero, pairs_of(e, rows), t.lanes);
    LLVMValueRef row = times(e, pair.i, whole(e->i64, 2));
    Loop column = loop_open(e, zero, columns, t.lanes);
    LLVMValueRef mask = mask_below(e, column.i, columns), none = LLVMConstNull(LLVMTypeOf(mask));
    LLVMValueRef to = element(e, LLVMGetParam(fn, COPY_TO), plus(e, times(e, column.i, width), pair.i));
    const Copy copy = split ? COPY_SPLIT : COPY_PAIRS;
    const int parts = split ? SPLIT_PARTS : 1;
    LLVMValueRef square = new_slot(e, LLVMArrayType2(e->f32, (uint64_t)(SPLIT_PARTS * t.lanes * t.lanes)));
    LLVMSetAlignment(square, 64);
    Loop l = loop_open(e, zero, whole(e->i64, t.lanes), 1);
    LLVMValueRef part[2][SPLIT_PARTS];
    for (int h = 0; h < 2; h++) {
        LLVMValueRef k = plus(e, row, plus(e, plus(e, l.i, l.i), whole(e->i64, h)));
        LLVMValueRef own = LLVMBuildSelect(e->b, LLVMBuildICmp(e->b, LLVMIntSLT, k, rows, ""), mask, none, "");
        LLVMValueRef from = source_element(e, copy, LLVMGetParam(fn, COPY_FROM), plus(e, times(e, k, stride), column.i));
        fetch_below(e, copy, from, ROWS_AHEAD);
        load_parts(e, copy, from, own, true, parts, part[h]);
    }
    for (int p = 0; p < parts; p++)
        store_lanes(e, element(e, square, times(e, plus(e, l.i, whole(e->i64, p * t.lanes)), whole(e->i64, t.lanes))), NULL,
                    pair_of(e, part[0][p], part[1][p]));
    loop_close(e, &l);
    Loop p = loop_open(e, zero, whole(e->i64, parts), 1);
    LLVMValueRef v[16], own = element(e, square, times(e, p.i, whole(e->i64, t.lanes * t.lanes)));
    to = element(e, to, times(e, p.i, LLVMGetParam(fn, COPY_PART)));
    for (int i = 0; i < t.lanes; i++)
        v[i] = load_lanes(e, element(e, own, whole(e->i64, i * t.lanes)), NULL);
    transpose_lanes(e, v, t.lanes);
    for (int i = 0; i < t.lanes; i++)
        store_lanes(e, element(e, to, times(e, width, whole(e->i64, i))), NULL, v[i]);
    loop_close(e, &p);
    loop_close(e, &column);
    loop_close(e, &pair);
    close_function(e);
    return fn;
}

LLVMValueRef split_rows_function(Emit *outer, Tile t)
{
    Emit f, *e = &f;
    LLVMValueRef fn;
    if (!open_copy(outer, e, "split_rows", t.lanes, false, &fn))
        return fn;
    LLVMValueRef columns = LLVMGetParam(fn, COPY_COLUMNS), width = LLVMGetParam(fn, COPY_WIDTH), zero = whole(e->i64, 0);
    Loop row = loop_open(e, zero, LLVMGetParam(fn, COPY_ROWS), 1);
    LLVMValueRef from = element(e, LLVMGetParam(fn, COPY_FROM), times(e, row.i, LLVMGetParam(fn, COPY_STRIDE)));
    LLVMValueRef to = element(e, LLVMGetParam(fn, COPY_TO), times(e, row.i, width));
    Loop l = loop_open(e, zero, pairs_of(e, columns), t.lanes);
    LLVMValueRef part[2][SPLIT_PARTS], first = times(e, l.i, whole(e->i64, 2));
    for (int h = 0; h < 2; h++) {
        LLVMValueRef at = plus(e, first, whole(e->i64, h * t.lanes));
        LLVMValueRef own = element(e, from, at);
        fetch_below(e, COPY_SPLIT, own, LONG_ROWS_AHEAD);
        load_parts(e, COPY_SPLIT, own, mask_below(e, at, columns), true, SPLIT_PARTS, part[h]);
    }
    for (int p = 0; p < SPLIT_PARTS; p++)
        store_lanes(e, element(e, to, plus(e, l.i, part_offset(e, p))), NULL, in_pairs(e, part[0][p], part[1][p]));
    loop_close(e, &l);
    loop_close(e, &row);
    close_function(e);
    return fn;
}

LLVMValueRef join_function(Emit *outer, Tile t)
{
    Emit f, *e = &f;
    LLVMValueRef fn;
    if (!open_copy(outer, e, "join", t.lanes, false, &fn))
        return fn;
    LLVMValueRef width = whole(e->i64, (int64_t)t.vectors * t.lanes), zero = whole(e->i64, 0);
    Loop l = loop_open(e, zero, pairs_of(e, LLVMGetParam(fn, COPY_ROWS)), 1);
    LLVMValueRef from = element(e, LLVMGetParam(fn, COPY_FROM), times(e, l.i, LLVMGetParam(fn, COPY_STRIDE)));
    LLVMValueRef to = element(e, LLVMGetParam(fn, COPY_TO), times(e, l.i, plus(e, width, width)));
    for (int v = 0; v < t.vectors; v++) {
        LLVMValueRef at = element(e, from, whole(e->i64, v * t.lanes)), row = element(e, to, whole(e->i64, v * t.lanes));
        for (int upper = 0; upper < 2; upper++) {
            LLVMValueRef sum = half_of(e, load_pairs(e, at), upper);
            for (int p = 1; p < SPLIT_PARTS; p++)
                sum = LLVMBuildFAdd(e->b, sum, half_of(e, load_pairs(e, element(e, at, part_offset(e, p))), upper), "");
            store_lanes(e, upper ? element(e, row, width) : row, NULL, sum);
        }
    }
    loop_close(e, &l);
    close_function(e);
    return fn;
}
