/* A trainer -> the objects that a linker makes it of: the very ones the JIT would load, and one with the tables that call them. */
#include "compiler/codegen/kernel_objects.h"
#include "compiler/codegen/tables.h"

#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>

static void add_file(ObjectFiles *f, char *name, LLVMMemoryBufferRef object)
{
    size_t size = LLVMGetBufferSize(object);
    f->v = xrealloc(f->v, (size_t)f->n + 1, sizeof *f->v);
    f->v[f->n++] = (ObjectFile){ name, memcpy(xmalloc(size), LLVMGetBufferStart(object), size), size };
}

void object_files_free(ObjectFiles *f)
{
    for (int i = 0; i < f->n; i++) {
        free(f->v[i].name);
        free(f->v[i].data);
    }
    free(f->v);
    *f = (ObjectFiles){ 0 };
}

/* ---- tables ---------------------------------------------------------------------------------------------------------- */

/* A kernel's function, in another object. */
static LLVMValueRef declare_kernel(Tables *t, const char *symbol)
{
    LLVMValueRef known = LLVMGetNamedFunction(t->m, symbol);
    LLVMTypeRef parameters[] = { LLVMPointerTypeInContext(t->c, 0), LLVMInt64TypeInContext(t->c) };
    return known ? known : LLVMAddFunction(t->m, symbol, LLVMFunctionType(LLVMVoidTypeInContext(t->c), parameters, 2, false));
}

/* In a program nobody asks for the tables by name, and a spec may be called main.yaml. */
static LLVMValueRef hidden(const TrainerModel *m, LLVMValueRef global)
{
    if (!m->exports)
        LLVMSetLinkage(global, LLVMInternalLinkage);
    return global;
}

static LLVMValueRef add_program(Tables *t, const char *model, const FtcProgram *p, Kernel *const *kernels, const KernelKey *keys)
{
    LLVMValueRef *functions = xcalloc((size_t)p->n_kernels + 1, sizeof *functions);
    int *n_imms = xcalloc((size_t)p->n_kernels + 1, sizeof *n_imms);
    for (int i = 0; i < p->n_kernels; i++) {
        functions[i] = declare_kernel(t, keys[i].symbol);
        n_imms[i] = kernels[i]->n_imms;
    }
    char *symbol = xasprintf("%s_%s", model, p->name);
    LLVMValueRef program = add_program_table(t, symbol, p, functions, n_imms);
    free(symbol);
    free(functions);
    free(n_imms);
    return program;
}

static LLVMMemoryBufferRef table_object(const Target *target, const TrainerModel *m, const KernelKey *key, FtcDiag *d)
{
    LLVMTargetMachineRef tm = target_machine(target);
    Tables t = { .c = LLVMContextCreate(), .layout = LLVMCreateTargetDataLayout(tm) };
    t.m = LLVMModuleCreateWithNameInContext(m->symbol, t.c);
    LLVMSetTarget(t.m, target->triple);
    LLVMSetModuleDataLayout(t.m, t.layout);
    const char *name = m->exports ? m->symbol : "model";
    const FtcProgram *p[N_PROGRAMS] = { m->model->step, m->model->eval, m->model->accumulate, m->model->encode };
    LLVMValueRef programs[N_PROGRAMS] = { NULL };
    for (int i = 0; i < N_PROGRAMS; i++) {
        if (!p[i])
            continue;
        programs[i] = hidden(m, add_program(&t, name, p[i], m->kernels[i], key));
        key += p[i]->n_kernels;
    }
    add_trainer(&t, m->trainer, hidden(m, add_model_table(&t, name, m->model, programs)), m->entry, m->start);
    char *message = NULL;
    LLVMMemoryBufferRef object = NULL;
    if (target_optimize(target, tm, t.m, d) && LLVMTargetMachineEmitToMemoryBuffer(tm, t.m, LLVMObjectFile, &message, &object)) {
        ftc_error(d, FTC_NOWHERE, "no object for the tables: %s", message);
        LLVMDisposeMessage(message);
        object = NULL;
    }
    LLVMDisposeModule(t.m);
    LLVMContextDispose(t.c);
    LLVMDisposeTargetData(t.layout);
    LLVMDisposeTargetMachine(tm);
    return object;
}

/* ---- all together ------------------------------------------------------------------------------------------------------ */

/* Those of all programs, in their order. */
static Kernel **all_kernels(const TrainerModel *m, int *n)
{
    const FtcProgram *p[N_PROGRAMS] = { m->model->step, m->model->eval, m->model->accumulate, m->model->encode };
    *n = 0;
    for (int i = 0; i < N_PROGRAMS; i++)
        *n += p[i] ? p[i]->n_kernels : 0;
    Kernel **all = xcalloc((size_t)*n + 1, sizeof *all), **at = all;
    for (int i = 0; i < N_PROGRAMS; i++)
        for (int k = 0; p[i] && k < p[i]->n_kernels; k++)
            *at++ = m->kernels[i][k];
    return all;
}

static bool make_files(const ObjectMaker *how, const TrainerModel *m, ObjectFiles *files, FtcDiag *d)
{
    int n;
    Kernel **kernels = all_kernels(m, &n);
    KernelObjects objects;
    bool ok = kernel_objects_make(&objects, how, kernels, n, d);
    LLVMMemoryBufferRef tables = ok ? table_object(how->target, m, objects.key, d) : NULL;
    if (tables) {
        add_file(files, xasprintf("%s.o", m->symbol), tables);
        LLVMDisposeMemoryBuffer(tables);
        for (int i = 0; i < objects.n; i++)
            add_file(files, xasprintf("%s.o", objects.v[i].key.symbol), objects.v[i].object);
    }
    kernel_objects_free(&objects);
    free(kernels);
    return tables != NULL;
}

bool trainer_objects(const CodegenOptions *o, const TrainerModel *m, ObjectFiles *files, FtcDiag *d)
{
    Target target;
    *files = (ObjectFiles){ 0 };
    if (!target_init(&target, o, d))
        return false;
    Cache *cache = !o->no_cache && build_is_known() ? cache_open(o->cache_dir) : NULL;
    ObjectMaker how = { .target = &target, .cache = cache, .threads = o->threads };
    bool ok = make_files(&how, m, files, d);
    cache_close(cache);
    target_free(&target);
    return ok;
}
