/* dot against plain loops: every transposition, accumulating or not, degenerate sizes, strides wider than the matrix; the
 * rest of the result's buffer stays as it was.  Through OpenBLAS the sums come out about right, by our own tiles to the bit. */
#include "tests/support/testing.h"

#include "compiler/codegen/codegen.h"
#include "tests/codegen/widths.h"

#include <math.h>
#include <sys/mman.h>

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
    d.c = (Operand){ c, first, poly_add(a, n, pad), one, 0, false };
    d.a = (Operand){ x, first, ta ? one : poly_add(a, depth, pad), ta ? poly_add(a, m, pad) : one, 0, false };
    d.b = (Operand){ y, first, tb ? one : poly_add(a, n, pad), tb ? poly_add(a, depth, pad) : one, 0, false };
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

/* ---- native tiles: all layouts in one kernel, which shares their functions ---------------------------------------- */

/* Each has offset AT, and rows (or columns, where they are contiguous) GAP elements apart; what is not the matrix is NaN. */
static const char *const lefts[] = { "%an[2 + C*i + 3*i + k]", "%at[2 + T*k + 3*k + i]" };
static const char *const rights[] = { "%bn[2 + L*k + 3*k + j]", "%bt[2 + C*j + 3*j + k]", "packed 16 %b16[2]", "packed 32 %b32[2]",
                                      "packed 64 %b64[2]" };
enum { AT = 2, GAP = 3, N_LEFT = 2, N_RIGHT = 5, N_RESULTS = N_LEFT * N_RIGHT * 2, N_BUFS = N_RESULTS + N_LEFT + N_RIGHT };
static const int panel_width[N_RIGHT] = { 0, 0, 16, 32, 64 };

static Kernel *all_dots(Arena *a, FtcDiag *d)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fputs("kernel @all(", out);
    for (int i = 0; i < N_RESULTS; i++)
        fprintf(out, "inout f32 %%c%d, ", i);
    fputs("in f32 %an, in f32 %at, in f32 %bn, in f32 %bt, in f32 %b16, in f32 %b32, in f32 %b64) {\n", out);
    for (int i = 0; i < N_RESULTS; i++)
        fprintf(out, "dot %%c%d[2 + L*i + 3*i + j] %s %s * %s, i < T, j < L, k < C\n", i, i % 2 ? "+=" : "=",
                lefts[i / 2 / N_RIGHT], rights[i / 2 % N_RIGHT]);
    fputc('}', out);
    fclose(out);
    Kernel *k = kernel_parse(a, "test", text, strlen(text), d);
    assert_non_null(k);
    free(text);
    return k;
}

/* Memory that ends where a page begins that nobody may touch. */
enum { GUARDED = 1 << 20, PAGE = 1 << 16 };
static char *guarded[N_BUFS];

