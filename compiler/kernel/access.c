/* Reading through views: which element of which stored value an index of a view names.
 * In: a node and a polynomial per dim.  Out: the node behind the views and its index; or the view that can't be said in polynomials. */
#include "compiler/kernel/lower.h"

const LowerKind op_lower[N_OPS] = {
#define MAP(name, inputs, traits, infer, grad, samples, ...) [OP_##name] = lower_loop,
#define OP(name, inputs, class, infer, grad, eval, lower, samples, ...) [OP_##name] = lower,
#include "compiler/ir/ops.def"
};

int ragged_dims(const Type *t)
{
    int n = 0;
    for (int i = 0; i < t->rank; i++)
        n += t->dim[i] == DIM_N;
    return n;
}

bool is_rounded_by_copies(const Node *n)
{
    return n->op == OP_cast && n->type.elem == BF16 && !n->group && op_lower[n->in[0]->op] == lower_none;
}

Node *behind_views(Node *x)
{
    while (!x->group && op_lower[x->op] == lower_view)
        x = x->in[0];
    return x;
}

static const Poly OPEN = { .n = -1 };

Index broadcast_index(const Type *x, const Type *y, const Index *at)
{
    Index own = { .token = at->token };
    int shift = y->rank - x->rank;
    if (type_ragged(y) && row_is_open(at))
        for (int i = 1; i < y->rank; i++)
            if (y->dim[i] == DIM_N)
                own.token = at->v[i];
    for (int i = 0; i < x->rank; i++)
        own.v[i] = x->dim[i] == 1 ? (Poly){ 0 } : at->v[i + shift];
    return own;
}

/* The largest value of x; false if it has variables of unknown extent or negative terms. */
static bool largest(Poly x, ExtentFn *extent, void *ctx, int64_t *max)
{
    *max = 0;
    for (int i = 0; i < x.n; i++) {
        int64_t v = x.t[i].coef;
        if (v < 0)
            return false;
        for (int k = 0; k < x.t[i].n; k++) {
            int64_t e = extent(ctx, x.t[i].var[k]);
            if (e < 1)
                return false;
            v *= e - 1;
        }
        *max += v;
    }
    return true;
}

/* x = q * by + r with 0 <= r < by, term by term; false if that needs a division at run time. */
static bool divide_poly(Arena *a, Poly x, int64_t by, Poly *q, Poly *r, ExtentFn *extent, void *ctx)
{
    *q = *r = (Poly){ 0 };
    for (int i = 0; i < x.n; i++) {
        Poly term = { 1, &x.t[i] };
        if (x.t[i].coef % by == 0) {
            Term t = x.t[i];
            t.coef /= by;
            *q = poly_add(a, *q, (Poly){ 1, &t });
        } else
            *r = poly_add(a, *r, term);
    }
    int64_t max;
    return largest(*r, extent, ctx, &max) && max < by;
}

/* A run of x's dims whose index is one number: `linear`, row-major over sizes size[0..n-1].  Until it is known how the value
 * is stored, variable FOLD + ... stands for each dim's index. */
enum { FOLD = 32000, MAX_FOLDS = 4 };
typedef struct {
    int n, first_var;
    int64_t size[MAX_RANK];
    Poly linear;
} Fold;

typedef struct {
    Fold fold[MAX_FOLDS];
    int n;
    ExtentFn *extent; /* of the other variables */
    void *ctx;
} Folds;

/* An ExtentFn over the caller's variables and the stand-ins. */
static int64_t extent_with_folds(void *ctx, int var)
{
    const Folds *f = ctx;
    int i = (var - FOLD) / MAX_RANK;
    return var < FOLD ? f->extent(f->ctx, var) : i < f->n && (var - FOLD) % MAX_RANK < f->fold[i].n ? f->fold[i].size[(var - FOLD) % MAX_RANK] : -1;
}

/* Row-major index of y's dims -> index of x's dims, between dims that are symbols in both. */
static bool reshape_index(Arena *a, const Type *x, const Type *y, Index *at, Folds *folds)
{
    Index own = { .token = at->token };
    int i = 0, j = 0;
    for (;;) {
        Poly linear = { 0 };
        int64_t size = 1;
        for (; j < y->rank && y->dim[j] >= 0; j++)
            linear = poly_add(a, poly_scale(a, linear, y->dim[j]), at->v[j]);
        int from = i;
        for (; i < x->rank && x->dim[i] >= 0; i++)
            size *= x->dim[i];
        Poly whole = linear;
        for (int k = from; k < i; k++) {
            size = x->dim[k] ? size / x->dim[k] : 1;
            Poly rest;
            if (x->dim[k] == 1)
                continue;
            if (divide_poly(a, linear, size ? size : 1, &own.v[k], &rest, extent_with_folds, folds)) {
                linear = rest;
                continue;
            }
            if (folds->n == MAX_FOLDS)
                return false;
            Fold *f = &folds->fold[folds->n];
            *f = (Fold){ .first_var = FOLD + folds->n++ * MAX_RANK, .linear = whole };
            for (k = from; k < i; k++)
                if (x->dim[k] != 1) {
                    own.v[k] = poly_var(a, f->first_var + f->n);
                    f->size[f->n++] = x->dim[k];
                }
        }
        if (i == x->rank) {
            *at = own;
            return true;
        }
        own.v[i++] = at->v[j++];
    }
}

/* The dims of a stored value in the order they are stored in, those of 1 left out; r:B stands for nothing where the tokens lead. */
static int storage_order(const Type *t, int axis[MAX_RANK])
{
    int n = 0, ragged = ragged_dims(t);
    for (int i = 0; i < t->rank && ragged == 1; i++)
        if (t->dim[i] == DIM_N)
            axis[n++] = i;
    for (int i = ragged ? 1 : 0; i < t->rank; i++)
        if (t->dim[i] != 1 && !(ragged == 1 && t->dim[i] == DIM_N))
            axis[n++] = i;
    return n;
}

