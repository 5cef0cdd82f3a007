/* Which weights' panels can stay from step to step; see lower.h. */
#include "compiler/kernel/lower.h"

static bool same_shape(const Type *a, const Type *b)
{
    bool same = a->rank == b->rank;
    for (int i = 0; same && i < a->rank; i++)
        same = a->dim[i] == b->dim[i];
    return same;
}

static bool is_fixed_matrix(const Type *t) { return t->rank == 2 && t->dim[0] > 1 && t->dim[1] > 1; }

/* A weight that goes by two nodes has two entries: none of them is kept. */
static void leave_doubles(Graph *g, Arena *a, bool *keeps)
{
    NameTable names = { 0 };
    EACH_NODE(n, g) {
        if (n->op != OP_weight)
            continue;
        int *first = names_number(&names, a, n->a.name); /* its id, from 1 */
        if (*first)
            keeps[n->id] = keeps[*first - 1] = false;
        else
            *first = n->id + 1;
    }
}

bool *find_keepers(Graph *g, Arena *a)
{
    bool *keeps = NEW_ARRAY(a, bool, g->n + 1), *seen = NEW_ARRAY(a, bool, g->n + 1), trains = false;
    int groups = 0;
    EACH_NODE(n, g) {
        trains |= is_update(n) && n->in[0]->op == OP_weight;
        groups = n->group > groups ? n->group : groups;
    }
    if (!trains)
        return keeps;
    Node **updates = NEW_ARRAY(a, Node *, groups + 1); /* by group: the weight that it updates */
    EACH_NODE(n, g)
        keeps[n->id] = n->op == OP_weight && is_fixed_matrix(&n->type);
    EACH_NODE(n, g) {
        Node *w = is_update(n) && n->in[0]->op == OP_weight ? n->in[0] : NULL;
        if (!w)
            continue;
        Node **own = &updates[n->group];
        if (n->op != OP_update || n->region != REGION_UPDATE || !n->group || n->stage || *own || seen[w->id]) {
            keeps[w->id] = false;
            if (*own)
                keeps[(*own)->id] = false;
        }
        seen[w->id] = true;
        *own = w;
    }
    EACH_NODE(n, g) {
        Node *w = n->group ? updates[n->group] : NULL;
        if (w && (op_lower[n->op] != lower_loop || !same_shape(&n->type, &w->type)))
            keeps[w->id] = false;
    }
    leave_doubles(g, a, keeps);
    return keeps;
}
