/* The machine that code is made for: checked options become what LLVM wants to hear.  Private to codegen. */
#ifndef FTC_TARGET_H
#define FTC_TARGET_H

#include "compiler/codegen/codegen.h"

#include <llvm-c/Types.h>
#include <llvm-c/TargetMachine.h>

typedef struct {
    char *triple, *cpu, *features;
    int level;
    Gemm gemm;
    int lanes;    /* of 32 bits in a vector register; 1: scalar code */
    bool fma;     /* has fused multiply-add */
    bool bf16;    /* one instruction multiplies pairs of bf16 (AVX512-BF16), faster than two that multiply f32 */
    bool amx;     /* matrix registers multiply bf16 (AMX-BF16) */
    bool streams; /* what isn't read soon is stored past the caches */
    bool masks;   /* has masked loads and stores of every element size (AVX-512) */
} Target;

bool target_init(Target *t, const CodegenOptions *o, FtcDiag *d);
void target_free(Target *t);

/* One for every thread that compiles. */
LLVMTargetMachineRef target_machine(const Target *t);

/* The passes that near-final IR still needs; false after an error. */
bool target_optimize(const Target *t, LLVMTargetMachineRef tm, LLVMModuleRef m, FtcDiag *d);

/* Marks a function with processor and features, so that a merged module needs no more. */
void target_mark(const Target *t, LLVMValueRef fn);

/* What two builds must have in common to share objects. */
const char *target_versions(void);

#endif
