/* Texts in columns of a terminal.
 *
 * Columns line up in any script: wide characters (East Asian, pictures) count twice, combining marks not at all. */
#ifndef FTC_COLUMNS_H
#define FTC_COLUMNS_H

#include <stdbool.h>
#include <stdio.h>

/* How many columns a text takes, which is UTF-8 or nearly so. */
int columns_width(const char *text);

/* The text in `width` columns: padded, or cut with an ellipsis; control characters as question marks. */
void columns_put(FILE *out, const char *text, int width, bool right);

#endif
