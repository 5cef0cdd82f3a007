/* demand: what only the first token of each row is asked for is computed for that token alone.
 * In: a forward graph before grad.  Out: the same results; the gather of row_start has moved towards the inputs.
 *
 * A classifier reads one row of the last layer, so its query, output projection, feed-forward and norms are needed for B rows, not T;
 * only keys and values are needed for all.  A backward walk finds for every node what its readers ask of it: everything, or the
 * first token's part along one axis (T, or an n(r)).  Nodes of which only that part is asked are then rebuilt for it; along a ragged
 * axis it stays as a dim of 1, so that ranks and broadcasting don't change.  Values are the same, sums may be
 * ordered otherwise by other panel sizes. */
#include "compiler/passes/passes.h"

#include "compiler/ir/mutate.h"
#include "compiler/kernel/lower.h"

#include <string.h>

enum { NOTHING = -2, ALL = -1 }; /* or the axis of which the first token's part is asked */

typedef struct {
    Graph *g;
    int *asked;      /* by id */
    Node **first;    /* by id: the node's first-token part */
    Node *row_start;
    int n;
} Demand;

static bool is_row_start(const Node *n) { return n->op == OP_input && !strcmp(n->a.name, "row_start"); }

bool selects_rows(const Node *n)
{
    return n->op == OP_gather && is_row_start(n->in[1]) && n->in[0]->type.rank >= 1 && n->in[0]->type.dim[0] == DIM_T;
}

static bool is_token_dim(const Type *t, int axis) { return t->dim[axis] == DIM_N || (axis == 0 && t->dim[0] == DIM_T); }

/* When only the first token along `axis` of n is needed, what is needed of operand k: its axis, or ALL.  False if n's
 * op can't be restricted so. */
static bool operand_axis(const Node *n, int axis, int k, int *out)
{
    const Type *y = &n->type, *x = &n->in[k]->type;
    *out = ALL;
    switch (op_info[n->op].class) {
    case CLASS_MAP: {
        int own = axis - (y->rank - x->rank);
        if (own >= 0 && is_token_dim(x, own))
            *out = own;
        return true;
    }
    case CLASS_REDUCE:
        *out = axis;
        return y->dim[axis] != 1;
    case CLASS_RANDOM:
        *out = k == 0 ? axis : ALL;
        return axis < y->rank - 1;
    case CLASS_CONTRACT: {
        int batch = n->a.batch, free = dot_free_axis(n, k);
        int at = batch + (k && dot_free_axis(n, 0) >= 0); /* where free stands in y */
        if (free >= 0 && at == axis)
            *out = free;
        return axis >= batch;
    }
    default: break;
    }
    switch (n->op) {
    case OP_transpose: *out = n->a.axes[axis]; return true;
    case OP_stop_gradient: *out = axis; return true;
    case OP_split: *out = 0; return axis == 1;
    case OP_join: *out = 1; return axis == 0;
    case OP_reshape: *out = 0; return axis == 0 && x->dim[0] == DIM_T && y->dim[0] == DIM_T;
    case OP_broadcast: {
        int own = axis - (y->rank - x->rank);
        if (own >= 0 && is_token_dim(x, own))
            *out = own;
        return true;
    }
    case OP_slice: *out = axis; return axis != n->a.axes[0];
    case OP_concat: *out = axis; return axis != n->a.axes[0];
    case OP_gather:
        *out = k == 1 ? axis : ALL;
        return axis < n->in[1]->type.rank && n->in[1]->type.dim[0] == DIM_T;
    default: return false;
    }
}

static void ask(Demand *d, const Node *x, int what)
{
    int *asked = &d->asked[x->id];
    if (*asked == NOTHING)
        *asked = what;
    else if (*asked != what)
        *asked = ALL;
}

/* Can n be rebuilt for the first token along `axis`? */
static bool can_restrict(const Node *n, int axis)
{
    int unused;
    if (n->op == OP_iota || n->op == OP_const)
        return true;
    if (!n->n_in)
        return false;
    for (int k = 0; k < n->n_in; k++)
        if (!operand_axis(n, axis, k, &unused))
            return false;
    return true;
}

static void find_demand(Demand *d)
{
    Graph *g = d->g;
    for (int i = 0; i < d->n; i++)
        d->asked[i] = NOTHING;
    for (int i = 0; i < g->n_outputs; i++)
        ask(d, g->outputs[i].node, ALL);
    for (Node *n = g->last; n; n = n->prev) {
        int axis = d->asked[n->id];
        if (is_update(n))
            axis = ALL;
        if (axis == NOTHING)
            continue;
        if (axis >= 0 && !can_restrict(n, axis))
            axis = d->asked[n->id] = ALL;
        for (int k = 0; k < n->n_in; k++) {
            int what = ALL;
            if (selects_rows(n) && axis == ALL)
                what = k == 0 ? 0 : ALL;
            else if (axis >= 0)
                operand_axis(n, axis, k, &what);
            ask(d, n->in[k], what);
        }
    }
}

