/* Writing the functions that dots call: tiles (gemm_tile.c, gemm_amx.c), copies to panels (gemm_pack.c), and the loops around
 * both (gemm.c).  Private to these four. */
#ifndef FTC_GEMM_H
#define FTC_GEMM_H

#include "compiler/codegen/emit.h"

enum {
    LINE = 16,     /* elements in a cache line */
    TILE_ROWS_MOST = 14,
    TILE_VECTORS_MOST = 2,

    /* of blocks: gemm.c */
    K_BLOCK = 768,
    ROW_BLOCK = 98,     /* about; rounded down to whole tiles: with K_BLOCK, 300 KB of A; of rows half as long, twice as many */
    AMX_ROW_BLOCK = 192, /* six blocks of registers: with K_BLOCK, and the panels of B that are read meanwhile, about an L2 */
    A_ROOM = (ROW_BLOCK + 2 * LINE) * (K_BLOCK + 2 * LINE),
    AMX_A_ROOM = (AMX_ROW_BLOCK + 2 * LINE) * (K_BLOCK + 2 * LINE),
    A_PART = (AMX_ROW_BLOCK + 2 * LINE) * (K_BLOCK / 2 + 2 * LINE), /* pairs: a split block of A has as much room for each part */
};

/* A tile's sums, a row of B and an element of A have to fit into the registers. */
typedef struct {
    int rows, vectors, lanes;
    int turns; /* of k that are written out, one behind the other */
    int stride; /* of B's rows; 0: as TILE_B_STRIDE says */
} Tile;

/* ---- short names ---------------------------------------------------------------------------------------------- */

static inline LLVMValueRef at_least(Emit *e, LLVMValueRef a, LLVMValueRef b) { return LLVMBuildICmp(e->b, LLVMIntSGE, a, b, ""); }
static inline LLVMValueRef plus(Emit *e, LLVMValueRef a, LLVMValueRef b) { return LLVMBuildNSWAdd(e->b, a, b, ""); }
static inline LLVMValueRef minus(Emit *e, LLVMValueRef a, LLVMValueRef b) { return LLVMBuildNSWSub(e->b, a, b, ""); }
static inline LLVMValueRef times(Emit *e, LLVMValueRef a, LLVMValueRef b) { return LLVMBuildNSWMul(e->b, a, b, ""); }

static inline void call(Emit *e, LLVMValueRef fn, LLVMValueRef *args, unsigned n)
{
    LLVMBuildCall2(e->b, LLVMGlobalGetValueType(fn), fn, args, n, "");
}

static inline LLVMValueRef element(Emit *e, LLVMValueRef p, LLVMValueRef i)
{
    return LLVMBuildInBoundsGEP2(e->b, e->f32, p, &i, 1, "");
}

static inline LLVMValueRef smaller(Emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildSelect(e->b, at_least(e, a, b), b, a, "");
}

static inline LLVMValueRef read_slot(Emit *e, LLVMValueRef slot)
{
    return LLVMBuildLoad2(e->b, LLVMGetAllocatedType(slot), slot, "");
}

/* n, or if that is odd one more. */
static inline LLVMValueRef even(Emit *e, LLVMValueRef n)
{
    return LLVMBuildAnd(e->b, plus(e, n, whole(e->i64, 1)), whole(e->i64, -2), "");
}

/* How many pairs n numbers make, the last one with a lone one. */
static inline LLVMValueRef pairs_of(Emit *e, LLVMValueRef n)
{
    LLVMValueRef one = whole(e->i64, 1);
    return LLVMBuildLShr(e->b, plus(e, n, one), one, "");
}

static inline LLVMValueRef half_element(Emit *e, LLVMValueRef p, LLVMValueRef i)
{
    return LLVMBuildInBoundsGEP2(e->b, e->i16, p, &i, 1, "");
}

/* Starts to write a function of e's module, with `f`. */
void write_function(const Emit *e, Emit *f, LLVMValueRef fn);
LLVMValueRef open_function(const Emit *e, Emit *f, const char *name, LLVMTypeRef *params, unsigned n); /* a new one, internal */
LLVMValueRef declare_function(Emit *e, const char *name, LLVMTypeRef *params, unsigned n); /* that which there is, or will be */
void close_function(Emit *f);
LLVMValueRef slot_with(Emit *e, LLVMValueRef v); /* a stack slot that holds v */

/* e->lanes floats at p; those outside the mask are neither read (they are 0) nor written. */
LLVMValueRef load_lanes(Emit *e, LLVMValueRef p, LLVMValueRef mask);
void store_lanes(Emit *e, LLVMValueRef p, LLVMValueRef mask, LLVMValueRef v);

/* Asks for a line of memory. */
enum { FOR_READING, FOR_WRITING };
enum { TO_L2 = 2, TO_L1 = 3 };
void fetch(Emit *e, LLVMValueRef p, int writing, int where);

/* ---- tiles ---------------------------------------------------------------------------------------------------- */

/* ROWS: of A, to all of which the tiles go, as many at once as they can.  bf16: DEPTH counts pairs; where the left-over k of an odd
 * depth is read from A's row, ODD says that there is one.  NEXT: each turn asks for the line there, and goes NEXT_STRIDE further;
 * where operands are split (AMX), NEXT_STRIDE is from B's part to the next one, in pairs, and A_PART is A's.  SHAPE, of AMX: where to
 * keep what the registers are configured for; 0 before the first tiles. */
