/* What ftc's pages have in common: escaped text, head and end, one style sheet for light and dark.
 *
 * A page needs nothing from anywhere: its style and pictures are in it.  Whatever comes from tables and specs goes through
 * html_text. */
#ifndef FTC_HTML_H
#define FTC_HTML_H

#include "runtime/text/slice.h"

#include <stdio.h>

/* From <!DOCTYPE to the opened <main>; the title is `title`, escaped, and `what` behind it. */
void html_begin(FILE *out, const char *title, const char *what);
void html_end(FILE *out);

/* Text between tags or in an attribute; what isn't UTF-8 becomes U+FFFD. */
void html_text(FILE *out, Slice text);
/* At most so many characters of it, the cut marked by an ellipsis. */
void html_cut(FILE *out, Slice text, int characters);

#endif