/* n's type with the token axis cut down to the first: T becomes B, n(r) becomes 1. */
static Type restricted(const Type *t, int axis)
{
    Type r = *t;
    r.dim[axis] = t->dim[axis] == DIM_T ? DIM_B : 1;
    return r;
}

static Node *first_part(Demand *d, Node *n, int axis);

/* Operand k of n, restricted or whole. */
static Node *operand_part(Demand *d, const Node *n, int axis, int k)
{
    int own;
    operand_axis(n, axis, k, &own);
    return own >= 0 ? first_part(d, n->in[k], own) : n->in[k];
}

static Node *rebuild(Demand *d, Node *n, int axis)
{
    Graph *g = d->g;
    Type t = restricted(&n->type, axis);
    if (n->op == OP_iota) {
        if (n->type.dim[axis] == DIM_T)
            return said_by("demand:first_token", g, d->row_start); /* the first tokens' numbers */
        return n->a.axes[0] == axis ? graph_add(g, OP_const, 0, NULL, &(Attrs){ .value = 0 }, &t) : graph_add(g, OP_iota, 0, NULL, &n->a, &t);
    }
    if (n->op == OP_const)
        return graph_add(g, OP_const, 0, NULL, &n->a, &t);
    Node **in = NEW_ARRAY(g->arena, Node *, n->n_in);
    for (int k = 0; k < n->n_in; k++)
        in[k] = operand_part(d, n, axis, k);
    g->loc = n->loc; /* the operands have set theirs */
    if (n->op == OP_split || n->op == OP_join)
        return reshape(g, in[0], t);
    return graph_add(g, n->op, n->n_in, in, &n->a, &t);
}

static Node *first_part(Demand *d, Node *n, int axis)
{
    if (d->first[n->id])
        return d->first[n->id];
    Graph *g = d->g;
    g->loc = n->loc;
    g->scope = NULL;
    Node *y;
    if (d->asked[n->id] == axis)
        y = said_by("demand:rebuild", g, rebuild(d, n, axis));
    else if (n->type.dim[axis] == DIM_T) /* needed whole anyway: its first tokens are picked out */
        y = said_by("demand:pick", g, gather(g, n, d->row_start));
    else { /* a ragged value that is there whole: through its flat form */
        int perm[MAX_RANK] = { 0, axis }, back[MAX_RANK], k = 2;
        for (int i = 1; i < n->type.rank; i++)
            if (i != axis)
                perm[k++] = i;
        for (int i = 0; i < n->type.rank; i++)
            back[perm[i]] = i;
        Node *flat = join(g, transpose(g, n, n->type.rank, perm)), *rows = gather(g, flat, d->row_start);
        Type t = { .rank = n->type.rank, .elem = n->type.elem };
        for (int i = 0; i < t.rank; i++)
            t.dim[i] = i == 0 ? DIM_B : i == 1 ? 1 : n->type.dim[perm[i]];
        y = said_by("demand:pick_ragged", g, transpose(g, reshape(g, rows, t), t.rank, back));
    }
    if (y->id >= d->n)
        graph_rename(g, y, arena_printf(g->arena, "%s.first", n->name));
    if (d->asked[n->id] == axis && n->n_in && op_info[n->op].class != CLASS_SHAPE)
        opt_note(g->notes, n, "is computed for the first token of each row only");
    return d->first[n->id] = y;
}

/* A ragged value that is needed whole can be picked from only where its other dims are the same in all rows. */
static bool parts_can_be_had(Demand *d)
{
    bool changed = false;
    EACH_NODE(n, d->g) {
        int axis = d->asked[n->id];
        if (axis < 0)
            continue;
        for (int k = 0; k < n->n_in; k++) {
            int own;
            operand_axis(n, axis, k, &own);
            const Node *x = n->in[k];
            if (own < 0 || d->asked[x->id] == own || x->type.dim[own] == DIM_T)
                continue;
            int ragged = 0;
            for (int i = 0; i < x->type.rank; i++)
                ragged += x->type.dim[i] == DIM_N;
            if (ragged > 1) {
                d->asked[n->id] = ALL;
                changed = true;
            }
        }
    }
    return !changed;
}

void pass_demand(Graph *g)
{
    graph_renumber(g);
    Arena *scratch = arena_new();
    Demand d = { .g = g, .n = g->n };
    d.asked = NEW_ARRAY(scratch, int, g->n);
    d.first = NEW_ARRAY(scratch, Node *, g->n);
    EACH_NODE(n, g)
        if (is_row_start(n))
            d.row_start = n;
    if (d.row_start) {
        find_demand(&d);
        /* a node that must be whole after all asks its operands for everything: rare, and then nothing is moved */
        if (parts_can_be_had(&d))
            for (Node *n = g->first; n; n = n->next)
                if (n->id < d.n && selects_rows(n) && d.asked[n->id] == ALL) {
                    g->before = n;
                    Node *part = first_part(&d, n->in[0], 0);
                    g->before = NULL;
                    graph_replace_uses(g, n, part);
                }
    }
    g->loc = NULL;
    arena_free(scratch);
    graph_dce(g);
}
