/* The reverse sweep.  In: a forward graph and its loss.  Out: ordinary nodes that compute the gradients.
 * The idea: walk the nodes backward; a node's gradient is the sum of its users' contributions; the op's own rule turns it
 * into contributions to the operands.  Knows no op by name.  Only nodes on a path from what is asked for to the loss take part. */
#include "compiler/grad/grad.h"

#include "compiler/ir/mutate.h"

/* dx has a broadcast operand's larger shape: sum the repeated axes away. */
static Node *sum_to(Graph *g, Node *dx, const Type *want)
{
    if (type_equal(&dx->type, want))
        return dx;
    int axes[MAX_RANK], n = 0, extra = dx->type.rank - want->rank;
    for (int i = 0; i < dx->type.rank; i++)
        if (i < extra || (want->dim[i - extra] == 1 && dx->type.dim[i] != 1))
            axes[n++] = i;
    if (n)
        dx = sum_axes(g, dx, n, axes);
    if (extra > 0)
        dx = reshape(g, dx, *want);
    return type_equal(&dx->type, want) ? dx : broadcast(g, dx, *want);
}

void graph_grad(Graph *g, Node *loss, int n_wrt, Node *const *wrt, Node **dx_out)
{
    graph_renumber(g);
    int n = g->n;
    bool *active = NEW_ARRAY(g->arena, bool, n); /* depends on a wanted value: frozen weights cost nothing */
    Node **grad = NEW_ARRAY(g->arena, Node *, n);
    for (int i = 0; i < n_wrt; i++)
        active[wrt[i]->id] = true;
    EACH_NODE(node, g)
        for (int i = 0; i < node->n_in; i++)
            active[node->id] |= active[node->in[i]->id];

    const Loc *loc = g->loc;
    const char *scope = g->scope, *of = g->grad_of;
    g->region = REGION_BACKWARD;
    Node *last = g->last;
    g->grad_of = loss->name;
    g->scope = "d";
    grad[loss->id] = broadcast(g, constant(g, 1, F32), loss->type);
    for (Node *y = last; y; y = y->prev) {
        Node *dy = y->id < n ? grad[y->id] : NULL;
        if (!dy || !active[y->id] || !y->n_in)
            continue;
        Node **dx = NEW_ARRAY(g->arena, Node *, y->n_in);
        g->loc = y->loc;
        g->grad_of = y->name;
        g->scope = arena_printf(g->arena, "d.%s", y->name);
        op_info[y->op].grad(g, y, dy, dx);
        for (int i = 0; i < y->n_in; i++) {
            Node *x = y->in[i];
            if (!dx[i] || !active[x->id])
                continue;
            Node *part = said_by(arena_printf(g->arena, "grad:%s", op_info[y->op].name), g, sum_to(g, dx[i], &x->type));
            grad[x->id] = grad[x->id] ? add(g, grad[x->id], part) : part;
        }
    }
    for (int i = 0; i < n_wrt; i++) {
        g->loc = wrt[i]->loc;
        g->grad_of = wrt[i]->name;
        g->scope = NULL;
        dx_out[i] = grad[wrt[i]->id] ? grad[wrt[i]->id] : zeros(g, &wrt[i]->type);
        if (dx_out[i]->region == REGION_BACKWARD)
            graph_rename(g, dx_out[i], arena_printf(g->arena, "d.%s", wrt[i]->name));
    }
    g->loc = loc;
    g->scope = scope;
    g->grad_of = of;
}