enum {
    TILE_A, TILE_A_STRIDE, TILE_B, TILE_B_STRIDE, TILE_C, TILE_C_STRIDE, TILE_DEPTH, TILE_COLUMNS, TILE_ACCUMULATE, TILE_ODD, TILE_NEXT,
    TILE_NEXT_STRIDE, TILE_ROWS, TILE_SHAPE, TILE_ARGS
};

/* A function: C[0 .. rows, 0 .. columns) (+)= A B; turned: A's rows are contiguous, its stride is from one k (or pair) to the next;
 * t has the rows of the largest tile.  symbol: its name, for other modules; NULL: it is for this one. */
LLVMValueRef tiles_function(Emit *outer, Tile t, bool turned, bool bf16, const char *symbol);

/* How many rows the next tile takes, of those that are left: all that it can, until at most two are left to do, which share what there
 * is.  Odd rows go one by one. */
LLVMValueRef rows_of_tile(Emit *e, Tile t, LLVMValueRef left);

/* Where B's stride is known, A that is turned is copied to panels: for each tile its rows, which are a vector for each k, and a line
 * behind them, so that panels don't begin in the same set of L1. */
static inline bool in_left_panels(Tile t, bool turned) { return turned && t.stride; }

/* The room of a block of A in panels, of a vector for each k; left over rows take two panels. */
static inline uint64_t left_room(Tile t) { return (uint64_t)(ROW_BLOCK / t.rows + 1) * (uint64_t)(K_BLOCK * t.lanes + LINE); }

static inline LLVMValueRef left_panel_size(Emit *e, Tile t, LLVMValueRef depth)
{
    return plus(e, times(e, depth, whole(e->i64, t.lanes)), whole(e->i64, LINE));
}

void tile_masks(Emit *e, Tile t, LLVMValueRef columns, LLVMValueRef *mask); /* the columns of C in each vector of a tile */
LLVMTypeRef *tile_params(const Emit *e, LLVMTypeRef params[TILE_ARGS]);

/* The same of bf16 with AMX, or of f32 in parts; A isn't turned. */
LLVMValueRef amx_tiles_function(Emit *outer, Tile t, bool split, const char *symbol);

static inline LLVMValueRef left_element(Emit *e, bool turned, bool bf16, LLVMValueRef a, LLVMValueRef i)
{
    return bf16 && !turned ? half_element(e, a, i) : element(e, a, i);
}

/* ---- copies to panels ------------------------------------------------------------------------------------------ */

enum { COPY_FROM, COPY_STRIDE, COPY_TO, COPY_WIDTH, COPY_ROWS, COPY_COLUMNS, COPY_PART, COPY_ARGS };
LLVMTypeRef *copy_params(const Emit *e, LLVMTypeRef params[COPY_ARGS]);

/* What becomes of the numbers: f32 stay so; bf16 of k and k + 1 lie side by side as PAIRS, in 32 bits, or become two rows of
 * f32, k + 1 and then k: the order in which the pair instruction adds them; ROUNDED: f32 become bf16 in pairs; SPLIT: so does what
 * that leaves of them, and what both leave (0 where that isn't finite), PART pairs further each. */
typedef enum { COPY_F32, COPY_PAIRS, COPY_WIDE, COPY_ROUNDED, COPY_SPLIT } Copy;

LLVMValueRef load_pairs(Emit *e, LLVMValueRef p);                      /* e->lanes of 32 bits */
LLVMValueRef half_of(Emit *e, LLVMValueRef pairs, bool upper);         /* of each 32 bits, as a float */

static inline LLVMValueRef source_element(Emit *e, Copy copy, LLVMValueRef p, LLVMValueRef i)
{
    return copy == COPY_PAIRS || copy == COPY_WIDE ? half_element(e, p, i) : element(e, p, i);
}

/* Functions that fill one panel, for a Tile of its width.  copy: rows of columns to rows of width, with zeros behind; pair_rows:
 * rows of bf16; turn: from a matrix whose k is contiguous.  ROWS counts single rows of k throughout.  streamed: to lines of memory,
 * past the caches (not COPY_WIDE). */
LLVMValueRef copy_function(Emit *outer, Tile t, bool streamed);
LLVMValueRef pair_rows_function(Emit *outer, Tile t, Copy copy, bool streamed);
LLVMValueRef turn_function(Emit *outer, Tile t, Copy copy, bool streamed);

/* Rows of bf16 whose COLUMNS are contiguous become COLUMNS rows of width pairs of k, a multiple of 16; up to 15 rows behind are
 * written.  split: rows of f32 become three such, A_PART apart; split_rows: from rows whose COLUMNS are the k. */
LLVMValueRef turn_left_function(Emit *outer, Tile t, bool split);
LLVMValueRef split_rows_function(Emit *outer, Tile t);

/* A panel of f32 from one that is split: the numbers as they were. */
LLVMValueRef join_function(Emit *outer, Tile t);

/* Rows of A that is turned, f32 or bf16 that are widened, to its panels, PART elements apart. */
LLVMValueRef left_panels_function(Emit *outer, Tile t, Copy copy);

/* What is there already becomes f32 in that order: rows of PAIRS, or rows whose COLUMNS are the k. */
LLVMValueRef widen_pairs_function(Emit *outer, Tile t);
LLVMValueRef widen_rows_function(Emit *outer, Tile t);

#endif
