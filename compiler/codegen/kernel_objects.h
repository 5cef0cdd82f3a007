/* Kernels -> the objects that hold their machine code, for whoever links them: the JIT, or a linker.  Private to codegen.
 *
 * The idea: one object for each kernel, made on any thread (one LLVM context for each kernel, one target machine for each
 * thread) or read from the object cache.  An object is named by its content and holds no address, so kernels that are equal are
 * one, in a run and between runs. */
#ifndef FTC_KERNEL_OBJECTS_H
#define FTC_KERNEL_OBJECTS_H

#include "compiler/codegen/cache.h"
#include "compiler/codegen/object.h"

typedef struct {
    const Kernel *kernel;  /* NULL: the function of a layout */
    DotLayout layout;
    KernelKey key;
    LLVMMemoryBufferRef object; /* whoever takes it sets it to NULL */
    bool cached;
} KernelObject;

typedef struct {
    KernelObject *v;
    int n, compiled;       /* of these so many weren't in the cache */
    KernelKey *key;        /* [kernels] of each that was asked for */
    double ms[3];          /* for LLVM IR, passes and machine code, summed over threads */
} KernelObjects;

typedef struct {
    const Target *target;
    Cache *cache;          /* NULL: none */
    int threads;           /* 0: one for every core */
    bool (*known)(const void *user, const KernelKey *key); /* those that aren't needed; NULL: all are */
    const void *user;
} ObjectMaker;

/* Each different object once, in the order of the kernels, those of layouts first.  False after an error; kernel_objects_free in any
 * case. */
bool kernel_objects_make(KernelObjects *o, const ObjectMaker *how, Kernel *const *kernels, int n, FtcDiag *d);
void kernel_objects_free(KernelObjects *o);

const char *kernel_object_name(const KernelObject *o); /* for messages */

#endif
