/* dot -> tiles of fused multiply-adds, and the blocks around them.
 *
 * In:  a dot statement.
 * Out: a call of a function dot_…, made once for each layout of the operands, which goes over C by panels of columns; and of
 *      tiles_…, which goes over the rows of one by tiles of rows x vectors.  A pack becomes calls of the copy to one panel, which
 *      is made once for each layout too.
 * The idea: a tile's sums stay in registers while k runs: in each turn one row of B is loaded, and each element of A's
 * column is broadcast once.  Around it, blocks: of K, so that a panel of B (as many columns as a tile has) lies in L1 or
 * L2 while the rows stream by, and of rows, so that their part of A stays in L2 while the panels go by.  A panel of B
 * that isn't packed yet is copied to the stack first, unless it is complete and its rows lie as they are read.
 * The last rows are shared by two tiles, which are smaller.  While tiles run, they ask for the lines of the next panel.  Columns
 * left over are masked in C only, because panels are filled up with zeros.  The copies of A and B take up to
 * 520 KB of the thread's stack, with matrix registers 1.3 MB.
 *
 * What a number is: each element of C is one chain, c = fma(A[i,k], B[k,j], c) for k = 0, 1, ..., from 0 or from what it
 * was; at the end of a block of K it goes through memory, as the f32 it is.  So the bits depend on neither tiles, blocks,
 * vectors nor on where a piece begins.  (A machine without fma rounds twice, and has other bits.)  Of bf16, a turn takes k + 1
 * and then k, for k = 0, 2, ... */
#include "compiler/codegen/gemm.h"

#include <stdio.h>
#include <string.h>

enum {
    BAD_STRIDE = 512,   /* within a cache line of a multiple of it, the rows of A share a few sets of L1 */
    SLICE = 64,         /* rows no longer than this, cut out of far longer ones, use few sets of L1 too */
    COPY_FOR = 64,      /* columns of C; for fewer, a block of A isn't worth a copy */
};

static Tile tile_of(const Target *t, int packed)
{
    /* AVX-512 comes with 32 registers; AVX2's vectors are that short that each instruction beside their products counts */
    Tile tile = t->masks ? (Tile){ 14, 2, t->lanes, .turns = 1 } : (Tile){ 6, 2, t->lanes, .turns = t->lanes == 8 ? 4 : 1 };
    if (t->lanes == 1)
        tile.vectors = 1;
    if (packed && tile.vectors * tile.lanes > packed)
        tile.vectors = packed / tile.lanes;
    if (tile.turns > 1)
        tile.stride = packed;
    return tile;
}

int tile_columns(const Target *t)
{
    Tile tile = tile_of(t, 0);
    return (tile.vectors * tile.lanes + LINE - 1) / LINE * LINE;
}

enum { DOT_A, DOT_A_STRIDE, DOT_B, DOT_B_STRIDE, DOT_C, DOT_C_STRIDE, DOT_M, DOT_N, DOT_K, DOT_ACCUMULATE, DOT_ARGS };

static bool in_parts(const Target *t, DotLayout layout) { return layout.split && t->amx; }

/* What operands are multiplied as: bf16 that no instruction multiplies by pairs, or not fast, is f32 in A's and B's copies. */
static Copy form_of(const Target *t, DotLayout layout)
{
    return in_parts(t, layout) ? COPY_PAIRS : !layout.bf16 ? COPY_F32 : t->bf16 || t->amx ? COPY_PAIRS : COPY_WIDE;
}

/* Whether panels are read as they were packed. */
static bool reads_panels(const Target *t, DotLayout layout)
{
    Copy form = form_of(t, layout);
    return layout.packed && (form == COPY_PAIRS || (form == COPY_F32 && !layout.split));
}

/* Whether a tile's rows of B are as far apart as they are long, in every panel. */
static bool is_dense(const Target *t, DotLayout layout, int width)
{
    return reads_panels(t, layout) ? layout.packed == width : layout.packed || layout.b_turned || layout.bf16;
}

