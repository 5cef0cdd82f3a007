/* The tiles of bf16 for AMX, Intel's matrix registers, and of f32 in parts of bf16 (passes/pack.c): see gemm.h.
 *
 * In:  what every tile takes: rows of bf16 as they lie, a panel of pairs, C; of parts, three of the first and three of the second.
 * Out: a function that goes over the rows by blocks of at most 32 x 32.
 * The idea: a register has 16 rows of 64 bytes.  Four hold a block's sums; for each 32 k, two are filled with rows of A and two
 * with rows of the panel, whose layout is the one that the instruction wants, and multiplied each with each.  What is left over in
 * rows, columns and k has registers with as much less in them: nothing outside is read or written, and nothing masked.
 *
 * What a number is (Intel's Software Developer's Manual, TDPBF16PS): of every 32 k, counted from the block of K's first, the even
 * ones and the odd ones are each a chain of fused multiply-adds from 0; their sum is added to C's element.  Denormals count as 0.
 * A lone last k is one more fused multiply-add.  Of f32 in parts, six products are added so, one after another, for each 32 k
 * (split_order).  So the bits depend on neither rows, columns nor pieces; but they aren't those of the machines that have no AMX,
 * which -fno-amx gives. */
#include "compiler/codegen/gemm.h"

#include <stdio.h>

enum {
    ROWS = 16, PAIRS = 16,              /* of a register: rows, and 32-bit columns */
    SUMS = 0, LEFT = 4, RIGHT = 6,      /* registers: sums of the upper rows and of the lower ones; A's two; the panel's two */
    REGISTERS = 8,
    FETCHES = 2,                        /* of lines of each of the panel's parts, in a turn */
    CONFIG_BYTES = 64, CONFIG_WIDTHS = 16, CONFIG_ROWS = 48,
};

static LLVMValueRef reg(Emit *e, int number) { return whole(e->i8, number); }

/* The registers' sizes, from now on; they lose what they held.  One without rows or columns isn't there. */
enum { CONFIG_UPPER, CONFIG_LOWER, CONFIG_COLUMNS, CONFIG_PAIRS, CONFIG_ARGS };

static LLVMValueRef configure_function(Emit *outer)
{
    static const char name[] = "amx_configure";
    LLVMValueRef fn = LLVMGetNamedFunction(outer->m, name);
    if (fn)
        return fn;
    LLVMTypeRef i64 = outer->i64, params[CONFIG_ARGS] = { i64, i64, i64, i64 };
    Emit f, *e = &f;
    fn = open_function(outer, e, name, params, CONFIG_ARGS);
    LLVMValueRef zero = whole(i64, 0), half = whole(i64, PAIRS), pairs = LLVMGetParam(fn, CONFIG_PAIRS);
    LLVMValueRef columns = LLVMGetParam(fn, CONFIG_COLUMNS);
    LLVMValueRef upper = LLVMGetParam(fn, CONFIG_UPPER), lower = LLVMGetParam(fn, CONFIG_LOWER);
    LLVMValueRef first = smaller(e, columns, half), second = minus(e, columns, first);
    const struct { LLVMValueRef rows, columns; } size[REGISTERS] = {
        { upper, first }, { upper, second }, { lower, first }, { lower, second },
        { upper, pairs }, { lower, pairs }, { pairs, first }, { pairs, second },
    };
    LLVMTypeRef bytes = LLVMVectorType(e->i8, CONFIG_BYTES);
    LLVMValueRef config = LLVMBuildInsertElement(e->b, LLVMConstNull(bytes), whole(e->i8, 1), whole(e->i32, 0), ""); /* palette 1 */
    for (int i = 0; i < REGISTERS; i++) {
        LLVMValueRef there = LLVMBuildAnd(e->b, LLVMBuildICmp(e->b, LLVMIntNE, size[i].rows, zero, ""),
                                          LLVMBuildICmp(e->b, LLVMIntNE, size[i].columns, zero, ""), "");
        LLVMValueRef rows = LLVMBuildSelect(e->b, there, size[i].rows, zero, "");
        LLVMValueRef width = times(e, LLVMBuildSelect(e->b, there, size[i].columns, zero, ""), whole(i64, 4));
        width = LLVMBuildTrunc(e->b, width, e->i8, "");
        rows = LLVMBuildTrunc(e->b, rows, e->i8, "");
        config = LLVMBuildInsertElement(e->b, config, width, whole(e->i32, CONFIG_WIDTHS + 2 * i), "");
        config = LLVMBuildInsertElement(e->b, config, rows, whole(e->i32, CONFIG_ROWS + i), "");
    }
    LLVMValueRef at = slot_with(e, config);
    call_intrinsic(e, "llvm.x86.ldtilecfg", NULL, 0, &at, 1);
    close_function(e);
    return fn;
}

