/* Kernels -> functions in this process, through ORC.
 *
 * The idea: one object for each kernel, made on any thread (one LLVM context for each kernel, one target machine for each
 * thread) or read from the object cache, then linked in order.  An object is named by its content and holds no address,
 * so kernels that are equal are one, in a run and between runs. */
#include "compiler/codegen/cache.h"
#include "compiler/codegen/object.h"
#include "compiler/codegen/rtcalls.h"

#include "runtime/core/clock.h"
#include "runtime/core/mem.h"
#include "runtime/core/pool.h"

#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_LIMIT = 256 << 20 };

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

/* ---- compiling on several threads ------------------------------------------------------------------------------- */

typedef struct {
    const Kernel *kernel;  /* NULL: the function of a layout */
    DotLayout layout;
    KernelKey key;
    LLVMMemoryBufferRef object;
    bool cached;
} Task;

typedef struct {
    Jit *j;
    Task *tasks;
    LLVMTargetMachineRef *machine; /* by thread, made at its first kernel */
    double (*ms)[3];               /* by thread */
    pthread_mutex_t lock;          /* of the diagnostics */
    bool failed;
} Work;

static void do_task(void *arg, int64_t piece, int thread)
{
    Work *w = arg;
    Jit *j = w->j;
    Task *t = &w->tasks[piece];
    size_t size;
    void *data = j->cache ? cache_get(j->cache, t->key.hex, &size) : NULL;
    if (data) {
        t->object = LLVMCreateMemoryBufferWithMemoryRangeCopy(data, size, t->key.symbol);
        t->cached = true;
        free(data);
        return;
    }
    if (!w->machine[thread])
        w->machine[thread] = target_machine(&j->target);
    FtcDiag *quiet = ftc_diag_new(NULL);
    t->object = compile_kernel(&j->target, w->machine[thread], t->kernel, t->layout, t->key.symbol, w->ms[thread], quiet);
    if (!t->object) {
        pthread_mutex_lock(&w->lock);
        ftc_error(j->d, FTC_NOWHERE, "%s", ftc_diag_last(quiet));
        w->failed = true;
        pthread_mutex_unlock(&w->lock);
    } else if (j->cache) {
        cache_put(j->cache, t->key.hex, LLVMGetBufferStart(t->object), LLVMGetBufferSize(t->object));
    }
    ftc_diag_free(quiet);
}

static bool compile_tasks(Jit *j, Task *tasks, int n)
{
    Pool *pool = n > 1 && j->threads != 1 ? pool_new(j->threads) : NULL;
    int threads = pool ? pool_threads(pool) : 1;
    Work w = { .j = j, .tasks = tasks, .machine = xcalloc((size_t)threads, sizeof(LLVMTargetMachineRef)),
               .ms = xcalloc((size_t)threads, sizeof *w.ms) };
    pthread_mutex_init(&w.lock, NULL);
    if (pool)
        pool_run(pool, n, do_task, &w);
    else
        for (int i = 0; i < n; i++)
            do_task(&w, i, 0);
    pool_free(pool);
    for (int i = 0; i < threads; i++) {
        if (w.machine[i])
            LLVMDisposeTargetMachine(w.machine[i]);
        j->stats.emit_ms += w.ms[i][0];
        j->stats.optimize_ms += w.ms[i][1];
        j->stats.assemble_ms += w.ms[i][2];
    }
    pthread_mutex_destroy(&w.lock);
    free(w.machine);
    free(w.ms);
    return !w.failed;
}

/* ---- linking ---------------------------------------------------------------------------------------------------- */

static const char *task_name(const Task *t) { return t->kernel ? t->kernel->name : "dot"; }

/* Takes the tasks' objects. */
static bool link_tasks(Jit *j, Task *tasks, int n, bool ok)
{
    LLVMOrcJITDylibRef lib = LLVMOrcLLJITGetMainJITDylib(j->orc);
    for (int i = 0; i < n; i++) {
        if (!tasks[i].object)
            continue;
        if (ok)
            ok = !orc_error(j->d, task_name(&tasks[i]), LLVMOrcLLJITAddObjectFile(j->orc, lib, tasks[i].object));
        else
            LLVMDisposeMemoryBuffer(tasks[i].object);
    }
    for (int i = 0; ok && i < n; i++) {
        LLVMOrcExecutorAddress address;
        ok = !orc_error(j->d, task_name(&tasks[i]), LLVMOrcLLJITLookup(j->orc, &address, tasks[i].key.symbol));
        if (!ok)
            break;
        GROW(j->known, j->n_known, j->cap_known);
        j->known[j->n_known++] = (Known){ tasks[i].key, (FtcKernelFn *)(uintptr_t)address };
    }
    return ok;
}

/* Adds what isn't there yet. */
static void add_task(const Jit *j, Task *tasks, int *n, Task t)
{
    bool known = find_known(j, &t.key);
    for (int i = 0; i < *n && !known; i++)
        known = !strcmp(tasks[i].key.hex, t.key.hex);
    if (!known)
        tasks[(*n)++] = t;
}

bool jit_compile(Jit *j, Kernel *const *kernels, int n, FtcKernelFn **out)
{
    KernelKey *keys = xcalloc((size_t)n, sizeof *keys);
    Task *tasks = xcalloc((size_t)n + (size_t)n * MAX_DOT_LAYOUTS, sizeof *tasks);
    int n_tasks = 0;
    for (int i = 0; i < n; i++) { /* they take longest and go first */
        DotLayout dots[MAX_DOT_LAYOUTS];
        int n_dots = kernel_dots(&j->target, kernels[i], dots);
        for (int k = 0; k < n_dots; k++)
            add_task(j, tasks, &n_tasks, (Task){ .layout = dots[k], .key = dot_key(&j->target, dots[k]) });
    }
    for (int i = 0; i < n; i++) {
        keys[i] = kernel_key(&j->target, kernels[i]);
        add_task(j, tasks, &n_tasks, (Task){ .kernel = kernels[i], .key = keys[i] });
    }
    bool ok = compile_tasks(j, tasks, n_tasks);
    double start = clock_ms();
    int compiled = 0;
    for (int i = 0; i < n_tasks; i++)
        compiled += !tasks[i].cached;
    ok = link_tasks(j, tasks, n_tasks, ok);
    j->stats.link_ms += clock_ms() - start;
    j->stats.kernels += n;
    j->stats.cached += n - compiled;
    if (j->cache && compiled)
        cache_trim(j->cache, CACHE_LIMIT);
    for (int i = 0; ok && i < n; i++)
        out[i] = find_known(j, &keys[i])->fn;
    free(keys);
    free(tasks);
    return ok;
}
