/* Reading our own texts: words, numbers and marks between blanks and # comments.  Untrusted input: whatever is not as
 * expected is reported at its place, and the function answers false or NULL. */
#ifndef FTC_SCAN_H
#define FTC_SCAN_H

#include "compiler/support/arena.h"
#include "ftc/diag.h"

#include <stdint.h>

typedef struct {
    const char *file, *p, *end, *line_start;
    int line;
    Arena *arena; /* words live here */
    FtcDiag *diag;
} Scanner;

/* text is borrowed and needs no NUL at its end */
Scanner scan_open(Arena *arena, const char *file, const char *text, size_t len, FtcDiag *d);
FtcLoc scan_here(Scanner *s);                     /* the place of what comes next */
bool scan_at_end(Scanner *s);
bool scan_peek(Scanner *s, const char *mark);     /* comes next, literally? */
bool scan_accept(Scanner *s, const char *mark);   /* the same, and steps over it */
bool scan_expect(Scanner *s, const char *mark);
/* Letters, digits and what is in `more`; `what` completes "expected ..." */
const char *scan_word(Scanner *s, const char *more, const char *what);
const char *scan_string(Scanner *s);              /* between quotes on one line; \xNN stands for a byte other than NUL */
bool scan_number(Scanner *s, double *v);          /* as strtod reads it, nan and inf too */
bool scan_int(Scanner *s, int64_t low, int64_t high, int64_t *v); /* low and high within 2^53 */

#endif