/* One block, of bf16 or of f32 in parts: sums of `lower` rows too or not, of the second 16 columns or not.  From turn FULL on, where
 * parts have such a one, the panel's rows are those at LAST.  Meanwhile lines from NEXT on are asked for, NEXT_STEP apart. */
enum {
    BLOCK_A, BLOCK_A_STRIDE, BLOCK_B, BLOCK_B_STRIDE, BLOCK_C, BLOCK_C_STRIDE, BLOCK_TURNS, BLOCK_ACCUMULATE, BLOCK_UPPER, BLOCK_B_PART,
    BLOCK_FULL, BLOCK_LAST, BLOCK_NEXT, BLOCK_NEXT_STEP, BLOCK_ARGS
};

static void load(Emit *e, int to, LLVMValueRef p, LLVMValueRef stride)
{
    call_intrinsic(e, "llvm.x86.tileloadd64", NULL, 0, (LLVMValueRef[]){ reg(e, to), p, stride }, 3);
}

/* The lines asked for are few: the processor fetches those between them by itself. */
static void fetch_some(Emit *e, LLVMValueRef next, LLVMValueRef part, int parts)
{
    LLVMValueRef line = read_slot(e, next);
    for (int i = 0; i < FETCHES; i++) {
        for (int p = 0; p < parts; p++)
            fetch(e, p ? element(e, line, times(e, part, whole(e->i64, p))) : line, FOR_READING, TO_L2);
        line = element(e, line, LLVMGetParam(e->fn, BLOCK_NEXT_STEP));
    }
    LLVMBuildStore(e->b, line, next);
}

/* Of A and of B, which parts are multiplied; those of the products that f32 need.  From one to the next, one of the two stays. */
typedef struct {
    int left, right;
} Product;

static const Product whole_order[] = { { 0, 0 } }, split_order[] = { { 2, 0 }, { 1, 0 }, { 1, 1 }, { 0, 1 }, { 0, 2 }, { 0, 0 } };
enum { SPLIT_PRODUCTS = sizeof split_order / sizeof *split_order };

/* Where a turn's rows begin: A's upper ones, and the panel's; and how far the panel's parts are apart. */
typedef struct {
    LLVMValueRef a, b, b_part;
} Operands;

static Operands operands_of_turn(Emit *e, LLVMValueRef turn, bool split)
{
    LLVMValueRef pairs = times(e, turn, whole(e->i64, PAIRS)), b_stride = LLVMGetParam(e->fn, BLOCK_B_STRIDE);
    Operands o = { element(e, LLVMGetParam(e->fn, BLOCK_A), pairs), element(e, LLVMGetParam(e->fn, BLOCK_B), times(e, pairs, b_stride)),
                   LLVMGetParam(e->fn, BLOCK_B_PART) };
    if (split) {
        LLVMValueRef last = at_least(e, turn, LLVMGetParam(e->fn, BLOCK_FULL));
        o.b = LLVMBuildSelect(e->b, last, LLVMGetParam(e->fn, BLOCK_LAST), o.b, "");
        o.b_part = LLVMBuildSelect(e->b, last, times(e, b_stride, whole(e->i64, PAIRS)), o.b_part, "");
    }
    return o;
}

