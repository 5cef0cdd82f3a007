/* Kernels -> functions in this process, through ORC: their objects (kernel_objects.h), linked in order. */
#include "compiler/codegen/kernel_objects.h"
#include "compiler/codegen/rtcalls.h"

#include "compiler/support/timing.h"
#include "runtime/core/clock.h"
#include "runtime/core/mem.h"

#include <llvm-c/LLJIT.h>
#include <llvm-c/LLJITUtils.h>
#include <llvm-c/Orc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    KernelKey key;
    FtcKernelFn *fn;
} Known;

struct Jit {
    Target target;
    int threads;
    Cache *cache;      /* NULL: none */
    LLVMOrcLLJITRef orc;
    Known *known;
    int n_known, cap_known;
    JitStats stats;
    bool perf_map;
    FtcDiag *d;
};

static bool orc_error(FtcDiag *d, const char *what, LLVMErrorRef error)
{
    if (!error)
        return false;
    char *text = LLVMGetErrorMessage(error);
    ftc_error(d, FTC_NOWHERE, "%s: %s", what, text);
    LLVMDisposeErrorMessage(text);
    return true;
}

Jit *jit_new(const CodegenOptions *o, FtcDiag *d)
{
    Jit *j = xcalloc(1, sizeof *j);
    j->d = d;
    j->threads = o->threads;
    if (!rtcalls_prepare(d) || !target_init(&j->target, o, d)) {
        free(j);
        return NULL;
    }
    if (orc_error(d, "the JIT compiler did not start", LLVMOrcCreateLLJIT(&j->orc, NULL))) {
        target_free(&j->target);
        free(j);
        return NULL;
    }
    if (o->debug && orc_error(d, "the JIT compiler can't tell debuggers of its code", LLVMOrcLLJITEnableDebugSupport(j->orc))) {
        jit_free(j);
        return NULL;
    }
    j->perf_map = o->perf_map;
    if (!o->no_cache && build_is_known())
        j->cache = cache_open(o->cache_dir);
    /* Generated code sees the rows of rtcalls.def and nothing else of this process. */
    LLVMOrcCSymbolMapPair pairs[N_RTCALLS];
    for (int i = 0; i < N_RTCALLS; i++)
        pairs[i] = (LLVMOrcCSymbolMapPair){
            .Name = LLVMOrcLLJITMangleAndIntern(j->orc, rtcall_names[i]),
            .Sym = { .Address = (LLVMOrcExecutorAddress)(uintptr_t)rtcall_address((RtCall)i),
                     .Flags = { LLVMJITSymbolGenericFlagsExported | LLVMJITSymbolGenericFlagsCallable, 0 } },
        };
    LLVMErrorRef error = LLVMOrcJITDylibDefine(LLVMOrcLLJITGetMainJITDylib(j->orc),
                                               LLVMOrcAbsoluteSymbols(pairs, N_RTCALLS));
    if (orc_error(d, "the JIT compiler did not start", error)) {
        jit_free(j);
        return NULL;
    }
    return j;
}

void jit_free(Jit *j)
{
    if (!j)
        return;
    orc_error(j->d, "the JIT compiler did not end well", LLVMOrcDisposeLLJIT(j->orc));
    cache_close(j->cache);
    target_free(&j->target);
    free(j->known);
    free(j);
}

JitStats jit_stats(const Jit *j) { return j->stats; }

static const Known *find_known(const Jit *j, const KernelKey *key)
{
    for (int i = 0; i < j->n_known; i++)
        if (!strcmp(j->known[i].key.hex, key->hex))
            return &j->known[i];
    return NULL;
}

/* ---- linking ---------------------------------------------------------------------------------------------------- */

/* Takes the objects. */
static bool link_objects(Jit *j, KernelObjects *o, bool ok)
{
    LLVMOrcJITDylibRef lib = LLVMOrcLLJITGetMainJITDylib(j->orc);
    for (int i = 0; ok && i < o->n; i++) {
        LLVMMemoryBufferRef object = o->v[i].object;
        o->v[i].object = NULL;
        ok = !orc_error(j->d, kernel_object_name(&o->v[i]), LLVMOrcLLJITAddObjectFile(j->orc, lib, object));
    }
    for (int i = 0; ok && i < o->n; i++) {
        LLVMOrcExecutorAddress address;
        ok = !orc_error(j->d, kernel_object_name(&o->v[i]), LLVMOrcLLJITLookup(j->orc, &address, o->v[i].key.symbol));
        if (!ok)
            break;
        GROW(j->known, j->n_known, j->cap_known);
        j->known[j->n_known++] = (Known){ o->v[i].key, (FtcKernelFn *)(uintptr_t)address };
    }
    return ok;
}

/* ---- names for perf ------------------------------------------------------------------------------------------------ */

/* The line of the spec that a kernel is of: that of its first statement. */
static const Loc *place_of_block(const KStmt *s)
{
    for (; s; s = s->next) {
        const Loc *inside = s->loc && s->loc->at.file ? s->loc : s->body ? place_of_block(s->body) : NULL;
        if (inside)
            return inside;
    }
    return NULL;
}

/* Address, size and name of each, as perf's jit-interface.txt has it.  An object's size is an upper bound of its code's. */
static void write_perf_map(const Jit *j, const KernelObjects *o, const size_t *size)
{
    char *path = xasprintf("/tmp/perf-%ld.map", (long)getpid());
    FILE *f = fopen(path, "a");
    for (int i = 0; f && i < o->n; i++) {
        const Loc *at = o->v[i].kernel ? place_of_block(o->v[i].kernel->body) : NULL;
        fprintf(f, "%llx %zx ftc:%s", (unsigned long long)(uintptr_t)find_known(j, &o->v[i].key)->fn, size[i], kernel_object_name(&o->v[i]));
        if (at)
            fprintf(f, " (%s:%d)", at->at.file, at->at.line);
        fputc('\n', f);
    }
    if (!f || fclose(f))
        ftc_warn(j->d, "perf-map", FTC_FILE(path), "can't be written; perf will not know the kernels' names");
    free(path);
}

static bool is_known(const void *jit, const KernelKey *key) { return find_known(jit, key) != NULL; }

bool jit_compile(Jit *j, Kernel *const *kernels, int n, FtcKernelFn **out)
{
    ObjectMaker how = { &j->target, j->cache, j->threads, is_known, j };
    KernelObjects o;
    bool ok = kernel_objects_make(&o, &how, kernels, n, j->d);
    double start = clock_ms();
    size_t *size = xcalloc((size_t)o.n + 1, sizeof *size);
    for (int i = 0; ok && i < o.n; i++)
        size[i] = LLVMGetBufferSize(o.v[i].object);
    ok = link_objects(j, &o, ok);
    if (ok && j->perf_map)
        write_perf_map(j, &o, size);
    free(size);
    j->stats.link_ms += clock_ms() - start;
    timing_add(TIMING_STEP, "link in memory", start);
    j->stats.emit_ms += o.ms[0];
    j->stats.optimize_ms += o.ms[1];
    j->stats.assemble_ms += o.ms[2];
    j->stats.kernels += n;
    j->stats.cached += n - o.compiled;
    for (int i = 0; ok && i < n; i++)
        out[i] = find_known(j, &o.key[i])->fn;
    kernel_objects_free(&o);
    return ok;
}
