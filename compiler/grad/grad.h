/* Reverse-mode differentiation: forward graph -> step graph. */
#ifndef FTC_GRAD_H
#define FTC_GRAD_H

#include "compiler/ir/ir.h"

/* Appends, in REGION_BACKWARD, the gradients of `loss` (an f32 scalar) with respect to n values of the graph.  dx[i] is the
 * gradient of wrt[i], of its type; zeros where the loss does not depend on it. */
void graph_grad(Graph *g, Node *loss, int n, Node *const *wrt, Node **dx);

#endif
