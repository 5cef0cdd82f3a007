/* SHAPE ops: the same numbers under other indices.  And STATE ops: values that come from outside. */
#include "compiler/ops/ops.h"

#include <math.h>
#include <string.h>

/* ---- types ---------------------------------------------------------------------------------------------------- */

bool infer_given(Node *n, FtcDiag *d)
{
    if (type_ragged(&n->type) && n->type.dim[0] != DIM_B)
        return type_error(n, d, "a ragged shape has to start with r:B");
    if (n->op == OP_iota && (n->a.axes[0] < 0 || n->a.axes[0] >= n->type.rank || n->type.elem != I32))
        return type_error(n, d, "counts as i32 along one of its dims");
    return true;
}

bool infer_first(Node *n, FtcDiag *d)
{
    (void)d;
    n->type = n->in[0]->type;
    return true;
}

bool infer_update(Node *n, FtcDiag *d)
{
    n->type = n->in[0]->type;
    if (n->in[0]->op != OP_weight && n->in[0]->op != OP_state)
        return type_error(n, d, "only a weight or a state can be updated");
    return type_equal(&n->type, &n->in[1]->type) || type_error(n, d, "the new value has another type");
}

bool infer_update_rows(Node *n, FtcDiag *d)
{
    const Type *target = &n->in[0]->type, *rows = &n->in[1]->type, *value = &n->in[2]->type;
    n->type = *value;
    if (n->in[0]->op != OP_weight && n->in[0]->op != OP_state)
        return type_error(n, d, "only a weight or a state can be updated");
    Type want = *target;
    if (rows->elem != I32 || rows->rank != 1 || target->rank < 1)
        return type_error(n, d, "takes the numbers of rows");
    want.dim[0] = rows->dim[0];
    return type_equal(value, &want) || type_error(n, d, "the new rows have another type");
}

/* Reshaping keeps the symbols, in order, and the product of the constants between them. */
static bool same_elements(const Type *x, const Type *y)
{
    int i = 0, j = 0;
    for (;;) {
        int64_t p = 1, q = 1;
        for (; i < x->rank && x->dim[i] >= 0; i++)
            p *= x->dim[i];
        for (; j < y->rank && y->dim[j] >= 0; j++)
            q *= y->dim[j];
        if (p != q)
            return false;
        if (i == x->rank || j == y->rank)
            return i == x->rank && j == y->rank;
        if (x->dim[i++] != y->dim[j++])
            return false;
    }
}

bool infer_reshape(Node *n, FtcDiag *d)
{
    char t[160];
    n->type.elem = n->in[0]->type.elem;
    return same_elements(&n->in[0]->type, &n->type) || type_error(n, d, "does not reshape to %s", type_name(&n->type, t));
}

bool infer_transpose(Node *n, FtcDiag *d)
{
    const Type *x = &n->in[0]->type;
    int seen = 0;
    for (int i = 0; i < n->a.n_axes; i++)
        if (n->a.axes[i] >= 0 && n->a.axes[i] < x->rank)
            seen |= 1 << n->a.axes[i];
    if (n->a.n_axes != x->rank || seen != (1 << x->rank) - 1)
        return type_error(n, d, "the permutation must name each axis once");
    n->type = *x;
    for (int i = 0; i < x->rank; i++)
        n->type.dim[i] = x->dim[n->a.axes[i]];
    if (type_ragged(&n->type) && n->a.axes[0] != 0)
        return type_error(n, d, "the row dim of a ragged value stays in front");
    return true;
}

bool infer_broadcast(Node *n, FtcDiag *d)
{
    const Type *x = &n->in[0]->type, *y = &n->type;
    char t[160];
    bool ok = x->rank <= y->rank && x->elem == y->elem;
    for (int i = 0; ok && i < x->rank; i++) {
        Dim want = y->dim[y->rank - x->rank + i];
        ok = x->dim[i] == 1 || x->dim[i] == want;
    }
    return ok || type_error(n, d, "does not broadcast to %s", type_name(y, t));
}

bool infer_slice(Node *n, FtcDiag *d)
{
    const Type *x = &n->in[0]->type;
    int axis = n->a.axes[0];
    if (axis < 0 || axis >= x->rank || x->dim[axis] < 0 || n->a.begin < 0 || n->a.end < n->a.begin || n->a.end > x->dim[axis])
        return type_error(n, d, "[%lld,%lld) of axis %d is not a part of it", (long long)n->a.begin, (long long)n->a.end, axis);
    n->type = *x;
    n->type.dim[axis] = n->a.end - n->a.begin;
    return true;
}

bool infer_concat(Node *n, FtcDiag *d)
{
    int axis = n->a.axes[0];
    if (n->n_in < 1 || axis < 0 || axis >= n->in[0]->type.rank)
        return type_error(n, d, "needs an operand and an axis of it");
    n->type = n->in[0]->type;
    n->type.dim[axis] = 0;
    for (int i = 0; i < n->n_in; i++) {
        Type x = n->in[i]->type;
        if (x.rank != n->type.rank || x.dim[axis] < 0)
            return type_error(n, d, "operands differ in rank, or the axis has no constant size");
        n->type.dim[axis] += x.dim[axis];
        x.dim[axis] = n->type.dim[axis];
        if (!type_equal(&x, &n->type))
            return type_error(n, d, "operands differ in more than the axis");
    }
    return true;
}

bool infer_split(Node *n, FtcDiag *d)
{
    const Type *x = &n->in[0]->type;
    if (x->rank < 1 || x->rank == MAX_RANK || x->dim[0] != DIM_T)
        return type_error(n, d, "splits a value whose first dim is T");
    n->type = *x;
    n->type.rank++;
    n->type.dim[0] = DIM_B;
    n->type.dim[1] = DIM_N;
    for (int i = 1; i < x->rank; i++)
        n->type.dim[i + 1] = x->dim[i];
    return true;
}

