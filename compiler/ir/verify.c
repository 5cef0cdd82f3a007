/* Checks that a graph is well formed; every breach is a bug of ours.  Runs after each pass. */
#include "compiler/ir/ir.h"

#include <string.h>

void graph_verify(const Graph *g)
{
    int id = 0;
    FtcDiag *quiet = ftc_diag_new(NULL);
    EACH_NODE(n, g) {
        const OpInfo *op = &op_info[n->op];
        if (n->id != id++)
            ftc_bug("graph @%s: %%%s has id %d, not %d", g->name, n->name, n->id, id - 1);
        if (op->inputs >= 0 && op->inputs != n->n_in)
            ftc_bug("graph @%s: %%%s = %s has %d operands", g->name, n->name, op->name, n->n_in);
        if (n->prev && n->prev->region > n->region)
            ftc_bug("graph @%s: %%%s goes back to an earlier region", g->name, n->name);
        for (int i = 0; i < n->n_in; i++) {
            /* an operand precedes its use; ids are dense, so pointers into another graph show too */
            if (n->in[i]->id >= n->id)
                ftc_bug("graph @%s: %%%s uses %%%s, which comes later", g->name, n->name, n->in[i]->name);
            if (is_update(n->in[i]))
                ftc_bug("graph @%s: %%%s reads the update %%%s", g->name, n->name, n->in[i]->name);
        }
        Node again = *n;
        if (!op->infer(&again, quiet))
            ftc_bug("graph @%s: %%%s: %s", g->name, n->name, ftc_diag_last(quiet));
        if (!type_equal(&again.type, &n->type)) {
            char is[160], should[160];
            ftc_bug("graph @%s: %%%s = %s has type %s, should have %s", g->name, n->name, op->name, type_name(&n->type, is),
                    type_name(&again.type, should));
        }
    }
    ftc_diag_free(quiet);
}
