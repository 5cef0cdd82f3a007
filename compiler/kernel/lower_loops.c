/* Loop groups: ops element by element, and row reductions, over one domain.
 *
 * The domain is dims d1 x ... x dk, of which the last is the lane dim; a value with a lane dim of 1 is a row scalar.
 * For each row the lanes are swept in passes: a row reduction's result is there after the pass that sums it, and whoever
 * needs it sweeps the row again.  What an earlier pass computed is read back where it was stored, or carried in a scratch row. */
#include "compiler/kernel/lowering.h"

#include <stdio.h>
#include <string.h>

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
        axis_bounds(l, d, axis, at, &lo, &hi);
        int64_t step = rows_per_piece(d);
        int p = open_par(l, "p", hi, step, -1);
        Poly end = piece_end(l, p, step, hi);
        at->v[axis] = var(l, open_for(l, axis_name(d, axis), var(l, p), end, const_extent(d->type.dim[axis])));
        opened++;
        first = 1;
    }
    for (int i = first; i < d->n - keep; i++) {
        open_axis(l, d, d->axis[i], at);
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
    axis_bounds(l, d, axis, at, &lo, &hi);
    if (pieces) {
        int p = open_par(l, "p", hi, serial ? 256 : PIECE, -1);
        Poly end = piece_end(l, p, serial ? 256 : PIECE, hi);
        lo = var(l, p);
        hi = end;
    }
    if (serial)
        at->v[axis] = var(l, open_for(l, axis_name(d, axis), lo, hi, extent));
    else
        open_axis_lanes(l, axis, lo, hi, extent, at);
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
            Node *x = behind_views(n->in[k]);
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
            Node *x = behind_views(n->in[k]);
            int m = x->group == l->group ? member_number(l, x) : -1;
            if (m >= 0 && place[m].full && place[m].pass < reads)
                place[m].carried = true;
        }
    }
    return last;
}

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
        } else if (op_lower[n->op] == lower_reduce && place[i].pass == pass + 1) {
            int v = value_at(l, n->in[0], *at);
            const Loc *before = at_node(l, n);
            kb_reduce(&l->b, acc[i], v);
            l->b.loc = before;
        }
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

const char *group_name(Lower *l)
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

/* What a later sweep needs of an earlier one is carried in a row of scratch. */
static void carry(Lower *l, const Domain *d, const Place *place)
{
    Dim dim = d->type.dim[d->axis[d->n - 1]];
    Poly lanes = dim_extent(l, dim == DIM_N ? DIM_L : dim);
    for (int i = 0; i < l->n_members; i++) {
        Node *n = l->members[i];
        if (place[i].carried && !l->stored[n->id] && l->panel_of[n->id] < 0)
            l->scratch_of[n->id] = scratch_param(l, "row", n->type.elem, lanes);
    }
}

static void compute_once(Lower *l, const Index *at)
{
    for (int i = 0; i < l->n_members; i++) {
        int v = compute(l, l->members[i], at);
        remember(l, l->members[i], v);
        store_member(l, l->members[i], at, v);
    }
}

/* All sweeps over the lanes of one row. */
static void sweep_row(Lower *l, const Domain *d, const Place *place, int last, bool serial, bool pieces, Index *at)
{
    for (int pass = 0; pass <= last; pass++) {
        row_scalars(l, place, pass, at);
        sweep(l, d, place, pass, serial, pieces, at);
    }
}

/* The weight that the group updates and whose panels are kept; NULL: there is none. */
static Node *kept_weight(const Lower *l)
{
    for (int i = 0; i < l->n_members; i++) {
        Node *w = is_update(l->members[i]) ? l->members[i]->in[0] : NULL;
        if (w && has_kept_panels(l, w))
            return w;
    }
    return NULL;
}

