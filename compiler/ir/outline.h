/* A graph as formulas, to read: the stage 'outline'.  It can't be parsed; graph_print's text has every value. */
#ifndef FTC_OUTLINE_H
#define FTC_OUTLINE_H

#include "compiler/ir/ir.h"

/* How the formulas are written, for the head of a file: lines that begin with '#'. */
extern const char outline_legend[];

void graph_outline(const Graph *g, FILE *out);

/* ---- for outline.c itself -------------------------------------------------------------------------------------------------- */

/* What stands behind a formula's operands: outline_formula asks for each operand that isn't written out. */
typedef struct OutlineNames {
    Arena *arena;
    bool (*written_out)(const struct OutlineNames *o, const Node *n); /* its formula stands in the reader's, not its name */
    const char *(*name)(const struct OutlineNames *o, const Node *n); /* between two OUTLINE_MARKs */
} OutlineNames;

#define OUTLINE_MARK "\001"

/* The right side of "n = ..."; an update's is the value that is stored. */
const char *outline_formula(const OutlineNames *o, const Node *n);

/* n, or what it shows where it is a view that formulas leave out. */
const Node *outline_base(const Node *n);

#endif
