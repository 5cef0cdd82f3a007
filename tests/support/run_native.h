/* Runs a lowered program as native code; a RunFn of run_program.h. */
#ifndef FTC_RUN_NATIVE_H
#define FTC_RUN_NATIVE_H

#include "compiler/api/native.h"
#include "runtime/train/block.h"
#include "tests/support/run_program.h"

/* ctx: CodegenOptions.  Calls run as api/native.h says.  Each buffer of the arena ends at a page that can't be touched, too, and
 * starts full of NaN. */
static inline Block nan_block(size_t size)
{
    Block b = { 0 };
    assert_true(block_reserve(&b, size, true));
    memset(b.data, 0xFF, size);
    return b;
}

static inline void run_native(void *ctx, const Program *p, void **bufs, const int64_t *sym)
{
    FtcDiag *diag = ftc_diag_new(stderr);
    Jit *jit = jit_new(ctx, diag);
    assert_non_null(jit);
    FtcKernelFn **fn = calloc((size_t)p->n_kernels, sizeof *fn);
    assert_true(jit_compile(jit, p->kernels, p->n_kernels, fn));
    Block *arena = calloc((size_t)p->n_bufs, sizeof *arena);
    for (int i = 0; i < p->n_bufs; i++) {
        if (bufs[i])
            continue;
        arena[i] = nan_block((size_t)poly_eval_symbols(p->bufs[i].size, sym) * elem_size(p->bufs[i].elem));
        bufs[i] = arena[i].data;
    }
    for (int i = 0; i < p->n_calls; i++)
        native_call(fn, p, i, bufs, sym);
    for (int i = 0; i < p->n_bufs; i++)
        if (arena[i].map) {
            block_free(&arena[i]);
            bufs[i] = NULL;
        }
    free(arena);
    free(fn);
    jit_free(jit);
    ftc_diag_free(diag);
}

#endif
