/* Programs as native code, call by call; see native.h. */
#include "compiler/api/native.h"

#include "runtime/core/mem.h"
#include "runtime/train/block.h"

#include <stdlib.h>
#include <string.h>

static Block nan_block(size_t size)
{
    Block b = { 0 };
    if (!block_reserve(&b, size, true))
        ftc_bug("verify: no memory for scratch");
    memset(b.data, 0xFF, size);
    return b;
}

static void run_pieces(FtcKernelFn *f, const Program *p, const Call *c, void *const *bufs, const int64_t *sym)
{
    const Kernel *k = p->kernels[c->kernel];
    void **args = xcalloc((size_t)k->n_params + 1, sizeof *args);
    Block *scratch = xcalloc((size_t)k->n_params + 1, sizeof *scratch);
    for (int j = 0; j < k->n_params; j++)
        if (k->params[j].mode != PARAM_SCRATCH)
            args[j] = bufs[c->bufs[j]];
        else {
            scratch[j] = nan_block((size_t)poly_eval_symbols(k->params[j].size, sym) * 4);
            args[j] = scratch[j].data;
        }
    FtcKernelArgs a = { args, sym, c->imms };
    for (int64_t piece = kernel_pieces(k, sym) - 1; piece >= 0; piece--)
        f(&a, piece);
    for (int j = 0; j < k->n_params; j++)
        block_free(&scratch[j]);
    free(scratch);
    free(args);
}

void native_call(void *ctx, const Program *p, int call, void *const *bufs, const int64_t *sym)
{
    FtcKernelFn *const *fn = ctx;
    run_pieces(fn[p->calls[call].kernel], p, &p->calls[call], bufs, sym);
}

/* ---- a program of its own ------------------------------------------------------------------------------------------------ */

typedef struct {
    Jit *jit;
    FtcKernelFn **fn;
} Opened;

static void native_close(void *opened)
{
    Opened *o = opened;
    jit_free(o->jit);
    free(o->fn);
    free(o);
}

static void *native_open(void *ctx, const Program *p)
{
    NativeOptions *n = ctx;
    Opened *o = xcalloc(1, sizeof *o);
    o->fn = xcalloc((size_t)p->n_kernels + 1, sizeof *o->fn);
    o->jit = jit_new(n->options, n->diag);
    if (o->jit && jit_compile(o->jit, p->kernels, p->n_kernels, o->fn))
        return o;
    native_close(o);
    return NULL;
}

static void opened_call(void *ctx, const Program *p, int call, void *const *bufs, const int64_t *sym)
{
    native_call(((Opened *)ctx)->fn, p, call, bufs, sym);
}

Runner native_runner(NativeOptions *o) { return (Runner){ native_open, opened_call, native_close, o }; }
