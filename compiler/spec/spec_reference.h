/* The reference of the spec, as a document in Markdown, from the rows of schema.def: models/README.md is this text. */
#ifndef FTC_SPEC_REFERENCE_H
#define FTC_SPEC_REFERENCE_H

#include <stdio.h>

void spec_reference(FILE *out);

#endif
