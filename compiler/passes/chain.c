/* Chains: groups that work piece by piece become one.  See passes.h.
 *
 * The idea: attention is dots, a softmax and dots over one row of the batch and one head; each of them needs of the others what has
 * the same row and head, and nothing else.  So a piece of the chain runs them one after another, and what they hand on
 * stays in the thread's scratch, in its cache.  A panel of tokens is such a piece as well, for dots with a matrix that all tokens
 * share; sums over tokens end in it, as a sum for each panel.  Whether a group can be part is read off types (its values lead with the
 * outer dims) and index relations (what is read across is read at the same outer index), as in fuse. */
#include "compiler/passes/fuse_groups.h"

#include "compiler/ir/mutate.h"
#include "compiler/passes/regroup.h"

enum { MAX_CHAINED = 160, MAX_CHAIN_PARAMS = 200 };

/* What a piece of a chain has one of. */
typedef struct {
    int n;      /* leading dims: 2, a row of the batch and a head; 1, tokens; 0: the group can't be part of a chain */
    Dim heads;
} Outer;

typedef struct {
    Fuse f;
    Outer *outer;  /* by group */
    bool *has_dot; /* by group */
} Chain;

static bool leads(const Type *t, const Outer *o)
{
    if (o->n == 1)
        return t->rank > 0 && t->dim[0] == DIM_T && !type_ragged(t);
    return t->rank > 2 && t->dim[0] == DIM_B && t->dim[1] == o->heads;
}

/* Along the outer dims n is computed index by index: it doesn't sum over them. */
static bool keeps_outer(const Node *n, const Outer *o)
{
    if (is_token_sum(n)) /* leaves a sum for each panel, which are added up at the end */
        return o->n == 1;
    if (!leads(&n->type, o))
        return false;
    if (op_lower[n->op] == lower_dot && o->n == 1) /* tokens by a matrix that all of them share */
        return !n->a.batch && n->a.ca == 1 && dot_free_axis(n, 1) >= 0 && is_shared_matrix(&n->in[1]->type);
    if (op_lower[n->op] == lower_dot)
        return n->a.batch == o->n || mutated("chain:batch");
    if (op_lower[n->op] == lower_reduce)
        return leads(&n->in[0]->type, o) && (is_row_reduction(n) || mutated("chain:reductions"));
    return op_lower[n->op] == lower_loop && !is_update(n) && n->op != OP_gather;
}

static void describe(Chain *c, int group)
{
    const Group *g = &c->f.group[group];
    Outer *o = &c->outer[group];
    bool ragged = false;
    if (!g->n)
        return;
    const Node *some = g->member[0];
    const Type *t = is_token_sum(some) ? &some->in[0]->type : &some->type;
    *o = t->rank > 0 && t->dim[0] == DIM_T ? (Outer){ 1, 0 } : (Outer){ 2, t->rank > 2 ? t->dim[1] : 0 };
    for (int i = 0; i < g->n; i++) {
        const Node *n = g->member[i];
        if (!keeps_outer(n, o) || (o->n == 2 && o->heads <= 0)) {
            o->n = 0;
            return;
        }
        c->has_dot[group] |= op_lower[n->op] == lower_dot;
        ragged |= type_ragged(&n->type);
        for (int k = 0; k < n->n_in; k++)
            ragged |= type_ragged(&n->in[k]->type);
    }
    if (ragged != (o->n == 2))
        o->n = 0;
}

static int64_t no_extent(void *ctx, int var)
{
    const Dim *dim = ctx;
    return var < MAX_RANK ? dim[var] : -1;
}

/* Operand k of n, followed through views, is read at n's own outer index. */
static bool reads_own(Chain *c, Node *n, int k, int outer)
{
    Arena *a = c->f.a;
    Node *x = n->in[k];
    const Type *t = op_lower[n->op] == lower_loop ? &n->type : &x->type;
    Index at = { 0 };
    Dim dim[MAX_RANK];
    for (int i = 0; i < t->rank; i++) {
        at.v[i] = t->dim[i] == 1 ? (Poly){ 0 } : poly_var(a, i);
        dim[i] = t->dim[i];
    }
    Index own = op_info[n->op].class == CLASS_MAP ? broadcast_index(&x->type, t, &at) : at;
    if (op_info[n->op].class == CLASS_RANDOM || n->op == OP_gather)
        return false;
    x = follow_views(a, x, &own, no_extent, dim);
    if (!x->group || x->type.rank < outer)
        return false;
    for (int i = 0; i < outer; i++)
        if (x->type.dim[i] != 1 && !(own.v[i].n == at.v[i].n && poly_equal(own.v[i], at.v[i])) && !mutated("chain:outer"))
            return false;
    return true;
}

/* All that n reads from `group` is read at its own outer index. */
static bool aligned(Chain *c, Node *n, int group)
{
    for (int k = 0; k < n->n_in; k++) {
        Node *x = behind_views(n->in[k]);
        if (x->group && find_group(&c->f, x->group) == group && ((is_token_sum(x) && !mutated("chain:sums")) || !reads_own(c, n, k, c->outer[group].n)))
            return false;
    }
    return true;
}

/* About how many parameters a and b have as one kernel: what is read from outside, and what is handed on or written. */
static int count_params(Chain *c, int a, int b)
{
    Fuse *f = &c->f;
    return outside_reads(f, a, b, NULL) + f->group[a].n + f->group[b].n;
}

