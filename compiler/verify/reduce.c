/* Delta debugging on graphs; see reduce.h. */
#include "compiler/verify/reduce.h"

#include <string.h>

enum { MOST_TRIES = 1500 };

typedef struct {
    Graph *g;          /* the smallest that fails so far */
    FailsFn *fails;
    void *ctx;
    Arena *arena;
    int tries;
} Reducer;

int count_nodes(const Graph *g)
{
    int n = 0;
    EACH_NODE(x, g)
        n++;
    return n;
}

static bool is_leaf(const Node *n) { return n->op == OP_input || n->op == OP_weight || n->op == OP_state; }

static Node *node_at(const Graph *g, int id)
{
    Node *n = g->first;
    while (n && n->id != id)
        n = n->next;
    return n;
}

/* ---- edits, each on a copy ----------------------------------------------------------------------------------------------- */

typedef enum {
    ONE_OUTPUT,     /* node i alone is asked for */
    DROP_OUTPUT,    /* output i isn't */
    DROP_UPDATE,    /* node i goes, an update */
    CUT,            /* nodes i .. k - 1 become inputs */
    PASS_OVER,      /* node i is its operand k */
    MOVE_UP,        /* output i is its operand k */
    MERGE,          /* leaf i is leaf k */
    SHRINK,         /* dims of i become k */
    N_EDITS
} Edit;

static void become_input(Node *n)
{
    n->op = OP_input;
    n->n_in = 0;
    n->a = (Attrs){ .name = n->name };
    n->group = n->stage = n->packs = 0;
}

static bool cut(Graph *g, int from, int to)
{
    bool any = false;
    EACH_NODE(n, g)
        if (n->id >= from && n->id < to && !is_leaf(n) && !is_update(n) && n->op != OP_const) {
            become_input(n);
            any = true;
        }
    return any;
}

static bool one_output(Graph *g, Node *n)
{
    if (!n || is_leaf(n) || is_update(n) || (n->type.elem != F32 && n->type.elem != I32))
        return false;
    EACH_NODE(u, g)
        if (is_update(u))
            graph_remove(g, u);
    g->n_outputs = 0;
    graph_output(g, "y", n);
    return true;
}

static bool replace(Graph *g, Node *n, Node *with)
{
    if (!n || !with || n == with || is_update(n) || !type_equal(&n->type, &with->type))
        return false;
    graph_replace_uses(g, n, with);
    return true;
}

static bool move_up(Graph *g, int i, int k)
{
    Output *o = &g->outputs[i];
    if (k >= o->node->n_in || is_leaf(o->node->in[k]) || o->node->in[k]->op == OP_const || o->node->in[k]->type.elem == BOOL)
        return false;
    o->node = o->node->in[k];
    return true;
}

static bool shrink(Graph *g, Dim from, Dim to)
{
    bool any = false;
    EACH_NODE(n, g) {
        for (int i = 0; i < n->type.rank; i++)
            if (n->type.dim[i] == from) {
                n->type.dim[i] = to;
                any = true;
            }
        if (n->a.dim == from)
            n->a.dim = to;
    }
    return any;
}

static bool drop_output(Graph *g, int i)
{
    if (g->n_outputs < 2)
        return false;
    memmove(&g->outputs[i], &g->outputs[i + 1], sizeof *g->outputs * (size_t)(g->n_outputs - i - 1));
    g->n_outputs--;
    return true;
}

static bool drop_update(Graph *g, Node *n)
{
    if (!n || !is_update(n))
        return false;
    for (int i = 0; i < g->n_outputs; i++)
        if (g->outputs[i].node == n)
            return false;
    graph_remove(g, n);
    return true;
}

static bool apply(Graph *g, Edit e, int64_t i, int64_t k)
{
    Node *n = e == DROP_OUTPUT || e == MOVE_UP || e == SHRINK || e == CUT ? NULL : node_at(g, (int)i);
    switch (e) {
    case ONE_OUTPUT: return one_output(g, n);
    case DROP_OUTPUT: return drop_output(g, (int)i);
    case DROP_UPDATE: return drop_update(g, n);
    case CUT: return cut(g, (int)i, (int)k);
    case PASS_OVER: return n && k < n->n_in && replace(g, n, n->in[k]);
    case MOVE_UP: return move_up(g, (int)i, (int)k);
    case MERGE: return n && is_leaf(n) && node_at(g, (int)k) && is_leaf(node_at(g, (int)k)) && replace(g, n, node_at(g, (int)k));
    case SHRINK: return shrink(g, i, k);
    default: return false;
    }
}

