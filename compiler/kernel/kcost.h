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
KernelCost kernel_cost(const Kernel *k, void *const *bufs, const int64_t *sizes, const int64_t *sym);

#endif
