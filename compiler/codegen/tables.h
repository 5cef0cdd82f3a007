/* The constants of a compiled model in LLVM IR.  Private to codegen. */
#ifndef FTC_TABLES_H
#define FTC_TABLES_H

#include "compiler/codegen/codegen.h"

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

/* Adds `const FtcModel SYMBOL`; step may be NULL. */
void add_model_table(Tables *t, const char *symbol, const FtcModel *model, LLVMValueRef step, LLVMValueRef eval);

#endif
