/* What values' names tell: dotted, from the layer down to the op: "layers.3.ffn.up.dot"; a gradient's begins with "d.". */
#ifndef FTC_NAMES_H
#define FTC_NAMES_H

#include "compiler/ir/ir.h"

/* Where in a name the number of a repeated layer stands: that which weights have in this place too; 0: there is none. */
size_t layer_number_at(const Graph *g, const char *name);

/* The layer that a value, or what it is the gradient of, belongs to, in the arena: "layers.3", "update"; where none repeats, the first
 * word. */
const char *layer_of_value(Arena *a, const Graph *g, const char *name);

/* How much of a's first n bytes b begins with, in whole words. */
size_t common_name(const char *a, size_t n, const char *b);

#endif