static int make_guards(void **state)
{
    (void)state;
    for (int i = 0; i < N_BUFS; i++) {
        guarded[i] = mmap(NULL, GUARDED + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (guarded[i] == MAP_FAILED || mprotect(guarded[i] + GUARDED, PAGE, PROT_NONE))
            return -1;
    }
    return 0;
}

static int free_guards(void **state)
{
    (void)state;
    for (int i = 0; i < N_BUFS; i++)
        munmap(guarded[i], GUARDED + PAGE);
    return 0;
}

static float *at_guard(int i, int64_t n)
{
    assert_true(n * (int64_t)sizeof(float) <= GUARDED);
    float *p = (float *)(void *)(guarded[i] + GUARDED) - n;
    for (int64_t at = 0; at < n; at++)
        p[at] = NAN;
    return p;
}

static float left_at(int i, int k) { return (float)((i * 37 + k * 101) % 1009) / 1009 - 0.4f; }
static float right_at(int k, int j) { return (float)((k * 89 + j * 53) % 997) / 997 - 0.6f; }
static float old_at(int64_t at) { return (float)(at % 31) / 7; }

static int64_t extent(int rows, int cols) { return rows && cols ? AT + (int64_t)(rows - 1) * (cols + GAP) + cols : AT; }

typedef struct {
    int m, n, k;
    void *bufs[N_BUFS];
    int64_t sizes[N_BUFS], sym[FTC_SYMBOLS];
} Problem;

static void fill_results(Problem *p)
{
    for (int i = 0; i < N_RESULTS; i++)
        for (int64_t at = 0; at < p->sizes[i]; at++)
            ((float *)p->bufs[i])[at] = old_at(at);
}

static void make_problem(Problem *p, int m, int n, int k)
{
    *p = (Problem){ .m = m, .n = n, .k = k, .sym = { m, 1, n, k, 1 } };
    for (int i = 0; i < N_RESULTS; i++)
        p->sizes[i] = extent(m, n);
    int64_t *size = p->sizes + N_RESULTS;
    size[0] = extent(m, k);
    size[1] = extent(k, m);
    size[2] = extent(k, n);
    size[3] = extent(n, k);
    for (int b = 2; b < N_RIGHT; b++)
        size[N_LEFT + b] = AT + (int64_t)(n + panel_width[b] - 1) / panel_width[b] * panel_width[b] * k;
    for (int i = 0; i < N_BUFS; i++)
        p->bufs[i] = at_guard(i, p->sizes[i]);
    float **x = (float **)p->bufs + N_RESULTS;
    for (int l = 0; l < k; l++) {
        for (int i = 0; i < m; i++)
            x[0][AT + i * (k + GAP) + l] = x[1][AT + l * (m + GAP) + i] = left_at(i, l);
        for (int j = 0; j < n; j++)
            x[2][AT + l * (n + GAP) + j] = x[3][AT + j * (k + GAP) + l] = right_at(l, j);
    }
    for (int b = 2; b < N_RIGHT; b++)
        for (int64_t at = 0, w = panel_width[b]; at < size[N_LEFT + b] - AT; at++) {
            int64_t j = at / (w * k) * w + at % w;
            x[N_LEFT + b][AT + at] = j < n ? right_at((int)(at / w % k), (int)j) : 0;
        }
    fill_results(p);
}

/* One chain of multiply-adds over k, fused or rounded twice. */
static float chain(int i, int j, int k, float c, bool fused)
{
    for (int l = 0; l < k; l++) {
        volatile float product = left_at(i, l) * right_at(l, j);
        c = fused ? fmaf(left_at(i, l), right_at(l, j), c) : c + product;
    }
    return c;
}

static void expect_chains(const Problem *p, bool fused, const char *cpu, int bits)
{
    for (int accumulate = 0; accumulate < 2; accumulate++)
        for (int64_t at = 0; at < p->sizes[0]; at++) {
            int64_t i = (at - AT) / (p->n + GAP), j = (at - AT) % (p->n + GAP);
            bool inside = at >= AT && j < p->n;
            float want = inside ? chain((int)i, (int)j, p->k, accumulate ? old_at(at) : 0, fused) : old_at(at);
            for (int c = accumulate; c < N_RESULTS; c += 2) {
                float got = ((float *)p->bufs[c])[at];
                if (memcmp(&got, &want, sizeof got))
                    fail_msg("%s, %d bits, m %d n %d k %d, %s * %s%s: c[%lld] is %.9g, not %.9g", cpu, bits, p->m, p->n, p->k,
                             lefts[c / 2 / N_RIGHT], rights[c / 2 % N_RIGHT], accumulate ? ", accumulated" : "", (long long)at,
                             (double)got, (double)want);
            }
        }
}

static void run_problem(FtcKernelFn *f, const Width *w, int m, int n, int k)
{
    static Problem p;
    make_problem(&p, m, n, k);
    f(&(FtcKernelArgs){ p.bufs, p.sym, NULL }, 0);
    expect_chains(&p, w->fma, w->cpu, w->bits);
}

static void test_tiles(void **state)
{
    (void)state;
    static const int sizes[] = { 0, 1, 2, 5, 13, 14, 15, 17, 31, 32, 33, 64, 127 }, depths[] = { 0, 1, 15, 33 };
    static const int large[][3] = { { 29, 33, 512 }, { 64, 32, 513 }, { 65, 31, 1100 }, { 211, 70, 530 }, { 101, 33, 1601 }, { 13, 129, 64 },
                                  /* rows of A copied apart */ { 31, 65, 1021 }, { 509, 66, 40 } };
    enum { N = sizeof sizes / sizeof *sizes };
    FtcDiag *d = ftc_diag_new(stderr);
    Arena *a = arena_new();
    Kernel *k = all_dots(a, d);
    for (int w = 0; w < N_WIDTHS; w++) {
        if (!host_runs(&widths[w]) || widths[w].level == 1 || widths[w].level == 3)
            continue;
        bool few = widths[w].bits <= 128; /* slow ones */
        CodegenOptions o = width_options(&widths[w]);
        o.gemm = GEMM_NATIVE;
        Jit *jit = jit_new(&o, d);
        FtcKernelFn *f;
        assert_true(jit_compile(jit, &k, 1, &f));
        for (int i = 0; i < N * N * 4; i += few ? 7 : 1)
            run_problem(f, &widths[w], sizes[i / 4 / N], sizes[i / 4 % N], depths[i % 4]);
        for (size_t i = 0; i < sizeof large / sizeof *large; i++)
            run_problem(f, &widths[w], large[i][0], large[i][1], large[i][2]);
        jit_free(jit);
    }
    ftc_diag_free(d);
    arena_free(a);
}

/* What the tiles do is what the kernel means; the interpreter also checks that no place is outside. */
static void test_tiles_as_interpreted(void **state)
{
    (void)state;
    static Problem p;
    FtcDiag *d = ftc_diag_new(stderr);
    Arena *a = arena_new();
    Kernel *k = all_dots(a, d);
    make_problem(&p, 19, 70, 37);
    kernel_interpret(k, p.bufs, p.sizes, p.sym, NULL);
    for (int c = 0; c < N_RESULTS; c++)
        for (int64_t at = AT; at < p.sizes[c]; at++) {
            int64_t i = (at - AT) / (p.n + GAP), j = (at - AT) % (p.n + GAP);
            float want = j < p.n ? chain((int)i, (int)j, p.k, c % 2 ? old_at(at) : 0, true) : old_at(at);
            assert_float_equal(((float *)p.bufs[c])[at], want, 1e-5f);
        }
    ftc_diag_free(d);
    arena_free(a);
}

/* AUTO leaves to BLAS what BLAS can do; the choice is part of an object's name. */
static void test_choice(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "kernel @plain(in f32 %x, in f32 %y, out f32 %z) { dot %z[L*i + j] = %x[C*i + k] * %y[L*k + j], i < T, j < L, k < C }",
        "kernel @panels(in f32 %x, in f32 %y, out f32 %z) { dot %z[L*i + j] = %x[C*i + k] * packed 32 %y[0], i < T, j < L, k < C }",
    };
    static const bool calls[3][2] = { [GEMM_AUTO] = { false, false }, [GEMM_NATIVE] = { false, false },
                                      [GEMM_OPENBLAS] = { true, false } };
    FtcDiag *d = ftc_diag_new(stderr);
    Arena *a = arena_new();
    for (int gemm = GEMM_AUTO; gemm <= GEMM_OPENBLAS; gemm++)
        for (int t = 0; t < 2; t++) {
            Kernel *k = kernel_parse(a, "test", texts[t], strlen(texts[t]), d);
            assert_non_null(k);
            char *ir = emit_text(&(CodegenOptions){ .level = 2, .cpu = "x86-64-v3", .gemm = (Gemm)gemm }, TEXT_LLVM, &k, 1, d);
            assert_non_null(ir);
            assert_int_equal(strstr(ir, "@cblas_sgemm") != NULL, calls[gemm][t]);
            free(ir);
        }
    ftc_diag_free(d);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_layouts), cmocka_unit_test(test_vectors),
        cmocka_unit_test_setup_teardown(test_tiles, make_guards, free_guards),
        cmocka_unit_test_setup_teardown(test_tiles_as_interpreted, make_guards, free_guards), cmocka_unit_test(test_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
