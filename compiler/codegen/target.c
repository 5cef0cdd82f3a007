/* From options to a target: processor names, vector width, the pass list; see target.h. */
#include "compiler/codegen/target.h"

#include "compiler/codegen/object.h"

#include "runtime/core/matrix.h"
#include "runtime/core/mem.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/Core.h>
#include <llvm-c/Error.h>
#include <llvm-c/Target.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <llvm/Config/llvm-config.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What a vector register holds follows from the instruction set's level (the x86-64 psABI's v1 to v4). */
enum { SSE2 = 1, SSE4, AVX2, AVX512 };

static const struct {
    const char *name;
    int level;
} cpus[] = {
#ifdef __x86_64__
    { "x86-64", SSE2 },          { "x86-64-v2", SSE4 },       { "x86-64-v3", AVX2 },        { "x86-64-v4", AVX512 },
    { "nehalem", SSE4 },         { "westmere", SSE4 },        { "sandybridge", SSE4 },      { "ivybridge", SSE4 },
    { "haswell", AVX2 },         { "broadwell", AVX2 },       { "skylake", AVX2 },          { "skylake-avx512", AVX512 },
    { "cascadelake", AVX512 },   { "cooperlake", AVX512 },    { "icelake-client", AVX512 }, { "icelake-server", AVX512 },
    { "alderlake", AVX2 },       { "sapphirerapids", AVX512 }, { "emeraldrapids", AVX512 }, { "graniterapids", AVX512 },
    { "znver1", AVX2 },          { "znver2", AVX2 },          { "znver3", AVX2 },           { "znver4", AVX512 },
#if LLVM_VERSION_MAJOR >= 20
    { "znver5", AVX512 },
#endif
#else
    { "generic", SSE4 },
#endif
};

const char *const gemm_names[] = { [GEMM_AUTO] = "auto", [GEMM_NATIVE] = "native", [GEMM_OPENBLAS] = "openblas" };

bool gemm_find(const char *name, Gemm *out)
{
    for (int i = 0; i <= GEMM_OPENBLAS; i++)
        if (!strcmp(name, gemm_names[i])) {
            *out = (Gemm)i;
            return true;
        }
    return false;
}

void codegen_each_cpu(void (*show)(void *arg, const char *name), void *arg)
{
    show(arg, "native");
    for (size_t i = 0; i < sizeof cpus / sizeof *cpus; i++)
        show(arg, cpus[i].name);
}

static void initialize(void)
{
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
}

static bool has(const char *features, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = features; (p = strstr(p, name)); p += n)
        if (p > features && p[-1] == '+' && (p[n] == ',' || p[n] == '\0'))
            return true;
    return false;
}

/* The instruction set of this very machine, which a hypervisor may have cut down below its name's. */
static int host_level(const char *f)
{
#ifdef __x86_64__
    if (has(f, "avx512f") && has(f, "avx512bw") && has(f, "avx512dq") && has(f, "avx512vl"))
        return AVX512;
    return has(f, "avx2") && has(f, "fma") ? AVX2 : has(f, "sse4.2") ? SSE4 : SSE2;
#else
    (void)f;
    (void)has;
    return SSE4;
#endif
}

/* AMD's do it at the rate of f32's fused multiply-add, which has half the products.  Intel's, from Cooper Lake to Emerald Rapids,
 * take four times as long for it: measured, 2 x 2.9 GHz: 357 GFLOP/s of f32, 173 of bf16. */
static bool is_quick_with_bf16(const Target *t)
{
    return !strncmp(t->cpu, "znver", 5) && (*t->features ? has(t->features, "avx512bf16") : strcmp(t->cpu, "znver4") >= 0);
}

/* The system has to allow it too: of this very machine it is asked. */
static bool has_amx(const Target *t)
{
    bool allowed = matrix_registers_allow();
    if (*t->features)
        return allowed && has(t->features, "amx-bf16") && has(t->features, "amx-tile");
    return !strcmp(t->cpu, "sapphirerapids") || !strcmp(t->cpu, "emeraldrapids") || !strcmp(t->cpu, "graniterapids");
}

static char *copied(char *message)
{
    char *s = xstrdup(message);
    LLVMDisposeMessage(message);
    return s;
}

bool target_init(Target *t, const CodegenOptions *o, FtcDiag *d)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, initialize);
    *t = (Target){ .level = o->level, .gemm = o->gemm };
    int level = 0;
    if (!o->cpu || !strcmp(o->cpu, "native")) {
        t->cpu = copied(LLVMGetHostCPUName());
        t->features = copied(LLVMGetHostCPUFeatures());
        level = host_level(t->features);
    } else {
        for (size_t i = 0; i < sizeof cpus / sizeof *cpus; i++)
            if (!strcmp(cpus[i].name, o->cpu))
                level = cpus[i].level;
        if (!level)
            return ftc_error(d, FTC_NOWHERE, "unknown processor '%s'; 'native' is this machine, -march=help lists others",
                             o->cpu);
        t->cpu = xstrdup(o->cpu);
        t->features = xstrdup("");
    }
    t->triple = copied(LLVMGetDefaultTargetTriple());
#ifdef __x86_64__
    t->fma = level >= AVX2;
