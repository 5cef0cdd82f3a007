/* The widths that compiled code is tested at: those this machine can run. */
#ifndef FTC_TEST_WIDTHS_H
#define FTC_TEST_WIDTHS_H

#include "compiler/codegen/codegen.h"

#include <string.h>

typedef struct {
    const char *cpu;
    int bits, level;
    bool fma;
} Width;

static const Width widths[] = {
    { "native", 0, 0, true },
#ifdef __x86_64__
    { "x86-64", 32, 2, false },    { "x86-64", 128, 2, false },   { "x86-64-v3", 32, 2, true },  { "x86-64-v3", 256, 2, true },
    { "x86-64-v4", 256, 2, true }, { "x86-64-v4", 512, 2, true }, { "znver4", 512, 2, true }, /* the last multiplies pairs of bf16 */
#endif
    { "native", 0, 1, true },      { "native", 0, 2, true },      { "native", 0, 3, true },
};
enum { N_WIDTHS = sizeof widths / sizeof *widths };

static inline bool host_runs(const Width *w)
{
#ifdef __x86_64__
    if (!strcmp(w->cpu, "x86-64-v3"))
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (!strcmp(w->cpu, "znver4"))
        return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512bitalg");
    if (!strcmp(w->cpu, "x86-64-v4"))
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq");
#endif
    (void)w;
    return true;
}

static inline CodegenOptions width_options(const Width *w)
{
    return (CodegenOptions){ .level = w->level, .cpu = w->cpu, .vector_bits = w->bits, .no_cache = true };
}

#endif
