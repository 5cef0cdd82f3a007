/* Files and folders, with ftc's diagnostics.
 *
 * Nothing that exists is ever half overwritten: a file is written beside its place and renamed into it, and
 * so is a whole folder.  Whatever goes wrong (a full disk, a lost permission, a kill), the place holds
 * either all of the old or all of the new.  Functions that answer false or NULL have reported why. */
#ifndef FTC_FILES_H
#define FTC_FILES_H

#include "ftc/diag.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* --- names ------------------------------------------------------------------------------------------- */

char *path_join(const char *folder, const char *name); /* free() it */
char *path_program(FtcDiag *d);                        /* the running program's folder, links followed; free() it; NULL after an error */
const char *path_base(const char *path);               /* what is behind the last slash */
bool path_ends_with(const char *path, const char *end); /* ".csv"; and there is more in front of it */

/* Whether a relative path taken from a file stays in the folder it is relative to: not absolute, not empty,
 * no part of it is "..".  (Links a user made inside the folder are the user's own affair.) */
bool path_stays_inside(const char *relative);

bool path_is_file(const char *path);   /* exists and is no folder */
bool path_is_regular(const char *path); /* a file that can be read once more, unlike a pipe */
bool path_is_folder(const char *path);
bool path_is_same(const char *a, const char *b);   /* both are there, and one file; NULL is none */

/* --- reading ----------------------------------------------------------------------------------------- */

/* The whole of a file (or pipe) of at most `limit` bytes, with a NUL after the last; free() it. */
char *file_read(const char *path, size_t limit, size_t *size, FtcDiag *d);

/* The same where "-" is standard input; what messages call it, "<stdin>"; and whether it, or a pipe, can be read only once. */
char *input_read(const char *path, size_t limit, size_t *size, FtcDiag *d);
const char *input_name(const char *path);
bool input_is_once(const char *path);

/* A regular file mapped read-only; data is NULL only where size is 0.  The file must not be cut short by
 * others while it is mapped. */
typedef struct {
    const unsigned char *data;
    size_t size;
} FileMap;

bool file_map(const char *path, FileMap *m, FtcDiag *d);
void file_unmap(FileMap *m);

/* --- writing ----------------------------------------------------------------------------------------- */

/* A file in the making.  The first failure is reported and makes all later calls answer false, so a writer
 * may check file_commit alone.  Exactly one of file_commit and file_abandon ends it and frees it.  A place
 * that is no regular file (a terminal, a pipe, /dev/null) is written to as it is. */
typedef struct FileWriter FileWriter;

FileWriter *file_create(const char *path, FtcDiag *d);
bool file_put(FileWriter *w, const void *data, size_t size);
bool file_commit(FileWriter *w);
void file_abandon(FileWriter *w);

/* All in one. */
bool file_write(const char *path, const void *data, size_t size, FtcDiag *d);

/* The same to where -o says: NULL and "-" are standard output. */
bool output_write(const char *path, const void *data, size_t size, FtcDiag *d);

/* The same for what `print` prints. */
bool file_print(const char *path, void (*print)(FILE *out, const void *what), const void *what, FtcDiag *d);

/* --- folders ----------------------------------------------------------------------------------------- */

/* Makes a folder and those above it; fine if it is there. */
bool folder_make(const char *path, FtcDiag *d);

/* Whether files can be made in the folder or, where it isn't there yet, whether it can be made; tried for
 * real, and leaves nothing behind. */
bool folder_check_writable(const char *path, FtcDiag *d);

/* Removes a folder and everything in it; what can't be removed stays, without a word. */
void folder_remove(const char *path);

/* Replacing a folder as a whole.  folder_begin makes an empty folder beside `path` and returns its name
 * (free() it); write the files there.  folder_commit puts it in the place of `path`.  What else was in the
 * old folder is carried over into the new one, except the names in `drop` (NULL-terminated; may be NULL).
 * Where folder_commit fails, `path` is as it was; then, or to give up before, folder_remove what
 * folder_begin made.  (Doing just that before a long run finds out whether its end will work.) */
char *folder_begin(const char *path, FtcDiag *d);
bool folder_commit(const char *made, const char *path, const char *const *drop, FtcDiag *d);

#endif