/* The tiles of a layout, which others have too. */
static DotLayout tiles_layout(const Target *t, DotLayout layout)
{
    const bool pairs = form_of(t, layout) == COPY_PAIRS;
    const Tile tile = tile_of(t, layout.packed);
    const int width = tile.vectors * tile.lanes;
    return (DotLayout){ .tiles = true, .a_turned = layout.a_turned && !(pairs && t->amx), .bf16 = pairs, .split = in_parts(t, layout),
                        .packed = tile.turns == 1 || is_dense(t, layout, width) ? width : 0 };
}

/* A packed panel's element for column j, depth k. */
static LLVMValueRef packed_element(Emit *e, DotLayout layout, LLVMValueRef j, LLVMValueRef k)
{
    LLVMValueRef width = whole(e->i64, layout.packed), all = LLVMGetParam(e->fn, DOT_K), one = whole(e->i64, 1);
    LLVMValueRef within = LLVMBuildURem(e->b, j, width, "");
    if (layout.bf16 || layout.split) { /* rows of pairs */
        all = pairs_of(e, all);
        k = LLVMBuildLShr(e->b, k, one, "");
    }
    if (layout.split)
        all = times(e, all, whole(e->i64, SPLIT_PARTS));
    LLVMValueRef before = times(e, minus(e, j, within), all);
    return element(e, LLVMGetParam(e->fn, DOT_B), plus(e, plus(e, before, times(e, k, width)), within));
}

/* Where a panel of B begins, how far its rows are apart, and the same of the panel behind it as it lies; after the last one, of the
 * first, which is likely to be wanted again.  A stride of 0: that isn't to be asked for. */
typedef struct {
    LLVMValueRef at, stride, next, next_stride;
} Panel;

/* Columns [j0, j0 + columns), depths [k0, k0 + depth). */
static Panel find_panel(Emit *e, Tile t, DotLayout layout, LLVMValueRef room, LLVMValueRef j0, LLVMValueRef columns,
                        LLVMValueRef k0, LLVMValueRef depth)
{
    LLVMValueRef b = LLVMGetParam(e->fn, DOT_B), b_stride = LLVMGetParam(e->fn, DOT_B_STRIDE), n = LLVMGetParam(e->fn, DOT_N);
    LLVMValueRef zero = whole(e->i64, 0), width = whole(e->i64, (int64_t)t.vectors * t.lanes), behind = plus(e, j0, width);
    behind = LLVMBuildSelect(e->b, at_least(e, behind, n), zero, behind, "");
    Panel copy = { room, width, room, zero };
    LLVMValueRef args[COPY_ARGS] = { NULL, b_stride, room, width, depth, columns, zero };
    Copy form = form_of(e->target, layout);
    if (layout.packed) {
        LLVMValueRef stride = whole(e->i64, layout.packed);
        Panel own = { packed_element(e, layout, j0, k0), stride, packed_element(e, layout, behind, k0), stride };
        if (layout.split)
            args[COPY_PART] = times(e, pairs_of(e, LLVMGetParam(e->fn, DOT_K)), stride);
        if (in_parts(e->target, layout))
            own.next_stride = args[COPY_PART];
        if (reads_panels(e->target, layout))
            return own;
        args[COPY_FROM] = own.at;
        args[COPY_STRIDE] = stride;
        call(e, layout.split ? join_function(e, t) : widen_pairs_function(e, t), args, COPY_ARGS);
        copy.next = own.next;
        copy.next_stride = whole(e->i64, LINE); /* it has half as many rows as tiles take turns */
        return copy;
    }
    LLVMValueRef place = layout.b_turned ? plus(e, times(e, j0, b_stride), k0) : plus(e, times(e, k0, b_stride), j0);
    args[COPY_FROM] = layout.bf16 ? half_element(e, b, place) : element(e, b, place);
    if (layout.b_turned || layout.bf16) {
        call(e, layout.b_turned ? turn_function(e, t, form, false) : pair_rows_function(e, t, form, false), args, COPY_ARGS);
        return copy;
    }
    LLVMValueRef partial = LLVMBuildICmp(e->b, LLVMIntSLT, columns, width, "");
    LLVMBasicBlockRef join = if_open(e, partial);
    call(e, copy_function(e, t, false), args, COPY_ARGS);
    if_close(e, join);
    return (Panel){
        LLVMBuildSelect(e->b, partial, room, args[COPY_FROM], ""), LLVMBuildSelect(e->b, partial, width, b_stride, ""),
        element(e, b, plus(e, times(e, k0, b_stride), behind)), b_stride,
    };
}

