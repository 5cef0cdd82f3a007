/* One kernel -> one object in memory.  Private to codegen; the JIT's unit of work. */
#ifndef FTC_OBJECT_H
#define FTC_OBJECT_H

#include "compiler/codegen/target.h"

#include <llvm-c/Core.h>

typedef struct {
    char hex[65];      /* names the content: kernel, target, versions */
    char symbol[24];   /* the function's name in the object */
} KernelKey;

KernelKey kernel_key(const Target *t, const Kernel *k);

/* False where this program can't say which build it is; its objects must not be kept then. */
bool build_is_known(void);

/* NULL after an error.  ms[0..2] grow by the time for LLVM IR, for passes and for machine code. */
LLVMMemoryBufferRef compile_kernel(const Target *t, LLVMTargetMachineRef tm, const Kernel *k, const char *symbol,
                                   double ms[3], FtcDiag *d);

/* Milliseconds of a clock that only moves on. */
double clock_ms(void);

#endif
