/* How far a run is, for the person who waits.
 *
 * On a terminal one line, redrawn in place at most ten times a second; elsewhere (a file, a pipe) a plain line for each
 * tenth of the run, or each half minute.  Both on the stream given, which is standard error for a command line. */
#ifndef FTC_PROGRESS_H
#define FTC_PROGRESS_H

#include <stdint.h>
#include <stdio.h>

/* One training step, as the loop, the log and the progress line see it. */
typedef struct {
    int64_t step, epoch;   /* 1, 2, ... */
    double loss, lr;
    double grad_norm;      /* NaN where the model doesn't compute it */
    int64_t tokens;
    double ms;
} StepRecord;

typedef struct Progress Progress;

/* For a run of so many steps; out may be NULL (quiet), and every function takes a NULL Progress. */
Progress *progress_new(FILE *out, int64_t total_steps);
void progress_free(Progress *p); /* ends the line */

void progress_step(Progress *p, const StepRecord *r);

/* A step that was made before, by a run that this one goes on with. */
void progress_skip(Progress *p, const StepRecord *r);

/* Rows done of an evaluation; shown on a terminal only. */
void progress_rows(Progress *p, const char *what, int64_t done, int64_t total);

/* Takes the line away, so that something else can be printed. */
void progress_clear(Progress *p);

/* A time for people: "4 s", "1:05", "2:03:09". */
char *progress_time(double seconds, char text[24]);

#endif
