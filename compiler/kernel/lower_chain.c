/* Chains: groups with stages, each of them a dot or a loop group as it would be alone, over pieces that are one index of the
 * outer dims (a row of the batch and a head).  What a stage hands on lies in scratch, as large as a piece of it, unless it is
 * read outside of the chain too and so has a buffer. */
#include "compiler/kernel/lowering.h"

static Node *behind_views(Node *x)
{
    while (!x->group && op_lower[x->op] == lower_view)
        x = x->in[0];
    return x;
}

/* Room for what other stages read and nobody else. */
static void make_panels(Lower *l)
{
    for (int i = 0; i < l->n_members; i++) {
        Node *n = l->members[i];
        for (int k = 0; k < n->n_in; k++) {
            Node *x = behind_views(n->in[k]);
            if (x->group == l->group && x->stage != n->stage && !l->stored[x->id] && l->panel_of[x->id] < 0)
                l->panel_of[x->id] = scratch_param(l, "panel", x->type.elem, panel_size(l, &x->type));
        }
    }
}

static void lower_dot_stage(Lower *l, Node *n, const Index *at)
{
    int fa = dot_free_axis(n, 0), fb = dot_free_axis(n, 1);
    const Type *a = &n->in[0]->type, *b = &n->in[1]->type;
    Span m = whole_dim(l, fa >= 0 ? a->dim[fa] : 1, at), cols = whole_dim(l, fb >= 0 ? b->dim[fb] : 1, at);
    lower_dot_statement(l, n, at, m, cols, whole_dim(l, a->dim[n->a.ca], at), (Packed){ -1, -1 });
}

void lower_chain_group(Lower *l)
{
    Node **all = l->members;
    int n_all = l->n_members, stages = 0;
    Dim heads = all[0]->type.dim[1];
    Index at = { 0 };
    for (int i = 0; i < n_all; i++)
        stages = all[i]->stage > stages ? all[i]->stage : stages;
    begin_kernel(l, group_name(l));
    make_panels(l);
    at.v[0] = var(l, open_par(l, "r", dim_extent(l, DIM_B), 1, -1));
    if (heads != 1)
        at.v[1] = var(l, open_par(l, "h", dim_extent(l, heads), 1, heads));
    Node **members = NEW_ARRAY(l->a, Node *, n_all);
    for (int s = 1; s <= stages; s++) {
        l->members = members;
        l->n_members = 0;
        for (int i = 0; i < n_all; i++)
            if (all[i]->stage == s)
                members[l->n_members++] = all[i];
        if (op_lower[members[0]->op] == lower_dot)
            lower_dot_stage(l, members[0], &at);
        else
            lower_loop_stage(l, at);
    }
    l->members = all;
    l->n_members = n_all;
    end_kernel(l);
}
