/* pack: which operands of dots are copied to panels; see passes.h.
 *
 * A dot reads its right operand by panels of columns.  From panels that lie one after another it comes as fast as the
 * machine multiplies; a copy pays where each element is multiplied with many rows, and all of them find it made. */
#include "compiler/passes/passes.h"

#include "compiler/ir/mutate.h"
#include "compiler/kernel/lower.h"

enum { LEFT = 1, RIGHT = 2 };

static int operands_to_pack(const Node *n)
{
    int fa = dot_free_axis(n, 0), fb = dot_free_axis(n, 1);
    if (n->a.batch || fa < 0 || fb < 0)
        return 0;
    Dim rows = n->in[0]->type.dim[fa], columns = n->in[1]->type.dim[fb], depth = n->in[0]->type.dim[n->a.ca];
    if (columns <= 1)
        return 0;
    if (rows == DIM_T && depth > 1 && is_shared_matrix(&n->in[1]->type))
        return RIGHT;
    if ((depth != DIM_T && !mutated("pack:depth")) || rows == 1)
        return 0;
    return n->in[0]->type.elem == BF16 ? RIGHT : LEFT | RIGHT; /* tiles pair bf16 of the left one's rows themselves */
}

void pass_pack(Graph *g)
{
    EACH_NODE(n, g) {
        n->packs = op_lower[n->op] == lower_dot ? operands_to_pack(n) : 0;
        for (int k = 0; k < 2; k++)
            if (n->packs & (k ? RIGHT : LEFT))
                opt_note(g->notes, n, "reads %s from panels", behind_views(n->in[k])->name);
    }
}
