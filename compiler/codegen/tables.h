/* The constants of a compiled model in LLVM IR.  Private to codegen. */
#ifndef FTC_TABLES_H
#define FTC_TABLES_H

#include "compiler/codegen/codegen.h"
#include "runtime/run/trainer.h"

#include <llvm-c/Core.h>
#include <llvm-c/Target.h>

typedef struct {
    LLVMContextRef c;
    LLVMModuleRef m;
    LLVMTargetDataRef layout;
} Tables;

/* Adds `const FtcProgram SYMBOL`; functions[i] is kernel i, whose run-time arguments are n_imms[i].  Returns the global. */
LLVMValueRef add_program_table(Tables *t, const char *symbol, const FtcProgram *p, LLVMValueRef *functions,
                               const int *n_imms);

/* A model's programs, in the order of FtcModel. */
enum { PROGRAM_STEP, PROGRAM_EVAL, PROGRAM_ACCUMULATE, PROGRAM_ENCODE, N_PROGRAMS };

/* Adds `const FtcModel SYMBOL`; programs may be NULL.  Returns the global. */
LLVMValueRef add_model_table(Tables *t, const char *symbol, const FtcModel *model, LLVMValueRef programs[N_PROGRAMS]);

/* Adds what a trainer has beside its model, and a function `int ENTRY(int argc, char **argv)` that is `start` of it
 * (compiler/driver/trainer_main.c). */
void add_trainer(Tables *t, const Trainer *trainer, LLVMValueRef model, const char *entry, const char *start);

#endif
