/* What a text says of groups, for the passes that make them; see passes.h, regroup. */
#ifndef FTC_REGROUP_H
#define FTC_REGROUP_H

#include "compiler/ir/ir.h"

/* Of a node, by id. */
typedef struct Given {
    int group, stage, packs;
} Given;

/* The text has x and y in different groups. */
bool given_apart(const Graph *g, const Node *x, const Node *y);

/* The same, or in different stages of one group. */
bool given_stages_apart(const Graph *g, const Node *x, const Node *y);

/* Those of `packs` that the text has too. */
int given_packs(const Graph *g, const Node *n, int packs);

#endif