#else
    t->fma = true;
#endif
    int widest = level == AVX512 ? 512 : level == AVX2 ? 256 : 128;
    int bits = o->vector_bits ? o->vector_bits : widest;
    if (bits != 32 && bits != 128 && bits != 256 && bits != 512) {
        target_free(t);
        return ftc_error(d, FTC_NOWHERE, "vectors have 128, 256 or 512 bits (or 32: scalar code), not %d", bits);
    }
    if (bits > widest) {
        ftc_error(d, FTC_NOWHERE, "'%s' has vectors of %d bits at most, not %d", t->cpu, widest, bits);
        target_free(t);
        return false;
    }
    t->lanes = o->level == 0 ? 1 : bits / 32;
    t->streams = t->lanes > 1 && !o->no_stream;
    t->masks = level == AVX512;
    t->bf16 = t->lanes == 16 && is_quick_with_bf16(t);
    t->amx = t->lanes == 16 && !o->no_amx && has_amx(t);
    return true;
}

void target_free(Target *t)
{
    free(t->triple);
    free(t->cpu);
    free(t->features);
    *t = (Target){ 0 };
}

bool codegen_check_options(const CodegenOptions *o, FtcDiag *d)
{
    Target t;
    bool ok = target_init(&t, o, d);
    if (ok)
        target_free(&t);
    return ok;
}

Machine codegen_machine(const CodegenOptions *o, FtcDiag *d)
{
    Target t;
    if (!target_init(&t, o, d))
        return (Machine){ 0 };
    Machine m = { .matrix_registers = t.amx, .tile_columns = tile_columns(&t) };
    target_free(&t);
    return m;
}

char *codegen_describe(const CodegenOptions *o, FtcDiag *d)
{
    Target t;
    if (!target_init(&t, o, d))
        return NULL;
    char *s = t.lanes == 1 ? xasprintf("%s, scalar code", t.cpu)
                           : xasprintf("%s, %d-bit vectors%s", t.cpu, 32 * t.lanes, t.amx ? ", AMX" : "");
    target_free(&t);
    return s;
}

LLVMTargetMachineRef target_machine(const Target *t)
{
    static const LLVMCodeGenOptLevel levels[] = { LLVMCodeGenLevelNone, LLVMCodeGenLevelLess, LLVMCodeGenLevelDefault,
                                                  LLVMCodeGenLevelDefault };
    LLVMTargetRef target;
    char *message = NULL;
    if (LLVMGetTargetFromTriple(t->triple, &target, &message))
        ftc_bug("no code generator for %s: %s", t->triple, message);
    return LLVMCreateTargetMachine(target, t->triple, t->cpu, t->features, levels[t->level], LLVMRelocPIC,
                                   LLVMCodeModelDefault);
}

bool target_optimize(const Target *t, LLVMTargetMachineRef tm, LLVMModuleRef m, FtcDiag *d)
{
#ifndef NDEBUG
    char *message = NULL;
    if (LLVMVerifyModule(m, LLVMReturnStatusAction, &message))
        ftc_bug("codegen made invalid LLVM IR: %s", message);
    LLVMDisposeMessage(message);
#endif
    /* The IR is near-final: accumulators become registers, addresses are shared and leave the loops. */
    static const char plain[] = "function(mem2reg)";
    static const char tidy[] = "function(mem2reg,early-cse,instcombine<no-verify-fixpoint>,simplifycfg,loop-mssa(licm))";
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error = LLVMRunPasses(m, t->level ? tidy : plain, tm, options);
    LLVMDisposePassBuilderOptions(options);
    if (!error)
        return true;
    char *text = LLVMGetErrorMessage(error);
    ftc_error(d, FTC_NOWHERE, "LLVM's passes failed: %s", text);
    LLVMDisposeErrorMessage(text);
    return false;
}

static void set_attribute(LLVMValueRef fn, const char *key, const char *value)
{
    LLVMContextRef c = LLVMGetModuleContext(LLVMGetGlobalParent(fn));
    LLVMAddAttributeAtIndex(fn, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateStringAttribute(c, key, (unsigned)strlen(key), value, (unsigned)strlen(value)));
}

void target_mark(const Target *t, LLVMValueRef fn)
{
    set_attribute(fn, "target-cpu", t->cpu);
    if (*t->features)
        set_attribute(fn, "target-features", t->features);
    if (t->lanes > 4) {
        /* Some processors' models would split wide vectors.  No min-legal-vector-width: it would forbid them. */
        char width[16];
        snprintf(width, sizeof width, "%d", 32 * t->lanes);
        set_attribute(fn, "prefer-vector-width", width);
    }
    unsigned kind = LLVMGetEnumAttributeKindForName("nounwind", 8);
    LLVMContextRef c = LLVMGetModuleContext(LLVMGetGlobalParent(fn));
    LLVMAddAttributeAtIndex(fn, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(c, kind, 0));
}

const char *target_versions(void)
{
    static char text[64];
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (!*text) {
        unsigned major, minor, patch;
        LLVMGetVersion(&major, &minor, &patch);
        snprintf(text, sizeof text, "LLVM %u.%u.%u", major, minor, patch);
    }
    pthread_mutex_unlock(&lock);
    return text;
}