static void load_left(Emit *e, const Operands *o, int half, int part)
{
    LLVMValueRef stride = LLVMGetParam(e->fn, BLOCK_A_STRIDE), own = element(e, o->a, whole(e->i64, (int64_t)part * A_PART));
    if (half)
        own = half_element(e, own, times(e, LLVMGetParam(e->fn, BLOCK_UPPER), stride));
    load(e, LEFT + half, own, times(e, stride, whole(e->i64, 2)));
}

static void load_right(Emit *e, const Operands *o, int vector, int part)
{
    LLVMValueRef own = element(e, part ? element(e, o->b, times(e, o->b_part, whole(e->i64, part))) : o->b, whole(e->i64, vector * PAIRS));
    load(e, RIGHT + vector, own, times(e, LLVMGetParam(e->fn, BLOCK_B_STRIDE), whole(e->i64, 4)));
}

/* No register is to spare, and what waits for its operands waits long: so each is loaded for the next product as soon as this one has
 * no more use for it. */
static LLVMValueRef block_function(Emit *outer, int halves, int vectors, bool split)
{
    char name[40];
    snprintf(name, sizeof name, "amx_%dx%d%s", halves * ROWS, vectors * PAIRS, split ? "_split" : "");
    LLVMValueRef fn = LLVMGetNamedFunction(outer->m, name);
    if (fn)
        return fn;
    LLVMTypeRef i64 = outer->i64, ptr = outer->ptr, params[BLOCK_ARGS] = {
        ptr, i64, ptr, i64, ptr, i64, i64, outer->i1, i64, i64, i64, ptr, ptr, i64,
    };
    Emit f, *e = &f;
    fn = open_function(outer, e, name, params, BLOCK_ARGS);
    const Product *order = split ? split_order : whole_order;
    const int products = split ? SPLIT_PRODUCTS : 1;
    LLVMValueRef upper = LLVMGetParam(fn, BLOCK_UPPER), c_stride = LLVMGetParam(fn, BLOCK_C_STRIDE);
    LLVMValueRef c_bytes = times(e, c_stride, whole(i64, 4));
    LLVMValueRef c[4], lower_c = element(e, LLVMGetParam(fn, BLOCK_C), times(e, upper, c_stride));
    for (int i = 0; i < 4; i++)
        c[i] = element(e, i < 2 ? LLVMGetParam(fn, BLOCK_C) : lower_c, whole(i64, i % 2 * PAIRS));

    LLVMValueRef accumulate = LLVMGetParam(fn, BLOCK_ACCUMULATE);
    for (int old = 0; old < 2; old++) {
        LLVMBasicBlockRef join = if_open(e, old ? accumulate : LLVMBuildNot(e->b, accumulate, ""));
        for (int h = 0; h < halves; h++)
            for (int v = 0; v < vectors; v++) {
                LLVMValueRef sums = reg(e, SUMS + 2 * h + v);
                if (old)
                    load(e, SUMS + 2 * h + v, c[2 * h + v], c_bytes);
                else
                    call_intrinsic(e, "llvm.x86.tilezero", NULL, 0, &sums, 1);
            }
        if_close(e, join);
    }
    LLVMValueRef next = slot_with(e, LLVMGetParam(fn, BLOCK_NEXT));
    Loop l = loop_open(e, whole(i64, 0), LLVMGetParam(fn, BLOCK_TURNS), 1);
    fetch_some(e, next, LLVMGetParam(fn, BLOCK_B_PART), split ? SPLIT_PARTS : 1);
    Operands now = operands_of_turn(e, l.i, split);
    for (int h = 0; h < halves; h++)
        load_left(e, &now, h, order[0].left);
    for (int v = 0; v < vectors; v++)
        load_right(e, &now, v, order[0].right);
    for (int i = 0; i < products; i++) {
        const Product *to = &order[i + 1 < products ? i + 1 : i];
        for (int v = 0; v < vectors; v++)
            for (int h = 0; h < halves; h++) {
                call_intrinsic(e, "llvm.x86.tdpbf16ps", NULL, 0,
                               (LLVMValueRef[]){ reg(e, SUMS + 2 * h + v), reg(e, LEFT + h), reg(e, RIGHT + v) }, 3);
                if (v == vectors - 1 && to->left != order[i].left)
                    load_left(e, &now, h, to->left);
                if (h == halves - 1 && to->right != order[i].right)
                    load_right(e, &now, v, to->right);
            }
    }
    loop_close(e, &l);
    for (int h = 0; h < halves; h++)
        for (int v = 0; v < vectors; v++)
            call_intrinsic(e, "llvm.x86.tilestored64", NULL, 0,
                           (LLVMValueRef[]){ reg(e, SUMS + 2 * h + v), c[2 * h + v], c_bytes }, 3);
    close_function(e);
    return fn;
}