/* Where a block of A lies, and its stride: rows that would push each other out of the cache are copied apart. */
static void find_block(Emit *e, Tile t, DotLayout layout, LLVMValueRef i0, LLVMValueRef rows, LLVMValueRef k0, LLVMValueRef depth,
                       LLVMValueRef *block, LLVMValueRef *stride)
{
    const bool parts = in_parts(e->target, layout);
    const bool panels = in_left_panels(t, layout.a_turned);
    LLVMValueRef a_stride = LLVMGetParam(e->fn, DOT_A_STRIDE);
    const uint64_t size = parts ? SPLIT_PARTS * A_PART : e->target->amx ? AMX_A_ROOM : panels ? left_room(t) : A_ROOM;
    LLVMValueRef room = new_slot(e, LLVMArrayType2(e->f32, size));
    LLVMSetAlignment(room, 64);
    LLVMValueRef outer = layout.a_turned ? k0 : i0, inner = layout.a_turned ? i0 : k0;
    LLVMValueRef a = LLVMGetParam(e->fn, DOT_A), place = plus(e, times(e, outer, a_stride), inner);
    LLVMValueRef from = layout.bf16 ? half_element(e, a, place) : element(e, a, place);
    LLVMValueRef count = layout.a_turned ? depth : rows, length = layout.a_turned ? rows : depth;
    LLVMValueRef width = LLVMBuildAnd(e->b, plus(e, length, whole(e->i64, 2 * LINE - 1)), whole(e->i64, -LINE), "");
    LLVMValueRef args[COPY_ARGS] = { from, a_stride, room, width, count, length, whole(e->i64, A_PART) };
    Copy form = form_of(e->target, layout);
    if (form == COPY_PAIRS && !layout.a_turned && !layout.split) { /* they are read as they lie */
        *block = from;
        *stride = a_stride;
        return;
    }
    if (form == COPY_PAIRS && e->target->amx) {
        LLVMValueRef pairs = pairs_of(e, depth);
        width = LLVMBuildAnd(e->b, plus(e, pairs, whole(e->i64, 2 * LINE - 1)), whole(e->i64, -LINE), "");
        args[COPY_WIDTH] = width;
        call(e, layout.a_turned ? turn_left_function(e, t, layout.split) : split_rows_function(e, t), args, COPY_ARGS);
        *block = room;
        *stride = times(e, width, whole(e->i64, 2));
        return;
    }
    if (panels) {
        args[COPY_PART] = left_panel_size(e, t, form == COPY_WIDE ? even(e, depth) : depth);
        call(e, left_panels_function(e, t, form), args, COPY_ARGS);
        *block = room;
        *stride = whole(e->i64, t.lanes);
        return;
    }
    if (layout.bf16) {
        call(e, layout.a_turned ? pair_rows_function(e, t, form, false) : widen_rows_function(e, t), args, COPY_ARGS);
        *block = room;
        *stride = width;
        return;
    }
    LLVMValueRef beside = LLVMBuildAnd(e->b, plus(e, a_stride, whole(e->i64, LINE)), whole(e->i64, BAD_STRIDE - 1), "");
    LLVMValueRef collide = LLVMBuildICmp(e->b, LLVMIntSLT, beside, whole(e->i64, 2 * LINE), "");
    LLVMValueRef slices = LLVMBuildAnd(e->b, LLVMBuildICmp(e->b, LLVMIntSLE, length, whole(e->i64, SLICE), ""),
                                       at_least(e, a_stride, times(e, length, whole(e->i64, 4))), "");
    LLVMValueRef copy = LLVMBuildAnd(e->b, LLVMBuildOr(e->b, collide, slices, ""),
                                     at_least(e, LLVMGetParam(e->fn, DOT_N), whole(e->i64, COPY_FOR)), "");
    LLVMBasicBlockRef join = if_open(e, copy);
    call(e, copy_function(e, t, false), args, COPY_ARGS);
    if_close(e, join);
    *block = LLVMBuildSelect(e->b, copy, room, from, "");
    *stride = LLVMBuildSelect(e->b, copy, width, a_stride, "");
}

