/* The passes over the step graph.  One pass, one file, one entry; pipeline.c lists them in order with the reason for each.
 * A pass touches the graph it is given and nothing else; graph_verify holds before and after.  (Two stages of the list are written
 * where their rules are: gradients in compiler/grad, rows and the update in compiler/build.) */
#ifndef FTC_PASSES_H
#define FTC_PASSES_H

#include "compiler/build/build.h"
#include "compiler/kernel/program.h"
#include "compiler/passes/opt_notes.h"

/* cut: the value of which training needs nothing but itself, of all that comes before it: one vector for each row of the batch, the
 * same in every epoch, since only the row's tokens and frozen weights decide it.  NULL: there is none, or more than one.  In: a
 * forward graph as built.  No row of the table: it makes two graphs of one, before the passes. */
Node *find_encoded(Graph *g, const Forward *f);

/* Leaves the graph what comes behind that value, which becomes its input "encoded"; answers a graph of what comes before, whose
 * output has this name. */
Graph *cut_encoder(Graph *g, Node *encoded);

/* simplify: constant folding, algebra that keeps every bit, common subexpressions, dead code.  Any form in, the same form out. */
void pass_simplify(Graph *g);

/* demand: rebuilds for the first token of each row what only that token is asked for.  In: a forward graph; out: one with the same
 * outputs. */
void pass_demand(Graph *g);

/* Picks each row's first token: a gather of row_start. */
bool selects_rows(const Node *n);

/* bf16: the operands of all dots become bf16.  In: a graph of f32, with gradients where there will be any; out: the same with
 * casts, which no later pass may look through.  Only where the spec asks for it: it changes numbers. */
void pass_bf16(Graph *g);

/* remat: cheap forward values that the backward part reads are computed again there instead of being kept.  In: a step graph
 * before fusion.  Never recomputes a reduction, a scatter, or a dot but one that makes a number for each pair of tokens of a row.  No common-subexpression pass may follow. */
void pass_remat(Graph *g);

/* fuse: gives every node that is computed a group; what has the same group becomes one kernel.  `whole` groups are as large as
 * dependencies allow; without it one node is one group (-O0, -fno-fuse).  Groups are numbered in an order that can be run. */
void pass_fuse(Graph *g, bool whole);

/* chain: makes one group of dots and groups around them where each piece of work needs the others' same piece only: the same row of
 * the batch and head, or the same panel of tokens.  In: a graph with groups.  Out: fewer, whose nodes have a stage too; a stage
 * is a group as it was.  Never changes what is computed. */
void pass_chain(Graph *g);

/* pack: says of each dot which operands are copied to panels first, because many rows are multiplied with
 * them: a weight, or both operands of a sum over all tokens. */
void pass_pack(Graph *g);

/* split: says of dots of f32 whose packed right operand is to be three bf16 a number. */
void pass_split(Graph *g);

/* keep: says of dots whose packed right operand is a weight that its panels stay from step to step.  In: a step graph. */
void pass_keep(Graph *g);

/* regroup: groups and panels that a text gives, as those passes would have made them.  The passes run again and join only what has
 * one group there, so what comes out is what lowering can do.  A value without a group is computed alone.  In: a graph that was
 * read.  Reports a group or `packs` that can't be and returns false. */
bool pass_regroup(Graph *g, const char *file, FtcDiag *d);

/* plan: gives every arena buffer of the program a slot; slots are shared by buffers that are never alive together. */
void pass_plan(Program *p, bool share);

#endif
