/* The tiles of dots, and what the files that write dots share: see gemm.h.
 *
 * A tile's sums stay in registers while k runs.  In each turn one row of B's panel is loaded, and each element of A's column is
 * broadcast once; of bf16, pairs of k are, and one instruction multiplies and adds both.
 *
 * AVX2's tiles have 12 products a turn, for which a core takes 6 cycles.  In as many it begins 36 instructions, or half of them where
 * another thread runs on it, somebody else's on a machine that is shared: 20 are products, broadcasts and loads, and the others shall
 * be few.  So four turns are written out one behind the other, which share counting and pointers; panels have rows as far apart as they
 * are long, so that addresses need no additions; A is in order, and needs no requests; and one loop goes over all of k. */
#include "compiler/codegen/gemm.h"

#include <stdio.h>
#include <string.h>

enum {
    GROUP = 4,     /* rows of A addressed from one pointer */
    FETCH_TURNS = 8, /* from one row of C that is asked for to the next */
    AHEAD = 12,    /* turns from asking for A's columns to their use */
};

/* Starts to write a function of e's module, with `f`. */
void write_function(const Emit *e, Emit *f, LLVMValueRef fn)
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

LLVMValueRef open_function(const Emit *e, Emit *f, const char *name, LLVMTypeRef *params, unsigned n)
{
    LLVMValueRef fn = LLVMAddFunction(e->m, name, LLVMFunctionType(LLVMVoidTypeInContext(e->c), params, n, false));
    LLVMSetLinkage(fn, LLVMInternalLinkage);
    write_function(e, f, fn);
    return fn;
}

LLVMValueRef declare_function(Emit *e, const char *name, LLVMTypeRef *params, unsigned n)
{
    LLVMValueRef fn = LLVMGetNamedFunction(e->m, name);
    return fn ? fn : LLVMAddFunction(e->m, name, LLVMFunctionType(LLVMVoidTypeInContext(e->c), params, n, false));
}

void close_function(Emit *f)
{
    LLVMBuildRetVoid(f->b);
    LLVMBuildBr(f->top, LLVMGetNextBasicBlock(LLVMGetEntryBasicBlock(f->fn)));
    LLVMDisposeBuilder(f->b);
    LLVMDisposeBuilder(f->top);
}

LLVMValueRef slot_with(Emit *e, LLVMValueRef v)
{
    LLVMValueRef slot = new_slot(e, LLVMTypeOf(v));
    LLVMBuildStore(e->b, v, slot);
    return slot;
}

/* e->lanes floats at p; those outside the mask are neither read (they are 0) nor written. */
LLVMValueRef load_lanes(Emit *e, LLVMValueRef p, LLVMValueRef mask)
{
    LLVMTypeRef t = lanes_of(e, e->f32);
    if (mask)
        return call_masked(e, "llvm.masked.load", (LLVMTypeRef[]){ t, e->ptr },
                           (LLVMValueRef[]){ p, mask, LLVMConstNull(t) }, 3, 0, 4);
    LLVMValueRef v = LLVMBuildLoad2(e->b, t, p, "");
    LLVMSetAlignment(v, 4);
    return v;
}

void store_lanes(Emit *e, LLVMValueRef p, LLVMValueRef mask, LLVMValueRef v)
{
    if (mask)
        call_masked(e, "llvm.masked.store", (LLVMTypeRef[]){ LLVMTypeOf(v), e->ptr }, (LLVMValueRef[]){ v, p, mask }, 3, 1, 4);
    else
        LLVMSetAlignment(LLVMBuildStore(e->b, v, p), 4);
}

/* ---- tiles ---------------------------------------------------------------------------------------------------- */

void tile_masks(Emit *e, Tile t, LLVMValueRef columns, LLVMValueRef *mask)
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