/* The function of this layout; `known`: it was there already. */
static LLVMValueRef declare_dot(Emit *e, const char *name, bool *known)
{
    LLVMTypeRef i64 = e->i64, ptr = e->ptr, params[DOT_ARGS] = { ptr, i64, ptr, i64, ptr, i64, i64, i64, i64, e->i1 };
    *known = LLVMGetNamedFunction(e->m, name) != NULL;
    return declare_function(e, name, params, DOT_ARGS);
}

static LLVMValueRef emit_tiles(Emit *e, Tile t, DotLayout tiles, const char *symbol)
{
    return tiles.split || (tiles.bf16 && e->target->amx) ? amx_tiles_function(e, t, tiles.split, symbol)
                                                         : tiles_function(e, t, tiles.a_turned, tiles.bf16, symbol);
}

/* The tiles for a layout: in this module, or where it shares them, in another. */
static LLVMValueRef tiles_for(Emit *e, Tile t, DotLayout layout)
{
    DotLayout tiles = tiles_layout(e->target, layout);
    if (!e->shared_dots)
        return emit_tiles(e, t, tiles, NULL);
    KernelKey key = dot_key(e->target, tiles);
    LLVMTypeRef params[TILE_ARGS];
    return declare_function(e, key.symbol, tile_params(e, params), TILE_ARGS);
}