/* C's rows plus the product of A's last, lone column and the panel's last row, whose upper halves are 0. */
static void add_odd(Emit *e, Tile t, LLVMValueRef *args)
{
    LLVMValueRef last = times(e, args[TILE_DEPTH], whole(e->i64, 2));
    LLVMValueRef panel = element(e, args[TILE_B], times(e, args[TILE_DEPTH], args[TILE_B_STRIDE]));
    LLVMValueRef right[TILE_VECTORS_MOST], mask[TILE_VECTORS_MOST];
    e->lanes = t.lanes;
    LLVMTypeRef floats = lanes_of(e, e->f32);
    tile_masks(e, t, args[TILE_COLUMNS], mask);
    for (int v = 0; v < t.vectors; v++)
        right[v] = half_of(e, load_pairs(e, element(e, panel, whole(e->i64, v * t.lanes))), false);
    Loop row = loop_open(e, whole(e->i64, 0), args[TILE_ROWS], 1);
    LLVMValueRef at = half_element(e, args[TILE_A], plus(e, times(e, row.i, args[TILE_A_STRIDE]), last));
    LLVMValueRef half = LLVMBuildZExt(e->b, LLVMBuildLoad2(e->b, e->i16, at, ""), e->i32, "");
    LLVMValueRef left = splat(e, half_of(e, half, false), t.lanes), c = element(e, args[TILE_C], times(e, row.i, args[TILE_C_STRIDE]));
    for (int v = 0; v < t.vectors; v++) {
        LLVMValueRef p = element(e, c, whole(e->i64, v * t.lanes)), sum[] = { left, right[v], load_lanes(e, p, mask[v]) };
        store_lanes(e, p, mask[v], call_intrinsic(e, "llvm.fma", &floats, 1, sum, 3));
    }
    loop_close(e, &row);
    e->lanes = 1;
}

/* The depths that all rows are taken through: TURNS of PAIRS from FIRST on; of FULL and LAST, see the blocks. */
typedef struct {
    LLVMValueRef first, turns, pairs, full, last, accumulate;
} Depths;

/* Upper rows and columns of a block, and the pairs of a turn, as one number: what the registers are configured for. */
static LLVMValueRef shape_of(Emit *e, LLVMValueRef rows, LLVMValueRef columns, LLVMValueRef pairs)
{
    LLVMValueRef base = whole(e->i64, 4 * ROWS);
    return plus(e, times(e, plus(e, times(e, rows, base), columns), base), pairs);
}

/* All rows, shared by blocks as evenly as goes: all but the last one are alike.  To configure the registers takes as long as many
 * products, so where they are as the last block wants them, blocks go from there to the first. */
