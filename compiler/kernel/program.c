/* Programs: kernels shared by structure, the tables the runtime walks, and a run in the kernel interpreter.
 * (Text: program_text.c.) */
#include "compiler/kernel/program.h"

#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>

int program_kernel(Program *p, Kernel *k)
{
    for (int i = 0; i < p->n_kernels; i++)
        if (kernel_same(p->kernels[i], k))
            return i;
    ARENA_GROW(p->arena, p->kernels, p->n_kernels, p->cap_kernels);
    p->kernels[p->n_kernels] = k;
    return p->n_kernels++;
}

void slot_sizes(const Program *p, const int64_t *sym, int64_t *bytes)
{
    for (int i = 0; i < p->n_slots; i++)
        bytes[i] = 0;
    for (int i = 0; p->n_slots && i < p->n_bufs; i++) {
        const Buf *b = &p->bufs[i];
        int64_t own = b->kind == FTC_BUF_ARENA ? value_bytes(b, sym) : 0;
        if (own > 0 && own > bytes[b->slot])
            bytes[b->slot] = own;
    }
}

int64_t slots_bytes(const Program *p, const int64_t *sym)
{
    int64_t *bytes = xcalloc((size_t)p->n_slots + 1, sizeof *bytes), sum = 0;
    slot_sizes(p, sym, bytes);
    for (int i = 0; i < p->n_slots; i++)
        sum += bytes[i];
    free(bytes);
    return sum;
}

int64_t value_bytes(const Buf *b, const int64_t *sym) { return poly_eval_symbols(b->size, sym) * (int64_t)elem_size(b->elem); }

int64_t values_bytes(const Program *p, const int64_t *sym)
{
    int64_t sum = 0;
    for (int i = 0; i < p->n_bufs; i++)
        if (p->bufs[i].kind == FTC_BUF_ARENA)
            sum += value_bytes(&p->bufs[i], sym);
    return sum;
}

/* ---- tables ------------------------------------------------------------------------------------------------------- */

static FtcForm form_of(Poly p, int64_t scale)
{
    FtcForm f = { .n = p.n };
    if (p.n > (int)(sizeof f.t / sizeof *f.t))
        ftc_bug("plan: a size has %d terms", p.n);
    for (int i = 0; i < p.n; i++) {
        f.t[i].coef = p.t[i].coef * scale;
        for (int k = 0; k < p.t[i].n; k++) {
            if (p.t[i].var[k] >= N_SYMBOLS)
                ftc_bug("plan: a size depends on an index");
            f.t[i].e[p.t[i].var[k]]++;
        }
    }
    return f;
}

static FtcElem elem_of(Elem e)
{
    static const FtcElem to[] = { [F32] = FTC_F32, [BF16] = FTC_BF16, [I32] = FTC_I32, [BOOL] = FTC_BOOL };
    return to[e];
}

static void kernel_table(Arena *a, const Kernel *k, FtcKernelInfo *info)
{
    *info = (FtcKernelInfo){ .name = k->name, .n_par = k->n_par, .n_params = k->n_params };
    for (int i = 0; i < k->n_par; i++) {
        info->begin[i] = form_of(k->par[i].begin, 1);
        info->end[i] = form_of(k->par[i].end, 1);
        info->step[i] = k->par[i].step;
    }
    FtcForm *scratch = NEW_ARRAY(a, FtcForm, k->n_params);
    for (int i = 0; i < k->n_params; i++)
        if (k->params[i].mode == PARAM_SCRATCH)
            scratch[info->n_scratch++] = form_of(k->params[i].size, 1);
    info->scratch = scratch;
}

void program_symbols(const Program *p, const int64_t *batch, int64_t sym[N_SYMBOLS])
{
    memcpy(sym, batch, N_SYMBOLS * sizeof *sym);
    sym[FTC_P] = ftc_panels(sym[FTC_T], p->panel_tokens);
}

