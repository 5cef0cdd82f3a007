/* simplify: constant folding, algebra that keeps every bit, common subexpressions, dead code.
 * In: a graph in any form before fusion.  Out: the same values with fewer nodes.
 *
 * One forward walk: each node's operands are already in their final form, so one look at it suffices.  Only rewrites that are
 * exact in IEEE single are made: x*1, x+0 (where x can't be -0 without harm: a sum that starts from 0), select of a constant, views of views.
 * Values are merged only within a region's order: the earlier one stays, and takes over the places of the later. */
#include "compiler/passes/passes.h"

#include "compiler/ir/mutate.h"
#include "compiler/ops/ops.h"

#include <string.h>

/* ---- common subexpressions: a table of nodes by content --------------------------------------------------------------- */

typedef struct {
    Node **slot;
    unsigned cap;
} Table;

static unsigned mix(unsigned h, uint64_t v)
{
    v = (v ^ h) * UINT64_C(0x9E3779B97F4A7C15);
    return (unsigned)(v >> 32) ^ (unsigned)v;
}

static unsigned hash_node(const Node *n)
{
    unsigned h = mix(n->op, n->type.elem);
    for (int i = 0; i < n->type.rank; i++)
        h = mix(h, (uint64_t)n->type.dim[i]);
    unsigned in = 0;
    for (int i = 0; i < n->n_in; i++) { /* a commutative op's operands in any order */
        unsigned one = mix(17, (uint64_t)(uintptr_t)n->in[i]);
        in = op_info[n->op].traits & COMM ? in + one : mix(in, one);
    }
    h = mix(h, in);
    h = mix(h, (uint64_t)n->a.site);
    for (int i = 0; i < MAX_RANK; i++)
        h = mix(h, (uint64_t)n->a.axes[i]);
    for (const char *c = n->a.name; c && *c; c++)
        h = mix(h, (unsigned char)*c);
    return h;
}

static bool same_attrs(const Attrs *x, const Attrs *y)
{
    return x->n_axes == y->n_axes && !memcmp(x->axes, y->axes, sizeof x->axes) && x->batch == y->batch && x->ca == y->ca &&
           x->cb == y->cb && x->begin == y->begin && x->end == y->end && x->dim == y->dim && x->site == y->site &&
           (!memcmp(&x->value, &y->value, sizeof x->value) || mutated("simplify:equal")) && (x->name == y->name || (x->name && y->name && !strcmp(x->name, y->name)));
}

static bool same_node(const Node *x, const Node *y)
{
    if (x->op != y->op || !type_equal(&x->type, &y->type) || x->n_in != y->n_in || !same_attrs(&x->a, &y->a))
        return false;
    bool straight = true;
    for (int i = 0; i < x->n_in; i++)
        straight &= x->in[i] == y->in[i];
    return straight || (op_info[x->op].traits & COMM && x->in[0] == y->in[1] && x->in[1] == y->in[0]);
}

/* The node of the same content that is there already; else n, now in the table. */
static Node *find_same(Table *t, Node *n)
{
    unsigned i = hash_node(n) & (t->cap - 1);
    for (; t->slot[i]; i = (i + 1) & (t->cap - 1))
        if (same_node(t->slot[i], n))
            return t->slot[i];
    return t->slot[i] = n;
}

static void add_place(Graph *g, Node *kept, const Loc *loc)
{
    for (const Loc *l = kept->loc; l; l = l->also)
        if (loc_same(l, loc))
            return;
    if (!loc)
        return;
    Loc *both = NEW(g->arena, Loc);
    *both = *(kept->loc ? kept->loc : loc);
    if (kept->loc) {
        Loc *more = NEW(g->arena, Loc);
        *more = *loc;
        more->also = kept->loc->also;
        both->also = more;
    }
    kept->loc = both;
}

/* ---- algebra ------------------------------------------------------------------------------------------------------------ */

/* By this rule n is x. */
static Node *by(const char *rule, Graph *g, Node *n, Node *x)
{
    Region region = g->region;
    g->before = n;
    g->region = n->region;
    x = said_by(rule, g, x);
    g->before = NULL;
    g->region = region;
    return x;
}

static bool is_const(const Node *n, double v) { return n->op == OP_const && n->a.value == v; }

