/* What a kernel does, counted: for benchmarks.
 * In: a kernel, sizes, and the memory of its i32 parameters (row starts, ids) where it reads indices.
 * Out: floating-point operations and bytes. */
#ifndef FTC_KCOST_H
#define FTC_KCOST_H

#include "compiler/kernel/kernel.h"

typedef struct {
    double flop;  /* a dot counts 2 m n k, every float operation of a loop 1, whatever it becomes */
    double bytes; /* between memory and the kernel, if each element of a parameter comes and goes once; scratch counts nothing */
} KernelCost;

/* bufs[i] and sizes[i] (elements) of each parameter that isn't scratch; bufs of other than i32 aren't read. */
/* A place's part of a kernel, for sharing the kernel's time out.  Its weight: an operation of a dot, whose operands wait in registers,
 * counts 1, one of a loop 8, and an element that a loop loads or stores 16. */
typedef struct {
    const Loc *loc;
    double flop, weight;
} PlaceCost;

/* The parts of a kernel, at most `most`; answers how many. */
int kernel_place_costs(const Kernel *k, void *const *bufs, const int64_t *sym, PlaceCost *out, int most);

KernelCost kernel_cost(const Kernel *k, void *const *bufs, const int64_t *sizes, const int64_t *sym);

#endif
