/* The attribute table, for the printer and the parser; see attrs.def. */
#ifndef FTC_ATTRS_H
#define FTC_ATTRS_H

#include "compiler/ir/ir.h"

typedef enum { ATTR_LIST, ATTR_AXIS, ATTR_INT, ATTR_SMALL, ATTR_DIM, ATTR_FLOAT, ATTR_STRING } AttrKind;

typedef struct {
    Op op;
    const char *word;
    AttrKind kind;
    size_t offset; /* in Attrs */
} AttrRow;

extern const AttrRow attr_rows[];
extern const int n_attr_rows;

#endif