/* Types follow from operands as the ops' rules say. */
static bool is_well_formed(Graph *g)
{
    FtcDiag *quiet = ftc_diag_new(NULL);
    bool ok = g->first && g->n_outputs + (g->last && is_update(g->last)) > 0;
    for (int i = 0; i < g->n_outputs && ok; i++) /* a result is computed */
        ok = op_info[g->outputs[i].node->op].class != CLASS_STATE || is_update(g->outputs[i].node);
    EACH_NODE(n, g) {
        Node again = *n;
        ok = ok && op_info[n->op].infer(&again, quiet) && type_equal(&again.type, &n->type);
        for (int i = 0; i < n->n_in && ok; i++)
            ok = n->in[i]->id < n->id;
    }
    ftc_diag_free(quiet);
    return ok;
}

/* Takes the edited graph if it fails too. */
static bool try_edit(Reducer *r, Edit e, int64_t i, int64_t k)
{
    Arena *scratch = arena_new();
    Graph *g = graph_copy(r->g, scratch);
    bool ok = r->tries < MOST_TRIES && apply(g, e, i, k);
    if (ok) {
        graph_dce(g);
        ok = is_well_formed(g) && (count_nodes(g) < count_nodes(r->g) || e >= CUT);
    }
    if (ok) {
        r->tries++;
        ok = r->fails(r->ctx, g);
    }
    if (ok)
        r->g = graph_copy(g, r->arena);
    arena_free(scratch);
    return ok;
}

/* ---- the search ---------------------------------------------------------------------------------------------------------- */

/* By halves: the first value that fails when it alone is asked for; then as much as can be before it is given. */
static void search_by_halves(Reducer *r)
{
    for (int low = 0, high = r->g->n; low < high;) {
        int mid = (low + high) / 2;
        if (try_edit(r, ONE_OUTPUT, mid, 0)) { /* it is the last node now */
            low = 0;
            high = r->g->n - 1;
        } else
            low = mid + 1;
    }
    for (int step = r->g->n / 2; step > 0; step /= 2)
        for (int from = 0; from < r->g->n; from += step)
            try_edit(r, CUT, from, from + step);
}

static bool cut_one_by_one(Reducer *r)
{
    bool any = false;
    for (int i = r->g->n - 1; i >= 0; i--)
        any |= i < r->g->n && try_edit(r, CUT, i, i + 1);
    return any;
}

static bool pass_over(Reducer *r)
{
    bool any = false;
    for (int i = r->g->n - 1; i >= 0; i--)
        for (int k = 0; k < 3; k++)
            any |= i < r->g->n && try_edit(r, PASS_OVER, i, k);
    return any;
}

static bool fewer_results(Reducer *r)
{
    bool any = false;
    for (int i = r->g->n_outputs - 1; i >= 0; i--)
        any |= try_edit(r, DROP_OUTPUT, i, 0);
    for (int i = r->g->n - 1; i >= 0; i--)
        any |= i < r->g->n && try_edit(r, DROP_UPDATE, i, 0);
    for (int i = 0; i < r->g->n_outputs; i++)
        for (int k = 0; k < 3; k++)
            any |= i < r->g->n_outputs && try_edit(r, MOVE_UP, i, k);
    return any;
}

static bool merge_leaves(Reducer *r)
{
    bool any = false;
    for (int i = r->g->n - 1; i > 0; i--)
        for (int k = 0; k < i; k++)
            any |= i < r->g->n && try_edit(r, MERGE, i, k);
    return any;
}

static bool smaller_dims(Reducer *r)
{
    bool any = false;
    for (bool again = true; again;) {
        again = false;
        EACH_NODE(n, r->g) {
            for (int i = 0; i < n->type.rank && !again; i++)
                for (Dim to = 1; to < n->type.dim[i] && to <= 3 && !again; to++)
                    again = n->type.dim[i] > to && try_edit(r, SHRINK, n->type.dim[i], to);
            if (again)
                break;
        }
        any |= again;
    }
    return any;
}

Graph *reduce_graph(const Graph *g, FailsFn *fails, void *ctx, Arena *arena)
{
    Reducer r = { .g = graph_copy(g, arena), .fails = fails, .ctx = ctx, .arena = arena };
    graph_renumber(r.g);
    search_by_halves(&r);
    for (bool again = true; again && r.tries < MOST_TRIES;) {
        again = fewer_results(&r);
        again |= cut_one_by_one(&r);
        again |= pass_over(&r);
        again |= merge_leaves(&r);
    }
    smaller_dims(&r);
    return r.g;
}