static void add_turns(Emit *e, Tile t, bool split, LLVMValueRef *args, const Depths *d)
{
    LLVMValueRef zero = whole(e->i64, 0), one = whole(e->i64, 1), most = whole(e->i64, 2 * ROWS), rows = args[TILE_ROWS];
    LLVMValueRef blocks = LLVMBuildUDiv(e->b, plus(e, rows, whole(e->i64, 2 * ROWS - 1)), most, "");
    LLVMValueRef some = LLVMBuildSelect(e->b, at_least(e, blocks, one), blocks, one, "");
    LLVMValueRef share = LLVMBuildUDiv(e->b, minus(e, plus(e, rows, some), one), some, ""), columns = args[TILE_COLUMNS];
    LLVMValueRef behind = minus(e, some, one), rest = minus(e, rows, times(e, behind, share));
    LLVMValueRef as_the_last = shape_of(e, rest, columns, d->pairs), was = LLVMBuildLoad2(e->b, e->i64, args[TILE_SHAPE], "");
    LLVMValueRef back = LLVMBuildICmp(e->b, LLVMIntEQ, was, as_the_last, ""), narrow = at_least(e, whole(e->i64, PAIRS), columns);
    LLVMValueRef step = LLVMBuildUDiv(e->b, whole(e->i64, PAIRS * t.vectors * PAIRS / FETCHES), some, "");
    LLVMValueRef fetched = times(e, times(e, d->turns, step), whole(e->i64, FETCHES)); /* by a block */
    Loop l = loop_open(e, zero, blocks, 1);
    LLVMValueRef number = LLVMBuildSelect(e->b, back, minus(e, behind, l.i), l.i, ""), row = times(e, number, share);
    LLVMValueRef size = smaller(e, share, minus(e, rows, row)), single = at_least(e, whole(e->i64, ROWS), size);
    LLVMValueRef half = LLVMBuildLShr(e->b, plus(e, size, one), one, ""), upper = LLVMBuildSelect(e->b, single, size, half, "");
    LLVMValueRef shape = shape_of(e, size, columns, d->pairs), is = LLVMBuildLoad2(e->b, e->i64, args[TILE_SHAPE], "");
    LLVMBasicBlockRef join = if_open(e, LLVMBuildICmp(e->b, LLVMIntNE, shape, is, ""));
    LLVMValueRef config[CONFIG_ARGS] = { upper, minus(e, size, upper), columns, d->pairs };
    call(e, configure_function(e), config, CONFIG_ARGS);
    LLVMBuildStore(e->b, shape, args[TILE_SHAPE]);
    if_close(e, join);
    LLVMValueRef block[BLOCK_ARGS] = {
        [BLOCK_A] = half_element(e, args[TILE_A], plus(e, times(e, row, args[TILE_A_STRIDE]), times(e, d->first, whole(e->i64, 2)))),
        [BLOCK_A_STRIDE] = args[TILE_A_STRIDE],
        [BLOCK_B] = element(e, args[TILE_B], times(e, d->first, args[TILE_B_STRIDE])), [BLOCK_B_STRIDE] = args[TILE_B_STRIDE],
        [BLOCK_C] = element(e, args[TILE_C], times(e, row, args[TILE_C_STRIDE])), [BLOCK_C_STRIDE] = args[TILE_C_STRIDE],
        [BLOCK_TURNS] = d->turns, [BLOCK_ACCUMULATE] = d->accumulate, [BLOCK_UPPER] = upper, [BLOCK_B_PART] = args[TILE_NEXT_STRIDE],
        [BLOCK_FULL] = d->full, [BLOCK_LAST] = d->last,
        [BLOCK_NEXT] = element(e, args[TILE_NEXT], times(e, l.i, fetched)), [BLOCK_NEXT_STEP] = step,
    };
    for (int halves = 1; halves <= 2; halves++)
        for (int vectors = 1; vectors <= t.vectors; vectors++) {
            LLVMValueRef rows_fit = halves == 1 ? single : LLVMBuildNot(e->b, single, "");
            LLVMValueRef columns_fit = vectors == 1 ? narrow : LLVMBuildNot(e->b, narrow, "");
            join = if_open(e, LLVMBuildAnd(e->b, rows_fit, columns_fit, ""));
            call(e, block_function(e, halves, vectors, split), block, BLOCK_ARGS);
            if_close(e, join);
        }
    loop_close(e, &l);
}

