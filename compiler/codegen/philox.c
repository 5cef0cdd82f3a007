/* rand: sixteen uniform bits for each lane, as ir.h defines them: Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel
 * random numbers: as easy as 1, 2, 3; 2011).
 *
 * The definition lets one evaluation of 16 lanes serve 128 columns: its four words of 32 bits are eight groups of 16
 * columns.  So a vec loop whose columns are its own iterations computes the words where a block of 128 begins, keeps
 * them on the stack, and each vector picks its word and half.  Where columns run otherwise, each lane computes its own. */
#include "compiler/codegen/emit.h"

enum { BLOCK_LANES = 16, BLOCK_WORDS = 4 * BLOCK_LANES, BLOCK_COLUMNS = 128 };

LLVMValueRef new_rand_slot(Emit *e)
{
    LLVMValueRef slot = new_slot(e, LLVMArrayType2(e->i32, BLOCK_WORDS));
    LLVMSetAlignment(slot, 64);
    return slot;
}

static LLVMValueRef xor_(Emit *e, LLVMValueRef a, LLVMValueRef b) { return LLVMBuildXor(e->b, a, b, ""); }

/* The upper and lower half of x * m. */
static void multiply(Emit *e, LLVMValueRef x, uint32_t m, LLVMValueRef *high, LLVMValueRef *low)
{
    LLVMBuilderRef b = e->b;
    if (!is_vector(x)) {
        LLVMValueRef p = LLVMBuildMul(b, LLVMBuildZExt(b, x, e->i64, ""), whole(e->i64, m), "");
        *high = LLVMBuildTrunc(b, LLVMBuildLShr(b, p, whole(e->i64, 32), ""), e->i32, "");
        *low = LLVMBuildTrunc(b, p, e->i32, "");
        return;
    }
    /* Vector machines multiply every second lane to 64 bits: do the even lanes, then the odd ones, and interleave. */
    LLVMTypeRef t = LLVMTypeOf(x);
    unsigned lanes = LLVMGetVectorSize(t);
    LLVMTypeRef pairs = LLVMVectorType(e->i64, lanes / 2);
    LLVMValueRef wide = LLVMBuildBitCast(b, x, pairs, ""), factor = whole(pairs, m);
    LLVMValueRef even = LLVMBuildMul(b, LLVMBuildAnd(b, wide, whole(pairs, 0xFFFFFFFF), ""), factor, "");
    LLVMValueRef odd = LLVMBuildMul(b, LLVMBuildLShr(b, wide, whole(pairs, 32), ""), factor, "");
    even = LLVMBuildBitCast(b, even, t, "");
    odd = LLVMBuildBitCast(b, odd, t, "");
    LLVMValueRef highs[BLOCK_LANES], lows[BLOCK_LANES];
    for (unsigned l = 0; l < lanes; l++) {
        unsigned from = l % 2 ? lanes + l - 1 : l;
        lows[l] = whole(e->i32, from);
        highs[l] = whole(e->i32, from + 1);
    }
    *high = LLVMBuildShuffleVector(b, even, odd, LLVMConstVector(highs, lanes), "");
    *low = LLVMBuildShuffleVector(b, even, odd, LLVMConstVector(lows, lanes), "");
}

/* c holds the counter and becomes the four words.  The ten rounds stay a loop: written out they would be most of what a
 * kernel with dropout takes to compile. */
static void philox(Emit *e, LLVMValueRef c[4], LLVMValueRef k0, LLVMValueRef k1)
{
    int lanes = 1;
    for (int i = 0; i < 4; i++)
        lanes = is_vector(c[i]) ? (int)LLVMGetVectorSize(LLVMTypeOf(c[i])) : lanes;
    LLVMTypeRef t = lanes > 1 ? LLVMVectorType(e->i32, (unsigned)lanes) : e->i32;
    LLVMValueRef state[6] = { c[0], c[1], c[2], c[3], k0, k1 }, slot[6];
    for (int i = 0; i < 6; i++) {
        slot[i] = new_slot(e, t);
        LLVMBuildStore(e->b, is_vector(state[i]) ? state[i] : splat(e, state[i], lanes), slot[i]);
    }
    Loop l = loop_open(e, whole(e->i64, 0), whole(e->i64, 10), 1);
    for (int i = 0; i < 6; i++)
        state[i] = LLVMBuildLoad2(e->b, t, slot[i], "");
    LLVMValueRef high0, low0, high1, low1;
    multiply(e, state[0], 0xD2511F53, &high0, &low0);
    multiply(e, state[2], 0xCD9E8D57, &high1, &low1);
    LLVMValueRef next[6] = { xor_(e, xor_(e, state[1], state[4]), high1), low1,
                             xor_(e, xor_(e, state[3], state[5]), high0), low0,
                             LLVMBuildAdd(e->b, state[4], whole(t, 0x9E3779B9), ""),
                             LLVMBuildAdd(e->b, state[5], whole(t, 0xBB67AE85), "") };
    for (int i = 0; i < 6; i++)
        LLVMBuildStore(e->b, next[i], slot[i]);
    loop_close(e, &l);
    for (int i = 0; i < 4; i++)
        c[i] = LLVMBuildLoad2(e->b, t, slot[i], "");
}