/* Opens pieces of `step` of a dim of n, of which the last may be smaller; none where that is all of it. */
static Span open_pieces(Lower *l, const char *name, Dim n, int64_t step)
{
    if (n <= step)
        return (Span){ { 0 }, poly_const(l->a, n) };
    int par = open_par(l, name, poly_const(l->a, n), step, -1);
    Poly from = var(l, par);
    return (Span){ from, n % step ? minus(l->a, piece_end(l, par, step, poly_const(l->a, n)), from) : poly_const(l->a, step) };
}

/* An update that writes panels too, part by part, while the weight's numbers are in the cache. */
static void lower_kept_update(Lower *l, Node *w)
{
    enum { ROWS = 32, COLUMNS = 768 }; /* whole panels, both ways; the numbers of a piece are in L2 until they are copied */
    begin_kernel(l, group_name(l));
    Span rows = open_pieces(l, "p", w->type.dim[0], ROWS), columns = open_pieces(l, "c", w->type.dim[1], COLUMNS);
    Index at = { .v = { var(l, open_for(l, "r", rows.from, poly_add(l->a, rows.from, rows.size), -1)) } };
    at.v[1] = poly_add(l->a, columns.from, var(l, open_vec(l, columns.size, -1)));
    compute_once(l, &at);
    close_blocks(l, 2);
    pack_kept(l, w, rows, columns);
    end_kernel(l);
}

void lower_loop_group(Lower *l)
{
    Node *kept = kept_weight(l);
    if (kept) {
        lower_kept_update(l, kept);
        return;
    }
    Type wide = widest(l);
    Domain d = domain_of(&wide, has_ragged_lanes(l, &wide));
    Place *place = NEW_ARRAY(l->a, Place, l->n_members);
    begin_kernel(l, group_name(l));
    Index at = domain_index(&d);
    bool serial = d.n && needs_serial(l, &d);
    int last = place_members(l, &d, place);
    if (d.n > 1 && !serial)
        carry(l, &d, place);
    if (d.n == 0)
        compute_once(l, &at);
    else {
        int opened = open_rows(l, &d, 1, &at);
        bool pieces = d.n == 1;
        for (int i = 0; i < l->n_members; i++)
            pieces &= place[i].full;
        sweep_row(l, &d, place, last, serial, pieces, &at);
        close_blocks(l, opened);
    }
    end_kernel(l);
    for (int i = 0; i < l->n_members; i++)
        l->scratch_of[l->members[i]->id] = -1;
}

/* Lanes run along what lies side by side: tokens lie apart. */
static void tokens_first(Lower *l, Domain *d)
{
    int last = d->n - 1;
    for (int i = 0; i < l->n_members; i++)
        if (op_lower[l->members[i]->op] == lower_reduce)
            return; /* it sums over the last dim as it is */
    if (ragged_dims(&d->type) != 1 || last < 1 || d->type.dim[d->axis[last]] != DIM_N)
        return;
    int axis = d->axis[last];
    memmove(d->axis + 1, d->axis, sizeof *d->axis * (size_t)last);
    d->axis[0] = axis;
}

void lower_loop_stage(Lower *l, Index at)
{
    Type wide = widest(l);
    Domain d = domain_of(&wide, l->piece->fixed > 0);
    Place *place = NEW_ARRAY(l->a, Place, l->n_members);
    int inner = 0;
    for (int i = 0; i < d.n; i++)
        if (d.axis[i] >= l->piece->fixed)
            d.axis[inner++] = d.axis[i];
    d.n = inner;
    d.by_row = l->piece->fixed > 0;
    tokens_first(l, &d);
    if (d.n == 0) {
        compute_once(l, &at);
        return;
    }
    bool serial = needs_serial(l, &d);
    int last = place_members(l, &d, place);
    if (!serial)
        carry(l, &d, place);
    for (int i = 0; i < d.n - 1; i++)
        open_axis(l, &d, d.axis[i], &at);
    sweep_row(l, &d, place, last, serial, false, &at);
    close_blocks(l, d.n - 1);
    for (int i = 0; i < l->n_members; i++)
        l->scratch_of[l->members[i]->id] = -1;
}
