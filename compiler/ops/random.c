/* rand: counter-based random bits, Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 * Which word of which counter a column takes is defined in ir.h. */
#include "compiler/ops/ops.h"

static void philox(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c[0], b = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t next[4] = { (uint32_t)(b >> 32) ^ c[1] ^ k0, (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ k1, (uint32_t)a };
        for (int i = 0; i < 4; i++)
            c[i] = next[i];
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

uint32_t rand_bits16(uint32_t seed, uint32_t site, uint32_t step, uint32_t row, uint32_t col)
{
    uint32_t c[4] = { row, col / 128 * 16 + col % 16, step, 0 };
    philox(c, seed, site);
    return c[col / 32 % 4] >> (16 * (col / 16 % 2)) & 0xFFFF;
}

bool infer_rand(Node *n, FtcDiag *d)
{
    const Type *row = &n->in[0]->type;
    for (int i = 0; i < 3; i++)
        if (n->in[i]->type.elem != I32 || (i && n->in[i]->type.rank))
            return type_error(n, d, "takes i32 row ids, a seed and a step");
    if (row->rank == MAX_RANK || n->a.site < 1)
        return type_error(n, d, "needs a site from 1 and room for the column dim");
    n->type = *row;
    n->type.dim[n->type.rank++] = n->a.dim;
    if (type_ragged(&n->type) && n->type.dim[0] != DIM_B)
        return type_error(n, d, "a ragged shape has to start with r:B");
    return true;
}

void eval_rand(const Node *n, Tensor *y, Tensor *const *x)
{
    int64_t index[MAX_RANK], at = 0;
    for (bool more = tensor_first(y, index); more; more = tensor_next(y, index), at++) {
        int32_t row = (int32_t)x[0]->v[tensor_offset(x[0], index)];
        y->v[at] = rand_bits16((uint32_t)(int32_t)x[1]->v[0], (uint32_t)n->a.site, (uint32_t)(int32_t)x[2]->v[0], (uint32_t)row,
                               (uint32_t)index[n->type.rank - 1]);
    }
}
