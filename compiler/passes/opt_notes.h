/* What -fopt-info prints: what passes did, line by line of the spec.
 *
 *   layers/bert.yaml:29:15: optimized: layers.*.activation (4 values) joined the region of layers.*.ffn.up [fuse] x3
 *
 * A pass notes each value that it does something to.  Values of one layer that stem from the same line of the spec, and to which
 * the same happened, are one note, which names the last of them; notes that differ only in the layer's number are one line. */
#ifndef FTC_OPT_NOTES_H
#define FTC_OPT_NOTES_H

#include "compiler/ir/ir.h"

typedef struct OptNotes OptNotes;

OptNotes *opt_notes_new(void);
void opt_notes_free(OptNotes *o);
void opt_notes_during(OptNotes *o, const char *pass); /* whose notes come next; a static string */

/* "n did what fmt says"; n is NULL for the program as a whole.  Nothing happens where o is NULL: nobody asked. */
void opt_note(OptNotes *o, const Node *n, const char *fmt, ...) FTC_PRINTF(3, 4);

/* What would have been faster, and why it can't be: "n can't ... since ...". */
void opt_missed(OptNotes *o, const Node *n, const char *fmt, ...) FTC_PRINTF(3, 4);

typedef enum { OPT_OPTIMIZED = 1, OPT_MISSED = 2 } OptNoteKinds;

/* In the order in which they were noted; all at once, other threads may be writing. */
void opt_notes_print(const OptNotes *o, int kinds, FILE *out);

#endif
