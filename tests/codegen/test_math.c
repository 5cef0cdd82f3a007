/* exp, log, tanh, erf and the other MAP ops, compiled, against libm in double: error bounds over all floats (in strides), at
 * scalar, SSE, AVX2 and the host's best width, which agree bit for bit where the instruction set is the same. */
#include "tests/support/testing.h"

#include "compiler/codegen/codegen.h"
#include "compiler/ops/ops.h"
#include "tests/codegen/widths.h"

#include <float.h>
#include <math.h>

enum { N = 1 << 15 };
static float xs[N], ys[N];

/* y[i] = op(x[i]) over T elements */
static Kernel *map_kernel(Arena *a, Op op)
{
    Kernel *k = kernel_new(a, op_info[op].name);
    KBuilder b;
    kb_begin(&b, k);
    int x = kernel_param(k, "x", F32, PARAM_IN, (Poly){ 0 }), y = kernel_param(k, "y", F32, PARAM_OUT, (Poly){ 0 });
    int i = kb_vec(&b, "i", poly_var(a, symbol_var(DIM_T)));
    int v = kb_load(&b, x, poly_var(a, i));
    kb_store(&b, y, poly_var(a, i), kb_let(&b, op, F32, &v));
    kb_end(&b);
    return k;
}

static void run(FtcKernelFn *f, const float *x, float *y, int64_t n)
{
    void *bufs[] = { (void *)x, y };
    int64_t sym[FTC_SYMBOLS] = { n };
    f(&(FtcKernelArgs){ bufs, sym, NULL }, 0);
}

static double ulp_of(double v)
{
    float f = fabsf((float)v);
    if (!isfinite(f))
        f = FLT_MAX;
    if (f < FLT_MIN)
        f = FLT_MIN;
    return (double)nextafterf(f, INFINITY) - f;
}

typedef struct {
    Op op;
    double (*reference)(double);
    double bound, bound_without_fma;
} Bound;

static double reciprocal_root(double x) { return 1 / sqrt(x); }

static const Bound bounds[] = {
    { OP_exp, exp, 0.9, 1.2 }, { OP_log, log, 0.9, 0.9 },   { OP_tanh, tanh, 2.5, 2.5 },
    { OP_erf, erf, 1.9, 1.9 }, { OP_sqrt, sqrt, 0.5, 0.5 }, { OP_rsqrt, reciprocal_root, 1.5, 1.5 },
};

static float from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, 4);
    return f;
}

static uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
}

static bool host_has_fma(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return true;
#endif
}

static double worst(const Bound *b, FtcKernelFn *f, uint32_t stride, uint32_t *digest)
{
    double most = 0;
    uint64_t next = 0;
    *digest = 2166136261u;
    while (next < 1ull << 32) {
        int n = 0;
        for (; n < N && next < 1ull << 32; n++, next += stride)
            xs[n] = from_bits((uint32_t)next);
        run(f, xs, ys, n);
        for (int i = 0; i < n; i++) {
            double want = b->reference(xs[i]), got = ys[i];
            *digest = (*digest ^ (isnan(got) ? 0x7FC00000 : bits_of(ys[i]))) * 16777619u;
            if (isnan(want) || isnan(got)) {
                if (!isnan(want) || !isnan(got))
                    fail_msg("%s(%a) is %a, not %a", op_info[b->op].name, (double)xs[i], got, want);
                continue;
            }
            if (isinf((float)want) || isinf(got)) {
                /* just below the largest float either is fine */
                if ((float)want != (float)got && !(fabs(want) > 0.999999 * FLT_MAX && fabs(got) > 0.999999 * FLT_MAX))
                    fail_msg("%s(%a) is %a, not %a", op_info[b->op].name, (double)xs[i], got, want);
                continue;
            }
            if ((b->op == OP_erf || b->op == OP_tanh) && (fabs(got) > 1 || !signbit(got) != !signbit(xs[i])))
                fail_msg("%s(%a) is %a, not %a", op_info[b->op].name, (double)xs[i], got, want);
            double error = fabs(got - want) / ulp_of(want);
            if (b->op == OP_exp && want < FLT_MIN)
                error = got == 0 ? 0 : error; /* flushed, as documented */
            if (error > most)
                most = error;
        }
    }
    return most;
}

static void test_error_bounds(void **state)
{
    (void)state;
    Arena *a = arena_new();
    FtcDiag *d = ftc_diag_new(stderr);
    enum { OPS = sizeof bounds / sizeof *bounds };
    Kernel *kernels[OPS];
    for (int i = 0; i < OPS; i++)
        kernels[i] = map_kernel(a, bounds[i].op);
    /* every float takes hours: FTC_FLOAT_STRIDE=1 */
    uint32_t first[OPS][2] = { { 0 } }, stride = getenv("FTC_FLOAT_STRIDE") ? (uint32_t)atoi(getenv("FTC_FLOAT_STRIDE")) : 4099;
    for (int w = 0; w < N_WIDTHS; w++) {
        if (!host_runs(&widths[w]))
            continue;
        CodegenOptions o = width_options(&widths[w]);
        Jit *j = jit_new(&o, d);
        FtcKernelFn *f[OPS];
        assert_true(j && jit_compile(j, kernels, OPS, f));
        for (int i = 0; i < OPS; i++) {
            uint32_t digest;
            double most = worst(&bounds[i], f[i], stride, &digest);
            bool fma = widths[w].fma && (strcmp(widths[w].cpu, "native") || host_has_fma());
            double bound = fma ? bounds[i].bound : bounds[i].bound_without_fma;
            if (stride != 4099)
                printf("%-6s %-9s %3d bits: %.3f ULP\n", op_info[bounds[i].op].name, widths[w].cpu, widths[w].bits, most);
            if (most > bound)
                fail_msg("%s at %s, %d bits: %.3f ULP, promised %.1f", op_info[bounds[i].op].name, widths[w].cpu, widths[w].bits,
                         most, bound);
            if (!first[i][fma])
                first[i][fma] = digest;
            assert_int_equal(digest, first[i][fma]);
        }
        jit_free(j);
    }
    ftc_diag_free(d);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_error_bounds) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
