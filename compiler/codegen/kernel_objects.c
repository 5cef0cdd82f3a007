/* Making kernels' objects on several threads; see kernel_objects.h. */
#include "compiler/codegen/kernel_objects.h"

#include "compiler/support/timing.h"
#include "runtime/core/mem.h"
#include "runtime/core/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_LIMIT = 256 << 20 };

typedef struct {
    const ObjectMaker *how;
    KernelObject *tasks;
    LLVMTargetMachineRef *machine; /* by thread, made at its first kernel */
    double (*ms)[3];               /* by thread */
    FtcDiag *d;
    pthread_mutex_t lock;          /* of the diagnostics */
    bool failed;
} Work;

static void make_object(void *arg, int64_t piece, int thread)
{
    Work *w = arg;
    const ObjectMaker *how = w->how;
    KernelObject *t = &w->tasks[piece];
    size_t size;
    void *data = how->cache ? cache_get(how->cache, t->key.hex, &size) : NULL;
    if (data) {
        t->object = LLVMCreateMemoryBufferWithMemoryRangeCopy(data, size, t->key.symbol);
        t->cached = true;
        free(data);
        return;
    }
    if (!w->machine[thread])
        w->machine[thread] = target_machine(how->target);
    FtcDiag *quiet = ftc_diag_new(NULL);
    double start = timing_now();
    t->object = compile_kernel(how->target, w->machine[thread], t->kernel, t->layout, t->key.symbol, w->ms[thread], quiet);
    if (!t->object) {
        pthread_mutex_lock(&w->lock);
        ftc_error(w->d, FTC_NOWHERE, "%s", ftc_diag_last(quiet));
        w->failed = true;
        pthread_mutex_unlock(&w->lock);
    } else if (how->cache) {
        cache_put(how->cache, t->key.hex, LLVMGetBufferStart(t->object), LLVMGetBufferSize(t->object));
    }
    ftc_diag_free(quiet);
    timing_add(TIMING_KERNEL, kernel_object_name(t), start);
}

static bool make_objects(const ObjectMaker *how, KernelObject *tasks, int n, double ms[3], FtcDiag *d)
{
    Pool *pool = n > 1 && how->threads != 1 ? pool_new(how->threads) : NULL;
    int threads = pool ? pool_threads(pool) : 1;
    Work w = { .how = how, .tasks = tasks, .machine = xcalloc((size_t)threads, sizeof(LLVMTargetMachineRef)),
               .ms = xcalloc((size_t)threads, sizeof *w.ms), .d = d };
    pthread_mutex_init(&w.lock, NULL);
    if (pool)
        pool_run(pool, n, make_object, &w);
    else
        for (int i = 0; i < n; i++)
            make_object(&w, i, 0);
    pool_free(pool);
    for (int i = 0; i < threads; i++) {
        if (w.machine[i])
            LLVMDisposeTargetMachine(w.machine[i]);
        for (int k = 0; k < 3; k++)
            ms[k] += w.ms[i][k];
    }
    pthread_mutex_destroy(&w.lock);
    free(w.machine);
    free(w.ms);
    return !w.failed;
}

/* Adds what isn't there yet. */
static void add_object(KernelObjects *o, const ObjectMaker *how, KernelObject t)
{
    bool known = how->known && how->known(how->user, &t.key);
    for (int i = 0; i < o->n && !known; i++)
        known = !strcmp(o->v[i].key.hex, t.key.hex);
    if (!known)
        o->v[o->n++] = t;
}

bool kernel_objects_make(KernelObjects *o, const ObjectMaker *how, Kernel *const *kernels, int n, FtcDiag *d)
{
    *o = (KernelObjects){ .key = xcalloc((size_t)n, sizeof *o->key),
                          .v = xcalloc((size_t)n + (size_t)n * MAX_DOT_LAYOUTS, sizeof *o->v) };
    for (int i = 0; i < n; i++) { /* they take longest and go first */
        DotLayout dots[MAX_DOT_LAYOUTS];
        int n_dots = kernel_dots(how->target, kernels[i], dots);
        for (int k = 0; k < n_dots; k++)
            add_object(o, how, (KernelObject){ .layout = dots[k], .key = dot_key(how->target, dots[k]) });
    }
    for (int i = 0; i < n; i++) {
        o->key[i] = kernel_key(how->target, kernels[i]);
        add_object(o, how, (KernelObject){ .kernel = kernels[i], .key = o->key[i] });
    }
    double start = timing_now();
    bool ok = make_objects(how, o->v, o->n, o->ms, d);
    timing_add(TIMING_STEP, "code generation", start);
    for (int i = 0; i < o->n; i++)
        o->compiled += !o->v[i].cached;
    if (how->cache && o->compiled)
        cache_trim(how->cache, CACHE_LIMIT);
    return ok;
}

void kernel_objects_free(KernelObjects *o)
{
    for (int i = 0; i < o->n; i++)
        if (o->v[i].object)
            LLVMDisposeMemoryBuffer(o->v[i].object);
    free(o->v);
    free(o->key);
}

const char *kernel_object_name(const KernelObject *o)
{
    return o->kernel ? o->kernel->name : o->layout.packs ? "pack" : "dot";
}
