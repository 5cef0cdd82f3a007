/* What this machine can do at best, measured by fixed loops on all threads at once. */
#ifndef FTC_PEAK_H
#define FTC_PEAK_H

#include "runtime/core/pool.h"

typedef struct {
    double gflops;  /* fused multiply-adds in registers, f32, at the widest vectors this processor has */
    double gflops_bf16; /* the same of bf16: by pairs in one instruction, or as f32, whichever is faster.  Vectors' both: matrix registers
                         * (AMX) do more, and so can a step. */
    double gbytes;  /* a sweep over memory beyond the caches: a[i] = b[i] + s * c[i], 12 bytes an element */
} Peak;

/* Takes about 0.3 s. */
Peak peak_measure(Pool *pool);

#endif
