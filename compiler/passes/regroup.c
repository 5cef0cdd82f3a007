/* regroup: a text's groups, made again by the passes; see passes.h.
 *
 * What a text says of groups is a wish: which values lowering can compute together is known to fuse, chain and pack only.  So they run
 * again and join nothing that the text has apart.  Groups that they made once they make again, and also finer ones; what the text
 * joins and they don't is an error. */
#include "compiler/passes/regroup.h"

#include "compiler/passes/passes.h"

bool given_apart(const Graph *g, const Node *x, const Node *y)
{
    if (!g->given)
        return false;
    const Given *p = &g->given[x->id], *q = &g->given[y->id];
    return !p->group || p->group != q->group;
}

bool given_stages_apart(const Graph *g, const Node *x, const Node *y)
{
    return given_apart(g, x, y) || (g->given && g->given[x->id].stage != g->given[y->id].stage);
}

int given_packs(const Graph *g, const Node *n, int packs) { return g->given ? packs & g->given[n->id].packs : packs; }

/* The nodes so far that the text has in one group, the latest first. */
typedef struct {
    const Node **last;   /* by the text's group */
    const Node **before; /* by id */
} Members;

/* The passes made of n what the text says. */
static bool check(const Graph *g, const Node *n, const Members *m, const char *file, FtcDiag *d)
{
    const Given *is = &g->given[n->id];
    if (n->packs != is->packs)
        return ftc_error(d, FTC_FILE(file), "%%%s of graph @%s can't have 'packs %d'%s", n->name, g->name, is->packs,
                         n->packs ? arena_printf(g->arena, "; 'packs %d' it can", n->packs) : "");
    if (is->group && !n->group)
        return ftc_error(d, FTC_FILE(file), "%%%s of graph @%s is computed in no group, for it is read where it lies; leave out 'in %d'",
                         n->name, g->name, is->group);
    for (const Node *x = is->group ? m->last[is->group] : NULL; x; x = m->before[x->id]) {
        bool stage = g->given[x->id].stage == is->stage;
        if (x->group != n->group || (stage && x->stage != n->stage))
            return ftc_error(d, FTC_FILE(file), "%%%s of graph @%s can't be computed with %%%s in group %d; without 'in' it is computed "
                                                "alone", n->name, g->name, x->name, is->group);
        if (stage)
            break;
    }
    return true;
}

bool pass_regroup(Graph *g, const char *file, FtcDiag *d)
{
    graph_renumber(g);
    Given *given = NEW_ARRAY(g->arena, Given, g->n + 1);
    int most = 0;
    EACH_NODE(n, g) {
        given[n->id] = (Given){ n->group, n->stage, n->packs };
        most = n->group > most ? n->group : most;
    }
    g->given = given;
    pass_fuse(g, true);
    pass_chain(g);
    pass_pack(g);
    pass_split(g);
    pass_keep(g);
    Members m = { NEW_ARRAY(g->arena, const Node *, most + 1), NEW_ARRAY(g->arena, const Node *, g->n + 1) };
    bool ok = true;
    for (const Node *n = g->first; n && ok; n = n->next) {
        int group = given[n->id].group;
        ok = check(g, n, &m, file, d);
        m.before[n->id] = m.last[group];
        m.last[group] = n;
    }
    g->given = NULL;
    return ok;
}
