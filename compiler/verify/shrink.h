/* A spec of the same shape with small sizes: what takes hours to evaluate in double takes seconds then.
 *
 * In:  a spec.  Out: the same one with at most two of each repeated layer, small widths, short tables.
 * Widths that were equal stay equal, different ones different, and heads divide what they divided; so every op, every pass and every
 * kernel stays.  Only numbers of the layer list are asked, whatever its layers are. */
#ifndef FTC_SHRINK_H
#define FTC_SHRINK_H

#include "compiler/spec/spec.h"

enum { SHRUNK_LENGTH = 16 }; /* tokens that position tables have at least room for */

void shrink_spec(Spec *s, Arena *arena);

#endif
