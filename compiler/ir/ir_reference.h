/* The reference of the tensor IR's ops, as a document in Markdown, from the rows of ops.def: compiler/ir/README.md is this text. */
#ifndef FTC_IR_REFERENCE_H
#define FTC_IR_REFERENCE_H

#include <stdio.h>

void ir_reference(FILE *out);

#endif
