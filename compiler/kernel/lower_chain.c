/* Chains: groups with stages, each of them a dot or a loop group as it would be alone.  A piece of the chain does all stages
 * for one row of the batch and one head, or for a panel of tokens.  What a stage hands on lies in scratch, as large as a piece
 * of it, unless it is read outside of the chain too and so has a buffer.  What dots outside want in panels is packed while it is in
 * the cache. */
#include "compiler/kernel/lowering.h"

/* x is read by n in another stage and nowhere outside. */
static bool is_handed_on(Lower *l, const Node *x, const Node *n)
{
    return x->group == l->group && x->stage != n->stage && !l->stored[x->id];
}

static void make_panel(Lower *l, const Node *x)
{
    if (l->panel_of[x->id] < 0)
        l->panel_of[x->id] = scratch_param(l, "panel", x->type.elem, panel_size(l, &x->type));
}

/* Room for what other stages read and nobody else, and for what is only packed. */
static void make_panels(Lower *l)
{
    for (int i = 0; i < l->n_members; i++) {
        Node *n = l->members[i];
        if (l->packed_as[n->id] && !l->stored[n->id])
            make_panel(l, n);
        for (int k = 0; k < n->n_in; k++) {
            Node *x = behind_views(n->in[k]);
            if (is_handed_on(l, x, n))
                make_panel(l, x);
        }
    }
}

static void lower_dot_stage(Lower *l, Node *n, const Index *at, Packed packed)
{
    int fa = dot_free_axis(n, 0), fb = dot_free_axis(n, 1);
    const Type *a = &n->in[0]->type, *b = &n->in[1]->type;
    Span m = whole_dim(l, fa >= 0 ? a->dim[fa] : 1, at), cols = whole_dim(l, fb >= 0 ? b->dim[fb] : 1, at);
    lower_dot_statement(l, n, at, m, cols, whole_dim(l, a->dim[n->a.ca], at), packed);
}

static void open_pieces(Lower *l, const Type *t, Index *at)
{
    Piece *p = l->piece;
    if (p->fixed) {
        at->v[0] = var(l, open_par(l, "r", dim_extent(l, DIM_B), 1, -1));
        if (t->dim[1] != 1)
            at->v[1] = var(l, open_par(l, "h", dim_extent(l, t->dim[1]), 1, t->dim[1]));
        return;
    }
    p->panel = open_panel(l);
}

void lower_chain_group(Lower *l)
{
    Node **all = l->members;
    int n_all = l->n_members, stages = 0;
    const Node *some = all[0];
    for (int i = 1; is_token_sum(some) && i < n_all; i++)
        some = all[i];
    Piece piece = { .fixed = some->type.dim[0] == DIM_T ? 0 : 2 };
    Packed *packed = NEW_ARRAY(l->a, Packed, n_all);
    Index at = { 0 };
    for (int i = 0; i < n_all; i++) {
        stages = all[i]->stage > stages ? all[i]->stage : stages;
        packed[i] = op_lower[all[i]->op] == lower_dot ? pack_operands(l, all[i]) : (Packed){ -1, -1 };
    }
    begin_kernel(l, group_name(l));
    l->piece = &piece;
    make_panels(l);
    open_pieces(l, &some->type, &at);
    Node **members = NEW_ARRAY(l->a, Node *, n_all);
    int *partial = NEW_ARRAY(l->a, int, n_all);
    for (int s = 1; s <= stages; s++) {
        int first = -1, last = -1;
        l->members = members;
        l->n_members = 0;
        for (int i = 0; i < n_all; i++)
            if (all[i]->stage == s) {
                first = first < 0 ? i : first;
                last = i;
                members[l->n_members++] = all[i];
            }
        if (op_lower[members[0]->op] == lower_dot)
            lower_dot_stage(l, members[0], &at, packed[first]);
        else if (is_token_sum(all[last]))
            partial[last] = lower_sum_stage(l, all[last]);
        else
            lower_loop_stage(l, at);
        for (int i = 0; i < l->n_members; i++)
            if (l->packed_as[members[i]->id])
                pack_rows(l, members[i]);
    }
    l->members = all;
    l->n_members = n_all;
    l->piece = NULL;
    end_kernel(l);
    for (int i = 0; i < n_all; i++)
        if (is_token_sum(all[i])) {
            l->members = &all[i];
            l->n_members = 1;
            lower_sum_partials(l, all[i], partial[i]);
        }
}
