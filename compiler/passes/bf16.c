/* bf16: dots take their operands in bf16 and sum in f32, as train.precision asks; see passes.h.
 *
 * A value is rounded once, below the views through which dots read it, so that all of them share what lies in memory.  Weights
 * are rounded anew in every step: the masters stay f32, and so does everything that is no operand of a dot. */
#include "compiler/passes/passes.h"

#include "compiler/kernel/lower.h"

typedef struct {
    Graph *g;
    Node **narrow; /* by id: the value in bf16 */
    int n;
} Bf16;

static Node *narrowed(Bf16 *b, Node *x)
{
    Graph *g = b->g;
    if (b->narrow[x->id])
        return b->narrow[x->id];
    Node *y;
    if (op_lower[x->op] == lower_view && x->n_in == 1) {
        Node *in = narrowed(b, x->in[0]);
        Type t = x->type;
        Attrs a = x->a;
        t.elem = BF16;
        g->loc = x->loc;
        g->grad_of = x->grad_of;
        y = graph_add(g, x->op, 1, &in, &a, &t);
    } else {
        g->loc = x->loc;
        g->grad_of = x->grad_of;
        y = cast(g, x, BF16);
    }
    graph_rename(g, y, arena_printf(g->arena, "%s.bf16", x->name));
    return b->narrow[x->id] = y;
}

void pass_bf16(Graph *g)
{
    graph_renumber(g);
    Arena *scratch = arena_new();
    Bf16 b = { .g = g, .n = g->n };
    b.narrow = NEW_ARRAY(scratch, Node *, g->n);
    Region region = g->region;
    g->scope = NULL;
    for (Node *n = g->first; n; n = n->next) {
        if (n->id >= b.n || n->op != OP_dot || n->type.elem != F32)
            continue;
        g->before = n;
        g->region = n->region;
        opt_note(g->notes, n, "reads %s and %s, rounded to bf16", n->in[0]->name, n->in[1]->name);
        for (int k = 0; k < 2; k++)
            n->in[k] = narrowed(&b, n->in[k]);
    }
    g->before = NULL;
    g->region = region;
    g->loc = NULL;
    g->grad_of = NULL;
    arena_free(scratch);
    graph_dce(g);
}
