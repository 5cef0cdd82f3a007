/* dot through OpenBLAS against plain loops: every transposition, accumulating or not, degenerate sizes, strides wider than
 * the matrix; the rest of the result's buffer stays as it was. */
#include "tests/support/testing.h"

#include "compiler/codegen/codegen.h"

#include <math.h>

enum { PAD = 3, ROOM = 64 * 70 + 64 };

/* C[m,n] (+)= A[m,k] B[k,n]; m = T, n = L, k = C; transposed operands lie the other way round; PAD more columns than needed */
static Kernel *dot_kernel(Arena *a, bool ta, bool tb, bool accumulate)
{
    char name[32];
    snprintf(name, sizeof name, "dot_%d%d%d", ta, tb, accumulate);
    Kernel *k = kernel_new(a, arena_strdup(a, name));
    KBuilder b;
    kb_begin(&b, k);
    int c = kernel_param(k, "c", F32, PARAM_INOUT, (Poly){ 0 });
    int x = kernel_param(k, "x", F32, PARAM_IN, (Poly){ 0 }), y = kernel_param(k, "y", F32, PARAM_IN, (Poly){ 0 });
    Poly m = poly_var(a, symbol_var(DIM_T)), n = poly_var(a, symbol_var(DIM_L)), depth = poly_var(a, symbol_var(DIM_C));
    Poly one = poly_const(a, 1), pad = poly_const(a, PAD), first = poly_const(a, 2);
    Dot d = { .m = m, .n = n, .k = depth, .accumulate = accumulate };
    d.c = (Operand){ c, first, poly_add(a, n, pad), one };
    d.a = (Operand){ x, first, ta ? one : poly_add(a, depth, pad), ta ? poly_add(a, m, pad) : one };
    d.b = (Operand){ y, first, tb ? one : poly_add(a, n, pad), tb ? poly_add(a, depth, pad) : one };
    kb_dot(&b, &d);
    kernel_verify(k);
    return k;
}

static float element(int i) { return (float)(i * 37 % 19 - 9) / 8; }

static void check(FtcKernelFn *f, bool ta, bool tb, bool accumulate, int m, int n, int k)
{
    static float c[ROOM], a[ROOM], b[ROOM];
    for (int i = 0; i < ROOM; i++) {
        c[i] = (float)i;
        a[i] = element(i);
        b[i] = element(i + 5);
    }
    void *bufs[] = { c, a, b };
    int64_t sym[FTC_SYMBOLS] = { m, 1, n, k, 1 };
    f(&(FtcKernelArgs){ bufs, sym, NULL }, 0);
    for (int at = 0; at < ROOM; at++) {
        int i = (at - 2) / (n + PAD), j = (at - 2) % (n + PAD);
        double want = at;
        if (at >= 2 && i < m && j < n) {
            want = accumulate ? at : 0;
            for (int l = 0; l < k; l++)
                want += (double)a[2 + (ta ? l * (m + PAD) + i : i * (k + PAD) + l)] *
                        b[2 + (tb ? j * (k + PAD) + l : l * (n + PAD) + j)];
        }
        if (fabs(c[at] - want) > 2e-3)
            fail_msg("m %d n %d k %d, ta %d tb %d accumulate %d: c[%d] is %g, not %g", m, n, k, ta, tb, accumulate, at, (double)c[at],
                     want);
    }
}

static void test_all_layouts(void **state)
{
    (void)state;
    static const int sizes[] = { 0, 1, 2, 17, 64 };
    for (int level = 0; level <= 2; level += 2) {
        Arena *a = arena_new();
        FtcDiag *d = ftc_diag_new(stderr);
        Jit *jit = jit_new(&(CodegenOptions){ .level = level, .no_cache = true }, d);
        Kernel *kernels[8];
        FtcKernelFn *f[8];
        for (int i = 0; i < 8; i++)
            kernels[i] = dot_kernel(a, i & 1, i & 2, i & 4);
        assert_true(jit_compile(jit, kernels, 8, f));
        for (int i = 0; i < 8; i++)
            for (int s = 0; s < 125; s++)
                check(f[i], i & 1, i & 2, i & 4, sizes[s / 25], sizes[s / 5 % 5], sizes[s % 5]);
        jit_free(jit);
        ftc_diag_free(d);
        arena_free(a);
    }
}

/* One row or one column, with strides that BLAS itself would refuse. */
static void test_vectors(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "kernel @row(in f32 %x, in f32 %y, out f32 %z) { dot %z[j] = %x[k] * %y[3*k + j], i < 1, j < 3, k < 5 }",
        "kernel @column(in f32 %x, in f32 %y, out f32 %z) { dot %z[i + j] = %x[5*i + k] * %y[k], i < 3, j < 1, k < 5 }",
        "kernel @outer(in f32 %x, in f32 %y, out f32 %z) { dot %z[3*i + j] = %x[i] * %y[j], i < 3, j < 3, k < 1 }",
    };
    FtcDiag *d = ftc_diag_new(stderr);
    Arena *a = arena_new();
    Jit *jit = jit_new(&(CodegenOptions){ .level = 2, .no_cache = true }, d);
    for (int t = 0; t < 3; t++) {
        Kernel *k = kernel_parse(a, "test", texts[t], strlen(texts[t]), d);
        FtcKernelFn *f;
        assert_true(k && jit_compile(jit, &k, 1, &f));
        float x[15], y[15], got[9] = { 0 }, want[9] = { 0 };
        for (int i = 0; i < 15; i++) {
            x[i] = element(i);
            y[i] = element(i + 3);
        }
        int64_t sym[FTC_SYMBOLS] = { 1, 1, 1, 1, 1 };
        kernel_interpret(k, (void *[]){ x, y, want }, NULL, sym, NULL);
        f(&(FtcKernelArgs){ (void *[]){ x, y, got }, sym, NULL }, 0);
        for (int i = 0; i < 9; i++)
            assert_float_equal(got[i], want[i], 1e-5f);
    }
    jit_free(jit);
    ftc_diag_free(d);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_all_layouts), cmocka_unit_test(test_vectors) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
