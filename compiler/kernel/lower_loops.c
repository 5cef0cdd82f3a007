/* Element-by-element groups and reductions.
 *
 * A loop group computes values of one domain: dims d1 x ... x dk, of which the last is the lane dim, and row scalars, values
 * with a lane dim of 1.  For each row the lanes are swept in passes: a row reduction's result is there after the pass that sums it,
 * and whoever needs it sweeps the row again.  What an earlier pass computed is read back where it was stored, or carried in a
 * scratch row.
 *
 * A reduce group is one reduction over other dims, with the values it sums computed in place. */
#include "compiler/kernel/lowering.h"

#include <math.h>
#include <stdio.h>

/* ---- domains --------------------------------------------------------------------------------------------------------- */

/* A group's loops, outermost first.  With one n(r) the tokens are one dim of size T in front (dim DIM_T on the ragged axis). */
typedef struct {
    Type type;
    int n, axis[MAX_RANK];
    bool by_row; /* two ragged dims: the loop over r is explicit */
} Domain;

static int ragged_dims(const Type *t)
{
    int n = 0;
    for (int i = 0; i < t->rank; i++)
        n += t->dim[i] == DIM_N;
    return n;
}

static Domain domain_of(const Type *t, bool by_row)
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

/* The type with the most elements among the members: a row reduction's operand counts. */
static Type widest(Lower *l)
{
    Type best = l->members[0]->type;
    int most = -1;
    for (int i = 0; i < l->n_members; i++) {
        const Type *t = op_lower[l->members[i]->op] == lower_reduce ? &l->members[i]->in[0]->type : &l->members[i]->type;
        int dims = 0;
        for (int k = 0; k < t->rank; k++)
            dims += t->dim[k] != 1;
        if (dims > most) {
            most = dims;
            best = *t;
        }
    }
    return best;
}

/* The bounds of a dim's loop: for n(r) in an explicit row, its tokens. */
static void loop_bounds(Lower *l, const Domain *d, int axis, const Index *at, Poly *lo, Poly *hi)
{
    *lo = (Poly){ 0 };
    if (d->type.dim[axis] != DIM_N)
        *hi = dim_extent(l, d->type.dim[axis]);
    else if (!d->by_row)
        *hi = dim_extent(l, DIM_T);
    else {
        *lo = row_start_of(l, at->v[0]);
        *hi = row_end_of(l, at->v[0]);
    }
}

static const char *loop_name(const Domain *d, int axis)
{
    Dim dim = d->type.dim[axis];
    return dim == DIM_N ? (axis == d->type.rank - 1 ? "k" : "t") : dim == DIM_T ? "t" : dim == DIM_B ? "r" : "i";
}

/* About this many elements make a piece. */
enum { PIECE = 16384 };

static int64_t rows_per_piece(const Domain *d)
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

static Poly var(Lower *l, int v) { return poly_var(l->a, v); }

/* Opens the loops over all dims of the domain but the last `keep`; returns how many blocks were opened. */
static int open_rows(Lower *l, const Domain *d, int keep, Index *at)
{
    int opened = 0, first = 0;
    if (d->n > keep && d->by_row) { /* a piece for each row and, where the next dim has a constant size, for each of it */
        at->v[0] = var(l, open_par(l, "r", dim_extent(l, DIM_B), 1, -1));
        first = 1;
        if (d->n - keep > 1 && d->type.dim[d->axis[1]] >= 0) {
            Dim size = d->type.dim[d->axis[1]];
            at->v[d->axis[1]] = var(l, open_par(l, "h", dim_extent(l, size), 1, size));
            first = 2;
        }
    } else if (d->n > keep) {
        int axis = d->axis[0];
        Poly lo, hi;
        loop_bounds(l, d, axis, at, &lo, &hi);
        int64_t step = rows_per_piece(d);
        int p = open_par(l, "p", hi, step, -1);
        Poly end = piece_end(l, p, step, hi);
        at->v[axis] = var(l, open_for(l, loop_name(d, axis), var(l, p), end, const_extent(d->type.dim[axis])));
        opened++;
        first = 1;
    }
    for (int i = first; i < d->n - keep; i++) {
        Poly lo, hi;
        loop_bounds(l, d, d->axis[i], at, &lo, &hi);
        at->v[d->axis[i]] = var(l, open_for(l, loop_name(d, d->axis[i]), lo, hi, const_extent(d->type.dim[d->axis[i]])));
        opened++;
    }
    return opened;
}

