/* Programs as native code, call by call on one thread: a Runner of verify/check.h, and what runs the calls of programs that are native
 * already.
 *
 * A call's pieces run from the last to the first: none may wait for another.  Each scratch area ends at a page that can't be touched and
 * starts full of NaN. */
#ifndef FTC_NATIVE_H
#define FTC_NATIVE_H

#include "compiler/codegen/codegen.h"
#include "compiler/verify/check.h"

/* Compiles each program that it is asked to run; options and d must outlive it. */
typedef struct {
    const CodegenOptions *options;
    FtcDiag *diag;
} NativeOptions;
Runner native_runner(NativeOptions *o);

/* A CallFn; ctx is the program's functions, FtcKernelFn *const *. */
void native_call(void *ctx, const Program *p, int call, void *const *bufs, const int64_t *sym);

#endif
