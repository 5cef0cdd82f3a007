/* Delta debugging on graphs.
 *
 * In:  a graph that fails, and a way to see whether another one fails too.
 * Out: a small graph that fails: nodes are cut off and become inputs, others are passed over, outputs move up to their operands,
 * inputs are merged, dims shrink, as long as the failure still shows.  Each step tries a well-formed graph; none knows what the
 * failure is. */
#ifndef FTC_REDUCE_H
#define FTC_REDUCE_H

#include "compiler/ir/ir.h"

typedef bool FailsFn(void *ctx, const Graph *g);

/* The result lives in the arena; it is a copy of g where nothing smaller fails. */
Graph *reduce_graph(const Graph *g, FailsFn *fails, void *ctx, Arena *arena);

int count_nodes(const Graph *g);

#endif
