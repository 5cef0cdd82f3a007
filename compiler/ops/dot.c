/* dot: the one contraction.  Leading dims are batch dims; one dim of each operand is summed over. */
#include "compiler/ops/ops.h"

#include <math.h>

/* The axis of an operand that is neither batch nor contracted; -1 if it has none. */
static int free_axis(const Type *t, int batch, int contracted)
{
    for (int i = batch; i < t->rank; i++)
        if (i != contracted)
            return i;
    return -1;
}

bool infer_dot(Node *n, FtcDiag *d)
{
    const Type *a = &n->in[0]->type, *b = &n->in[1]->type;
    int batch = n->a.batch, ca = n->a.ca, cb = n->a.cb;
    if (a->elem != b->elem || (a->elem != F32 && a->elem != BF16))
        return type_error(n, d, "takes two operands of one float type");
    if (batch < 0 || ca < batch || cb < batch || ca >= a->rank || cb >= b->rank || a->rank > batch + 2 || b->rank > batch + 2)
        return type_error(n, d, "each operand has %d batch dims, the contracted dim and at most one more", batch);
    n->type = (Type){ .elem = F32 };
    for (int i = 0; i < batch; i++) {
        if (a->dim[i] != b->dim[i])
            return type_error(n, d, "the batch dims differ");
        n->type.dim[n->type.rank++] = a->dim[i];
    }
    if (a->dim[ca] != b->dim[cb]) {
        char x[24], y[24];
        return type_error(n, d, "inner sizes %s and %s must match", dim_name(a->dim[ca], x), dim_name(b->dim[cb], y));
    }
    int fa = free_axis(a, batch, ca), fb = free_axis(b, batch, cb);
    if (fa >= 0)
        n->type.dim[n->type.rank++] = a->dim[fa];
    if (fb >= 0)
        n->type.dim[n->type.rank++] = b->dim[fb];
    if (type_ragged(&n->type) && n->type.dim[0] != DIM_B)
        return type_error(n, d, "a ragged shape has to start with r:B");
    return true;
}

/* x with a dim of 1 put in at `at`. */
static Node *with_axis(Graph *g, Node *x, int at)
{
    Type t = x->type;
    for (int i = t.rank; i > at; i--)
        t.dim[i] = t.dim[i - 1];
    t.dim[at] = 1;
    t.rank++;
    return reshape(g, x, t);
}

/* The gradient of operand x (contracted axis cx), o being the other one.  dy is [batch, a's free dim, b's free dim],
 * where either may be absent; x_first says that x is a. */
static Node *operand_gradient(Graph *g, Node *dy, Node *x, Node *o, int batch, int cx, int co, bool x_first)
{
    int fx = free_axis(&x->type, batch, cx), fo = free_axis(&o->type, batch, co);
    if (fo >= 0) {
        int dy_fo = batch + (x_first && fx >= 0 ? 1 : 0); /* where o's free dim stands in dy */
        Node *r = dot(g, dy, o, batch, dy_fo, fo);
        return fx >= 0 && cx < fx ? swap_last(g, r) : r;
    }
    /* o is a vector: dx[.., fx, c] = dy[.., fx] * o[.., c] */
    if (fx < 0)
        return mul(g, with_axis(g, dy, dy->type.rank), o);
    Node *rows = with_axis(g, dy, cx < fx ? batch : batch + 1);
    return mul(g, rows, with_axis(g, o, cx < fx ? batch + 1 : batch));
}

/* y = a.b    da = dy.b^T    db = a^T.dy */
void grad_dot(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    Node *a = y->in[0], *b = y->in[1];
    dx[0] = operand_gradient(g, dy, a, b, y->a.batch, y->a.ca, y->a.cb, true);
    dx[1] = operand_gradient(g, dy, b, a, y->a.batch, y->a.cb, y->a.ca, false);
}

void eval_dot(const Node *n, Tensor *y, Tensor *const *x)
{
    const Tensor *a = x[0], *b = x[1];
    int batch = n->a.batch, fa = free_axis(&a->type, batch, n->a.ca), fb = free_axis(&b->type, batch, n->a.cb);
    int64_t index[MAX_RANK], at = 0;
    for (bool more = tensor_first(y, index); more; more = tensor_next(y, index), at++) {
        int64_t ia[MAX_RANK] = { 0 }, ib[MAX_RANK] = { 0 };
        for (int i = 0; i < batch; i++)
            ia[i] = ib[i] = index[i];
        int next = batch;
        if (fa >= 0)
            ia[fa] = index[next++];
        if (fb >= 0)
            ib[fb] = index[next++];
        int64_t size = tensor_dim(a, n->a.ca, index[0]);
        double total = 0, carried = 0, scale = 0;
        for (int64_t k = 0; k < size; k++) {
            ia[n->a.ca] = ib[n->a.cb] = k;
            int64_t p = tensor_offset(a, ia), q = tensor_offset(b, ib);
            total += a->v[p] * b->v[q];
            scale += fabs(a->v[p] * b->v[q]);
            carried += carried_bound(a->e[p], fabs(b->v[q])) + carried_bound(b->e[q], fabs(a->v[p]));
        }
        y->v[at] = total;
        y->e[at] = carried + sum_allowance(size) * scale;
    }
}