/* Where a later view multiplies folded dims out again, their one number stands in for them. */
static bool refold(Arena *a, Poly *p, const Fold *f)
{
    Poly by, rest, q;
    if (!poly_uses(*p, f->first_var + f->n - 1) || !poly_split(a, *p, f->first_var + f->n - 1, &by, &rest))
        return false;
    int64_t stride = f->size[f->n - 1];
    for (int k = f->n - 2; k >= 0; k--) {
        if (!poly_split(a, rest, f->first_var + k, &q, &rest) || !poly_equal(q, poly_scale(a, by, stride)))
            return false;
        stride *= f->size[k];
    }
    *p = poly_add(a, rest, poly_mul(a, by, f->linear));
    return true;
}

/* Folded dims that lie side by side in storage take their one number in the last of them. */
static bool unfold(Arena *a, const Type *t, Index *at, const Folds *folds)
{
    int axis[MAX_RANK], n = storage_order(t, axis);
    for (int f = folds->n - 1; f >= 0; f--) { /* a later one may stand on an earlier one */
        const Fold *fold = &folds->fold[f];
        int first = 0;
        bool whole = false;
        for (int i = 0; i < n; i++)
            whole |= refold(a, &at->v[axis[i]], fold);
        if (whole)
            continue;
        while (first < n && !(at->v[axis[first]].n == 1 && poly_uses(at->v[axis[first]], fold->first_var)))
            first++;
        if (first + fold->n > n)
            return false;
        for (int k = 0; k < fold->n; k++) {
            Poly p = at->v[axis[first + k]];
            if (t->dim[axis[first + k]] != fold->size[k] || p.n != 1 || p.t[0].coef != 1 || p.t[0].n != 1 ||
                p.t[0].var[0] != fold->first_var + k)
                return false;
        }
        for (int k = 0; k < fold->n; k++)
            at->v[axis[first + k]] = k == fold->n - 1 ? fold->linear : (Poly){ 0 };
        for (int i = 0; i < t->rank; i++) /* and stand nowhere else */
            for (int k = 0; k < fold->n; k++)
                if (at->v[i].n > 0 && poly_uses(at->v[i], fold->first_var + k))
                    return false;
    }
    return true;
}

Node *follow_views(Arena *a, Node *x, Index *at, ExtentFn *extent, void *ctx)
{
    Folds folds = { .extent = extent, .ctx = ctx };
    Node *blocked = NULL; /* the first reshape that was folded, and the index there */
    Index blocked_at = { 0 };
    while (!x->group && op_lower[x->op] == lower_view) {
        Node *in = x->in[0];
        Index own = { .token = at->token };
        switch (x->op) {
        case OP_stop_gradient:
            own = *at;
            break;
        case OP_reshape:
            own = *at;
            if (!folds.n) {
                blocked = x;
                blocked_at = *at;
            }
            if (!reshape_index(a, &in->type, &x->type, &own, &folds)) {
                *at = blocked_at;
                return blocked;
            }
            break;
        case OP_transpose:
            for (int i = 0; i < x->a.n_axes; i++)
                own.v[x->a.axes[i]] = at->v[i];
            break;
        case OP_broadcast:
            own = broadcast_index(&in->type, &x->type, at);
            break;
        case OP_slice:
            own = *at;
            own.v[x->a.axes[0]] = poly_add(a, own.v[x->a.axes[0]], poly_const(a, x->a.begin));
            break;
        case OP_split:
            own.v[0] = at->v[1];
            for (int i = 2; i < x->type.rank; i++)
                own.v[i - 1] = at->v[i];
            break;
        case OP_join:
            own.v[0] = OPEN;
            own.token = at->v[0];
            for (int i = 0; i < x->type.rank; i++)
                own.v[i + 1] = at->v[i];
            break;
        default: ftc_bug("lower: %%%s = %s is no view", x->name, op_info[x->op].name);
        }
        *at = own;
        x = in;
    }
    bool in_memory = x->group || op_lower[x->op] == lower_none || is_rounded_by_copies(x);
    if (folds.n && !(in_memory && unfold(a, &x->type, at, &folds))) {
        *at = blocked_at;
        return blocked;
    }
    return x;
}

/* Variable i stands for dim i of a type. */
static int64_t extent_in_type(void *ctx, int var) { return var < MAX_RANK ? ((const Type *)ctx)->dim[var] : -1; }

Node *blocking_view(Arena *a, Node *x)
{
    int group = x->group;
    bool own = group && op_lower[x->op] == lower_view; /* a view that is copied reads what it shows */
    Index at = { 0 };
    for (int i = 0; i < x->type.rank; i++)
        if (x->type.dim[i] != 1)
            at.v[i] = poly_var(a, i);
    Type t = x->type;
    if (own)
        x->group = 0;
    Node *end = follow_views(a, x, &at, extent_in_type, &t);
    x->group = group;
    return !end->group && op_lower[end->op] == lower_view ? end : own && end == x ? x : NULL;
}

bool is_row_reduction(const Node *n)
{
    if (op_lower[n->op] != lower_reduce)
        return false;
    const Type *x = &n->in[0]->type;
    int last = x->rank - 1;
    while (last >= 0 && x->dim[last] == 1)
        last--;
    bool has_last = false;
    for (int i = 0; i < n->a.n_axes; i++) {
        if (n->a.axes[i] == last)
            has_last = true;
        else if (x->dim[n->a.axes[i]] != 1)
            return false;
    }
    return has_last;
}
