/* Reduce groups: one sum or maximum over dims other than the lanes alone, with the values it takes computed in place.
 *
 * Three shapes: everything is summed, in pieces and then over the pieces; the lanes' dim stays, so that every lane has a sum
 * of its own; or the lanes' dim and others are summed while some stay. */
#include "compiler/kernel/lowering.h"

#include <math.h>

static bool reduced(const Node *n, int axis)
{
    for (int i = 0; i < n->a.n_axes; i++)
        if (n->a.axes[i] == axis)
            return true;
    return false;
}

static const char *kernel_name(const Node *n, const char *sum, const char *amax) { return n->op == OP_sum ? sum : amax; }

/* Opens fors over the dims before the last that are (or aren't) summed and have no loop yet; returns how many. */
static int open_some(Lower *l, const Node *n, const Domain *d, bool summed, Index *at)
{
    int opened = 0;
    for (int i = 0; i < d->n - 1; i++) {
        int axis = d->axis[i];
        if (reduced(n, axis) == summed && at->v[axis].n <= 0) {
            open_axis(l, d, axis, at);
            opened++;
        }
    }
    return opened;
}

/* Pieces: one for each place of the dims that stay, as far as their sizes are known before a row is. */
static void open_kept_pieces(Lower *l, const Node *n, const Domain *d, int most, Index *at)
{
    for (int i = 0; i < d->n - 1; i++) {
        int axis = d->axis[i];
        if (!reduced(n, axis) && d->type.dim[axis] != DIM_N && l->k->n_par < most)
            at->v[axis] = var(l, open_par(l, axis_name(d, axis), dim_extent(l, d->type.dim[axis]), 1, const_extent(d->type.dim[axis])));
    }
}

/* The index of the result: summed dims at 0, and no row where the rows are summed over. */
static Index result_index(const Node *n, const Index *at)
{
    Index to = *at;
    for (int i = 0; i < n->a.n_axes; i++)
        to.v[n->a.axes[i]] = (Poly){ 0 };
    return to;
}

/* Pieces of the first dim to partial sums, then these in order. */
static void reduce_all(Lower *l, Node *n, const Domain *d)
{
    Index at = domain_index(d);
    Poly lo, hi, zero = { 0 };
    int first = d->axis[0], lane = d->axis[d->n - 1], opened = 0;
    int64_t step = d->n == 1 ? PIECE : rows_per_piece(d);
    begin_kernel(l, kernel_name(n, "sum_pieces", "amax_pieces"));
    axis_bounds(l, d, first, &at, &lo, &hi); /* r or T or a plain dim: from 0 */
    Poly parts = hi;
    int partial = temp_buf(l, "partial", n->type.elem, parts), p = open_par(l, "p", hi, step, -1);
    Poly end = piece_end(l, p, step, hi);
    int acc = kb_acc(&l->b, reduce_op(n), n->type.elem);
    lo = var(l, p);
    hi = end;
    if (d->n > 1) {
        at.v[first] = var(l, open_for(l, axis_name(d, first), lo, hi, const_extent(d->type.dim[first])));
        opened = 1 + open_some(l, n, d, true, &at);
        axis_bounds(l, d, lane, &at, &lo, &hi);
    }
    if (d->n == 1 && needs_serial(l, d))
        at.v[lane] = var(l, open_for(l, axis_name(d, lane), lo, hi, -1));
    else
        open_axis_lanes(l, lane, lo, hi, const_extent(d->type.dim[lane]), &at);
    kb_reduce(&l->b, acc, value_at(l, n->in[0], at));
    close_blocks(l, opened + 1);
    kb_store(&l->b, param_of(l, partial, PARAM_OUT), var(l, p), acc);
    end_kernel(l);

    begin_kernel(l, kernel_name(n, "sum_partials", "amax_partials"));
    acc = kb_acc(&l->b, reduce_op(n), n->type.elem);
    Poly up = poly_add(l->a, parts, poly_const(l->a, step - 1));
    Poly pieces = var(l, kb_index(&l->b, "pieces", IX_DIV, up, poly_const(l->a, step)));
    int i = open_for(l, "p", zero, pieces, -1);
    kb_reduce(&l->b, acc, kb_load(&l->b, param_of(l, partial, PARAM_IN), poly_scale(l->a, var(l, i), step)));
    close_block(l);
    store_member(l, n, &(Index){ 0 }, acc);
    end_kernel(l);
}

