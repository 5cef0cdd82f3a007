/* Where something in a compilation comes from: a line of a spec, reached through `up` (the user's line where a shipped
 * layer list was expanded, as with #include).  `also` chains the places of values that were merged into this one. */
#ifndef FTC_LOC_H
#define FTC_LOC_H

#include "ftc/diag.h"

#include <stdbool.h>

typedef struct Loc Loc;
struct Loc {
    FtcLoc at;
    const Loc *up, *also;
};

/* The same line of the same file; and the same column. */
bool place_same_line(FtcLoc a, FtcLoc b);
bool place_same(FtcLoc a, FtcLoc b);

/* The same place, reached the same way. */
bool loc_same(const Loc *a, const Loc *b);

#endif
