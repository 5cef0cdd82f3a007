/* Runs a lowered program as native code; a RunFn of run_program.h. */
#ifndef FTC_RUN_NATIVE_H
#define FTC_RUN_NATIVE_H

#include "compiler/codegen/codegen.h"
#include "tests/support/run_program.h"

/* ctx: CodegenOptions.  Runs every call's pieces in order, last piece first, with arena and scratch full of NaN. */
static inline void run_native(void *ctx, const Program *p, void **bufs, const int64_t *sym)
{
    FtcDiag *diag = ftc_diag_new(stderr);
    Jit *jit = jit_new(ctx, diag);
    assert_non_null(jit);
    FtcKernelFn **fn = calloc((size_t)p->n_kernels, sizeof *fn);
    assert_true(jit_compile(jit, p->kernels, p->n_kernels, fn));
    void **mine = calloc((size_t)p->n_bufs, sizeof *mine);
    for (int i = 0; i < p->n_bufs; i++) {
        if (bufs[i])
            continue;
        size_t size = (size_t)poly_eval_symbols(p->bufs[i].size, sym) * elem_size(p->bufs[i].elem);
        bufs[i] = mine[i] = memset(malloc(size + 64), 0xFF, size + 64);
    }
    for (int i = 0; i < p->n_calls; i++) {
        const Call *c = &p->calls[i];
        const Kernel *k = p->kernels[c->kernel];
        void *args[64], *scratch[64] = { NULL };
        for (int j = 0; j < k->n_params; j++)
            if (k->params[j].mode != PARAM_SCRATCH)
                args[j] = bufs[c->bufs[j]];
            else {
                size_t size = (size_t)poly_eval_symbols(k->params[j].size, sym) * 4 + 64;
                args[j] = scratch[j] = memset(malloc(size), 0xFF, size);
            }
        FtcKernelArgs a = { args, sym, c->imms };
        for (int64_t piece = kernel_pieces(k, sym) - 1; piece >= 0; piece--)
            fn[c->kernel](&a, piece);
        for (int j = 0; j < k->n_params; j++)
            free(scratch[j]);
    }
    for (int i = 0; i < p->n_bufs; i++)
        if (mine[i]) {
            free(mine[i]);
            bufs[i] = NULL;
        }
    free(mine);
    free(fn);
    jit_free(jit);
    ftc_diag_free(diag);
}

#endif
