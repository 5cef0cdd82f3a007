/* INDEX ops: iota, gather and its adjoint scatter_add. */
#include "compiler/ops/ops.h"

#include <math.h>
#include <string.h>

bool infer_gather(Node *n, FtcDiag *d)
{
    const Type *table = &n->in[0]->type, *index = &n->in[1]->type;
    if (index->elem != I32 || table->rank < 1 || type_ragged(table))
        return type_error(n, d, "takes a table and i32 indices of its first dim");
    if (index->rank + table->rank - 1 > MAX_RANK)
        return type_error(n, d, "the result has more than %d dims", MAX_RANK);
    n->type = *index;
    n->type.elem = table->elem;
    for (int i = 1; i < table->rank; i++)
        n->type.dim[n->type.rank++] = table->dim[i];
    return true;
}

bool infer_scatter_add(Node *n, FtcDiag *d)
{
    const Type *index = &n->in[0]->type, *values = &n->in[1]->type;
    if (index->elem != I32 || values->elem != F32 || values->rank < index->rank || n->a.dim == DIM_N)
        return type_error(n, d, "takes i32 indices and floats for each");
    for (int i = 0; i < index->rank; i++)
        if (index->dim[i] != values->dim[i])
            return type_error(n, d, "the values' first dims must be the indices' dims");
    n->type = (Type){ .elem = F32, .rank = 1, .dim = { n->a.dim } };
    for (int i = index->rank; i < values->rank; i++) {
        if (values->dim[i] == DIM_N)
            return type_error(n, d, "ragged values can't be added place by place");
        n->type.dim[n->type.rank++] = values->dim[i];
    }
    return true;
}

/* y[i] = table[index[i]]     dtable = scatter_add(index, dy) */
void grad_gather(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    dx[0] = scatter_add(g, y->in[1], dy, y->in[0]->type.dim[0]);
}

void grad_scatter_add(Graph *g, const Node *y, Node *dy, Node *dx[]) { dx[1] = gather(g, dy, y->in[0]); }

void eval_iota(const Node *n, Tensor *y, Tensor *const *x)
{
    (void)x;
    int64_t index[MAX_RANK], at = 0;
    for (bool more = tensor_first(y, index); more; more = tensor_next(y, index))
        y->v[at++] = (double)index[n->a.axes[0]];
}

/* The offset in a table of the entry that `picked` and the last dims of `index` name. */
static int64_t entry(const Tensor *table, int64_t picked, const int64_t *index, int index_rank)
{
    int64_t own[MAX_RANK] = { picked };
    for (int i = 1; i < table->type.rank; i++)
        own[i] = index[index_rank + i - 1];
    return tensor_offset(table, own);
}

static int64_t checked(const Node *n, const Tensor *table, double v)
{
    int64_t i = (int64_t)v;
    if (i < 0 || i >= tensor_dim(table, 0, 0))
        ftc_bug("%%%s: index %lld outside the table of %lld", n->name, (long long)i, (long long)tensor_dim(table, 0, 0));
    return i;
}

void eval_gather(const Node *n, Tensor *y, Tensor *const *x)
{
    int64_t index[MAX_RANK], at = 0;
    for (bool more = tensor_first(y, index); more; more = tensor_next(y, index), at++) {
        int64_t i = checked(n, x[0], x[1]->v[tensor_offset(x[1], index)]);
        int64_t k = entry(x[0], i, index, x[1]->type.rank);
        y->v[at] = x[0]->v[k];
        y->e[at] = x[0]->e[k];
    }
}

void eval_scatter_add(const Node *n, Tensor *y, Tensor *const *x)
{
    int64_t index[MAX_RANK], at = 0;
    double allowance = sum_allowance(y->n ? x[1]->n / y->n : 0) + sum_allowance(x[0]->n);
    for (bool more = tensor_first(x[1], index); more; more = tensor_next(x[1], index), at++) {
        int64_t i = checked(n, y, x[0]->v[tensor_offset(x[0], index)]);
        int64_t k = entry(y, i, index, x[0]->type.rank);
        y->v[k] += x[1]->v[at];
        y->e[k] += x[1]->e[at] + allowance * fabs(x[1]->v[at]);
    }
}
