/* REDUCE ops: sum and maximum over a set of axes, which stay as dims of 1. */
#include "compiler/ops/ops.h"

#include <math.h>
#include <string.h>

bool infer_reduce(Node *n, FtcDiag *d)
{
    const Type *x = &n->in[0]->type;
    if (x->elem == BOOL || n->a.n_axes < 1)
        return type_error(n, d, "reduces numbers over at least one axis");
    n->type = *x;
    for (int i = 0; i < n->a.n_axes; i++) {
        int axis = n->a.axes[i];
        if (axis < 0 || axis >= x->rank || (i && axis <= n->a.axes[i - 1]))
            return type_error(n, d, "the axes must ascend within the rank");
        n->type.dim[axis] = 1;
    }
    if (type_ragged(&n->type) && n->type.dim[0] != DIM_B)
        return type_error(n, d, "rows of different lengths can't be summed place by place");
    return true;
}

/* y = sum x     dx = dy, repeated */
void grad_sum(Graph *g, const Node *y, Node *dy, Node *dx[]) { dx[0] = broadcast(g, dy, y->in[0]->type); }

/* dy is shared in equal parts by all places that hold the maximum */
void grad_amax(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    Node *hit = map2(g, OP_eq, y->in[0], (Node *)y);
    Node *count = sum_axes(g, cast(g, hit, F32), y->a.n_axes, y->a.axes);
    dx[0] = select_(g, hit, divide(g, dy, count), constant(g, 0, F32));
}

/* index of x with reduced axes at 0 */
static int64_t target(const Node *n, const Tensor *y, const int64_t *index)
{
    int64_t own[MAX_RANK];
    memcpy(own, index, sizeof own);
    for (int i = 0; i < n->a.n_axes; i++)
        own[n->a.axes[i]] = 0;
    return tensor_offset(y, own);
}

void eval_sum(const Node *n, Tensor *y, Tensor *const *in)
{
    int64_t index[MAX_RANK], at = 0;
    const Tensor *x = in[0];
    double allowance = sum_allowance(y->n ? x->n / y->n : 0);
    for (bool more = tensor_first(x, index); more; more = tensor_next(x, index), at++) {
        int64_t k = target(n, y, index);
        y->v[k] += x->v[at];
        y->e[k] += x->e[at] + allowance * fabs(x->v[at]);
    }
    if (n->type.elem == I32)
        for (int64_t i = 0; i < y->n; i++) {
            y->v[i] = map_eval(OP_add, I32, (double[]){ y->v[i], 0, 0 });
            y->e[i] = 0;
        }
}

void eval_amax(const Node *n, Tensor *y, Tensor *const *in)
{
    int64_t index[MAX_RANK], at = 0;
    const Tensor *x = in[0];
    for (int64_t i = 0; i < y->n; i++)
        y->v[i] = -INFINITY;
    for (bool more = tensor_first(x, index); more; more = tensor_next(x, index), at++) {
        int64_t k = target(n, y, index);
        y->v[k] = eval_max((double[]){ y->v[k], x->v[at] });
        y->e[k] = fmax(y->e[k], x->e[at]);
    }
}