void fetch(Emit *e, LLVMValueRef p, int writing, int where)
{
    LLVMValueRef args[] = { p, whole(e->i32, writing), whole(e->i32, where), whole(e->i32, 1) };
    call_intrinsic(e, "llvm.prefetch", &e->ptr, 1, args, 4);
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

/* c + a's pair times b's pair, in each lane; a and b are pairs of bf16 in 32 bits.  The products are exact, and the upper one is
 * added first; denormals count as 0. */
static LLVMValueRef multiply_add_pairs(Emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
    const char *name = "llvm.x86.avx512bf16.dpbf16ps.512";
    LLVMTypeRef pairs = LLVMVectorType(LLVMBFloatTypeInContext(e->c), 32);
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef fn = LLVMGetIntrinsicDeclaration(e->m, id, NULL, 0);
    LLVMValueRef args[] = { c, LLVMBuildBitCast(e->b, a, pairs, ""), LLVMBuildBitCast(e->b, b, pairs, "") };
    return LLVMBuildCall2(e->b, LLVMGlobalGetValueType(fn), fn, args, 3, "");
}

/* Assembly of no instruction, which n values go through, by constraints; in_order: and what reads or writes memory keeps its side. */
static LLVMValueRef no_code(Emit *e, LLVMTypeRef result, LLVMTypeRef *types, LLVMValueRef *v, int n, const char *constraints, bool in_order)
{
    LLVMTypeRef fn = LLVMFunctionType(result, types, (unsigned)n, false);
    LLVMValueRef code = LLVMGetInlineAsm(fn, "", 0, constraints, strlen(constraints), in_order, false, LLVMInlineAsmDialectATT, false);
    return LLVMBuildCall2(e->b, fn, code, v, (unsigned)n, "");
}

/* v, of which LLVM shall not know where it comes from: else it gives each row of A a pointer of its own, and spills them. */
static LLVMValueRef opaque(Emit *e, LLVMValueRef v)
{
    LLVMTypeRef t = LLVMTypeOf(v);
    return no_code(e, t, &t, &v, 1, "=r,0", false);
}

/* What a tile's turn of k reads. */
typedef struct {
    Tile t;
    bool turned, bf16;
    LLVMValueRef *sum, b, next, ahead; /* slots; ahead: where A's next line lies, NULL where none is asked for */
    LLVMValueRef a[TILE_ROWS_MOST / GROUP + 1], offset[GROUP];
    int groups;
} Turn;

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

/* Nothing that comes later is computed or loaded before this: else LLVM loads for all turns at once, and spills sums. */
static void end_turn(Emit *e, const Turn *u)
{
    enum { MOST = TILE_ROWS_MOST * TILE_VECTORS_MOST };
    const int n = u->t.rows * u->t.vectors;
    LLVMTypeRef types[MOST];
    LLVMValueRef sums[MOST];
    char same[8 * MOST + 16];
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        sums[i] = read_slot(e, u->sum[i]);
        types[i] = LLVMTypeOf(sums[i]);
        at += (size_t)snprintf(same + at, sizeof same - at, "=x,");
    }
    for (int i = 0; i < n; i++)
        at += (size_t)snprintf(same + at, sizeof same - at, "%d,", i);
    snprintf(same + at, sizeof same - at, "~{memory}");
    LLVMTypeRef all = LLVMStructTypeInContext(e->c, types, (unsigned)n, false);
    LLVMValueRef ended = no_code(e, all, types, sums, n, same, true);
    for (int i = 0; i < n; i++)
        LLVMBuildStore(e->b, LLVMBuildExtractValue(e->b, ended, (unsigned)i, ""), u->sum[i]);
}

/* From one k, or where A isn't turned from one row, to the next. */
static LLVMValueRef left_stride(Emit *e, const Turn *u)
{
    return in_left_panels(u->t, u->turned) ? whole(e->i64, u->t.lanes) : LLVMGetParam(e->fn, TILE_A_STRIDE);
}

/* Asks for a line of the panel behind this one. */
static void ask_for_next(Emit *e, const Turn *u)
{
    LLVMValueRef line = read_slot(e, u->next);
    fetch(e, line, FOR_READING, TO_L2);
    LLVMBuildStore(e->b, element(e, line, LLVMGetParam(e->fn, TILE_NEXT_STRIDE)), u->next);
}