/* The panel's rows behind the full turns, of all parts, with zeros up to a turn's; A's copy has zeros there too. */
static LLVMValueRef copy_last(Emit *e, Tile t, LLVMValueRef *args, LLVMValueRef full, LLVMValueRef rest)
{
    LLVMValueRef most = whole(e->i64, PAIRS), width = args[TILE_B_STRIDE], part = times(e, most, width);
    LLVMValueRef room = new_slot(e, LLVMArrayType2(e->f32, (uint64_t)(SPLIT_PARTS * PAIRS * t.vectors * t.lanes)));
    LLVMSetAlignment(room, 64);
    e->lanes = t.lanes;
    LLVMValueRef from = element(e, args[TILE_B], times(e, full, width));
    LLVMBasicBlockRef join = if_open(e, LLVMBuildICmp(e->b, LLVMIntNE, rest, whole(e->i64, 0), ""));
    for (int there = 0; there < 2; there++) {
        Loop l = loop_open(e, there ? whole(e->i64, 0) : rest, there ? rest : most, 1);
        for (int p = 0; p < SPLIT_PARTS; p++)
            for (int v = 0; v < t.vectors; v++) {
                LLVMValueRef at = plus(e, times(e, l.i, width), whole(e->i64, v * t.lanes));
                LLVMValueRef own = plus(e, at, times(e, args[TILE_NEXT_STRIDE], whole(e->i64, p)));
                LLVMValueRef x = there ? load_lanes(e, element(e, from, own), NULL) : LLVMConstNull(lanes_of(e, e->f32));
                store_lanes(e, element(e, room, plus(e, at, times(e, part, whole(e->i64, p)))), NULL, x);
            }
        loop_close(e, &l);
    }
    if_close(e, join);
    e->lanes = 1;
    return room;
}

LLVMValueRef amx_tiles_function(Emit *outer, Tile t, bool split, const char *symbol)
{
    const char *name = symbol ? symbol : split ? "tiles_amx_split" : "tiles_amx";
    LLVMValueRef fn = LLVMGetNamedFunction(outer->m, name);
    if (fn)
        return fn;
    LLVMTypeRef params[TILE_ARGS];
    Emit f, *e = &f;
    fn = open_function(outer, e, name, tile_params(outer, params), TILE_ARGS);
    if (symbol)
        LLVMSetLinkage(fn, LLVMExternalLinkage);
    LLVMValueRef args[TILE_ARGS], zero = whole(e->i64, 0), one = whole(e->i64, 1), most = whole(e->i64, PAIRS);
    LLVMGetParams(fn, args);
    LLVMValueRef turns = LLVMBuildUDiv(e->b, args[TILE_DEPTH], most, ""), full = times(e, turns, most);
    LLVMValueRef rest = minus(e, args[TILE_DEPTH], full), over = LLVMBuildICmp(e->b, LLVMIntNE, rest, zero, "");
    Depths d = { zero, turns, most, turns, args[TILE_B], args[TILE_ACCUMULATE] };
    if (split) {
        d.turns = plus(e, turns, LLVMBuildZExt(e->b, over, e->i64, ""));
        d.last = copy_last(e, t, args, full, rest);
        add_turns(e, t, split, args, &d);
    } else {
        LLVMValueRef any = LLVMBuildICmp(e->b, LLVMIntNE, turns, zero, "");
        LLVMBasicBlockRef join = if_open(e, LLVMBuildOr(e->b, any, LLVMBuildNot(e->b, over, ""), "")); /* an empty sum is stored too */
        add_turns(e, t, split, args, &d);
        if_close(e, join);
        join = if_open(e, over);
        d = (Depths){ full, one, rest, one, args[TILE_B], LLVMBuildOr(e->b, args[TILE_ACCUMULATE], any, "") };
        add_turns(e, t, split, args, &d);
        if_close(e, join);
        join = if_open(e, args[TILE_ODD]);
        add_odd(e, t, args);
        if_close(e, join);
    }
    close_function(e);
    return fn;
}
