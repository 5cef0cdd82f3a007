/* Dots of bf16: every layout, odd and even depths, at every width, on memory that ends where the matrix ends.  What is
 * compiled is held to the interpreter, which sums exact products in double; what lies between rows is NaN and must not
 * be touched.  The pair instruction and its stand-in are compared too, and the bits of large products with those of small ones. */
#include "tests/support/testing.h"

#include "compiler/codegen/codegen.h"
#include "tests/codegen/widths.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Two left operands (rows, and turned), two right ones as they lie, and both packed by the kernel itself. */
static const char text[] =
    "kernel @bf16(in bf16 %a, in bf16 %at, in bf16 %b, in bf16 %bt, inout bf16 %p, inout bf16 %pt,\n"
    "  inout f32 %c0, inout f32 %c1, inout f32 %c2, inout f32 %c3, inout f32 %c4, inout f32 %c5) {\n"
    "  pack packed 32 %p[0] = %b[L*k + 3*k + j], j < L, k < C\n"
    "  pack packed 32 %pt[0] = %bt[C*j + 3*j + k], j < L, k < C\n"
    "  dot %c0[L*i + j] = %a[C*i + 3*i + k] * %b[L*k + 3*k + j], i < T, j < L, k < C\n"
    "  dot %c1[L*i + j] = %at[T*k + 3*k + i] * %b[L*k + 3*k + j], i < T, j < L, k < C\n"
    "  dot %c2[L*i + j] = %a[C*i + 3*i + k] * %bt[C*j + 3*j + k], i < T, j < L, k < C\n"
    "  dot %c3[L*i + j] = %a[C*i + 3*i + k] * packed 32 %p[0], i < T, j < L, k < C\n"
    "  dot %c4[L*i + j] += %at[T*k + 3*k + i] * packed 32 %pt[0], i < T, j < L, k < C\n"
    "  dot %c5[L*i + j] += %at[T*k + 3*k + i] * %bt[C*j + 3*j + k], i < T, j < L, k < C\n"
    "}\n";
enum { N_BUFS = 12, FIRST_C = 6, GAP = 3, ROOM = 4 << 20, PAGE = 1 << 16 };

static char *area[2][N_BUFS];

static int make_guards(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * N_BUFS; i++) {
        char *map = mmap(NULL, ROOM + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED || mprotect(map + ROOM, PAGE, PROT_NONE))
            return -1;
        area[i / N_BUFS][i % N_BUFS] = map;
    }
    return 0;
}

