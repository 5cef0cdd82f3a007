/* Diagnostics: how every part of ftc tells a user what is wrong.
 *
 * In:  a place (file, line, column range) and a printf-style sentence.
 * Out: gcc-style text, on the stream chosen by the embedder:
 *
 *        models/mlp.yaml:14:9: error: 'hidden' is not a whole number
 *           14 |   hidden: many
 *              |           ^~~~
 *
 * A function that meets a user's mistake reports it here and returns false or NULL; library code never
 * exits and never prints by itself.  A message says what is wrong, where, and a way out.  Our own bugs
 * are no diagnostics: they assert, or call ftc_bug(). */
#ifndef FTC_DIAG_H
#define FTC_DIAG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#if defined(__GNUC__)
#define FTC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define FTC_PRINTF(fmt, args)
#endif

typedef struct FtcDiag FtcDiag;

/* A place in a file.  line and col count from 1 (col in bytes); line 0 means the file as a whole, file
 * NULL no place at all.  end_col is one past the last byte of the range on that line, 0 for a single caret. */
typedef struct {
    const char *file;
    int line, col, end_col;
} FtcLoc;

typedef enum { FTC_NOTE, FTC_WARNING, FTC_ERROR } FtcSeverity;

/* A sink that writes to `out` (stderr for a command line, NULL to only count).  Free it with ftc_diag_free. */
FtcDiag *ftc_diag_new(FILE *out);
void ftc_diag_free(FtcDiag *d);

/* Colour: auto, the default, is "where out is a terminal, NO_COLOR isn't set and TERM isn't dumb". */
typedef enum { FTC_COLOR_AUTO, FTC_COLOR_ALWAYS, FTC_COLOR_NEVER } FtcColor;
void ftc_diag_color(FtcDiag *d, FtcColor when);

/* From here on an array of JSON instead of text, with the members of gcc's: kind, message, option, locations, fixits, children.
 * ftc_diag_free closes it. */
void ftc_diag_json(FtcDiag *d);

/* A sink for another thread, to be freed before `other`: takes over what flags `other` was given, and adds to its array of JSON. */
void ftc_diag_as(FtcDiag *d, FtcDiag *other);

/* Give the text of a file that can't be read again by its name (standard input, a shipped layer list).
 * The text is borrowed and must outlive the sink. */
void ftc_diag_source(FtcDiag *d, const char *file, const char *text, size_t len);

/* Report.  The message has no trailing newline or full stop.  ftc_error returns false, so that a caller can
 * `return ftc_error(...)`.  A warning's name is a row of ftc/warnings.def; flags may silence it or make it an error.  ftc_warn
 * answers whether it was reported: notes that belong to it should be, too. */
bool ftc_error(FtcDiag *d, FtcLoc at, const char *fmt, ...) FTC_PRINTF(3, 4);
bool ftc_warn(FtcDiag *d, const char *name, FtcLoc at, const char *fmt, ...) FTC_PRINTF(4, 5);
void ftc_note(FtcDiag *d, FtcLoc at, const char *fmt, ...) FTC_PRINTF(3, 4);

/* What could stand in the place of the range of the next report; shown under it. */
void ftc_suggest(FtcDiag *d, const char *text);

/* Takes a flag as behind -W: "NAME", "no-NAME", "error=NAME", "no-error=NAME", or of all warnings "all", "error", "no-error".
 * What names a warning is stronger than what speaks of all; else the last one wins.  An error is a name that there is not. */
bool ftc_warning_flag(FtcDiag *d, const char *flag);

/* Whether a warning was asked for, by its name or with "all". */
bool ftc_warning_asked(const FtcDiag *d, const char *name);

/* The names and what they are about, a line each. */
void ftc_warnings_help(FILE *out);

/* How many errors (warnings) were reported so far. */
int ftc_diag_errors(const FtcDiag *d);
int ftc_diag_warnings(const FtcDiag *d);

/* The text of the last error, without its place; "" if there was none.  For embedders and tests. */
const char *ftc_diag_last(const FtcDiag *d);

/* The stage that is running, for bug reports; a static string. */
void ftc_diag_during(FtcDiag *d, const char *stage);

/* A bug of ours: prints the stage and the sentence, then calls the hook if one is set (the driver's writes a
 * file that reproduces the bug and exits 4), then aborts. */
_Noreturn void ftc_bug(const char *fmt, ...) FTC_PRINTF(1, 2);
void ftc_bug_hook(void (*hook)(const char *message));

#define FTC_NOWHERE ((FtcLoc){ NULL, 0, 0, 0 })
#define FTC_FILE(name) ((FtcLoc){ (name), 0, 0, 0 })

#endif
