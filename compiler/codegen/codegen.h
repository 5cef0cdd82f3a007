/* Code generation: kernels become native functions through LLVM.
 *
 * In:  verified kernels (kernel.h).
 * Out: functions `void f(const FtcKernelArgs *, int64_t piece)` in this process (jit), an object file with a program's
 *      tables (aot), or text to read: LLVM IR and assembly.
 * The idea: kernels are lowered one to one; a `vec` loop becomes a loop over vector registers, so its width is the only
 * thing that depends on the machine.  Every kernel is compiled alone, on any thread, and its object is kept by the
 * content that made it (cache.h).
 *
 * What a number is: MAP ops round as IEEE single says and are never contracted or reassociated, so a value that is
 * computed twice has the same bits both times.  exp, log, tanh and erf are the polynomials of math.c. */
#ifndef FTC_CODEGEN_H
#define FTC_CODEGEN_H

#include "compiler/kernel/lower.h"
#include "ftc/model.h"

/* What a dot becomes: tiles of our own (gemm.c) or a call (sgemm.c), which can't read packed operands, so these are always
 * tiles.  AUTO: tiles on machines with vectors of 8 lanes and fused multiply-add, which they were measured on; else the call. */
typedef enum { GEMM_AUTO, GEMM_NATIVE, GEMM_OPENBLAS } Gemm;

extern const char *const gemm_names[];         /* "auto", "native", "openblas" */
bool gemm_find(const char *name, Gemm *out);   /* false: there is none of that name, and *out is as before */

typedef struct {
    int level;             /* 0: scalar code, one lane; 1 to 3: vectors */
    const char *cpu;       /* a processor's name as gcc's -march= takes it; NULL or "native": this machine */
    int vector_bits;       /* 0: the widest there is; 32 (scalar), 128, 256 or 512 */
    Gemm gemm;
    bool no_stream;        /* store packed matrices by way of the caches */
    bool no_amx;           /* leave out matrix registers: the bits of machines without */
    int threads;           /* that compile; 0: one for every core */
    bool no_cache;         /* neither read nor write the object cache */
    bool debug;            /* -g: tell a debugger of code in this process */
    bool perf_map;         /* write /tmp/perf-PID.map, where perf looks for the names of such code */
    const char *cache_dir; /* NULL: $XDG_CACHE_HOME/ftc or ~/.cache/ftc */
} CodegenOptions;

/* Checks the options: an unknown processor or a width it doesn't have is reported. */
bool codegen_check_options(const CodegenOptions *o, FtcDiag *d);

/* What the pipeline is told of the machine that code of these options is for. */
Machine codegen_machine(const CodegenOptions *o, FtcDiag *d);

/* Calls show(arg, name) for each processor name that is known on this kind of machine. */
void codegen_each_cpu(void (*show)(void *arg, const char *name), void *arg);

/* "znver4, 512-bit vectors", or "sapphirerapids, 512-bit vectors, AMX", for messages; free() it.  NULL after an error. */
char *codegen_describe(const CodegenOptions *o, FtcDiag *d);

/* "0.1.0, LLVM 22.1.0, build 3f2a...": what code depends on beside options; free() it. */
char *codegen_build(void);

/* ---- in this process ---------------------------------------------------------------------------------------- */

typedef struct Jit Jit;

typedef struct {
    int kernels, cached;   /* asked for; found in the object cache or compiled before */
    double emit_ms, optimize_ms, assemble_ms, link_ms; /* the first three summed over threads */
} JitStats;

/* NULL after an error.  Functions live until jit_free. */
Jit *jit_new(const CodegenOptions *o, FtcDiag *d);
bool jit_compile(Jit *j, Kernel *const *kernels, int n, FtcKernelFn **out);
JitStats jit_stats(const Jit *j);
void jit_free(Jit *j);

/* ---- files -------------------------------------------------------------------------------------------------- */

/* A model with its programs' tables (their fns are ignored); step_kernels[i] is what model->step->kernels[i] describes. */
typedef struct {
    const char *symbol;    /* the model's name in C; its programs are SYMBOL_step and SYMBOL_eval */
    const FtcModel *model;
    Kernel *const *step_kernels, *const *eval_kernels;
} ObjectModel;

/* An object file (free() *data) that holds the kernels, each once, and as constants the FtcModel and its programs.  Link it
 * with the runtime library. */
bool emit_object(const CodegenOptions *o, const ObjectModel *model, void **data, size_t *size, FtcDiag *d);

/* The C header that goes with it, or where `entry` names the function that is a trainer's command line, with a shared library; free()
 * it. */
char *emit_header(const ObjectModel *model, const char *entry);

/* A trainer: its model, whose programs' kernels are kernels[0 .. 3], of step, eval, accumulate and encode; and all it has beside
 * (runtime/run/trainer.h).  A function `int entry(int argc, char **argv)` hands it to `start`. */
typedef struct {
    const char *symbol;
    bool exports;          /* others see the model and its programs, by the names of an ObjectModel */
    const FtcModel *model;
    Kernel *const *kernels[4];
    const struct Trainer *trainer;
    const char *entry, *start;
} TrainerModel;

typedef struct {
    char *name;            /* "k_3f0a91.o" */
    void *data;
    size_t size;
} ObjectFile;
typedef struct {
    ObjectFile *v;
    int n;
} ObjectFiles;

/* The objects to link a trainer of: its tables, and the objects that the JIT would load.  object_files_free in any case. */
bool trainer_objects(const CodegenOptions *o, const TrainerModel *m, ObjectFiles *files, FtcDiag *d);
void object_files_free(ObjectFiles *f);

typedef enum { TEXT_LLVM, TEXT_ASM } TextKind;

/* The kernels as text, each under its own name; free() it.  NULL after an error. */
char *emit_text(const CodegenOptions *o, TextKind kind, Kernel *const *kernels, int n, FtcDiag *d);

/* One kernel alone, for reading: the functions that its dots call are declared only. */
char *emit_kernel_text(const CodegenOptions *o, TextKind kind, const Kernel *kernel, FtcDiag *d);

/* The C functions that generated code may call (rtcalls.def), NULL-terminated. */
extern const char *const rtcall_names[];

#endif
