/* pack: which operands of dots are copied to panels; see passes.h.
 *
 * A dot reads its right operand by panels of columns, row by row.  A copy pays where each element is multiplied with many rows, all
 * of which find it made; also of f32 whose rows lie as a panel's do, only further apart: some processors read such rows at half the
 * speed (Intel's, 4 KiB apart and more, where no prefetcher follows), none faster than it copies them.
 *
 * A weight that is cast to bf16 for nothing but such copies isn't cast: they round it.  Its cast is then in no group. */
#include "compiler/passes/passes.h"

#include "compiler/ir/mutate.h"
#include "compiler/kernel/lower.h"
#include "compiler/passes/regroup.h"

#include <limits.h>

static int operands_to_pack(const Node *n)
{
    int fa = dot_free_axis(n, 0), fb = dot_free_axis(n, 1);
    if (n->a.batch || fa < 0 || fb < 0)
        return 0;
    Dim rows = n->in[0]->type.dim[fa], columns = n->in[1]->type.dim[fb], depth = n->in[0]->type.dim[n->a.ca];
    if (columns <= 1)
        return 0;
    if (rows == DIM_T && depth > 1 && is_shared_matrix(&n->in[1]->type))
        return PACKS_RIGHT;
    if ((depth != DIM_T && !mutated("pack:depth")) || rows == 1)
        return 0;
    return n->in[0]->type.elem == BF16 ? PACKS_RIGHT : PACKS_LEFT | PACKS_RIGHT; /* tiles pair bf16 of the left one's rows themselves */
}

/* No number is left out. */
static void number_groups(Graph *g, Arena *a)
{
    int most = 0, next = 0;
    EACH_NODE(n, g)
        most = n->group > most ? n->group : most;
    int *number = NEW_ARRAY(a, int, most + 1);
    EACH_NODE(n, g)
        number[n->group] = 1;
    for (int i = 1; i <= most; i++)
        number[i] = number[i] ? ++next : 0;
    number[0] = 0;
    EACH_NODE(n, g)
        n->group = number[n->group];
}

/* Casts of weights that no group reads but for copies, all of which come before the weight is updated, leave their groups. */
static void round_in_copies(Graph *g)
{
    graph_renumber(g);
    Arena *a = arena_new();
    int *last = NEW_ARRAY(a, int, g->n), *update = NEW_ARRAY(a, int, g->n); /* by id: of a cast's readers; of a weight's updates the first */
    EACH_NODE(n, g) {
        for (int k = 0; k < n->n_in && n->group; k++) {
            int *reader = &last[behind_views(n->in[k])->id], group = n->packs >> k & 1 ? n->group : INT_MAX;
            *reader = group > *reader ? group : *reader;
        }
        if (is_update(n) && (!update[n->in[0]->id] || n->group < update[n->in[0]->id]))
            update[n->in[0]->id] = n->group;
    }
    for (int i = 0; i < g->n_outputs; i++)
        last[behind_views(g->outputs[i].node)->id] = INT_MAX;
    EACH_NODE(n, g) {
        int group = n->group;
        n->group = 0;
        if (!is_rounded_by_copies(n) || last[n->id] == INT_MAX || (update[n->in[0]->id] && update[n->in[0]->id] <= last[n->id]))
            n->group = group;
        else
            opt_note(g->notes, n, "is not computed: copies to panels round %s", n->in[0]->name);
    }
    number_groups(g, a);
    arena_free(a);
}

void pass_pack(Graph *g)
{
    EACH_NODE(n, g) {
        n->packs = op_lower[n->op] == lower_dot ? given_packs(g, n, operands_to_pack(n)) : 0;
        for (int k = 0; k < 2; k++)
            if (n->packs & (k ? PACKS_RIGHT : PACKS_LEFT))
                opt_note(g->notes, n, "reads %s from panels", behind_views(n->in[k])->name);
    }
    round_in_copies(g);
}

/* Where matrix registers multiply bf16, dots of f32 go there in parts: a number is the sum of three bf16, exactly, and of the nine
 * products of parts six are summed.  The others are less than f32's epsilon of |a| |b| together: as much as two roundings.  (Henry,
 * Tang, Heinecke: Leveraging the bfloat16 Artificial Intelligence Datatype For Higher-Precision Computations, 2019.)  Not so of numbers
 * below 1e-33, whose last parts are denormals and count as 0; and what is infinite times a number without a second part is NaN.
 * The left operand's rows are split as they are read, each time: that pays for so many columns and depths. */
void pass_split(Graph *g)
{
    const int least = mutated("split:small") ? 1 : 128; /* small models are for tests */
    EACH_NODE(n, g) {
        if (!(n->packs & PACKS_RIGHT) || !given_packs(g, n, PACKS_SPLIT) || n->in[0]->type.elem != F32 || n->in[1]->type.elem != F32)
            continue;
        Dim columns = n->in[1]->type.dim[dot_free_axis(n, 1)], depth = n->in[1]->type.dim[n->a.cb];
        if (columns < least || (depth != DIM_T && depth < least))
            continue;
        n->packs = PACKS_RIGHT | PACKS_SPLIT;
        opt_note(g->notes, n, "multiplies parts of f32 in matrix registers");
    }
}
