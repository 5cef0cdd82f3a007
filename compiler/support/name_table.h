/* Names in use.  In: a name that is wanted.  Out: that name, or where it is taken, with the next number behind it that makes it
 * another one. */
#ifndef FTC_NAME_TABLE_H
#define FTC_NAME_TABLE_H

#include "compiler/support/arena.h"

/* Open addressing; zeroed is empty.  Lives in an arena. */
typedef struct {
    struct NameEntry {
        const char *name; /* NULL: free */
        unsigned hash;
        int number;       /* of names_take: the one given last; else the user's own */
    } *entry;
    int n, cap;
} NameTable;

void names_add(NameTable *t, Arena *a, const char *name); /* it is taken; it must live as long as the table */

int *names_number(NameTable *t, Arena *a, const char *name); /* a name's number; 0 where it is new, and now taken */

/* A name that isn't taken yet, which it is now: `want`, or want, dash and a number from `first` on. */
const char *names_take(NameTable *t, Arena *a, const char *want, const char *dash, int first);

#endif