static uint16_t half(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

static float number(int i, int j) { return (float)((i * 37 + j * 101) % 1009) / 1009 - 0.4f; }

/* rows x cols with a gap of NaN behind each row but the last */
static uint16_t *halves(char *room, int64_t *size, int rows, int cols, int turn)
{
    *size = rows && cols ? (int64_t)(rows - 1) * (cols + GAP) + cols : 0;
    uint16_t *p = (uint16_t *)(void *)(room + ROOM) - *size;
    for (int64_t at = 0; at < *size; at++) {
        int i = (int)(at / (cols + GAP)), j = (int)(at % (cols + GAP));
        p[at] = j < cols ? half(turn ? number(j, i) : number(i, j)) : 0xFFFF;
    }
    return p;
}

static void make(int which, int m, int n, int k, void **bufs, int64_t *sizes)
{
    bufs[0] = halves(area[which][0], &sizes[0], m, k, 0);
    bufs[1] = halves(area[which][1], &sizes[1], k, m, 1);
    bufs[2] = halves(area[which][2], &sizes[2], k, n, 0);
    bufs[3] = halves(area[which][3], &sizes[3], n, k, 1);
    for (int i = 4; i < N_BUFS; i++) {
        sizes[i] = i < FIRST_C ? (int64_t)((n + 31) / 32 * 32) * ((k + 1) / 2 * 2) : (int64_t)m * n;
        size_t bytes = (size_t)sizes[i] * (i < FIRST_C ? 2 : 4);
        bufs[i] = area[which][i] + ROOM - bytes;
        for (int64_t at = 0; i >= FIRST_C && at < sizes[i]; at++)
            ((float *)bufs[i])[at] = (float)(at % 31) / 7;
        if (i < FIRST_C)
            memset(bufs[i], 0xFF, bytes);
    }
}

static void run(const Kernel *kernel, FtcKernelFn *f, const Width *w, int m, int n, int k)
{
    void *want[N_BUFS], *got[N_BUFS];
    int64_t sizes[N_BUFS], sym[FTC_SYMBOLS] = { m, 1, n, k, 1 };
    make(0, m, n, k, want, sizes);
    make(1, m, n, k, got, sizes);
    kernel_interpret(kernel, want, sizes, sym, NULL);
    f(&(FtcKernelArgs){ got, sym, NULL }, 0);
    for (int i = 4; i < FIRST_C; i++)
        assert_memory_equal(want[i], got[i], (size_t)sizes[i] * 2);
    for (int i = FIRST_C; i < N_BUFS; i++)
        for (int64_t at = 0; at < sizes[i]; at++) {
            float x = ((float *)want[i])[at], y = ((float *)got[i])[at];
            if (!(fabsf(x - y) <= 4e-7f * (float)(k + 8)))
                fail_msg("%s, %d bits: m %d n %d k %d: c%d[%d] is %.9g, not %.9g", w->cpu, w->bits, m, n, k, i - FIRST_C, (int)at,
                         (double)y, (double)x);
        }
}

typedef void Trial(const Kernel *kernel, FtcKernelFn *f, const Width *w, int m, int n, int k);
enum { N_LARGE = 3 };

/* All pairs of sizes with all depths, and the large problems, at every width. */
static void try_sizes(const char *source, Trial *try, const int *sizes, int n, const int *depths, int n_depths, const int (*large)[3])
{
    FtcDiag *d = ftc_diag_new(stderr);
    Arena *a = arena_new();
    Kernel *k = kernel_parse(a, "test", source, strlen(source), d);
    assert_non_null(k);
    for (int w = 0; w < N_WIDTHS; w++) {
        if (!host_runs(&widths[w]) || widths[w].level == 1 || widths[w].level == 3)
            continue;
        CodegenOptions o = width_options(&widths[w]);
        Jit *jit = jit_new(&o, d);
        FtcKernelFn *f;
        assert_true(jit_compile(jit, &k, 1, &f));
        for (int i = 0; i < n * n * n_depths; i += widths[w].bits == 32 ? 5 : 1)
            try(k, f, &widths[w], sizes[i / n_depths / n], sizes[i / n_depths % n], depths[i % n_depths]);
        for (int i = 0; i < N_LARGE && widths[w].bits != 32; i++)
            try(k, f, &widths[w], large[i][0], large[i][1], large[i][2]);
        jit_free(jit);
    }
    ftc_diag_free(d);
    arena_free(a);
}

static void test_layouts(void **state)
{
    (void)state;
    static const int sizes[] = { 1, 2, 13, 15, 32, 67 }, depths[] = { 0, 1, 2, 15, 31, 32, 33, 97 };
    static const int large[N_LARGE][3] = { { 29, 33, 1537 }, { 211, 70, 801 }, { 31, 96, 1600 } };
    try_sizes(text, run, sizes, sizeof sizes / sizeof *sizes, depths, sizeof depths / sizeof *depths, large);
}

/* Two fused multiply-adds, of the odd k and then of the even one, have the bits of the pair instruction: every machine that has
 * either gives the same numbers, and one with matrix registers too, without them. */
static void test_stand_in(void **state)
{
    (void)state;
    static float first[67 * 65];
    bool any = false;
    FtcDiag *d = ftc_diag_new(stderr);
    Arena *a = arena_new();
    Kernel *k = kernel_parse(a, "test", text, strlen(text), d);
    assert_non_null(k);
    for (int w = 0; w < N_WIDTHS; w++) {
        if (!host_runs(&widths[w]) || !widths[w].fma || widths[w].level != 2)
            continue;
        CodegenOptions o = width_options(&widths[w]);
        o.no_amx = true;
        Jit *jit = jit_new(&o, d);
        FtcKernelFn *f;
        void *bufs[N_BUFS];
        int64_t sizes[N_BUFS], sym[FTC_SYMBOLS] = { 67, 1, 65, 301, 1 };
        assert_true(jit_compile(jit, &k, 1, &f));
        make(1, 67, 65, 301, bufs, sizes);
        f(&(FtcKernelArgs){ bufs, sym, NULL }, 0);
        if (any)
            assert_memory_equal(first, bufs[FIRST_C], sizeof first);
        memcpy(first, bufs[FIRST_C], sizeof first);
        any = true;
        jit_free(jit);
    }
    ftc_diag_free(d);
    arena_free(a);
}

/* A row's bits depend on neither the rows beside it nor on how many columns there are: a batch may be cut anywhere. */
static void test_same_bits(void **state)
{
    (void)state;
    static const int small[][2] = { { 1, 1 }, { 13, 20 }, { 33, 17 } }, depths[] = { 3, 33, 301, 1601 };
    FtcDiag *d = ftc_diag_new(stderr);
    Arena *a = arena_new();
    Kernel *k = kernel_parse(a, "test", text, strlen(text), d);
    assert_non_null(k);
    for (int w = 0; w < N_WIDTHS; w++) {
        if (!host_runs(&widths[w]) || widths[w].level != 2 || widths[w].bits == 32)
            continue;
        CodegenOptions o = width_options(&widths[w]);
        Jit *jit = jit_new(&o, d);
        FtcKernelFn *f;
        assert_true(jit_compile(jit, &k, 1, &f));
        for (size_t i = 0; i < sizeof small / sizeof *small * 4; i++) {
            void *large_bufs[N_BUFS], *bufs[N_BUFS];
            int64_t sizes[N_BUFS], n = small[i / 4][1], large[FTC_SYMBOLS] = { 67, 1, 65, depths[i % 4], 1 };
            int64_t sym[FTC_SYMBOLS] = { small[i / 4][0], 1, n, depths[i % 4], 1 };
            make(0, 67, 65, depths[i % 4], large_bufs, sizes);
            f(&(FtcKernelArgs){ large_bufs, large, NULL }, 0);
            make(1, small[i / 4][0], (int)n, depths[i % 4], bufs, sizes);
            f(&(FtcKernelArgs){ bufs, sym, NULL }, 0);
            for (int c = FIRST_C; c < FIRST_C + 4; c++)
                for (int64_t r = 0; r < sym[0]; r++)
                    assert_memory_equal((float *)large_bufs[c] + 65 * r, (float *)bufs[c] + n * r, (size_t)n * sizeof(float));
        }
        jit_free(jit);
    }
    ftc_diag_free(d);
    arena_free(a);
}

/* Dots of f32 whose right operand is in three parts of bf16: rows as they lie and turned, of panels from rows and from columns. */
static const char split_text[] =
    "kernel @split(in f32 %a, in f32 %at, in f32 %b, in f32 %bt, inout bf16 %p, inout bf16 %pt, inout f32 %c0, inout f32 %c1) {\n"
    "  pack split 32 %p[0] = %b[L*k + 3*k + j], j < L, k < C\n"
    "  pack split 32 %pt[0] = %bt[C*j + 3*j + k], j < L, k < C\n"
    "  dot %c0[L*i + j] = %a[C*i + 3*i + k] * split 32 %p[0], i < T, j < L, k < C\n"
    "  dot %c1[L*i + j] += %at[T*k + 3*k + i] * split 32 %pt[0], i < T, j < L, k < C\n"
    "}\n";

/* Ordinary numbers, and large and small ones of both signs; none so small that a part of it is a denormal. */
static float any_float(int i, int j)
{
    uint32_t x = (uint32_t)i * 2654435761u ^ ((uint32_t)j * 40503u + 977u);
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    return ldexpf((float)(int32_t)x / 2147483648.0f, (int)(x % 7) - 3);
}

static float *floats(char *room, int64_t *size, int rows, int cols, int turn)
{
    *size = rows && cols ? (int64_t)(rows - 1) * (cols + GAP) + cols : 0;
    float *p = (float *)(void *)(room + ROOM) - *size;
    for (int64_t at = 0; at < *size; at++) {
        int i = (int)(at / (cols + GAP)), j = (int)(at % (cols + GAP));
        p[at] = j < cols ? turn ? any_float(j, i) : any_float(i, j) : NAN;
    }
    return p;
}

enum { N_SPLIT_BUFS = 8 };

static void make_split(int which, int m, int n, int k, void **bufs, int64_t *sizes)
{
    bufs[0] = floats(area[which][0], &sizes[0], m, k, 0);
    bufs[1] = floats(area[which][1], &sizes[1], k, m, 1);
    bufs[2] = floats(area[which][2], &sizes[2], k, n, 0);
    bufs[3] = floats(area[which][3], &sizes[3], n, k, 1);
    for (int i = 4; i < N_SPLIT_BUFS; i++) {
        sizes[i] = i < 6 ? (int64_t)((n + 31) / 32 * 32) * ((k + 1) / 2 * 2) * SPLIT_PARTS : (int64_t)m * n;
        size_t bytes = (size_t)sizes[i] * (i < 6 ? 2 : 4);
        bufs[i] = area[which][i] + ROOM - bytes;
        memset(bufs[i], i < 6 ? 0xFF : 0, bytes);
    }
}

/* As exact as a sum of f32 products that were never split: with the bound that every dot has. */
static void run_split(const Kernel *kernel, FtcKernelFn *f, const Width *w, int m, int n, int k)
{
    void *want[N_SPLIT_BUFS], *got[N_SPLIT_BUFS];
    int64_t sizes[N_SPLIT_BUFS], sym[FTC_SYMBOLS] = { m, 1, n, k, 1 };
    make_split(0, m, n, k, want, sizes);
    make_split(1, m, n, k, got, sizes);
    kernel_interpret(kernel, want, sizes, sym, NULL);
    f(&(FtcKernelArgs){ got, sym, NULL }, 0);
    for (int i = 4; i < 6; i++)
        assert_memory_equal(want[i], got[i], (size_t)sizes[i] * 2);
    for (int i = 6; i < N_SPLIT_BUFS; i++)
        for (int64_t at = 0; at < sizes[i]; at++) {
            double sum = 0, size = 0;
            int64_t b_row = n + GAP, a_row = k + GAP, row = at / n, col = at % n;
            for (int64_t q = 0; q < k; q++) {
                double product = (double)((float *)got[0])[row * a_row + q] * (double)((float *)got[2])[q * b_row + col];
                sum += product;
                size += fabs(product);
            }
            double off = fabs((double)((float *)got[i])[at] - sum);
            assert_true(fabs((double)((float *)want[i])[at] - sum) <= 1e-7 * fabs(sum) + 1e-30);
            if (off > size * 0x1p-24 * (2 + sqrt(k)))
                fail_msg("%s, %d bits: m %d n %d k %d: c%d[%d] is %.9g, not %.9g", w->cpu, w->bits, m, n, k, i - 6, (int)at,
                         (double)((float *)got[i])[at], sum);
        }
}

static void test_split(void **state)
{
    (void)state;
    static const int sizes[] = { 1, 2, 15, 33, 67 }, depths[] = { 0, 1, 2, 31, 32, 33, 97 };
    static const int large[N_LARGE][3] = { { 29, 33, 1537 }, { 211, 70, 801 }, { 97, 96, 400 } };
    try_sizes(split_text, run_split, sizes, sizeof sizes / sizeof *sizes, depths, sizeof depths / sizeof *depths, large);
}

/* What isn't finite has no second part, and what is too large for bf16 neither: no NaN comes out of numbers, but of infinite ones. */
static void test_split_wild(void **state)
{
    (void)state;
    static const float wild[] = { INFINITY, -INFINITY, NAN, 3.4e38f, -3.4e38f, 1e-40f, 0x1p-126f, 0.0f, -0.0f, 1.00390625f };
    static const char pack[] = "kernel @wild(in f32 %x, inout bf16 %p) { pack split 32 %p[0] = %x[L*k + j], j < L, k < C }";
    enum { N = sizeof wild / sizeof *wild };
    FtcDiag *d = ftc_diag_new(stderr);
    Arena *a = arena_new();
    Kernel *k = kernel_parse(a, "test", pack, strlen(pack), d);
    assert_non_null(k);
    for (int w = 0; w < N_WIDTHS; w++) {
        if (!host_runs(&widths[w]))
            continue;
        CodegenOptions o = width_options(&widths[w]);
        Jit *jit = jit_new(&o, d);
        FtcKernelFn *f;
        assert_true(jit_compile(jit, &k, 1, &f));
        _Alignas(64) uint16_t want[SPLIT_PARTS * 2 * 32], got[SPLIT_PARTS * 2 * 32]; /* lines, as the arena has */
        int64_t sizes[] = { N, SPLIT_PARTS * 2 * 32 }, sym[FTC_SYMBOLS] = { 1, 1, N, 1, 1 };
        void *bufs[] = { (void *)wild, want }, *own[] = { (void *)wild, got };
        kernel_interpret(k, bufs, sizes, sym, NULL);
        f(&(FtcKernelArgs){ own, sym, NULL }, 0);
        for (int i = 0; i < SPLIT_PARTS * 2 * 32; i++) /* a NaN's bits are its own */
            assert_true(want[i] == got[i] || ((want[i] & 0x7FFF) > 0x7F80 && (got[i] & 0x7FFF) > 0x7F80));
        for (int i = 0; i < N; i++)
            for (int p = 1; p < SPLIT_PARTS; p++)
                assert_true((got[p * 2 * 32 + 2 * i] & 0x7F80) != 0x7F80);
        jit_free(jit);
    }
    ftc_diag_free(d);
    arena_free(a);
}

/* Matrix registers are for processors that have them; the choice is part of an object's name. */
static void test_matrix_registers(void **state)
{
    (void)state;
    static const struct { const char *cpu; bool no_amx, has; } cases[] = {
        { "sapphirerapids", false, true }, { "sapphirerapids", true, false }, { "znver4", false, false }, { "x86-64-v4", false, false },
    };
    FtcDiag *d = ftc_diag_new(stderr);
    Arena *a = arena_new();
    Kernel *k = kernel_parse(a, "test", text, strlen(text), d);
    assert_non_null(k);
#ifdef __x86_64__
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *ir = emit_text(&(CodegenOptions){ .level = 2, .cpu = cases[i].cpu, .no_amx = cases[i].no_amx }, TEXT_LLVM, &k, 1, d);
        assert_non_null(ir);
        assert_int_equal(strstr(ir, "@llvm.x86.tdpbf16ps") != NULL, cases[i].has);
        free(ir);
    }
#else
    (void)cases;
#endif
    ftc_diag_free(d);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_layouts), cmocka_unit_test(test_stand_in), cmocka_unit_test(test_same_bits),
                                        cmocka_unit_test(test_split), cmocka_unit_test(test_split_wild),
                                        cmocka_unit_test(test_matrix_registers) };
    return cmocka_run_group_tests(tests, make_guards, NULL);
}