bool infer_join(Node *n, FtcDiag *d)
{
    const Type *x = &n->in[0]->type;
    if (x->rank < 2 || x->dim[0] != DIM_B || x->dim[1] != DIM_N)
        return type_error(n, d, "joins a value whose first dims are r:B, n(r)");
    n->type = *x;
    n->type.rank--;
    n->type.dim[0] = DIM_T;
    for (int i = 2; i < x->rank; i++) {
        if (x->dim[i] == DIM_N)
            return type_error(n, d, "only one dim may be n(r)");
        n->type.dim[i - 1] = x->dim[i];
    }
    return true;
}

/* ---- gradients ------------------------------------------------------------------------------------------------- */

void grad_reshape(Graph *g, const Node *y, Node *dy, Node *dx[]) { dx[0] = reshape(g, dy, y->in[0]->type); }
void grad_split(Graph *g, const Node *y, Node *dy, Node *dx[]) { (void)y; dx[0] = join(g, dy); }
void grad_join(Graph *g, const Node *y, Node *dy, Node *dx[]) { (void)y; dx[0] = split(g, dy); }

void grad_transpose(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    int back[MAX_RANK];
    for (int i = 0; i < y->a.n_axes; i++)
        back[y->a.axes[i]] = i;
    dx[0] = transpose(g, dy, y->a.n_axes, back);
}

/* the driver sums dy away over what was repeated */
void grad_broadcast(Graph *g, const Node *y, Node *dy, Node *dx[]) { (void)g, (void)y; dx[0] = dy; }

void grad_slice(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    int axis = y->a.axes[0], n = 0;
    Node *part[3];
    Type pad = y->type;
    if ((pad.dim[axis] = y->a.begin))
        part[n++] = zeros(g, &pad);
    part[n++] = dy;
    if ((pad.dim[axis] = y->in[0]->type.dim[axis] - y->a.end))
        part[n++] = zeros(g, &pad);
    dx[0] = n > 1 ? concat(g, n, part, axis) : dy;
}

void grad_concat(Graph *g, const Node *y, Node *dy, Node *dx[])
{
    int64_t at = 0;
    for (int i = 0; i < y->n_in; i++) {
        int64_t size = y->in[i]->type.dim[y->a.axes[0]];
        dx[i] = slice(g, dy, y->a.axes[0], at, at + size);
        at += size;
    }
}

/* ---- evaluation -------------------------------------------------------------------------------------------------- */

static void copy_all(Tensor *y, const Tensor *x)
{
    memcpy(y->v, x->v, sizeof *y->v * (size_t)y->n);
    memcpy(y->e, x->e, sizeof *y->e * (size_t)y->n);
}

void eval_first(const Node *n, Tensor *y, Tensor *const *x) { (void)n; copy_all(y, x[0]); }
void eval_second(const Node *n, Tensor *y, Tensor *const *x) { (void)n; copy_all(y, x[1]); }
void eval_third(const Node *n, Tensor *y, Tensor *const *x) { (void)n; copy_all(y, x[2]); }

void eval_state(const Node *n, Tensor *y, Tensor *const *x)
{
    (void)y, (void)x;
    ftc_bug("eval: %%%s has no value of its own", n->name);
}

void eval_const(const Node *n, Tensor *y, Tensor *const *x)
{
    (void)x;
    bool exact = n->type.elem != F32 || (float)n->a.value == n->a.value;
    for (int64_t i = 0; i < y->n; i++) {
        y->v[i] = n->a.value;
        y->e[i] = exact ? 0 : 0.5 * fabs(n->a.value);
    }
}

static void copy_one(Tensor *y, int64_t to, const Tensor *x, int64_t from)
{
    y->v[to] = x->v[from];
    y->e[to] = x->e[from];
}

void eval_transpose(const Node *n, Tensor *y, Tensor *const *x)
{
    int64_t index[MAX_RANK], own[MAX_RANK], at = 0;
    for (bool more = tensor_first(y, index); more; more = tensor_next(y, index)) {
        for (int i = 0; i < n->a.n_axes; i++)
            own[n->a.axes[i]] = index[i];
        copy_one(y, at++, x[0], tensor_offset(x[0], own));
    }
}

void eval_broadcast(const Node *n, Tensor *y, Tensor *const *x)
{
    int64_t index[MAX_RANK], at = 0;
    for (bool more = tensor_first(y, index); more; more = tensor_next(y, index))
        copy_one(y, at++, x[0], tensor_aligned(x[0], index, n->type.rank));
}

void eval_slice(const Node *n, Tensor *y, Tensor *const *x)
{
    int64_t index[MAX_RANK], own[MAX_RANK], at = 0;
    for (bool more = tensor_first(y, index); more; more = tensor_next(y, index)) {
        memcpy(own, index, sizeof own);
        own[n->a.axes[0]] += n->a.begin;
        copy_one(y, at++, x[0], tensor_offset(x[0], own));
    }
}

void eval_concat(const Node *n, Tensor *y, Tensor *const *x)
{
    int64_t index[MAX_RANK], own[MAX_RANK], at = 0;
    int axis = n->a.axes[0];
    for (bool more = tensor_first(y, index); more; more = tensor_next(y, index)) {
        memcpy(own, index, sizeof own);
        int i = 0;
        while (own[axis] >= n->in[i]->type.dim[axis])
            own[axis] -= n->in[i++]->type.dim[axis];
        copy_one(y, at++, x[i], tensor_offset(x[i], own));
    }
}