/* Asks for what A will want: the column of `column` AHEAD turns on, or a row's next line. */
static void ask_for_left(Emit *e, const Turn *u, LLVMValueRef column, int turn)
{
    if (in_left_panels(u->t, u->turned))
        return; /* in order: the processor asks by itself */
    LLVMValueRef a_stride = LLVMGetParam(e->fn, TILE_A_STRIDE);
    if (u->turned) { /* a column has one line or two; where each instruction counts, the first was the last of the tile before */
        column = element(e, column, times(e, a_stride, whole(e->i64, AHEAD + turn)));
        if (u->t.turns == 1)
            fetch(e, column, FOR_READING, TO_L1);
        if (u->t.rows > 1)
            fetch(e, element(e, column, whole(e->i64, u->t.rows - 1)), FOR_READING, TO_L1);
    } else if (u->ahead && turn % 2 == 0) {
        LLVMValueRef line = read_slot(e, u->ahead);
        fetch(e, line, FOR_READING, TO_L1);
        LLVMBuildStore(e->b, u->bf16 ? half_element(e, line, a_stride) : element(e, line, a_stride), u->ahead);
    }
}

/* A's pointers, so many turns on. */
static void advance_left(Emit *e, const Turn *u, const LLVMValueRef *from, int turns)
{
    LLVMValueRef a_stride = left_stride(e, u);
    LLVMValueRef step = u->turned ? times(e, a_stride, whole(e->i64, turns)) : whole(e->i64, turns);
    for (int g = 0; g < u->groups; g++)
        LLVMBuildStore(e->b, opaque(e, element(e, from[g], step)), u->a[g]);
}

/* So many turns of k; odd: the last one, of half a pair. */
static void take_some_turns(Emit *e, const Turn *u, int turns, bool odd)
{
    bool rows_of_halves = u->bf16 && !u->turned; /* A is addressed by halves of 32 bits */
    LLVMValueRef a_stride = left_stride(e, u), row[2], from[TILE_ROWS_MOST / GROUP + 1];
    for (int g = 0; g < u->groups; g++)
        from[g] = read_slot(e, u->a[g]);
    for (int i = 0; i < turns; i++) {
        if (i)
            end_turn(e, u);
        LLVMValueRef at = read_slot(e, u->b), past = u->turned ? times(e, a_stride, whole(e->i64, i)) : whole(e->i64, i);
        for (int v = 0; v < u->t.vectors; v++) {
            row[v] = load_lanes(e, element(e, at, whole(e->i64, v * u->t.lanes)), NULL);
            if (u->bf16)
                row[v] = LLVMBuildBitCast(e->b, row[v], lanes_of(e, e->i32), "");
        }
        LLVMBuildStore(e->b, element(e, at, u->t.stride ? whole(e->i64, u->t.stride) : LLVMGetParam(e->fn, TILE_B_STRIDE)), u->b);
        if (!i)
            ask_for_next(e, u);
        ask_for_left(e, u, from[0], i);
        if (!i)
            advance_left(e, u, from, turns);
        for (int r = 0; r < u->t.rows; r++) {
            LLVMValueRef p = u->turned         ? element(e, from[0], whole(e->i64, r))
                             : rows_of_halves ? half_element(e, from[r / GROUP], u->offset[r % GROUP])
                                              : element(e, from[r / GROUP], u->offset[r % GROUP]);
            LLVMValueRef x = load_left(e, u, element(e, p, past), odd);
            for (int v = 0; v < u->t.vectors; v++) {
                LLVMValueRef slot = u->sum[r * u->t.vectors + v], sum = read_slot(e, slot);
                LLVMBuildStore(e->b, u->bf16 ? multiply_add_pairs(e, x, row[v], sum) : multiply_add(e, x, row[v], sum), slot);
            }
        }
    }
}

/* Asks for some rows of C from `row` on, and goes past them. */
static void ask_for_sums(Emit *e, const Turn *u, LLVMValueRef row, int rows)
{
    LLVMValueRef c = read_slot(e, row);
    for (int r = 0; r < rows; r++) {
        for (int at = 0; at < u->t.vectors * u->t.lanes; at += LINE)
            fetch(e, element(e, c, whole(e->i64, at)), FOR_WRITING, TO_L1);
        c = element(e, c, LLVMGetParam(e->fn, TILE_C_STRIDE));
    }
    LLVMBuildStore(e->b, c, row);
}

/* All turns from..end of k, as many as can be several at a time. */
static void take_all_turns(Emit *e, const Turn *u, LLVMValueRef from, LLVMValueRef end)
{
    const int turns = u->t.turns;
    if (turns > 1) {
        LLVMValueRef rest = plus(e, from, LLVMBuildAnd(e->b, minus(e, end, from), whole(e->i64, -turns), ""));
        Loop several = loop_open(e, from, rest, turns);
        take_some_turns(e, u, turns, false);
        loop_close(e, &several);
        from = rest;
    }
    Loop l = loop_open(e, from, end, 1);
    take_some_turns(e, u, 1, false);
    loop_close(e, &l);
}

