/* What each line of the spec costs: ftc bench --by-line.
 *
 * In:  the time of each call of a step, and what its kernel is made of.
 * Out: the resolved spec, line by line, with time, operations and bytes beside it.
 * The idea: a kernel's statements name the lines they come from.  A call's time is shared among them by what they weigh (kcost.h), so a
 * line's time is an estimate where its kernel serves several lines, and exact where it has kernels of its own; the sum is the
 * step's. */
#ifndef FTC_BY_LINE_H
#define FTC_BY_LINE_H

#include "compiler/api/compile.h"

enum { LINE_TEXT = 128, MOST_LINES = 512 };

typedef struct {
    char text[LINE_TEXT];  /* of the spec; or "file:line", where no line of the spec says it */
    int layers;            /* in so many layers; 0: in none that repeat */
    double ms[3];          /* forward, backward, update */
    double flop, bytes;    /* bytes: the kernels', shared as the time is */
    bool counts;           /* some call is of it */
} SpecLine;

/* Adds what a call took, or a part of it, for means of several steps: the kernel's parameters as the call had them. */
typedef struct {
    const Program *program;
    int call;
    double part, ms, bytes;
    void *const *bufs;
    const int64_t *sym;
} LineCall;

/* lines[MOST_LINES]; answers how many there are. */
int lines_begin(SpecLine *lines, FtcLoc *places, const Compiled *c);
int lines_add(SpecLine *lines, FtcLoc *places, int n, const LineCall *call);
void lines_count_layers(SpecLine *lines, const FtcLoc *places, int n, const Graph *g);

/* peak: GFLOP/s */
void lines_print(const SpecLine *lines, int n, double peak, FILE *out);

#endif
