/* cut: what gives the same for a row in every epoch becomes a graph of its own.
 * In: a forward graph as built.  Out: where it is cut, and the two parts.
 *
 * A value is fixed if nothing but frozen weights and the row's own tokens decides it: nothing random, no weight that is trained,
 * and no other row of the batch.  A forward walk finds those.  What trained parts read of them is then the only thing that
 * training needs of all that lies before; where that is one value of one size for each row, it can be kept for each row.
 * The pooled output of an encoder whose weights are all frozen is such a value; no rule here knows that it is. */
#include "compiler/passes/passes.h"

#include <string.h>

typedef struct {
    bool fixed;
    bool tokens, weights; /* it depends on such; if not on both, there is nothing to gain */
} Origin;

static bool is_frozen(const Forward *f, const char *weight)
{
    for (int i = 0; i < f->n_weights; i++)
        if (!strcmp(f->weights[i].name, weight))
            return f->weights[i].frozen;
    return false;
}

static bool along_batch(Dim d) { return d == DIM_T || d == DIM_B; }

/* Whether a row's part of n depends on other rows, or on the row's place in the batch. */
static bool mixes_rows(const Node *n)
{
    const Type *x = n->n_in ? &n->in[0]->type : &n->type;
    switch (n->op) {
    case OP_sum:
    case OP_amax:
        for (int i = 0; i < n->a.n_axes; i++)
            if (along_batch(x->dim[n->a.axes[i]]))
                return true;
        return false;
    case OP_iota: return along_batch(x->dim[n->a.axes[0]]);
    case OP_dot: return along_batch(x->dim[n->a.ca]);
    case OP_gather: return x->rank > 0 && along_batch(x->dim[0]) && !selects_rows(n);
    case OP_scatter_add: return true;
    default: return false;
    }
}

static Origin origin_of(const Node *n, const Origin *of, const Forward *f)
{
    if (n->op == OP_input) { /* not seed and step, which all that is random reads; nor labels, which not all rows have */
        bool tokens = !strcmp(n->a.name, "ids") || !strcmp(n->a.name, "types");
        return (Origin){ .fixed = tokens, .tokens = tokens };
    }
    if (n->op == OP_weight)
        return (Origin){ .fixed = is_frozen(f, n->a.name), .weights = true };
    Origin o = { .fixed = !mixes_rows(n) };
    int n_in = selects_rows(n) ? 1 : n->n_in; /* where a row starts is another matter than what is there */
    for (int k = 0; k < n_in; k++) {
        const Origin *x = &of[n->in[k]->id];
        o.fixed &= x->fixed;
        o.tokens |= x->tokens;
        o.weights |= x->weights;
    }
    return o;
}

/* One size for each row, known once the model is loaded. */
static bool is_row_vector(const Type *t)
{
    bool ok = t->elem == F32 && t->rank >= 1 && t->dim[0] == DIM_B;
    for (int i = 1; i < t->rank; i++)
        ok &= t->dim[i] >= 0 || t->dim[i] == DIM_C || t->dim[i] == DIM_V;
    return ok;
}

Node *find_encoded(Graph *g, const Forward *f)
{
    graph_renumber(g);
    Arena *scratch = arena_new();
    Origin *of = NEW_ARRAY(scratch, Origin, g->n);
    Node *found = NULL;
    bool one = true;
    EACH_NODE(n, g) {
        of[n->id] = origin_of(n, of, f);
        for (int k = 0; k < n->n_in && !of[n->id].fixed; k++) {
            const Origin *x = &of[n->in[k]->id];
            if (!x->fixed || !x->tokens || !x->weights)
                continue;
            one &= !found || found == n->in[k];
            found = n->in[k];
        }
    }
    arena_free(scratch);
    return found && one && is_row_vector(&found->type) ? found : NULL;
}

Graph *cut_encoder(Graph *g, Node *encoded)
{
    graph_output(g, "encoded", encoded);
    Graph *encoder = graph_copy(g, g->arena);
    encoder->outputs[0] = encoder->outputs[--g->n_outputs];
    encoder->n_outputs = 1;
    graph_dce(encoder);

    g->before = g->first;
    g->loc = encoded->loc;
    Node *given = input(g, "encoded", encoded->type);
    g->before = NULL;
    g->loc = NULL;
    graph_replace_uses(g, encoded, given);
    graph_dce(g);
    return encoder;
}
