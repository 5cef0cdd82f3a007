/* bf16: dots take their operands in bf16 and sum in f32, as train.precision asks; see passes.h.
 *
 * So are results of dots on tokens that the backward part reads: they are what lies in memory from one to the other.  Forward reads
 * the rounded number too, so that the gradient is that of what was computed; PyTorch's autocast rounds such results as well.
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

/* Whether the backward part reads n, or what is computed from it element by element, but as an operand of a dot: in f32. */
static bool *find_read_backward(const Graph *g, Arena *a)
{
    bool *read = NEW_ARRAY(a, bool, g->n);
    for (const Node *n = g->last; n; n = n->prev) {
        OpClass c = op_info[n->op].class;
        bool passes_on = n->region == REGION_FORWARD ? read[n->id] && (c == CLASS_MAP || c == CLASS_SHAPE) : c != CLASS_CONTRACT;
        for (int k = 0; k < n->n_in; k++)
            read[n->in[k]->id] |= passes_on && n->in[k]->region == REGION_FORWARD;
    }
    return read;
}

/* Puts the rounded number in the place of a dot's result. */
static void round_result(Graph *g, Node *dot)
{
    g->before = dot->next;
    g->region = dot->region;
    g->loc = dot->loc;
    g->grad_of = dot->grad_of;
    Node *narrow = cast(g, dot, BF16), *wide = cast(g, narrow, F32);
    graph_rename(g, narrow, arena_printf(g->arena, "%s.bf16", dot->name));
    graph_rename(g, wide, arena_printf(g->arena, "%s.rounded", dot->name));
    graph_replace_uses(g, dot, wide);
    narrow->in[0] = dot;
}

static bool is_of_tokens(const Type *t) { return t->elem == F32 && t->rank > 0 && t->dim[0] == DIM_T; }

void pass_bf16(Graph *g)
{
    graph_renumber(g);
    Arena *scratch = arena_new();
    const bool *read = find_read_backward(g, scratch);
    Region region = g->region;
    g->scope = NULL;
    for (Node *n = g->first, *next; n; n = next) {
        next = n->next;
        if (n->op == OP_dot && n->region == REGION_FORWARD && is_of_tokens(&n->type) && read[n->id])
            round_result(g, n);
    }
    graph_renumber(g);
    Bf16 b = { .g = g, .n = g->n };
    b.narrow = NEW_ARRAY(scratch, Node *, g->n);
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