/* Every lane's sum is kept in memory while the rows stream by. */
static void reduce_columns(Lower *l, Node *n, const Domain *d)
{
    enum { COLUMNS = 128 };
    int lane = d->axis[d->n - 1], par = -1;
    bool ragged_lane = d->type.dim[lane] == DIM_N;
    Index at = domain_index(d);
    Poly begin, end;
    begin_kernel(l, kernel_name(n, "sum_columns", "amax_columns"));
    open_kept_pieces(l, n, d, MAX_PAR - 1, &at);
    if (!ragged_lane)
        par = open_par(l, "c", dim_extent(l, d->type.dim[lane]), COLUMNS, -1);
    int kept = open_some(l, n, d, false, &at);
    if (ragged_lane)
        axis_bounds(l, d, lane, &at, &begin, &end);
    else {
        begin = var(l, par);
        end = piece_end(l, par, COLUMNS, dim_extent(l, d->type.dim[lane]));
    }
    int out = param_of(l, buffer_of(l, n), PARAM_INOUT);
    Index to = result_index(n, &at);
    open_axis_lanes(l, lane, begin, end, -1, &to);
    kb_store(&l->b, out, element_offset(l, &n->type, &to), kb_const(&l->b, n->op == OP_sum ? 0 : -INFINITY, n->type.elem));
    close_block(l);

    int inner = open_some(l, n, d, true, &at);
    open_axis_lanes(l, lane, begin, end, -1, &at);
    to.v[lane] = at.v[lane];
    Poly place = element_offset(l, &n->type, &to);
    int x = value_at(l, n->in[0], at), sum = kb_load(&l->b, out, place);
    kb_store(&l->b, out, place, kb_let(&l->b, reduce_op(n), n->type.elem, (int[]){ sum, x }));
    close_blocks(l, 1 + inner + kept);
    end_kernel(l);
}

/* Tokens are summed for each lane: panels of them first, each to a row of its own, then these rows in order.  Alone, or
 * as a stage of a chain, panels are the same; so the bits are. */

/* [T, columns] to [columns]; a vocabulary's or class's rows have no size yet. */
static bool sums_tokens(const Node *n, const Domain *d)
{
    const Dim *dim = d->type.dim;
    return d->n == 2 && !d->by_row && reduced(n, d->axis[0]) && !reduced(n, d->axis[1]) && dim[d->axis[1]] > 0 &&
           (dim[d->axis[0]] == DIM_T || dim[d->axis[0]] == DIM_N);
}

bool is_token_sum(const Node *n)
{
    if (op_lower[n->op] != lower_reduce || n->in[0]->type.rank != 2 || n->in[0]->type.dim[0] != DIM_T)
        return false;
    Domain d = domain_of(&n->in[0]->type, false);
    return sums_tokens(n, &d);
}

/* A row for each panel. */
static int partial_rows(Lower *l, const Node *n, const Domain *d)
{
    return temp_buf(l, "partial", n->type.elem, poly_scale(l->a, dim_extent(l, DIM_P), d->type.dim[d->axis[1]]));
}

/* The sum of a panel's tokens, into its row. */
static void sum_panel(Lower *l, Node *n, const Domain *d, int partial, const Panel *p)
{
    int first = d->axis[0], lane = d->axis[1];
    int64_t extent = d->type.dim[lane];
    Poly width = poly_const(l->a, extent), row = poly_mul(l->a, p->number, width);
    Poly lo = p->tokens.from, hi = poly_add(l->a, lo, p->tokens.size);
    Index at = domain_index(d);
    int out = param_of(l, partial, PARAM_INOUT), v = open_vec(l, width, extent);
    kb_store(&l->b, out, poly_add(l->a, row, var(l, v)), kb_const(&l->b, n->op == OP_sum ? 0 : -INFINITY, n->type.elem));
    close_block(l);
    at.v[first] = var(l, open_for(l, axis_name(d, first), lo, hi, -1));
    at.v[lane] = var(l, open_vec(l, width, extent));
    Poly place = poly_add(l->a, row, at.v[lane]);
    int x = value_at(l, n->in[0], at), sum = kb_load(&l->b, out, place);
    kb_store(&l->b, out, place, kb_let(&l->b, reduce_op(n), n->type.elem, (int[]){ sum, x }));
    close_blocks(l, 2);
}