/* All turns of k.  Meanwhile lines are asked for: of C, which is written at the end (a store that misses the cache holds up those
 * behind it), and of A, whose rows all go to their next line at the same turn.  Both one by one: too many at once would hold up
 * what is loaded. */
static void take_turns(Emit *e, Turn *u)
{
    int span = u->t.rows > FETCH_TURNS ? 2 * FETCH_TURNS : FETCH_TURNS;
    LLVMValueRef depth = LLVMGetParam(e->fn, TILE_DEPTH), a = LLVMGetParam(e->fn, TILE_A);
    LLVMValueRef row = slot_with(e, LLVMGetParam(e->fn, TILE_C));
    if (u->t.turns > 1) { /* few rows, of a line each */
        ask_for_sums(e, u, row, u->t.rows);
        take_all_turns(e, u, whole(e->i64, 0), depth);
        return;
    }
    if (!u->turned)
        u->ahead = slot_with(e, a);
    Loop s = loop_open(e, whole(e->i64, 0), depth, span);
    LLVMBasicBlockRef join = if_open(e, LLVMBuildICmp(e->b, LLVMIntSLT, s.i, whole(e->i64, FETCH_TURNS * u->t.rows), ""));
    ask_for_sums(e, u, row, span / FETCH_TURNS);
    if_close(e, join);
    if (u->ahead) /* f32, or pairs of bf16 */
        LLVMBuildStore(e->b, element(e, a, plus(e, s.i, whole(e->i64, LINE))), u->ahead);
    take_all_turns(e, u, s.i, smaller(e, plus(e, s.i, whole(e->i64, span)), depth));
    loop_close(e, &s);
}

LLVMTypeRef *tile_params(const Emit *e, LLVMTypeRef params[TILE_ARGS])
{
    static const char kinds[TILE_ARGS + 1] = "pipipiiibbpiip"; /* pointer, integer, bool */
    for (int i = 0; i < TILE_ARGS; i++)
        params[i] = kinds[i] == 'p' ? e->ptr : kinds[i] == 'i' ? e->i64 : e->i1;
    return params;
}

/* One tile; it has no TILE_ROWS. */
static LLVMValueRef tile_function(Emit *outer, Tile t, bool turned, bool bf16)
{
    char name[40];
    snprintf(name, sizeof name, "tile_%dx%d%s%s%s", t.rows, t.vectors * t.lanes, turned ? "_turned" : "", bf16 ? "_bf16" : "",
             t.stride ? "_packed" : "");
    LLVMTypeRef params[TILE_ARGS];
    Emit f, *e = &f;
    LLVMValueRef fn = open_function(outer, e, name, tile_params(outer, params), TILE_ROWS);
    e->lanes = t.lanes;

    LLVMValueRef sum[TILE_ROWS_MOST * TILE_VECTORS_MOST], accumulate = LLVMGetParam(fn, TILE_ACCUMULATE);
    for (int i = 0; i < t.rows * t.vectors; i++)
        sum[i] = slot_with(e, LLVMConstNull(lanes_of(e, e->f32)));
    load_sums(e, t, accumulate, sum);

    /* One pointer for every few rows, and their offsets from it: few enough of both to stay in registers. */
    Turn u = { .t = t, .turned = turned, .bf16 = bf16, .sum = sum, .groups = turned ? 1 : (t.rows + GROUP - 1) / GROUP };
    LLVMValueRef a_stride = LLVMGetParam(fn, TILE_A_STRIDE), p = LLVMGetParam(fn, TILE_A);
    for (int r = 0; r < GROUP; r++)
        u.offset[r] = r ? plus(e, u.offset[r - 1], a_stride) : whole(e->i64, 0);
    for (int g = 0; g < u.groups; g++) {
        u.a[g] = slot_with(e, opaque(e, p));
        LLVMValueRef next = times(e, a_stride, whole(e->i64, GROUP));
        p = bf16 && !turned ? half_element(e, p, next) : element(e, p, next);
    }
    u.b = slot_with(e, LLVMGetParam(fn, TILE_B));
    u.next = slot_with(e, LLVMGetParam(fn, TILE_NEXT));
    take_turns(e, &u);
    if (bf16 && !turned) {
        LLVMBasicBlockRef join = if_open(e, LLVMGetParam(fn, TILE_ODD));
        take_some_turns(e, &u, 1, true);
        if_close(e, join);
    }
    store_sums(e, t, sum);
    close_function(e);
    return fn;
}