static LLVMValueRef dot_function(Emit *outer, DotLayout layout, const char *symbol)
{
    char name[40];
    bool known;
    snprintf(name, sizeof name, "dot_%c%c%d%s", layout.a_turned ? 't' : 'n', layout.b_turned ? 't' : 'n', layout.packed,
             layout.split ? "_split" : layout.bf16 ? "_bf16" : "");
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
    Tile t = tile_of(e->target, tiles_layout(e->target, layout).packed);
    int width = t.vectors * t.lanes;
    LLVMValueRef room = NULL, zero = whole(e->i64, 0);
    Copy form = form_of(e->target, layout);
    bool wide = form == COPY_WIDE, pairs = form == COPY_PAIRS;
    if (!layout.packed || wide || (layout.split && !pairs)) {
        room = new_slot(e, LLVMArrayType2(e->f32, (uint64_t)K_BLOCK * (uint64_t)width));
        LLVMSetAlignment(room, 64);
    }
    LLVMValueRef c = LLVMGetParam(fn, DOT_C), a, a_stride;
    LLVMValueRef m = LLVMGetParam(fn, DOT_M), n = LLVMGetParam(fn, DOT_N), k = LLVMGetParam(fn, DOT_K);
    LLVMValueRef c_stride = LLVMGetParam(fn, DOT_C_STRIDE), accumulate = LLVMGetParam(fn, DOT_ACCUMULATE);

    /* of pairs, the bytes are the same; what was widened is read from L2 again, if not from L1 */
    const bool amx = pairs && e->target->amx;
    const bool as_they_lie = pairs && !layout.split;
    const int64_t least = amx ? AMX_ROW_BLOCK : ROW_BLOCK / t.rows * t.rows;
    const int64_t k_block = as_they_lie ? 2 * K_BLOCK : wide ? K_BLOCK / 2 : K_BLOCK;
    LLVMValueRef half = whole(e->i64, as_they_lie ? K_BLOCK : K_BLOCK / 2), shallow = at_least(e, half, smaller(e, k, whole(e->i64, k_block)));
    LLVMValueRef row_block = LLVMBuildSelect(e->b, shallow, whole(e->i64, 2 * least), whole(e->i64, least), "");
    LLVMValueRef shape = slot_with(e, zero);
    Loop rows = loop_open(e, zero, m, 1);
    LLVMValueRef some_rows = smaller(e, row_block, minus(e, m, rows.i));
    /* one block at least: an empty sum has to be stored too */
    Loop depths = loop_open(e, zero, LLVMBuildSelect(e->b, at_least(e, k, whole(e->i64, 1)), k, whole(e->i64, 1), ""), k_block);
    LLVMValueRef depth = smaller(e, whole(e->i64, k_block), minus(e, k, depths.i)), steps = depth, odd = LLVMConstNull(e->i1);
    if (wide)
        steps = even(e, depth);
    if (pairs) {
        LLVMValueRef one = whole(e->i64, 1), full = LLVMBuildLShr(e->b, depth, one, "");
        bool whole_pairs = layout.a_turned || layout.split; /* filled up with zeros */
        steps = whole_pairs ? pairs_of(e, depth) : full;
        if (!whole_pairs)
            odd = LLVMBuildTrunc(e->b, depth, e->i1, "");
    }
    LLVMValueRef again = LLVMBuildICmp(e->b, LLVMIntNE, depths.i, zero, "");
    find_block(e, t, layout, rows.i, some_rows, depths.i, depth, &a, &a_stride);
    Loop panels = loop_open(e, zero, n, width);
    LLVMValueRef columns = smaller(e, whole(e->i64, width), minus(e, n, panels.i));
    Panel p = find_panel(e, t, layout, room, panels.i, columns, depths.i, depth);
    LLVMValueRef args[TILE_ARGS] = {
        [TILE_A] = a, [TILE_A_STRIDE] = a_stride, [TILE_B] = p.at, [TILE_B_STRIDE] = p.stride,
        [TILE_C] = element(e, c, plus(e, times(e, rows.i, c_stride), panels.i)), [TILE_C_STRIDE] = c_stride, [TILE_DEPTH] = steps,
        [TILE_COLUMNS] = columns, [TILE_ACCUMULATE] = LLVMBuildOr(e->b, accumulate, again, ""), [TILE_ODD] = odd,
        [TILE_NEXT] = p.next, [TILE_NEXT_STRIDE] = p.next_stride, [TILE_ROWS] = some_rows, [TILE_SHAPE] = shape,
    };
    call(e, tiles_for(e, t, layout), args, TILE_ARGS);
    loop_close(e, &panels);
    loop_close(e, &depths);
    loop_close_by(e, &rows, row_block);
    if (amx)
        call_intrinsic(e, "llvm.x86.tilerelease", NULL, 0, NULL, 0);
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

/* ---- packs ------------------------------------------------------------------------------------------------------ */

static DotLayout pack_layout(const Kernel *k, const Dot *d)
{
    const bool half = k->params[d->c.buf].elem == BF16;
    return (DotLayout){ .packs = true, .b_turned = !is_one(d->b.col), .packed = d->c.packed, .bf16 = half, .split = d->c.split,
                        .rounds = half && k->params[d->b.buf].elem != BF16 };
}

static Copy copy_of(DotLayout pack)
{
    return !pack.bf16 ? COPY_F32 : pack.split ? COPY_SPLIT : pack.rounds ? COPY_ROUNDED : COPY_PAIRS;
}

/* The function that copies one panel. */
static LLVMValueRef emit_panel_copy(Emit *e, DotLayout pack)
{
    const Target *t = e->target;
    const bool lines = t->lanes >= LINE; /* squares of narrower vectors write a line bit by bit */
    const Copy copy = copy_of(pack);
    Tile tile = { .rows = 1, .vectors = pack.packed / t->lanes, .lanes = t->lanes };
    return pack.b_turned      ? turn_function(e, tile, copy, t->streams && lines)
           : copy == COPY_F32 ? copy_function(e, tile, t->streams)
                              : pair_rows_function(e, tile, copy, t->streams);
}

/* The same: in this module, or where kernels share it, in another. */
static LLVMValueRef panel_copy_for(Emit *e, DotLayout pack)
{
    if (!e->shared_dots)
        return emit_panel_copy(e, pack);
    KernelKey key = dot_key(e->target, pack);
    LLVMTypeRef params[COPY_ARGS];
    return declare_function(e, key.symbol, copy_params(e, params), COPY_ARGS);
}

/* One panel after another.  The dots come later, and other threads read it too. */
void emit_pack(Emit *e, const Dot *d)
{
    DotLayout pack = pack_layout(e->k, d);
    const int width = pack.packed, parts = pack.split ? SPLIT_PARTS : 1;
    const Copy copy = copy_of(pack);
    LLVMValueRef n = emit_uniform(e, d->n), depth = emit_uniform(e, d->k), rows = emit_uniform(e, d->m), one = whole(e->i64, 1);
    LLVMValueRef stride = emit_uniform(e, pack.b_turned ? d->b.col : d->b.row);
    LLVMValueRef from = operand_pointer(e, &d->b), to = operand_pointer(e, &d->c);
    if (pack.bf16)
        rows = pairs_of(e, rows);
    Loop l = loop_open(e, whole(e->i64, 0), n, width);
    LLVMValueRef before = times(e, l.i, pack.b_turned ? stride : one);
    LLVMValueRef args[COPY_ARGS] = {
        source_element(e, copy, from, before), stride, element(e, to, times(e, l.i, times(e, rows, whole(e->i64, parts)))),
        whole(e->i64, width), depth, smaller(e, whole(e->i64, width), minus(e, n, l.i)), times(e, rows, whole(e->i64, width)),
    };
    call(e, panel_copy_for(e, pack), args, COPY_ARGS);
    loop_close(e, &l);
    if (e->target->streams)
        LLVMBuildFence(e->b, LLVMAtomicOrderingSequentiallyConsistent, false, "");
}

/* ---- dots ------------------------------------------------------------------------------------------------------- */

static bool is_tiled(const Target *t, const Kernel *k, const Dot *d)
{
    return d->b.packed || k->params[d->a.buf].elem == BF16 || t->gemm == GEMM_NATIVE || (t->gemm == GEMM_AUTO && t->fma && t->lanes >= 8);
}

static DotLayout layout_of(const Kernel *k, const Dot *d)
{
    return (DotLayout){ .bf16 = k->params[d->a.buf].elem == BF16, .split = d->b.split, .a_turned = !is_one(d->a.col),
                        .b_turned = !d->b.packed && !is_one(d->b.col), .packed = d->b.packed };
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

static int add_layout(DotLayout *layout, int n, DotLayout own)
{
    for (int i = 0; i < n; i++)
        if (layout[i].tiles == own.tiles && layout[i].a_turned == own.a_turned && layout[i].b_turned == own.b_turned &&
            layout[i].packed == own.packed && layout[i].bf16 == own.bf16 && layout[i].split == own.split &&
            layout[i].packs == own.packs && layout[i].rounds == own.rounds)
            return n;
    if (n == MAX_DOT_LAYOUTS)
        ftc_bug("a kernel with dots of more than %d layouts", MAX_DOT_LAYOUTS);
    layout[n] = own;
    return n + 1;
}

static int collect_dots(const Target *t, const Kernel *k, const KStmt *s, DotLayout *layout, int n)
{
    for (; s; s = s->next) {
        n = collect_dots(t, k, s->body, layout, n);
        if (s->kind == K_PACK)
            n = add_layout(layout, n, pack_layout(k, s->dot));
        if (s->kind != K_DOT || !is_tiled(t, k, s->dot))
            continue;
        DotLayout own = layout_of(k, s->dot);
        n = add_layout(layout, n, tiles_layout(t, own));
        n = add_layout(layout, n, own);
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
        .target = t, .c = c, .m = m, .lanes = 1, .shared_dots = true,
        .i1 = LLVMInt1TypeInContext(c), .i8 = LLVMInt8TypeInContext(c), .i16 = LLVMInt16TypeInContext(c),
        .i32 = LLVMInt32TypeInContext(c), .i64 = LLVMInt64TypeInContext(c), .f32 = LLVMFloatTypeInContext(c),
        .f64 = LLVMDoubleTypeInContext(c), .ptr = LLVMPointerTypeInContext(c, 0),
    };
    if (layout.packs) {
        LLVMValueRef fn = emit_panel_copy(&e, layout);
        LLVMSetValueName2(fn, symbol, strlen(symbol));
        LLVMSetLinkage(fn, LLVMExternalLinkage);
    } else if (layout.tiles) {
        emit_tiles(&e, tile_of(t, layout.packed), layout, symbol);
    } else {
        dot_function(&e, layout, symbol);
    }
}