/* A kernel that sums the panels' rows. */
static void sum_partials(Lower *l, Node *n, const Domain *d, int partial)
{
    enum { COLUMNS = 128 };
    int lane = d->axis[1];
    Index to = { 0 };
    Poly zero = { 0 }, width = poly_const(l->a, d->type.dim[lane]);
    begin_kernel(l, kernel_name(n, "sum_partials", "amax_partials"));
    int c = open_par(l, "c", width, COLUMNS, -1);
    Poly stop = piece_end(l, c, COLUMNS, width), panels = dim_extent(l, DIM_P);
    to.v[lane] = poly_add(l->a, var(l, c), var(l, open_vec(l, minus(l->a, stop, var(l, c)), -1)));
    int acc = kb_acc(&l->b, reduce_op(n), n->type.elem);
    Poly i = var(l, open_for(l, "p", zero, panels, -1));
    kb_reduce(&l->b, acc, kb_load(&l->b, param_of(l, partial, PARAM_IN), poly_add(l->a, poly_mul(l->a, i, width), to.v[lane])));
    close_block(l);
    kb_store(&l->b, param_of(l, buffer_of(l, n), PARAM_OUT), element_offset(l, &n->type, &to), acc);
    close_block(l);
    end_kernel(l);
}

static void reduce_tokens(Lower *l, Node *n, const Domain *d)
{
    int partial = partial_rows(l, n, d);
    begin_kernel(l, kernel_name(n, "sum_panels", "amax_panels"));
    Panel p = open_panel(l);
    sum_panel(l, n, d, partial, &p);
    end_kernel(l);
    sum_partials(l, n, d, partial);
}

int lower_sum_stage(Lower *l, Node *n)
{
    Domain d = domain_of(&n->in[0]->type, false);
    int partial = partial_rows(l, n, &d);
    sum_panel(l, n, &d, partial, &l->piece->panel);
    return partial;
}

void lower_sum_partials(Lower *l, Node *n, int partial)
{
    Domain d = domain_of(&n->in[0]->type, false);
    sum_partials(l, n, &d, partial);
}

/* A sum for each place of the dims that stay. */
static void reduce_blocks(Lower *l, Node *n, const Domain *d)
{
    int lane = d->axis[d->n - 1];
    Index at = domain_index(d);
    Poly lo, hi;
    begin_kernel(l, kernel_name(n, "sum_blocks", "amax_blocks"));
    open_kept_pieces(l, n, d, MAX_PAR, &at);
    int kept = open_some(l, n, d, false, &at);
    Index to = at;
    int acc = kb_acc(&l->b, reduce_op(n), n->type.elem), inner = open_some(l, n, d, true, &at);
    axis_bounds(l, d, lane, &at, &lo, &hi);
    open_axis_lanes(l, lane, lo, hi, const_extent(d->type.dim[lane]), &at);
    kb_reduce(&l->b, acc, value_at(l, n->in[0], at));
    close_blocks(l, 1 + inner);
    to = result_index(n, &to);
    store_member(l, n, &to, acc);
    close_blocks(l, kept);
    end_kernel(l);
}

void lower_reduce_group(Lower *l, Node *n)
{
    const Type *x = &n->in[0]->type;
    bool rows_apart = false; /* n(r) is summed but r is not */
    int kept = 0;
    for (int i = 0; i < x->rank; i++)
        rows_apart |= x->dim[i] == DIM_N && reduced(n, i) && !reduced(n, 0);
    Domain d = domain_of(x, rows_apart);
    for (int i = 0; i < d.n; i++)
        kept += !reduced(n, d.axis[i]);
    if (d.n == 0) { /* one element: there is nothing to sum */
        Index at = { 0 };
        begin_kernel(l, kernel_name(n, "sum_one", "amax_one"));
        store_member(l, n, &at, value_at(l, n->in[0], at));
        end_kernel(l);
    } else if (kept == 0)
        reduce_all(l, n, &d);
    else if (sums_tokens(n, &d))
        reduce_tokens(l, n, &d);
    else if (!reduced(n, d.axis[d.n - 1]))
        reduce_columns(l, n, &d);
    else
        reduce_blocks(l, n, &d);
}