LLVMValueRef rows_of_tile(Emit *e, Tile t, LLVMValueRef left)
{
    LLVMValueRef one = whole(e->i64, 1), most = whole(e->i64, t.rows), half = LLVMBuildLShr(e->b, plus(e, left, one), one, "");
    LLVMValueRef size = LLVMBuildSelect(e->b, at_least(e, most, left), left, smaller(e, most, even(e, half)), "");
    LLVMValueRef pairs = LLVMBuildAnd(e->b, size, whole(e->i64, -2), "");
    return LLVMBuildSelect(e->b, at_least(e, pairs, one), pairs, one, "");
}

LLVMValueRef tiles_function(Emit *outer, Tile t, bool turned, bool bf16, const char *symbol)
{
    char own[40];
    snprintf(own, sizeof own, "tiles_%dx%d%s%s%s", t.rows, t.vectors * t.lanes, turned ? "_turned" : "", bf16 ? "_bf16" : "",
             t.stride ? "_packed" : "");
    const char *name = symbol ? symbol : own;
    LLVMValueRef fn = LLVMGetNamedFunction(outer->m, name);
    if (fn)
        return fn;
    LLVMTypeRef params[TILE_ARGS];
    Emit f, *e = &f;
    fn = open_function(outer, e, name, tile_params(outer, params), TILE_ARGS);
    if (symbol)
        LLVMSetLinkage(fn, LLVMExternalLinkage);
    LLVMValueRef args[TILE_ARGS];
    LLVMGetParams(fn, args);
    LLVMValueRef a = args[TILE_A], c = args[TILE_C], a_row = turned ? whole(e->i64, 1) : args[TILE_A_STRIDE];
    const bool panels = in_left_panels(t, turned);
    LLVMValueRef panel = slot_with(e, a), between = left_panel_size(e, t, args[TILE_DEPTH]);
    LLVMValueRef stride = args[TILE_NEXT_STRIDE], line = slot_with(e, args[TILE_NEXT]); /* a row has one or two lines: one for a tile */
    LLVMValueRef behind = element(e, args[TILE_NEXT], whole(e->i64, t.vectors * t.lanes)), step = whole(e->i64, LINE);
    if (t.turns > 1) { /* a tile asks once in so many turns: each for other rows of one line */
        step = stride;
        stride = times(e, stride, whole(e->i64, t.turns));
        behind = element(e, args[TILE_NEXT], stride);
    }
    Loop l = loop_open(e, whole(e->i64, 0), args[TILE_ROWS], 1);
    LLVMValueRef size = rows_of_tile(e, t, minus(e, args[TILE_ROWS], l.i));
    args[TILE_A] = panels ? read_slot(e, panel) : left_element(e, turned, bf16, a, times(e, l.i, a_row));
    if (panels)
        LLVMBuildStore(e->b, element(e, args[TILE_A], between), panel);
    args[TILE_C] = element(e, c, times(e, l.i, args[TILE_C_STRIDE]));
    args[TILE_NEXT] = read_slot(e, line);
    LLVMValueRef within = LLVMBuildICmp(e->b, LLVMIntULT, args[TILE_NEXT], behind, "");
    args[TILE_NEXT_STRIDE] = LLVMBuildSelect(e->b, within, stride, whole(e->i64, 0), "");
    LLVMBuildStore(e->b, element(e, args[TILE_NEXT], step), line);
    for (int n = t.rows; n; n = n > 2 ? n - 2 : n - 1) {
        LLVMBasicBlockRef join = if_open(e, LLVMBuildICmp(e->b, LLVMIntEQ, size, whole(e->i64, n), ""));
        Tile smaller_one = t;
        smaller_one.rows = n;
        if (n < GROUP)
            smaller_one.turns = 1; /* few sums are waited for anyway */
        call(e, tile_function(e, smaller_one, turned, bf16), args, TILE_ROWS);
        if_close(e, join);
    }
    loop_close_by(e, &l, size);
    close_function(e);
    return fn;
}