/* A view that changes nothing, or undoes the one before. */
static Node *view_of_view(Graph *g, Node *n)
{
    Node *x = n->in[0];
    switch (n->op) {
    case OP_stop_gradient: /* has done its work once there are gradients */
        return g->last->region == REGION_FORWARD ? n : by("simplify:stop_gradient", g, n, x);
    case OP_reshape:
    case OP_broadcast:
        if (type_equal(&n->type, &x->type))
            return by("simplify:same_type", g, n, x);
        if (n->op == OP_reshape && x->op == OP_reshape) {
            n->in[0] = by("simplify:reshapes", g, n, x->in[0]);
            return view_of_view(g, n);
        }
        return n;
    case OP_transpose:
        if (x->op == OP_transpose) {
            for (int i = 0; i < n->a.n_axes; i++)
                n->a.axes[i] = x->a.axes[n->a.axes[i]];
            n->in[0] = by("simplify:transposes", g, n, x->in[0]);
        }
        for (int i = 0; i < n->a.n_axes; i++)
            if (n->a.axes[i] != i)
                return n;
        return by("simplify:no_transpose", g, n, n->in[0]);
    case OP_split: return x->op == OP_join ? by("simplify:split", g, n, x->in[0]) : n;
    case OP_join: return x->op == OP_split ? by("simplify:join", g, n, x->in[0]) : n;
    default: return n;
    }
}

/* The operand of a MAP op without a broadcast that the other operand makes needless. */
static void drop_broadcasts(Graph *g, Node *n)
{
    for (int i = 0; i < n->n_in; i++) {
        Node *was = n->in[i];
        if (was->op != OP_broadcast)
            continue;
        Node again = *n;
        FtcDiag *quiet = ftc_diag_new(NULL);
        Node *in[3];
        memcpy(in, n->in, sizeof *in * (size_t)n->n_in);
        in[i] = was->in[0];
        again.in = in;
        if (op_info[n->op].infer(&again, quiet) && type_equal(&again.type, &n->type))
            n->in[i] = by("simplify:broadcast", g, n, was->in[0]);
        ftc_diag_free(quiet);
    }
}

static Node *simpler(Graph *g, Node *n)
{
    if (op_info[n->op].class == CLASS_SHAPE)
        return op_info[n->op].inputs == 1 ? view_of_view(g, n) : n;
    if (op_info[n->op].class != CLASS_MAP)
        return n;
    drop_broadcasts(g, n);
    Node *a = n->in[0], *b = n->n_in > 1 ? n->in[1] : NULL;
    bool keeps_a = type_equal(&n->type, &a->type), keeps_b = b && type_equal(&n->type, &b->type);
    if (n->op == OP_mul && is_const(a, 1) && keeps_b)
        return by("simplify:one_times", g, n, b);
    if ((n->op == OP_mul || n->op == OP_div) && is_const(b, 1) && keeps_a)
        return by("simplify:times_one", g, n, a);
    if (n->op == OP_sub && is_const(b, 0) && keeps_a)
        return by("simplify:minus_zero", g, n, a);
    if (n->op == OP_select && n->in[1] == n->in[2] && keeps_b)
        return by("simplify:select", g, n, b);
    if (n->op == OP_cast && a->type.elem == n->type.elem)
        return by("simplify:cast", g, n, a);
    /* constants: the reference rounds once, as the compiled op would */
    double x[3];
    for (int i = 0; i < n->n_in; i++) {
        if (n->in[i]->op != OP_const)
            return n;
        x[i] = n->in[i]->type.elem == F32 ? (float)n->in[i]->a.value : n->in[i]->a.value;
    }
    if (n->op == OP_cast || n->op == OP_exp || n->op == OP_log || n->op == OP_tanh || n->op == OP_erf || n->type.rank)
        return n;
    double v = map_eval(n->op, n->in[n->n_in - 1]->type.elem, x);
    Region region = g->region;
    g->before = n;
    g->region = n->region;
    g->loc = n->loc;
    Node *c = constant(g, (n->type.elem == F32 ? (float)v : v) + mutated("simplify:fold"), n->type.elem);
    g->before = NULL;
    g->region = region;
    return c;
}

static bool is_given(const Node *n) { return n->op == OP_input || n->op == OP_weight || n->op == OP_state; }

void pass_simplify(Graph *g)
{
    Arena *scratch = arena_new();
    Table t = { .cap = 256 };
    while (t.cap < 4u * (unsigned)g->n)
        t.cap *= 2;
    t.slot = NEW_ARRAY(scratch, Node *, t.cap);
    EACH_NODE(n, g)
        n->aux = NULL;
    const Loc *loc = g->loc;
    for (Node *n = g->first; n; n = n->next) {
        for (int i = 0; i < n->n_in; i++)
            if (n->in[i]->aux)
                n->in[i] = n->in[i]->aux;
        if (is_update(n))
            continue;
        Node *better = simpler(g, n);
        if (better == n)
            better = find_same(&t, n);
        else if (better->op == OP_const)
            better = find_same(&t, better);
        if (better != n) {
            n->aux = better;
            add_place(g, better, n->loc);
        }
    }
    for (int i = 0; i < g->n_outputs; i++) {
        Node *better = g->outputs[i].node->aux;
        if (better && !is_given(better)) /* a result is stored, and what is given isn't stored again */
            g->outputs[i].node = better;
    }
    g->loc = loc;
    EACH_NODE(n, g)
        n->aux = NULL;
    arena_free(scratch);
    graph_dce(g);
}
