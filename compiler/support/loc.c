/* Comparing places; see loc.h. */
#include "compiler/support/loc.h"

#include <string.h>

bool place_same_line(FtcLoc a, FtcLoc b)
{
    return a.line == b.line && (a.file == b.file || !strcmp(a.file ? a.file : "", b.file ? b.file : ""));
}

bool place_same(FtcLoc a, FtcLoc b) { return a.col == b.col && place_same_line(a, b); }

bool loc_same(const Loc *a, const Loc *b)
{
    for (; a && b && a != b; a = a->up, b = b->up)
        if (!place_same(a->at, b->at))
            return false;
    return a == b;
}
