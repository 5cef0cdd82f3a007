/* A file of text, read whole and checked: UTF-8, no NUL bytes.
 *
 * In:  a path, or "-" for standard input.
 * Out: its bytes, in one buffer, and places in it for messages.  The file is read, not mapped: it may change or shrink
 *      during a long run. */
#ifndef FTC_TEXTFILE_H
#define FTC_TEXTFILE_H

#include "ftc/diag.h"

#include <stddef.h>

typedef struct {
    char *name;    /* for messages */
    char *text;    /* [size], then a NUL */
    size_t size;
    size_t start;  /* where the text begins: behind a byte order mark, if there is one */
} TextFile;

/* False after an error: the file can't be read, or is no UTF-8 text.  It may be empty. */
bool textfile_read(TextFile *f, const char *path, FtcDiag *d);
void textfile_free(TextFile *f);

/* The place of bytes begin .. end - 1, of those on the first one's line. Counts lines from the top: for
 * messages only. */
FtcLoc textfile_loc(const TextFile *f, size_t begin, size_t end);

#endif