/* Opens the sweep over the last dim: lanes, or one by one where an index must be read for each.  A domain of one dim is swept
 * in pieces, unless something is summed over it. */
static void open_lanes(Lower *l, const Domain *d, bool serial, bool pieces, Index *at)
{
    int axis = d->axis[d->n - 1];
    int64_t extent = const_extent(d->type.dim[axis]);
    Poly lo, hi;
    loop_bounds(l, d, axis, at, &lo, &hi);
    if (pieces) {
        int p = open_par(l, "p", hi, serial ? 256 : PIECE, -1);
        Poly end = piece_end(l, p, serial ? 256 : PIECE, hi);
        lo = var(l, p);
        hi = end;
    }
    if (serial)
        at->v[axis] = var(l, open_for(l, loop_name(d, axis), lo, hi, extent));
    else {
        bool whole = lo.n == 0;
        at->v[axis] = poly_add(l->a, lo, var(l, open_vec(l, minus(l->a, hi, lo), whole ? extent : -1)));
    }
}

/* ---- loop groups ------------------------------------------------------------------------------------------------------- */

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
static bool needs_serial(Lower *l, const Domain *d)
{
    int lane_axis = d->axis[d->n - 1];
    bool tokens = d->n == 1 && (d->type.dim[lane_axis] == DIM_N || d->type.dim[lane_axis] == DIM_T);
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

typedef struct {
    bool full;     /* one element a lane; else one a row */
    int pass;      /* full: the sweep that computes it; row scalar: it is there before this sweep */
    bool carried;  /* full, read by a later sweep */
} Place;

static bool is_full(const Domain *d, const Type *t)
{
    return d->n == 0 || t->dim[d->axis[d->n - 1]] != 1;
}

static int member_number(Lower *l, const Node *x)
{
    for (int i = 0; i < l->n_members; i++)
        if (l->members[i] == x)
            return i;
    return -1;
}

/* The sweep each member belongs to, from its operands inside the group. */
static int place_members(Lower *l, const Domain *d, Place *place)
{
    int last = 0;
    for (int i = 0; i < l->n_members; i++) {
        Node *n = l->members[i];
        bool reduction = op_lower[n->op] == lower_reduce;
        place[i] = (Place){ .full = is_full(d, &n->type) && !reduction };
        for (int k = 0; k < n->n_in; k++) {
            Node *x = n->in[k];
            while (!x->group && op_lower[x->op] == lower_view)
                x = x->in[0];
            int m = x->group == l->group ? member_number(l, x) : -1;
            if (m >= 0) {
                int ready = place[m].pass + (reduction && place[m].full);
                if (ready > place[i].pass)
                    place[i].pass = ready;
            }
        }
        if (reduction && place[i].pass == 0)
            place[i].pass = 1; /* it sums what it loads in sweep 0 */
        if (place[i].pass > last)
            last = place[i].pass;
    }
    /* who is read by a later sweep?  A reduction reads in the sweep before it is there. */
    for (int i = 0; i < l->n_members; i++) {
        Node *n = l->members[i];
        int reads = place[i].pass - (op_lower[n->op] == lower_reduce);
        for (int k = 0; k < n->n_in; k++) {
            Node *x = n->in[k];
            while (!x->group && op_lower[x->op] == lower_view)
                x = x->in[0];
            int m = x->group == l->group ? member_number(l, x) : -1;
            if (m >= 0 && place[m].full && place[m].pass < reads)
                place[m].carried = true;
        }
    }
    return last;
}

static Op reduce_op(const Node *n) { return n->op == OP_sum ? OP_add : OP_max; }

/* One sweep over the lanes: computes the full members of this pass, feeds the reductions that are ready after it. */
static void sweep(Lower *l, const Domain *d, const Place *place, int pass, bool serial, bool pieces, Index *at)
{
    int lane_axis = d->axis[d->n - 1];
    int *acc = NEW_ARRAY(l->a, int, l->n_members);
    bool any = false;
    for (int i = 0; i < l->n_members; i++) {
        Node *n = l->members[i];
        bool reduction = op_lower[n->op] == lower_reduce && place[i].pass == pass + 1;
        any |= reduction || (place[i].full && place[i].pass == pass);
        if (reduction) {
            acc[i] = kb_acc(&l->b, reduce_op(n), n->type.elem);
            kb_name(&l->b, acc[i], op_info[n->op].name);
        }
    }
    if (!any)
        return;
    open_lanes(l, d, serial, pieces, at);
    for (int i = 0; i < l->n_members; i++) {
        Node *n = l->members[i];
        if (place[i].full && place[i].pass == pass) {
            int v = compute(l, n, at);
            remember(l, n, v);
            store_member(l, n, at, v);
            if (l->scratch_of[n->id] >= 0)
                kb_store(&l->b, l->scratch_of[n->id], var(l, l->lane), v);
        } else if (op_lower[n->op] == lower_reduce && place[i].pass == pass + 1)
            kb_reduce(&l->b, acc[i], value_at(l, n->in[0], *at));
    }
    close_block(l);
    at->v[lane_axis] = (Poly){ 0 };
    for (int i = 0; i < l->n_members; i++) {
        Node *n = l->members[i];
        if (op_lower[n->op] == lower_reduce && place[i].pass == pass + 1) {
            remember(l, n, acc[i]);
            store_member(l, n, at, acc[i]);
        }
    }
}

/* Row scalars that are ready before sweep `pass`. */
static void row_scalars(Lower *l, const Place *place, int pass, const Index *at)
{
    for (int i = 0; i < l->n_members; i++) {
        Node *n = l->members[i];
        if (place[i].full || place[i].pass != pass || op_lower[n->op] == lower_reduce)
            continue;
        int v = compute(l, n, at);
        remember(l, n, v);
        store_member(l, n, at, v);
    }
}

/* "add_mul_sum": the ops of a group, for people to recognise it by. */
static const char *group_name(Lower *l)
{
    char name[80] = "";
    size_t n = 0;
    for (int i = 0; i < l->n_members && n < 56; i++)
        n += (size_t)snprintf(name + n, sizeof name - n, "%s%s", i ? "_" : "", op_info[l->members[i]->op].name);
    return arena_strdup(l->a, name);
}

/* The lanes run along a row and something is one for the row: then rows can't be swept as tokens. */
static bool has_ragged_lanes(Lower *l, const Type *wide)
{
    int last = wide->rank - 1;
    while (last >= 0 && wide->dim[last] == 1)
        last--;
    if (last < 0 || wide->dim[last] != DIM_N)
        return false;
    for (int i = 0; i < l->n_members; i++)
        if (l->members[i]->type.dim[last] == 1)
            return true;
    return false;
}

void lower_loop_group(Lower *l)
{
    Type wide = widest(l);
    Domain d = domain_of(&wide, has_ragged_lanes(l, &wide));
    Place *place = NEW_ARRAY(l->a, Place, l->n_members);
    begin_kernel(l, group_name(l));
    Index at = { 0 };
    if (type_ragged(&wide) && !d.by_row)
        at.v[0] = (Poly){ .n = -1 };
    bool serial = d.n && needs_serial(l, &d);
    int last = place_members(l, &d, place);
    Poly lanes = { 0 };
    if (d.n) {
        Dim dim = wide.dim[d.axis[d.n - 1]];
        lanes = dim_extent(l, dim == DIM_N ? DIM_L : dim);
    }
    for (int i = 0; i < l->n_members; i++)
        if (place[i].carried && !serial && d.n > 1 && !l->stored[l->members[i]->id])
            l->scratch_of[l->members[i]->id] = kernel_param(l->k, "row", l->members[i]->type.elem, PARAM_SCRATCH, lanes);
    for (int i = 0; i < l->k->n_params; i++)
        l->param_buf[i] = -1;
    if (d.n == 0) {
        for (int i = 0; i < l->n_members; i++) {
            int v = compute(l, l->members[i], &at);
            remember(l, l->members[i], v);
            store_member(l, l->members[i], &at, v);
        }
    } else {
        int opened = open_rows(l, &d, 1, &at);
        bool pieces = d.n == 1;
        for (int i = 0; i < l->n_members; i++)
            pieces &= place[i].full;
        for (int pass = 0; pass <= last; pass++) {
            row_scalars(l, place, pass, &at);
            sweep(l, &d, place, pass, serial, pieces, &at);
        }
        while (opened--)
            close_block(l);
    }
    end_kernel(l);
    for (int i = 0; i < l->n_members; i++)
        l->scratch_of[l->members[i]->id] = -1;
}

/* ---- reduce groups ------------------------------------------------------------------------------------------------------ */

static bool reduced(const Node *n, int axis)
{
    for (int i = 0; i < n->a.n_axes; i++)
        if (n->a.axes[i] == axis)
            return true;
    return false;
}

/* Everything is summed: pieces of the first dim to partial sums, then these in order. */
static void reduce_all(Lower *l, Node *n, const Domain *d)
{
    Elem e = n->type.elem;
    Poly lo, hi;
    Index at = { 0 };
    int first = d->axis[0];
    if (type_ragged(&d->type) && !d->by_row)
        at.v[0] = (Poly){ .n = -1 };
    begin_kernel(l, n->op == OP_sum ? "sum_pieces" : "amax_pieces");
    if (d->by_row)
        hi = dim_extent(l, DIM_B), lo = (Poly){ 0 };
    else
        loop_bounds(l, d, first, &at, &lo, &hi);
    bool flat = d->n == 1 && !needs_serial(l, d);
    int64_t step = d->n == 1 ? PIECE : rows_per_piece(d);
    Poly parts = hi;
    int partial = temp_buf(l, "partial", e, parts);
    int p = open_par(l, "p", hi, step, -1);
    Poly end = piece_end(l, p, step, hi);
    int acc = kb_acc(&l->b, reduce_op(n), e), opened = 0;
    if (d->n > 1) {
        at.v[d->by_row ? 0 : first] = var(l, open_for(l, "t", var(l, p), end, const_extent(d->type.dim[first])));
        opened++;
        for (int i = 1; i < d->n - 1; i++) {
            loop_bounds(l, d, d->axis[i], &at, &lo, &hi);
            at.v[d->axis[i]] = var(l, open_for(l, loop_name(d, d->axis[i]), lo, hi, const_extent(d->type.dim[d->axis[i]])));
            opened++;
        }
        loop_bounds(l, d, d->axis[d->n - 1], &at, &lo, &hi);
    } else {
        lo = var(l, p);
        hi = end;
    }
    int lane = d->axis[d->n - 1];
    if (d->n == 1 && !flat)
        at.v[lane] = var(l, open_for(l, "t", lo, hi, -1));
    else
        at.v[lane] = poly_add(l->a, lo, var(l, open_vec(l, minus(l->a, hi, lo), lo.n ? -1 : const_extent(d->type.dim[lane]))));
    kb_reduce(&l->b, acc, value_at(l, n->in[0], at));
    close_block(l);
    while (opened--)
        close_block(l);
    kb_store(&l->b, param_of(l, partial, PARAM_OUT), var(l, p), acc);
    end_kernel(l);

    begin_kernel(l, n->op == OP_sum ? "sum_partials" : "amax_partials");
    acc = kb_acc(&l->b, reduce_op(n), e);
    Poly count = poly_add(l->a, parts, poly_const(l->a, step - 1));
    int i = kb_index(&l->b, "pieces", IX_DIV, count, poly_const(l->a, step));
    int k = open_for(l, "p", (Poly){ 0 }, var(l, i), -1);
    kb_reduce(&l->b, acc, kb_load(&l->b, param_of(l, partial, PARAM_IN), poly_scale(l->a, var(l, k), step)));
    close_block(l);
    store_member(l, n, &(Index){ 0 }, acc);
    end_kernel(l);
}

/* Lanes run along the last dim, which stays: every lane has its own sum, kept in memory while the rows stream by. */
static void reduce_columns(Lower *l, Node *n, const Domain *d)
{
    enum { COLUMNS = 128 };
    int lane = d->axis[d->n - 1], opened = 0;
    Op op = reduce_op(n);
    Index at = { 0 }, to;
    Poly lo, hi;
    if (type_ragged(&d->type) && !d->by_row)
        at.v[0] = (Poly){ .n = -1 };
    begin_kernel(l, n->op == OP_sum ? "sum_columns" : "amax_columns");
    /* kept dims outermost: the first two in pieces */
    int pars = 0;
    Poly p = { 0 };
    bool ragged_lane = d->type.dim[lane] == DIM_N;
    for (int i = 0; i < d->n - 1; i++) {
        int axis = d->axis[i];
        if (reduced(n, axis))
            continue;
        Poly end = dim_extent(l, d->type.dim[axis] == DIM_N ? DIM_T : d->type.dim[axis]);
        if (pars < MAX_PAR - 1 && d->type.dim[axis] != DIM_N && l->k->body == NULL) {
            at.v[axis] = var(l, open_par(l, loop_name(d, axis), end, 1, const_extent(d->type.dim[axis])));
            pars++;
        }
    }
    if (!ragged_lane)
        p = var(l, open_par(l, "c", dim_extent(l, d->type.dim[lane]), COLUMNS, -1));
    for (int i = 0; i < d->n - 1; i++) {
        int axis = d->axis[i];
        if (reduced(n, axis) || at.v[axis].n > 0)
            continue;
        loop_bounds(l, d, axis, &at, &lo, &hi);
        at.v[axis] = var(l, open_for(l, loop_name(d, axis), lo, hi, const_extent(d->type.dim[axis])));
        opened++;
    }
    Poly begin, width;
    if (ragged_lane) {
        loop_bounds(l, d, lane, &at, &begin, &hi);
        width = minus(l->a, hi, begin);
    } else {
        begin = p;
        width = minus(l->a, var(l, kb_index(&l->b, "end", IX_MIN, poly_add(l->a, p, poly_const(l->a, COLUMNS)),
                                              dim_extent(l, d->type.dim[lane]))), p);
    }
    to = at;
    for (int i = 0; i < d->n; i++)
        if (reduced(n, d->axis[i]))
            to.v[d->axis[i]] = (Poly){ 0 };
    /* where r itself is summed over, the result has no row */
    if (reduced(n, 0))
        to.v[0] = (Poly){ 0 };
    int out = param_of(l, buffer_of(l, n), PARAM_OUT);
    to.v[lane] = poly_add(l->a, begin, var(l, open_vec(l, width, -1)));
    kb_store(&l->b, out, element_offset(l, &n->type, &to), kb_const(&l->b, op == OP_add ? 0 : -INFINITY, n->type.elem));
    close_block(l);
    int inner = 0;
    for (int i = 0; i < d->n - 1; i++) {
        int axis = d->axis[i];
        if (!reduced(n, axis))
            continue;
        loop_bounds(l, d, axis, &at, &lo, &hi);
        at.v[axis] = var(l, open_for(l, loop_name(d, axis), lo, hi, const_extent(d->type.dim[axis])));
        inner++;
    }
    at.v[lane] = poly_add(l->a, begin, var(l, open_vec(l, width, -1)));
    to.v[lane] = at.v[lane];
    Poly place = element_offset(l, &n->type, &to);
    int x = value_at(l, n->in[0], at), sum = kb_load(&l->b, param_of(l, buffer_of(l, n), PARAM_IN), place);
    kb_store(&l->b, out, place, kb_let(&l->b, op, n->type.elem, (int[]){ sum, x }));
    close_block(l);
    while (inner--)
        close_block(l);
    while (opened--)
        close_block(l);
    end_kernel(l);
}

/* The last dim is summed and so are others, but not all: a sum for each place of the result. */
static void reduce_blocks(Lower *l, Node *n, const Domain *d)
{
    Index at = { 0 };
    Poly lo, hi;
    int opened = 0, lane = d->axis[d->n - 1];
    if (type_ragged(&d->type) && !d->by_row)
        at.v[0] = (Poly){ .n = -1 };
    begin_kernel(l, n->op == OP_sum ? "sum_blocks" : "amax_blocks");
    for (int i = 0, pars = 0; i < d->n - 1; i++) {
        int axis = d->axis[i];
        if (!reduced(n, axis) && d->type.dim[axis] != DIM_N && pars < MAX_PAR) {
            at.v[axis] = var(l, open_par(l, loop_name(d, axis), dim_extent(l, d->type.dim[axis]), 1, const_extent(d->type.dim[axis])));
            pars++;
        }
    }
    for (int i = 0; i < d->n - 1; i++) {
        int axis = d->axis[i];
        if (reduced(n, axis) || at.v[axis].n > 0)
            continue;
        loop_bounds(l, d, axis, &at, &lo, &hi);
        at.v[axis] = var(l, open_for(l, loop_name(d, axis), lo, hi, const_extent(d->type.dim[axis])));
        opened++;
    }
    Index to = at;
    int acc = kb_acc(&l->b, reduce_op(n), n->type.elem), inner = 0;
    for (int i = 0; i < d->n - 1; i++) {
        int axis = d->axis[i];
        if (!reduced(n, axis))
            continue;
        loop_bounds(l, d, axis, &at, &lo, &hi);
        at.v[axis] = var(l, open_for(l, loop_name(d, axis), lo, hi, const_extent(d->type.dim[axis])));
        inner++;
    }
    loop_bounds(l, d, lane, &at, &lo, &hi);
    at.v[lane] = poly_add(l->a, lo, var(l, open_vec(l, minus(l->a, hi, lo), -1)));
    kb_reduce(&l->b, acc, value_at(l, n->in[0], at));
    close_block(l);
    while (inner--)
        close_block(l);
    for (int i = 0; i < n->a.n_axes; i++)
        to.v[n->a.axes[i]] = (Poly){ 0 };
    store_member(l, n, &to, acc);
    while (opened--)
        close_block(l);
    end_kernel(l);
}

void lower_reduce_group(Lower *l, Node *n)
{
    const Type *x = &n->in[0]->type;
    bool sums_rows = false; /* n(r) is summed but r is not: rows must be told apart */
    for (int i = 0; i < x->rank; i++)
        sums_rows |= x->dim[i] == DIM_N && reduced(n, i) && !reduced(n, 0);
    Domain d = domain_of(x, sums_rows);
    int kept = 0;
    for (int i = 0; i < d.n; i++)
        kept += !reduced(n, d.axis[i]);
    if (d.n == 0) { /* one element: there is nothing to sum */
        Index at = { 0 };
        begin_kernel(l, "sum_one");
        store_member(l, n, &at, value_at(l, n->in[0], at));
        end_kernel(l);
    } else if (kept == 0)
        reduce_all(l, n, &d);
    else if (!reduced(n, d.axis[d.n - 1]))
        reduce_columns(l, n, &d);
    else
        reduce_blocks(l, n, &d);
}
