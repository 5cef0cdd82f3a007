/* keep: which panels of weights stay from step to step; see passes.h.
 *
 * A weight changes once a step, where its update has each new number at hand: it writes them to the panels too, while they are in the
 * cache, in place of kernels that read all weights again in each step.  What is kept outlives the step, beside the arena, which has
 * room for a few of these panels at a time.  Frozen weights are copied once. */
#include "compiler/passes/passes.h"

#include "compiler/kernel/lower.h"
#include "compiler/passes/regroup.h"

void pass_keep(Graph *g)
{
    graph_renumber(g);
    Arena *a = arena_new();
    const bool *keeps = find_keepers(g, a);
    EACH_NODE(n, g) {
        const Node *w = n->packs & PACKS_RIGHT && given_packs(g, n, PACKS_KEPT) ? kept_operand(a, keeps, n) : NULL;
        if (!w)
            continue;
        n->packs |= PACKS_KEPT;
        opt_note(g->notes, n, "reads panels of %s that stay from step to step", w->name);
    }
    arena_free(a);
}
