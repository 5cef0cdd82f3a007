/* Graphs held against graphs, and gradients against differences, all in the evaluator's double.
 *
 * In:  a graph before and after a pass; or a step graph, its loss, and which node is whose gradient.
 * Out: whether they say the same, and where not.
 * No pass may change a number by more than double precision shows.  (What simplify folds is a constant in single precision; so such
 * values are rounded here before it, too.)  A gradient is held to a central difference along one direction for each leaf. */
#ifndef FTC_AGREE_H
#define FTC_AGREE_H

#include "compiler/verify/numbers.h"

typedef struct {
    const char *what;      /* an output, or the weight or state that is updated, or whose gradient it is; NULL: all agree */
    int64_t at;            /* the element; -1: none, it is a derivative */
    double have, want, slack;
} Mismatch;

/* Outputs that both have, and updates of the same weights and states. */
bool graphs_agree(const Graph *before, const Graph *after, const Sizes *s, Mismatch *m);

/* What a graph's leaves have as gradients: dx[i] is that of wrt[i].  It is the gradient of the output "loss", where that is a number, or
 * of the sum of all outputs' elements, each with a weight of its own. */
typedef struct {
    Node *loss;
    int n;
    Node **wrt, **dx;
} Gradients;

/* A forward graph gets them; its float leaves are what is asked for.  n is 0 where none of them reaches an output. */
Gradients add_gradients(Graph *g);

/* A step graph has them, as d.NAME for a weight that has an update. */
Gradients find_gradients(const Graph *g);

/* One directional derivative for each; told() gets each one's largest error, in units of what is allowed.  told may be NULL. */
typedef void ToldFn(void *ctx, const Node *leaf, double ratio);
bool gradients_hold(const Graph *g, const Gradients *d, const Sizes *s, Mismatch *m, ToldFn *told, void *ctx);

#endif
