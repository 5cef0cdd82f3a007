/* The reference evaluator; see eval.h.  Each op's own loop is its eval_ rule in compiler/ops. */
#include "compiler/ir/eval.h"

#include "compiler/ops/ops.h"

#include <assert.h>
#include <math.h>

int64_t tensor_dim(const Tensor *t, int axis, int64_t row)
{
    Dim d = t->type.dim[axis];
    if (d >= 0)
        return d;
    if (d == DIM_N)
        return t->bind->row_start[row + 1] - t->bind->row_start[row];
    return t->bind->sym[-d - 1];
}

static int64_t block_size(const Tensor *t, int first_axis, int64_t row)
{
    int64_t n = 1;
    for (int i = first_axis; i < t->type.rank; i++)
        n *= tensor_dim(t, i, row);
    return n;
}

Tensor *tensor_new(Arena *a, Type type, const Binding *b)
{
    Tensor *t = NEW(a, Tensor);
    t->type = type;
    t->bind = b;
    if (type_ragged(&type)) {
        int64_t rows = b->sym[1];
        t->row_base = NEW_ARRAY(a, int64_t, rows + 1);
        for (int64_t r = 0; r < rows; r++)
            t->row_base[r + 1] = t->row_base[r] + block_size(t, 1, r);
        t->n = t->row_base[rows];
    } else
        t->n = block_size(t, 0, 0);
    t->v = NEW_ARRAY(a, double, t->n + 1);
    t->e = NEW_ARRAY(a, double, t->n + 1);
    return t;
}

int64_t tensor_offset(const Tensor *t, const int64_t *index)
{
    int64_t at = 0;
    int first = 0;
    if (t->row_base) {
        at = 0;
        first = 1;
    }
    for (int i = first; i < t->type.rank; i++)
        at = at * tensor_dim(t, i, index[0]) + index[i];
    return t->row_base ? t->row_base[index[0]] + at : at;
}

int64_t tensor_aligned(const Tensor *t, const int64_t *index, int rank)
{
    int64_t own[MAX_RANK] = { 0 };
    int shift = rank - t->type.rank;
    for (int i = 0; i < t->type.rank; i++)
        own[i] = t->type.dim[i] == 1 ? 0 : index[i + shift];
    return tensor_offset(t, own);
}

/* Moves to the next place at or behind `index` whose every dim is non-empty. */
static bool settle(const Tensor *t, int64_t *index)
{
    for (;;) {
        bool empty = false;
        for (int i = 0; i < t->type.rank && !empty; i++) {
            if (i == 0 && index[0] >= tensor_dim(t, 0, 0))
                return false;
            empty = tensor_dim(t, i, index[0]) == 0;
        }
        if (!empty)
            return true;
        if (t->type.rank == 0 || !t->row_base)
            return false;
        index[0]++;
    }
}

bool tensor_first(const Tensor *t, int64_t *index)
{
    for (int i = 0; i < MAX_RANK; i++)
        index[i] = 0;
    return t->n > 0 && settle(t, index);
}

bool tensor_next(const Tensor *t, int64_t *index)
{
    for (int i = t->type.rank - 1; i >= 0; i--) {
        if (++index[i] < tensor_dim(t, i, index[0]))
            return true;
        if (i == 0)
            return false;
        index[i] = 0;
        if (i == 1 && t->row_base) {
            index[0]++;
            return settle(t, index);
        }
    }
    return false;
}

double carried_bound(double e, double by) { return isinf(e) ? e : e * by; } /* what is not bounded is so times 0, too */

double sum_allowance(int64_t n) { return 4 + sqrt((double)n); }

Tensor **graph_eval(const Graph *g, const Binding *b, FillFn *fill, void *ctx, Arena *arena)
{
    Tensor **value = NEW_ARRAY(arena, Tensor *, g->n ? g->n : 1);
    EACH_NODE(n, g) {
        Tensor *x[64], **in = n->n_in <= 64 ? x : NEW_ARRAY(arena, Tensor *, n->n_in);
        for (int i = 0; i < n->n_in; i++)
            in[i] = value[n->in[i]->id];
        Tensor *y = value[n->id] = tensor_new(arena, n->type, b);
        if (n->op == OP_input || n->op == OP_weight || n->op == OP_state)
            fill(ctx, n, y);
        else
            op_eval[n->op](n, y, in);
    }
    return value;
}
