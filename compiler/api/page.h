/* Every stage of a compilation on one page (--emit=html): picture, spec with costs, formulas, graphs, kernels with their code, memory.
 *
 * In:  what was caught on the way, the compiled programs, and a profile of the step.
 * Out: HTML that needs nothing from anywhere and no script; details fold, by stage and by layer.
 * Of layers that repeat, the first and the last are printed; those between have the values of the first under other numbers. */
#ifndef FTC_PAGE_H
#define FTC_PAGE_H

#include "compiler/api/bench.h"
#include "compiler/api/picture.h"

typedef struct {
    const char *model;              /* its name */
    const Picture *picture;
    const char *outline;            /* formulas */
    const char *stage[3];           /* the step's graph as built, with gradients, fused: texts */
    const Graph *built;             /* for the names of layers */
    const Compiled *compiled, *plain; /* as asked for; and at -O0, or NULL */
    const CodegenOptions *codegen;
    const BenchProfile *profile;    /* NULL: nothing was measured */
} PageJob;

/* False after an error. */
bool page_write(const PageJob *job, FILE *out, FtcDiag *d);

/* Whether a statement of the kernel comes from that line; a file's name may be its end: "bert.yaml". */
bool kernel_has_line(const Kernel *k, const char *file, int line);

#endif
