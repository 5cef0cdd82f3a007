/* A file of text, read whole, checked and in UTF-8: no NUL bytes, no broken characters.
 *
 * In:  a path, or "-" for standard input, and the encoding it is in.
 * Out: its text in UTF-8, in one buffer, and places in the file for messages.  The file is read, not mapped: it may change or
 *      shrink during a long run.  Another encoding is turned into UTF-8 within that buffer. */
#ifndef FTC_TEXTFILE_H
#define FTC_TEXTFILE_H

#include "ftc/diag.h"

#include <stddef.h>

/* In the order of the words of data.encoding.  Latin-1 is ISO 8859-1; cp1252 has printed characters where that has control
 * characters, five bytes excepted, which it doesn't have. */
typedef enum { TEXT_UTF8, TEXT_LATIN1, TEXT_CP1252 } TextEncoding;

typedef struct {
    char *name;             /* for messages */
    char *text;             /* [size], then a NUL */
    size_t size;
    size_t start;           /* where the text begins: behind a byte order mark, if there is one */
    TextEncoding encoding;  /* of the file */
    size_t forgotten;       /* bytes at the beginning whose memory was given back */
    int lines_forgotten;
} TextFile;

/* False after an error: the file can't be read, or is no text in that encoding.  It may be empty. */
bool textfile_read(TextFile *f, const char *path, TextEncoding encoding, FtcDiag *d);
void textfile_free(TextFile *f);

/* Gives back the memory of what is before `end`, which is the beginning of a line: those bytes can't be read any more.  Places
 * behind it stay right. */
void textfile_forget(TextFile *f, size_t end);

/* The place in the file of the text's bytes begin .. end - 1, of those on the first one's line. Counts lines from the top: for
 * messages only. */
FtcLoc textfile_loc(const TextFile *f, size_t begin, size_t end);

#endif
