/* remat: cheap forward values are computed again where the backward part reads them.
 * In: a step graph before fusion.  Out: the same values; what is kept from forward to backward is what can't be had cheaply.
 *
 * What must be kept: results of dots, reductions and scatters, but for dots that make a number for each pair of tokens of a
 * row; and what the backward part reads in a way that needs it in memory anyway (an operand of a dot, through views), unless a
 * few ops rebuild it from what is kept for others.  Everything else that it reads (masks, GELU of a kept input, normalised
 * values) is cloned, back to what is kept.  Clones round as the originals did, so no bit changes. */
#include "compiler/passes/passes.h"

#include "compiler/ir/mutate.h"
#include "compiler/kernel/lower.h"

#include <string.h>

/* Clones at the most this many ops for one value; for one that could be kept in its place, so many. */
enum { MAX_CLONED = 16, MAX_UNKEPT = 8 };

/* A number for each pair of tokens of a row: too much to keep. */
static bool is_quadratic(const Node *n) { return ragged_dims(&n->type) > 1; }

static bool is_cheap(const Node *n)
{
    OpClass c = op_info[n->op].class;
    if (c == CLASS_CONTRACT)
        return is_quadratic(n);
    if (n->type.elem == BF16 && op_info[n->in[0]->op].class == CLASS_CONTRACT) /* kept in the place of the dot's result */
        return false;
    return c == CLASS_MAP || c == CLASS_RANDOM || op_lower[n->op] == lower_view || op_lower[n->op] == lower_inline;
}

typedef struct {
    Graph *g;
    bool *kept;       /* by id: in memory when the backward part runs */
    Node **clone;     /* by id: its clone */
    int *cost;        /* by id: ops to clone, or -1 while unknown */
} Remat;

/* Ops needed to rebuild n from what is kept; more than MAX_CLONED where that is too dear. */
static int cost_of(Remat *r, const Node *n)
{
    if (r->kept[n->id] || op_lower[n->op] == lower_none)
        return 0;
    if (!is_cheap(n))
        return MAX_CLONED + 1;
    if (r->cost[n->id] >= 0)
        return r->cost[n->id];
    int cost = op_lower[n->op] != lower_view && op_lower[n->op] != lower_inline;
    for (int i = 0; i < n->n_in && cost <= MAX_CLONED; i++)
        cost += cost_of(r, n->in[i]);
    return r->cost[n->id] = cost;
}

/* Marks what n is rebuilt from. */
static void need(Remat *r, bool *needed, const Node *n)
{
    if (needed[n->id])
        return;
    needed[n->id] = true;
    if (!r->kept[n->id] && op_lower[n->op] != lower_none)
        for (int i = 0; i < n->n_in; i++)
            need(r, needed, n->in[i]);
}

static bool all_needed(const Remat *r, const bool *needed, const Node *n)
{
    if (r->kept[n->id] || op_lower[n->op] == lower_none)
        return needed[n->id] || op_lower[n->op] == lower_none;
    for (int i = 0; i < n->n_in; i++)
        if (!all_needed(r, needed, n->in[i]))
            return false;
    return true;
}

static bool reads_memory(const Node *n)
{
    return op_info[n->op].class == CLASS_CONTRACT || op_lower[n->op] == lower_scatter || op_lower[n->op] == lower_concat;
}

/* What is kept for ops that read memory, and could be rebuilt by a few ops from what others need anyway, is not kept. */
static void let_go(Remat *r, Graph *g, Arena *scratch, const bool *for_memory)
{
    bool *needed = NEW_ARRAY(scratch, bool, g->n);
    EACH_NODE(n, g)
        for (int i = 0; i < n->n_in && n->region != REGION_FORWARD && !reads_memory(n); i++)
            if (n->in[i]->region == REGION_FORWARD)
                need(r, needed, n->in[i]);
    EACH_NODE(n, g) {
        if (!for_memory[n->id] || !r->kept[n->id] || n->region != REGION_FORWARD || !is_cheap(n) || op_info[n->op].class != CLASS_MAP)
            continue;
        r->kept[n->id] = false; /* no cost is known yet that this changes: those of nodes after n come later */
        if (cost_of(r, n) > MAX_UNKEPT || !all_needed(r, needed, n))
            r->kept[n->id] = true;
    }
    for (int i = 0; i < g->n; i++)
        r->cost[i] = -1;
}