/* (x >> shift) & mask in x's type */
static LLVMValueRef bits(Emit *e, LLVMValueRef x, int shift, int64_t mask)
{
    LLVMTypeRef t = LLVMTypeOf(x);
    return LLVMBuildAnd(e->b, LLVMBuildLShr(e->b, x, whole(t, shift), ""), whole(t, mask), "");
}

/* From a block's words: computed by the first vector in it, read back by every one. */
static LLVMValueRef pick_from_block(Emit *e, const KStmt *s, LLVMValueRef words, LaneIndex column)
{
    LLVMBuilderRef b = e->b;
    LLVMValueRef starts = LLVMBuildICmp(b, LLVMIntEQ, bits(e, column.base, 0, BLOCK_COLUMNS - 1), whole(e->i64, 0), "");
    LLVMBasicBlockRef join = if_open(e, LLVMBuildOr(b, starts, e->first, ""));
    LLVMValueRef block = LLVMBuildTrunc(b, bits(e, column.base, 7, -1), e->i32, "");
    block = LLVMBuildShl(b, block, whole(e->i32, 4), "");
    LLVMValueRef counter = LLVMBuildOr(b, splat(e, block, BLOCK_LANES), lane_numbers(e->i32, BLOCK_LANES), "");
    LLVMValueRef c[4] = { value_of(e, s->src[2]), counter, value_of(e, s->src[1]), whole(e->i32, 0) };
    philox(e, c, value_of(e, s->src[0]), e->imm[s->imm]);
    for (int w = 0; w < 4; w++) {
        LLVMValueRef at = whole(e->i64, w * BLOCK_LANES);
        LLVMSetAlignment(LLVMBuildStore(b, c[w], LLVMBuildInBoundsGEP2(b, e->i32, words, &at, 1, "")), 64);
    }
    if_close(e, join);

    LLVMValueRef word = LLVMBuildShl(b, bits(e, column.base, 5, 3), whole(e->i64, 4), "");
    LLVMValueRef at = LLVMBuildOr(b, word, bits(e, column.base, 0, 15), "");
    LLVMTypeRef t = lanes_of(e, e->i32);
    LLVMValueRef v = LLVMBuildLoad2(b, t, LLVMBuildInBoundsGEP2(b, e->i32, words, &at, 1, ""), "");
    LLVMSetAlignment(v, 4);
    LLVMValueRef half = LLVMBuildTrunc(b, LLVMBuildShl(b, bits(e, column.base, 4, 1), whole(e->i64, 4), ""), e->i32, "");
    return LLVMBuildAnd(b, LLVMBuildLShr(b, v, splat(e, half, e->lanes), ""), whole(t, 0xFFFF), "");
}

static LLVMValueRef compute_each(Emit *e, const KStmt *s, LaneIndex column)
{
    LLVMBuilderRef b = e->b;
    LLVMValueRef col = index_as_i32(e, column);
    LLVMTypeRef t = LLVMTypeOf(col);
    LLVMValueRef counter = LLVMBuildOr(b, LLVMBuildShl(b, bits(e, col, 7, -1), whole(t, 4), ""), bits(e, col, 0, 15), "");
    LLVMValueRef c[4] = { value_of(e, s->src[2]), counter, value_of(e, s->src[1]), whole(e->i32, 0) };
    philox(e, c, value_of(e, s->src[0]), e->imm[s->imm]);
    if (is_vector(c[0])) { /* a column all lanes share still has different words where the row varies */
        col = spread(e, col);
        t = LLVMTypeOf(col);
    }
    LLVMValueRef odd = LLVMBuildICmp(b, LLVMIntNE, bits(e, col, 5, 1), whole(t, 0), "");
    LLVMValueRef upper = LLVMBuildICmp(b, LLVMIntNE, bits(e, col, 6, 1), whole(t, 0), "");
    LLVMValueRef low = LLVMBuildSelect(b, odd, c[1], c[0], ""), high = LLVMBuildSelect(b, odd, c[3], c[2], "");
    LLVMValueRef word = LLVMBuildSelect(b, upper, high, low, "");
    LLVMValueRef half = LLVMBuildShl(b, bits(e, col, 4, 1), whole(t, 4), "");
    return LLVMBuildAnd(b, LLVMBuildLShr(b, word, half, ""), whole(t, 0xFFFF), "");
}

LLVMValueRef emit_rand(Emit *e, const KStmt *s)
{
    LaneIndex column = emit_poly(e, s->at);
    /* All lanes of a vector must lie in one group of 16 columns.  If they may not, the rest of the loop finds no words. */
    if (!column.base || column.multiple % e->lanes)
        e->words[s->dst] = NULL;
    return e->words[s->dst] ? pick_from_block(e, s, e->words[s->dst], column) : compute_each(e, s, column);
}
