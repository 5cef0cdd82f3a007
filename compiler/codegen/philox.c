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

static LLVMValueRef lower_half(Emit *e, LLVMValueRef x)
{
    return LLVMBuildAnd(e->b, x, whole(LLVMTypeOf(x), 0xFFFFFFFF), "");
}

static LLVMValueRef upper_half(Emit *e, LLVMValueRef x) { return LLVMBuildLShr(e->b, x, whole(LLVMTypeOf(x), 32), ""); }

/* A word of each lane as numbers of 64 bits, whose upper halves mean nothing: of a vector the even lanes, then the odd ones.  Vector
 * machines multiply such numbers as they are, so nothing is put in order between rounds.  A word that all lanes share is the same in
 * both; of a scalar the first counts. */
static void widen(Emit *e, LLVMValueRef x, int lanes, LLVMValueRef part[2])
{
    LLVMBuilderRef b = e->b;
    if (!is_vector(x)) {
        x = LLVMBuildZExt(b, x, e->i64, "");
        part[0] = part[1] = lanes > 1 ? splat(e, x, lanes / 2) : x;
        return;
    }
    LLVMTypeRef pairs = LLVMVectorType(e->i64, (unsigned)lanes / 2);
    part[0] = LLVMBuildBitCast(b, x, pairs, "");
    part[1] = upper_half(e, part[0]);
}

static LLVMValueRef narrow(Emit *e, LLVMValueRef even, LLVMValueRef odd, int lanes)
{
    if (lanes == 1)
        return LLVMBuildTrunc(e->b, even, e->i32, "");
    LLVMValueRef upper = LLVMBuildShl(e->b, odd, whole(LLVMTypeOf(odd), 32), "");
    LLVMTypeRef t = LLVMVectorType(e->i32, (unsigned)lanes);
    return LLVMBuildBitCast(e->b, LLVMBuildOr(e->b, lower_half(e, even), upper, ""), t, "");
}

/* c holds the counter and becomes the four words.  The ten rounds stay a loop: written out they would be most of what a
 * kernel with dropout takes to compile. */
static void philox(Emit *e, LLVMValueRef c[4], LLVMValueRef k0, LLVMValueRef k1)
{
    LLVMBuilderRef b = e->b;
    int lanes = 1, kept[6];
    for (int i = 0; i < 4; i++)
        lanes = is_vector(c[i]) ? (int)LLVMGetVectorSize(LLVMTypeOf(c[i])) : lanes;
    LLVMValueRef state[6] = { c[0], c[1], c[2], c[3], k0, k1 }, part[2], slot[6][2];
    for (int i = 0; i < 6; i++) {
        widen(e, state[i], lanes, part);
        kept[i] = lanes > 1 && (i < 4 || is_vector(state[i])) ? 2 : 1; /* lanes go on to share a key alone */
        for (int p = 0; p < kept[i]; p++)
            LLVMBuildStore(b, part[p], slot[i][p] = new_slot(e, LLVMTypeOf(part[p])));
        if (kept[i] == 1)
            slot[i][1] = slot[i][0];
    }
    LLVMTypeRef t = LLVMTypeOf(part[0]);
    Loop l = loop_open(e, whole(e->i64, 0), whole(e->i64, 10), 1);
    for (int p = 0; p < kept[0]; p++) {
        LLVMValueRef x[6];
        for (int i = 0; i < 6; i++)
            x[i] = LLVMBuildLoad2(b, t, slot[i][p], "");
        LLVMValueRef first = LLVMBuildMul(b, lower_half(e, x[0]), whole(t, 0xD2511F53), "");
        LLVMValueRef second = LLVMBuildMul(b, lower_half(e, x[2]), whole(t, 0xCD9E8D57), "");
        LLVMBuildStore(b, xor_(e, xor_(e, x[1], x[4]), upper_half(e, second)), slot[0][p]);
        LLVMBuildStore(b, second, slot[1][p]);
        LLVMBuildStore(b, xor_(e, xor_(e, x[3], x[5]), upper_half(e, first)), slot[2][p]);
        LLVMBuildStore(b, first, slot[3][p]);
    }
    for (int i = 4; i < 6; i++)
        for (int p = 0; p < kept[i]; p++) {
            LLVMValueRef key = LLVMBuildLoad2(b, t, slot[i][p], "");
            LLVMBuildStore(b, LLVMBuildAdd(b, key, whole(t, i == 4 ? 0x9E3779B9 : 0xBB67AE85), ""), slot[i][p]);
        }
    loop_close(e, &l);
    for (int i = 0; i < 4; i++)
        c[i] = narrow(e, LLVMBuildLoad2(b, t, slot[i][0], ""), LLVMBuildLoad2(b, t, slot[i][1], ""), lanes);
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