/* What all panels of a chain are multiplied with stays in the cache, or it is one matrix alone. */
static bool stays_cached(Chain *c, int a, int b)
{
    int64_t bytes[2] = { 0, 0 };
    for (int k = 0; k < 2; k++) {
        const Group *g = &c->f.group[k ? b : a];
        for (int i = 0; i < g->n; i++)
            bytes[k] += shared_bytes(g->member[i]);
    }
    return !bytes[0] || !bytes[1] || bytes[0] + bytes[1] <= SHARED_BYTES;
}

/* Why a and b can't be one chain; NULL: they can. */
static const char *why_apart(Chain *c, int a, int b)
{
    Fuse *f = &c->f;
    const Group *x = &f->group[a], *y = &f->group[b];
    const Outer *o = &c->outer[a], *p = &c->outer[b];
    if (a == b || !(c->has_dot[a] || c->has_dot[b]))
        return "no dot is among them";
    if (!o->n || o->n != p->n || o->heads != p->heads)
        return "their pieces are not the same rows";
    if (given_apart(f->g, x->member[0], y->member[0]))
        return "the text has them apart";
    if (x->region != y->region)
        return "they belong to different parts of the step";
    if (x->n + y->n > MAX_CHAINED)
        return "the chain would be too long";
    if (!can_merge(f, a, b))
        return "something between them has to be done as a whole";
    if (count_params(c, a, b) > MAX_CHAIN_PARAMS)
        return "the chain would read too many values";
    if (!stays_cached(c, a, b))
        return "a piece of both does not fit the cache";
    for (int i = 0; i < y->n; i++)
        if (!aligned(c, y->member[i], a))
            return "a piece reads rows of other pieces";
    for (int i = 0; i < x->n; i++)
        if (!aligned(c, x->member[i], b))
            return "a piece reads rows of other pieces";
    return NULL;
}

/* Chains b's group with those that its members read. */
static void chain_operands(Chain *c, int b)
{
    Fuse *f = &c->f;
    for (bool again = true; again;) {
        again = false;
        b = find_group(f, b);
        for (int i = 0; i < f->group[b].n && !again; i++) {
            Node *n = f->group[b].member[i];
            for (int k = 0; k < n->n_in && !again; k++) {
                Node *x = behind_views(n->in[k]);
                int a = x->group ? find_group(f, x->group) : 0;
                if (!a || a == b || why_apart(c, a, b))
                    continue;
                merge_groups(f, a, b);
                c->has_dot[b] |= c->has_dot[a];
                again = true;
            }
        }
    }
}

/* Fuse's groups as they stand in the graph. */
static void read_groups(Chain *c, int most)
{
    Fuse *f = &c->f;
    for (int i = 1; i <= most; i++)
        new_group(f, &f->g->first->type, REGION_FORWARD, false);
    EACH_NODE(n, f->g)
        if (n->group) {
            f->group[n->group].region = n->region;
            f->group[n->group].domain = n->type;
            add_member(f, n->group, n);
        }
    EACH_NODE(n, f->g)
        if (n->group)
            depend(f, n->group, n);
    order_updates(f);
}

/* New numbers; in a chain of several groups, the order of their old numbers gives the stages. */
static void number(Chain *c, const int *old, int n_old)
{
    Fuse *f = &c->f;
    const int *order = group_order(f);
    int *stages = NEW_ARRAY(f->a, int, f->n + 1), *stage = NEW_ARRAY(f->a, int, f->n + 1);
    for (int i = 1; i <= n_old; i++)
        if (f->group[i].n)
            stage[i] = ++stages[find_group(f, i)];
    EACH_NODE(n, f->g)
        if (n->group) {
            int group = find_group(f, n->group);
            n->stage = stages[group] > 1 ? stage[old[n->id]] : 0;
            n->group = order[group];
            if (!n->group)
                ftc_bug("chain: %%%s waits for itself", n->name);
        }
}

/* Of the dots that stand alone, what keeps them from what they read. */
static void note_apart(Chain *c)
{
    Fuse *f = &c->f;
    EACH_NODE(n, f->g)
        for (int k = 0; k < n->n_in && op_lower[n->op] == lower_dot; k++) {
            Node *x = behind_views(n->in[k]);
            int a = x->group ? find_group(f, x->group) : 0, b = find_group(f, n->group);
            const char *why = a && a != b ? why_apart(c, a, b) : NULL;
            if (why)
                opt_missed(f->g->notes, n, "is not chained to %s: %s", x->name, why);
        }
}

/* A chain goes by the name of the first value of its first stage. */
static void note_chains(Chain *c)
{
    Node **first = NEW_ARRAY(c->f.a, Node *, c->f.n + 1);
    EACH_NODE(n, c->f.g)
        if (n->stage == 1 && !first[n->group])
            first[n->group] = n;
    EACH_NODE(n, c->f.g)
        if (n->stage > 1)
            opt_note(c->f.g->notes, n, "joined the chain of %s", first[n->group]->name);
}

void pass_chain(Graph *g)
{
    graph_renumber(g);
    Arena *a = arena_new();
    int most = 0;
    EACH_NODE(x, g)
        most = x->group > most ? x->group : most;
    Chain c = { .f = new_fuse(g, a, most) };
    read_groups(&c, most);
    int n = c.f.n, *old = NEW_ARRAY(a, int, g->n + 1);
    EACH_NODE(x, g)
        old[x->id] = x->group;
    c.outer = NEW_ARRAY(a, Outer, n + 1);
    c.has_dot = NEW_ARRAY(a, bool, n + 1);
    for (int i = 1; i <= n; i++)
        describe(&c, i);
    for (int i = 1; i <= n; i++)
        if (c.outer[i].n)
            chain_operands(&c, i);
    if (g->notes)
        note_apart(&c);
    number(&c, old, n);
    note_chains(&c);
    arena_free(a);
}
