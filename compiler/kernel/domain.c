/* The loops of a group: which dims of a type are looped over, in which order, between which bounds.
 * In: a type.  Out: open loops, and the index they stand for. */
#include "compiler/kernel/lowering.h"

Domain domain_of(const Type *t, bool by_row)
{
    Domain d = { .type = *t };
    int ragged = ragged_dims(t);
    d.by_row = ragged > 1 || (ragged && by_row);
    if (ragged && !d.by_row)
        for (int i = 1; i < t->rank; i++)
            if (t->dim[i] == DIM_N)
                d.axis[d.n++] = i;
    for (int i = 0; i < t->rank; i++) {
        bool taken = ragged && !d.by_row && (i == 0 || t->dim[i] == DIM_N);
        if (t->dim[i] != 1 && !taken)
            d.axis[d.n++] = i;
    }
    return d;
}

void axis_bounds(Lower *l, const Domain *d, int axis, const Index *at, Poly *lo, Poly *hi)
{
    *lo = (Poly){ 0 };
    if (l->piece && !l->piece->fixed && d->type.dim[axis] == DIM_T) {
        *lo = l->piece->panel.tokens.from;
        *hi = poly_add(l->a, *lo, l->piece->panel.tokens.size);
    } else if (d->type.dim[axis] != DIM_N)
        *hi = dim_extent(l, d->type.dim[axis]);
    else if (!d->by_row)
        *hi = dim_extent(l, DIM_T);
    else {
        *lo = row_start_of(l, at->v[0]);
        *hi = row_end_of(l, at->v[0]);
    }
}

const char *axis_name(const Domain *d, int axis)
{
    Dim dim = d->type.dim[axis];
    return dim == DIM_N ? (axis == d->type.rank - 1 ? "k" : "t") : dim == DIM_T ? "t" : dim == DIM_B ? "r" : "i";
}

int64_t rows_per_piece(const Domain *d)
{
    int64_t row = 1;
    for (int i = 1; i < d->n; i++) {
        Dim dim = d->type.dim[d->axis[i]];
        row *= dim > 0 ? dim : 64;
        if (row > PIECE)
            return 1;
    }
    return PIECE / row;
}

Index domain_index(const Domain *d)
{
    Index at = { 0 };
    if (type_ragged(&d->type) && !d->by_row)
        at.v[0] = (Poly){ .n = -1 };
    return at;
}

void open_axis(Lower *l, const Domain *d, int axis, Index *at)
{
    Poly lo, hi;
    axis_bounds(l, d, axis, at, &lo, &hi);
    at->v[axis] = var(l, open_for(l, axis_name(d, axis), lo, hi, const_extent(d->type.dim[axis])));
}

void open_axis_lanes(Lower *l, int axis, Poly lo, Poly hi, int64_t extent, Index *at)
{
    at->v[axis] = poly_add(l->a, lo, var(l, open_vec(l, minus(l->a, hi, lo), lo.n ? -1 : extent)));
}

void close_blocks(Lower *l, int n)
{
    while (n--)
        close_block(l);
}

/* Reading x for a token needs its row: x or a view on the way to it is ragged, or counts along rows. */
static bool finds_rows(const Node *x)
{
    for (;; x = x->in[0]) {
        if (type_ragged(&x->type))
            return true;
        if (x->group || op_lower[x->op] != lower_view)
            return false;
    }
}

/* Where lanes can't be used: an index would have to be read, or a division done, for each. */
bool needs_serial(Lower *l, const Domain *d)
{
    int lane_axis = d->axis[d->n - 1];
    bool tokens = d->n == 1 && !d->by_row && (d->type.dim[lane_axis] == DIM_N || d->type.dim[lane_axis] == DIM_T);
    for (int i = 0; i < l->n_members; i++) {
        Node *n = l->members[i];
        if (n->op == OP_gather && lane_axis < n->in[1]->type.rank)
            return true;
        if (op_lower[n->op] == lower_view && blocking_view(l->a, n))
            return true;
        if (tokens && type_ragged(&n->type))
            return true;
        for (int k = 0; tokens && k < n->n_in; k++)
            if (finds_rows(n->in[k]))
                return true;
    }
    return false;
}
