/* The machine's peaks; see peak.h. */
#include "compiler/api/peak.h"

#include "runtime/core/clock.h"
#include "runtime/core/mem.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <stdlib.h>
#include <string.h>

enum { CHAINS = 24, TURNS = 1 << 15, ROUNDS = 24, SWEEP = 4 << 20, SWEEPS = 6 };

/* Independent chains of fused multiply-adds that stay in registers. */
#define FMA_LOOP(name, lanes, features)                                             \
    __attribute__((features)) static void name(float *out)                          \
    {                                                                               \
        typedef float Vector __attribute__((vector_size(lanes * sizeof(float))));   \
        Vector v[(lanes) == 4 ? CHAINS / 2 : (lanes) == 8 ? CHAINS / 2 : CHAINS], x, y; \
        enum { N = sizeof v / sizeof *v };                                          \
        for (int i = 0; i < (lanes); i++) {                                         \
            x[i] = 0.999f;                                                          \
            y[i] = 0.001f;                                                          \
        }                                                                           \
        for (int c = 0; c < N; c++)                                                 \
            v[c] = x + (float)c;                                                    \
        for (int t = 0; t < TURNS; t++)                                             \
            _Pragma("GCC unroll 24") for (int c = 0; c < N; c++) v[c] = v[c] * x + y; \
        for (int c = 1; c < N; c++)                                                 \
            v[0] += v[c];                                                           \
        for (int i = 0; i < (lanes); i++)                                           \
            out[i] = v[0][i];                                                       \
    }

#ifdef __x86_64__
FMA_LOOP(fma_512, 16, target("avx512f"))
FMA_LOOP(fma_256, 8, target("avx2,fma"))
#endif
FMA_LOOP(fma_128, 4, noinline)

#ifdef __x86_64__
/* As FMA_LOOP, by pairs: 32 products a vector. */
__attribute__((target("avx512f,avx512bf16"))) static void pairs_512(float *out)
{
    __m512 v[CHAINS];
    __m512bh x = (__m512bh)_mm512_set1_epi32(0x3F7F3F7F), y = (__m512bh)_mm512_set1_epi32(0x3A833A83);
    for (int c = 0; c < CHAINS; c++)
        v[c] = _mm512_set1_ps((float)c);
    for (int t = 0; t < TURNS; t++)
        _Pragma("GCC unroll 24") for (int c = 0; c < CHAINS; c++) v[c] = _mm512_dpbf16_ps(v[c], x, y);
    for (int c = 1; c < CHAINS; c++)
        v[0] += v[c];
    _mm512_storeu_ps(out, v[0]);
}
#endif

typedef struct {
    void (*loop)(float *out);
    float (*out)[16];
    float *a, *b, *c;
} Work;

static void do_fma(void *arg, int64_t piece, int thread)
{
    (void)piece;
    Work *w = arg;
    w->loop(w->out[4 * thread]);
}

static void do_sweep(void *arg, int64_t piece, int thread)
{
    (void)thread;
    Work *w = arg;
    float *a = w->a + piece * (SWEEP / 64), *b = w->b + piece * (SWEEP / 64), *c = w->c + piece * (SWEEP / 64);
    for (int i = 0; i < SWEEP / 64; i++)
        a[i] = b[i] + 0.5f * c[i];
}

/* The best of several rounds of so much work. */
static double best_rate(Pool *pool, int64_t pieces, void (*f)(void *, int64_t, int), Work *w, int rounds, double work)
{
    double best = 0;
    for (int i = 0; i < rounds; i++) {
        double start = clock_s();
        pool_run(pool, pieces, f, w);
        double rate = work / (clock_s() - start);
        best = rate > best ? rate : best;
    }
    return best * 1e-9;
}

Peak peak_measure(Pool *pool)
{
    int threads = pool_threads(pool), lanes = 4, chains = CHAINS / 2;
    Work w = { .loop = fma_128 };
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) {
        w.loop = fma_512;
        lanes = 16;
        chains = CHAINS;
    } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        w.loop = fma_256;
        lanes = 8;
    }
#endif
    w.out = xcalloc((size_t)threads * 4, sizeof *w.out);
    w.a = xcalloc(3 * (size_t)SWEEP, sizeof *w.a);
    w.b = w.a + SWEEP;
    w.c = w.b + SWEEP;
    memset(w.a, 1, 3 * (size_t)SWEEP * sizeof *w.a);
    Peak p;
    p.gflops = best_rate(pool, threads * 8, do_fma, &w, ROUNDS, 2.0 * 8 * threads * lanes * chains * TURNS);
    p.gflops_bf16 = p.gflops;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512bf16")) {
        w.loop = pairs_512;
        double pairs = best_rate(pool, threads * 8, do_fma, &w, ROUNDS, 2.0 * 8 * threads * 32 * CHAINS * TURNS);
        if (pairs > p.gflops_bf16)
            p.gflops_bf16 = pairs;
    }
#endif
    p.gbytes = best_rate(pool, 64, do_sweep, &w, SWEEPS, 12.0 * SWEEP);
    free(w.out);
    free(w.a);
    return p;
}