FtcProgram *program_tables(const Program *p)
{
    Arena *a = p->arena;
    FtcProgram *t = NEW(a, FtcProgram);
    *t = (FtcProgram){ .name = p->name, .n_bufs = p->n_bufs, .n_slots = p->n_slots, .n_kernels = p->n_kernels, .n_calls = p->n_calls,
                        .panel_tokens = p->panel_tokens, .step_from = p->n_prepare };
    FtcBuf *bufs = NEW_ARRAY(a, FtcBuf, p->n_bufs);
    for (int i = 0; i < p->n_bufs; i++) {
        const Buf *b = &p->bufs[i];
        bufs[i] = (FtcBuf){ b->kind, elem_of(b->elem), b->name, form_of(b->size, 1), b->slot };
    }
    FtcKernelInfo *kernels = NEW_ARRAY(a, FtcKernelInfo, p->n_kernels);
    for (int i = 0; i < p->n_kernels; i++)
        kernel_table(a, p->kernels[i], &kernels[i]);
    int n_bufs = 0, n_imms = 0;
    for (int i = 0; i < p->n_calls; i++) {
        n_bufs += kernels[p->calls[i].kernel].n_params;
        n_imms += p->kernels[p->calls[i].kernel]->n_imms;
    }
    FtcCall *calls = NEW_ARRAY(a, FtcCall, p->n_calls);
    int32_t *call_bufs = NEW_ARRAY(a, int32_t, n_bufs + 1), *call_imms = NEW_ARRAY(a, int32_t, n_imms + 1);
    t->update_from = p->n_calls;
    n_bufs = n_imms = 0;
    for (int i = 0; i < p->n_calls; i++) {
        const Call *c = &p->calls[i];
        const FtcKernelInfo *k = &kernels[c->kernel];
        calls[i] = (FtcCall){ c->kernel, n_bufs, n_imms };
        for (int j = 0; j < k->n_params - k->n_scratch; j++)
            call_bufs[n_bufs++] = c->bufs[j];
        for (int j = 0; j < p->kernels[c->kernel]->n_imms; j++)
            call_imms[n_imms++] = c->imms[j];
        if (c->region == REGION_UPDATE && t->update_from == p->n_calls)
            t->update_from = i;
    }
    t->bufs = bufs;
    t->kernels = kernels;
    t->calls = calls;
    t->call_bufs = call_bufs;
    t->call_imms = call_imms;
    return t;
}

/* ---- reference run -------------------------------------------------------------------------------------------------- */

void program_interpret_call(const Program *p, int call, void *const *bufs, const int64_t *sym)
{
    const Call *c = &p->calls[call];
    const Kernel *k = p->kernels[c->kernel];
    void **args = xcalloc((size_t)k->n_params + 1, sizeof *args);
    int64_t *sizes = xcalloc((size_t)k->n_params + 1, sizeof *sizes);
    for (int j = 0; j < k->n_params && k->params[j].mode != PARAM_SCRATCH; j++) {
        args[j] = bufs[c->bufs[j]];
        sizes[j] = poly_eval_symbols(p->bufs[c->bufs[j]].size, sym);
    }
    kernel_interpret(k, args, sizes, sym, c->imms);
    free(args);
    free(sizes);
}

void program_interpret(const Program *p, void **bufs, const int64_t *sym)
{
    void **own = xcalloc((size_t)p->n_bufs + 1, sizeof *own);
    for (int i = 0; i < p->n_bufs; i++)
        if (!bufs[i])
            bufs[i] = own[i] = xcalloc((size_t)poly_eval_symbols(p->bufs[i].size, sym) + 1, elem_size(p->bufs[i].elem));
    for (int i = 0; i < p->n_calls; i++)
        program_interpret_call(p, i, bufs, sym);
    for (int i = 0; i < p->n_bufs; i++)
        if (own[i]) {
            free(own[i]);
            bufs[i] = NULL;
        }
    free(own);
}