static Node *cloned(Remat *r, Node *n, Node *before)
{
    if (n->region != REGION_FORWARD || r->kept[n->id] || op_lower[n->op] == lower_none)
        return n;
    if (r->clone[n->id])
        return r->clone[n->id];
    Node **in = NEW_ARRAY(r->g->arena, Node *, n->n_in);
    for (int i = 0; i < n->n_in; i++)
        in[i] = cloned(r, n->in[i], before);
    Graph *g = r->g;
    g->before = before;
    g->region = before->region;
    g->loc = n->loc;
    g->grad_of = n->name;
    g->scope = NULL;
    Attrs a = n->a;
    a.name = NULL;
    a.site += n->op == OP_rand && mutated("remat:site");
    Node *c = graph_add(g, n->op, n->n_in, in, &a, &n->type);
    graph_rename(g, c, arena_printf(g->arena, "%s.again", n->name));
    if (op_lower[n->op] != lower_view && op_lower[n->op] != lower_inline)
        opt_note(g->notes, n, "is computed again in the backward part, not kept");
    return r->clone[n->id] = said_by("remat:clone", g, c);
}

void pass_remat(Graph *g)
{
    graph_renumber(g);
    Arena *scratch = arena_new();
    int n_nodes = g->n;
    Remat r = { .g = g };
    r.kept = NEW_ARRAY(scratch, bool, n_nodes);
    r.clone = NEW_ARRAY(scratch, Node *, n_nodes);
    r.cost = NEW_ARRAY(scratch, int, n_nodes);
    Node *first = NULL;
    bool *for_memory = NEW_ARRAY(scratch, bool, n_nodes);
    EACH_NODE(n, g) {
        r.cost[n->id] = -1;
        r.kept[n->id] |= op_lower[n->op] == lower_none || (!is_cheap(n) && n->region == REGION_FORWARD);
        if (!first && n->region != REGION_FORWARD)
            first = n;
        /* what such an op reads backward lies in memory then */
        if (reads_memory(n))
            for (int i = 0; i < n->n_in && n->region != REGION_FORWARD; i++) {
                Node *x = n->in[i];
                while (op_lower[x->op] == lower_view)
                    x = x->in[0];
                bool kept = op_lower[x->op] != lower_inline && !is_quadratic(x);
                for_memory[x->id] |= kept && !r.kept[x->id];
                r.kept[x->id] |= kept;
            }
    }
    for (int i = 0; i < g->n_outputs; i++)
        r.kept[g->outputs[i].node->id] = true;
    let_go(&r, g, scratch, for_memory);
    /* what is too dear to rebuild is kept, unless it is too much to keep, earliest first, so that others build on it */
    EACH_NODE(n, g)
        if (n->region == REGION_FORWARD && is_cheap(n) && !is_quadratic(n) && cost_of(&r, n) > MAX_CLONED) {
            opt_missed(g->notes, n, "is kept for the backward part: more than %d operations would compute it again", MAX_CLONED);
            r.kept[n->id] = true, r.cost[n->id] = 0;
        }
    for (Node *n = first; n; n = n->next) {
        if (n->id >= n_nodes || n->region == REGION_FORWARD)
            continue;
        for (int i = 0; i < n->n_in; i++)
            if (n->in[i]->region == REGION_FORWARD && n->in[i]->id < n_nodes)
                n->in[i] = cloned(&r, n->in[i], n); /* just before its first reader */
    }
    g->before = NULL;
    g->loc = NULL;
    g->grad_of = NULL;
    arena_free(scratch);
    graph_dce(g);
}
