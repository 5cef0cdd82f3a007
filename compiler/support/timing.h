/* What takes how long in a compilation: for -ftime-report and -ftime-trace.
 *
 * Whoever works says so behind it: double start = timing_now(); ...; timing_add(TIMING_PASS, "fuse", start).  Nothing is kept until
 * timing_start; then from all threads. */
#ifndef FTC_TIMING_H
#define FTC_TIMING_H

#include <stdbool.h>
#include <stdio.h>

typedef enum { TIMING_STEP, TIMING_KERNEL /* one kernel's code, within a step, on any thread: in the trace only */ } TimingKind;

void timing_start(void);
bool timing_is_on(void);
double timing_now(void); /* ms */
void timing_add(TimingKind kind, const char *what, double start);

/* A line for each name of a step, in the order of their first time: wall time, share, how often; and their sum. */
void timing_report(FILE *out);

/* Chrome's trace format ("Trace Event Format", complete events), which chrome://tracing and Perfetto show. */
void timing_trace(FILE *out);

#endif
