/* Tables of which a step reads few rows are trained by rows.  In: a forward graph.  Out: marks on such weights, and a graph in which
 * a row that is used for the first time is brought up to date.
 *
 * A weight with a row for each entry of the vocabulary, which is read by nothing but gathers of the batch's ids, has no gradient where
 * no batch has been yet.  There AdamW's moments are zero and its update is the decay alone; so those rows wait, and the
 * runtime counts what decay they wait for (ftc/model.h).  This pass marks the weight, and has the gather of a row that is used for the
 * first time catch up.  The gradient is then asked for behind the gather, a vector for each token, and those of the same entry are
 * summed, where the first of its tokens stands: so it takes the batch's room, however many rows are in use. */
#include "compiler/build/build.h"

#include <string.h>

static bool is_ids(const Node *n) { return n->op == OP_input && !strcmp(n->a.name, "ids"); }

static Node *input_once(Graph *g, const char *name, Type t)
{
    EACH_NODE(n, g)
        if (n->op == OP_input && !strcmp(n->a.name, name))
            return n;
    return input(g, name, t);
}

/* The gather that alone reads w, or NULL. */
static Node *only_gather(const Graph *g, const Node *w)
{
    Node *gather = NULL;
    EACH_NODE(n, g)
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] == w) {
                if (gather || n->op != OP_gather || k != 0 || !is_ids(n->in[1]))
                    return NULL;
                gather = n;
            }
    for (int i = 0; i < g->n_outputs; i++)
        if (g->outputs[i].node == gather)
            return NULL;
    return gather;
}

/* One number for each row of a table of this rank. */
static Node *for_rows(Graph *g, Node *x, int rank)
{
    return reshape(g, x, (Type){ .elem = x->type.elem, .rank = rank, .dim = { x->type.dim[0], 1, 1, 1, 1, 1 } });
}

/* What entries that are known by now have been given already, and the others not: 1 or the pending decay, of x's rank. */
static Node *catch_up(Graph *g, Node *entry, int rank)
{
    Node *is_known = map2(g, OP_lt, entry, input_once(g, "known", scalar_type(I32)));
    return for_rows(g, select_(g, is_known, constant(g, 1, F32), input_once(g, "pending", scalar_type(F32))), rank);
}

static Type used_type(void) { return (Type){ .elem = I32, .rank = 1, .dim = { DIM_U } }; }

Node *used(Graph *g) { return input_once(g, "used", used_type()); }

Node *used_rows(Graph *g, Node *table, bool decays)
{
    Node *rows = used(g), *x = gather(g, table, rows);
    return decays ? mul(g, x, catch_up(g, iota(g, rows->type, 0), x->type.rank)) : x;
}

static Node *tokens(Graph *g, const char *name) { return input_once(g, name, (Type){ .elem = I32, .rank = 1, .dim = { DIM_T } }); }

static Node *places(Graph *g) { return tokens(g, "place"); }

void build_rows(Graph *g, const Spec *spec, Forward *f)
{
    bool decay_waits = spec->optimizer.type == OPT_ADAMW || spec->optimizer.momentum == 0;
    for (int i = 0; i < f->n_weights; i++) {
        FtcWeight *w = &f->weights[i];
        /* SGD's momentum gathers decay too, in rows that no batch used */
        Node *x = w->frozen || (w->decay && !decay_waits) || f->nodes[i]->type.dim[0] != DIM_V ? NULL : only_gather(g, f->nodes[i]);
        if (!x)
            continue;
        w->by_rows = true;
        f->read[i] = x;
        if (!w->decay)
            continue;
        g->before = x->next;
        g->loc = x->loc;
        g->scope = x->name;
        Node *now = catch_up(g, places(g), x->type.rank), *y = mul(g, x, now);
        graph_replace_uses(g, x, y);
        y->in[0] = x;
        f->read[i] = y;
    }
    g->before = NULL;
    g->loc = NULL;
    g->scope = NULL;
    graph_renumber(g);
}

Node *rows_grad(Graph *g, Node *d) { return scatter_add(g, tokens(g, "first"), d, DIM_T); }

/* An entry that the batch has not has any token as its first, whose place is another. */
Node *used_rows_grad(Graph *g, Node *d)
{
    Node *first = input_once(g, "first_of", used_type()), *x = gather(g, d, first);
    Node *is_there = map2(g, OP_eq, gather(g, places(g), first), iota(g, first->type, 0));
    return select_(g, for_rows(g, is_there, x->type.rank), x, constant(g, 0, F32));
}
