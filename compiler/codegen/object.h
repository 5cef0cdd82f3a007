/* One kernel -> one object in memory.  Private to codegen; the JIT's unit of work. */
#ifndef FTC_OBJECT_H
#define FTC_OBJECT_H

#include "compiler/codegen/target.h"
#include "compiler/kernel/kernel.h"

#include <llvm-c/Core.h>

typedef struct {
    char hex[65];      /* names the content: kernel, target, versions */
    char symbol[24];   /* the function's name in the object */
} KernelKey;

KernelKey kernel_key(const Target *t, const Kernel *k);

/* A function that multiplies matrices depends on their layout alone, as one does that packs a panel of them: kernels share them,
 * and those that multiply share their tiles (gemm.c). */
typedef struct {
    bool a_turned, b_turned; /* the stride of 1 is along k in B and not in A */
    int packed;              /* columns of B's panels; 0: none */
    bool bf16;               /* of A and B, by pairs of k */
    bool split;              /* of B's panels, f32 in parts of bf16 */
    bool tiles;              /* only those: packed columns at most, 0: whatever B's stride is; bf16: as the pairs they are multiplied by */
    bool packs;              /* only the copy of B to a panel, which has bf16 or parts */
    bool rounds;             /* of f32 to bf16 */
} DotLayout;

enum { MAX_DOT_LAYOUTS = 24 };

KernelKey dot_key(const Target *t, DotLayout layout);
int tile_columns(const Target *t); /* of dots' tiles, up to a whole number of lines: a panel's */
int kernel_dots(const Target *t, const Kernel *k, DotLayout layout[MAX_DOT_LAYOUTS]); /* those that k calls, and their tiles; each once */

/* False where this program can't say which build it is; its objects must not be kept then. */
bool build_is_known(void);

/* A kernel or, where it is NULL, the function of a layout.  NULL after an error.  ms[0..2] grow by the time for LLVM IR, for
 * passes and for machine code. */
LLVMMemoryBufferRef compile_kernel(const Target *t, LLVMTargetMachineRef tm, const Kernel *k, DotLayout layout, const char *symbol,
                                   double ms[3], FtcDiag *d);

#endif
