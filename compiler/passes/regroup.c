/* regroup: a text's groups, made again by the passes; see passes.h.
 *
 * What a text says of groups is a wish: which values lowering can compute together is known to fuse, chain and pack only.  So they run
 * again and join nothing that the text has apart.  Groups that they made once they make again, and also finer ones; what the text
 * joins and they don't is an error. */
#include "compiler/passes/regroup.h"

#include "compiler/passes/passes.h"

static bool is_alone(const Given *x) { return !x->group; }

bool given_apart(const Graph *g, const Node *x, const Node *y)
{
    if (!g->given || x == y)
        return false;
    const Given *p = &g->given[x->id], *q = &g->given[y->id];
    return is_alone(p) || p->group != q->group;
}

bool given_stages_apart(const Graph *g, const Node *x, const Node *y)
{
    return given_apart(g, x, y) || (g->given && g->given[x->id].stage != g->given[y->id].stage);
}

int given_packs(const Graph *g, const Node *n, int packs) { return g->given ? packs & g->given[n->id].packs : packs; }

/* The last node before n that the text has in n's group, and in its stage; NULL: there is none. */
static const Node *earlier(const Graph *g, const Node *n, bool stage)
{
    for (const Node *x = n->prev; x; x = x->prev)
        if (!(stage ? given_stages_apart(g, n, x) : given_apart(g, n, x)))
            return x;
    return NULL;
}

static bool together(const Node *x, const Node *y, bool stage) { return x->group == y->group && (!stage || x->stage == y->stage); }

/* The passes made of n what the text says. */
static bool check(const Graph *g, const Node *n, const char *file, FtcDiag *d)
{
    const Given *is = &g->given[n->id];
    if (n->packs != is->packs)
        return ftc_error(d, FTC_FILE(file), "%%%s of graph @%s can't have 'packs %d'%s", n->name, g->name, is->packs,
                         n->packs ? arena_printf(g->arena, "; 'packs %d' it can", n->packs) : "");
    if (is_alone(is))
        return true;
    if (!n->group)
        return ftc_error(d, FTC_FILE(file), "%%%s of graph @%s is computed in no group, for it is read where it lies; leave out 'in %d'",
                         n->name, g->name, is->group);
    for (int stage = 1; stage >= 0; stage--) {
        const Node *x = earlier(g, n, stage);
        if (x && !together(n, x, stage))
            return ftc_error(d, FTC_FILE(file), "%%%s of graph @%s can't be computed with %%%s in group %d; without 'in' it is computed "
                                                "alone", n->name, g->name, x->name, is->group);
    }
    return true;
}

bool pass_regroup(Graph *g, const char *file, FtcDiag *d)
{
    graph_renumber(g);
    Given *given = NEW_ARRAY(g->arena, Given, g->n + 1);
    EACH_NODE(n, g)
        given[n->id] = (Given){ n->group, n->stage, n->packs };
    g->given = given;
    pass_fuse(g, true);
    pass_chain(g);
    pass_pack(g);
    pass_split(g);
    pass_keep(g);
    bool ok = true;
    for (const Node *n = g->first; n && ok; n = n->next)
        ok = check(g, n, file, d);
    g->given = NULL;
    return ok;
}
