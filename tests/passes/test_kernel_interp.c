/* The kernel interpreter against numbers worked out by hand, pieces in any order; and what it says about kernels that
 * step outside their buffers. */
#include "tests/support/kernel_files.h"

#include "compiler/ops/ops.h"

#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Symbols in the order T, B, L, C, V, U. */
typedef struct {
    const int64_t *sym;
    const int32_t *imms;
    void *const *bufs;
    const int64_t *sizes;
} Call;

/* All pieces, the last first: they are independent. */
static void run_text(const char *text, const Call *c)
{
    Arena *a = arena_new();
    Kernel *k = parse_kernel(a, text);
    for (int64_t piece = kernel_pieces(k, c->sym); piece-- > 0;)
        kernel_interpret_piece(k, piece, c->bufs, c->sizes, c->sym, c->imms);
    arena_free(a);
}

static void run_file(const char *name, const Call *c)
{
    Arena *a = arena_new();
    run_text(read_kernel_file(a, name), c);
    arena_free(a);
}

static void assert_floats(const float *is, const float *want, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!(fabsf(is[i] - want[i]) <= 2e-7f * fabsf(want[i])))
            fail_msg("[%d] is %.9g, not %.9g", (int)i, is[i], want[i]);
}

/* ---- the kernels ---------------------------------------------------------------------------------------------- */

static void test_saxpy(void **state)
{
    (void)state;
    float x[21], y[21], want[21];
    for (int i = 0; i < 21; i++) {
        x[i] = (float)i - 10;
        y[i] = 0.5f * (float)i;
        want[i] = 3 * (float)i - 25; /* 2.5 (i - 10) + 0.5 i */
    }
    run_file("saxpy", &(Call){ (int64_t[N_SYMBOLS]){ 21, 0, 0, 0, 0 }, NULL, (void *[]){ x, y }, (int64_t[]){ 21, 21 } });
    assert_floats(y, want, 21);
}

static void test_layer_norm(void **state)
{
    (void)state;
    float x[] = { 1, 2, 3, 6, /**/ 5, 5, 5, 5, /**/ -1, 1, -1, 1 }, gamma[] = { 1, 2, 1, 1 }, beta[] = { 0, 0, 2, 0 }, y[12];
    /* row 0: mean 3, variance 3.5 */
    const float want[] = { -2 / sqrtf(3.5f), -2 / sqrtf(3.5f), 2, 3 / sqrtf(3.5f), /**/ 0, 0, 2, 0, /**/ -1, 2, 1, 1 };
    run_file("layer_norm", &(Call){ (int64_t[N_SYMBOLS]){ 3, 0, 0, 0, 0 }, NULL, (void *[]){ x, gamma, beta, y, NULL },
                                    (int64_t[]){ 12, 4, 4, 12, 0 } });
    assert_floats(y, want, 12);
}

static void test_ragged_softmax(void **state)
{
    (void)state;
    int32_t start[] = { 0, 1, 3, 3, 6 }, square[] = { 0, 1, 5, 5 };
    float ln2 = logf(2), ln3 = logf(3), y[14];
    float x[] = { -7, /**/ 0, ln3, 1000, 1000, /* an empty row */ 0, 0, ln2, -INFINITY, 0, ln3, 5, 5, 5 };
    const float third = 1 / 3.0f;
    const float want[] = { 1, /**/ 0.25f, 0.75f, 0.5f, 0.5f, /**/ 0.25f, 0.25f, 0.5f, 0, 0.25f, 0.75f, third, third, third };
    run_file("ragged_softmax", &(Call){ (int64_t[N_SYMBOLS]){ 6, 4, 3 }, NULL, (void *[]){ start, square, x, y },
                                        (int64_t[]){ 5, 4, 14, 14 } });
    assert_floats(y, want, 14);
}

static void test_column_sums(void **state)
{
    (void)state;
    float x[30], partial[12];
    for (int i = 0; i < 30; i++)
        x[i] = (float)(i / 6 * 10 + i % 6);
    const float want[] = { 60, 64, 68, 72, 76, 80, /**/ 40, 41, 42, 43, 44, 45 };
    run_file("column_sums", &(Call){ (int64_t[N_SYMBOLS]){ 5, 0, 0, 0, 0 }, NULL, (void *[]){ x, partial }, (int64_t[]){ 30, 12 } });
    assert_floats(partial, want, 12);
}

static void test_dot_panel(void **state)
{
    (void)state;
    float x[] = { 1, 2, 3, 4, 5, 6 }, w[] = { 1, 0, 0, 1, 1, 1 }, b[] = { 10, 20, 30 }, y[9], g[12];
    for (int i = 0; i < 12; i++)
        g[i] = i < 6 ? 100 : 0;
    const float want_y[] = { 11, 22, 33, 13, 24, 37, 15, 26, 41 };
    const float want_g[] = { 110, 114, 114, 120, 124, 134, /**/ 25, 30, 30, 36, 55, 66 };
    run_file("dot_panel", &(Call){ (int64_t[N_SYMBOLS]){ 3, 0, 0, 0, 0 }, NULL, (void *[]){ x, w, b, y, g }, (int64_t[]){ 6, 6, 3, 9, 12 } });
    assert_floats(y, want_y, 9);
    assert_floats(g, want_g, 12);
}

static void test_pack_pieces(void **state)
{
    (void)state;
    enum { ROWS = 7 };
    float x[ROWS * 20], p[ROWS * 32], want[ROWS * 32] = { 0 };
    for (int t = 0; t < ROWS; t++)
        for (int j = 0; j < 20; j++)
            want[(j / 16 * ROWS + t) * 16 + j % 16] = x[20 * t + j] = (float)(100 * t + j + 1);
    run_file("pack_pieces", &(Call){ (int64_t[N_SYMBOLS]){ ROWS, 0, 0, 0, 0, 0 }, NULL, (void *[]){ x, p }, (int64_t[]){ ROWS * 20, ROWS * 32 } });
    assert_floats(p, want, ROWS * 32);
}

static void test_packed_dot(void **state)
{
    (void)state;
    float x[] = { 1, 2, 3, 4 }, w[4 + 64] = { 0 }, y[34], want[34];
    for (int k = 0; k < 2; k++)
        for (int j = 0; j < 17; j++) {
            w[4 + (j < 16 ? 16 * k + j : 32 + 16 * k)] = (float)(100 * k + j);
            for (int i = 0; i < 2; i++)
                want[17 * i + j] = (k ? want[17 * i + j] : 0) + 2 * x[2 * i + k] * (float)(100 * k + j);
        }
    run_file("packed_dot", &(Call){ (int64_t[N_SYMBOLS]){ 2, 0, 0, 0, 0 }, NULL, (void *[]){ x, w, y }, (int64_t[]){ 4, 68, 34 } });
    assert_floats(y, want, 34);
}

static void test_embedding(void **state)
{
    (void)state;
    int32_t ids[] = { 2, 0, 2 }, count[] = { 0, 5, 2 };
    uint16_t table[] = { 0x3F80, 0xC000, 0x0000, /* 1, -2, 0 */ 0, 0, 0, 0x3F81, 0x4040, 0x4100 /* 1.0078125, 3, 8 */ }, half[9];
    float y[9];
    uint8_t differs[3];
    run_file("embedding", &(Call){ (int64_t[N_SYMBOLS]){ 3, 0, 0, 0, 3 }, NULL, (void *[]){ ids, table, y, half, count, differs },
                                   (int64_t[]){ 3, 9, 9, 9, 3, 3 } });
    const float want[] = { 1.011749267578125f, 3.01171875f, 8.03125f, /**/ 1.00390625f, -2.0078125f, 0,
                           /**/ 1.011749267578125f, 3.01171875f, 8.03125f };
    assert_floats(y, want, 9);
    const uint16_t want_half[] = { 0x3F82, 0x4041, 0x4100, /**/ 0x3F80, 0xC000, 0, /**/ 0x3F82, 0x4041, 0x4100 };
    assert_memory_equal(half, want_half, sizeof half);
    assert_memory_equal(count, ((int32_t[]){ 1, 5, 4 }), sizeof count);
    assert_memory_equal(differs, ((uint8_t[]){ 0, 0, 1 }), sizeof differs);
}

static void test_dropout(void **state)
{
    (void)state;
    int32_t seed = -5, step = 17, rows[] = { 3, 90000 };
    float x[400], y[400], want[400];
    for (int i = 0; i < 400; i++)
        x[i] = 1 + (float)i;
    int kept = 0;
    for (uint32_t i = 0; i < 400; i++) {
        uint32_t row = (uint32_t)rows[i / 200], col = i % 200;
        bool keep = rand_bits16((uint32_t)seed, 8, 17, row, 128 + col) < 49152 &&
                    rand_bits16((uint32_t)seed, 7, 17, row, col) < 49152;
        kept += keep;
        want[i] = keep ? x[i] * 1.3333334f : 0;
    }
    assert_in_range(kept, 150, 300);
    run_file("dropout", &(Call){ (int64_t[N_SYMBOLS]){ 0, 2, 0, 2 }, (int32_t[]){ 7, 8 }, (void *[]){ &seed, &step, rows, x, y },
                                 (int64_t[]){ 1, 1, 2, 400, 400 } });
    assert_floats(y, want, 400);
}

static void test_indices(void **state)
{
    (void)state;
    /* B = 3, C = 2: r is 3 and 5, h is 0 and 1; digits q, m, l as the kernel says, with C + 1 = 3 */
    int32_t y[30], want[30];
    float z[36];
    memset(y, 0x55, sizeof y);
    memset(want, 0x55, sizeof want);
    for (int r = 3; r < 7; r += 2)
        for (int h = 0; h < 2; h++)
            for (int i = 0; i < 5; i++)
                want[5 * (2 * (r - 3) + h) + i] = (7 * h + i) / 3 * 100 + (7 * h + i) % 3 * 10 + (i < h ? i : h);
    run_file("indices", &(Call){ (int64_t[N_SYMBOLS]){ 0, 3, 1, 2 }, NULL, (void *[]){ y, z, NULL }, (int64_t[]){ 30, 36, 0 } });
    assert_memory_equal(y, want, sizeof y);
    assert_int_equal(y[26], 221); /* r = 5, h = 1, i = 1: 8 / 3, 8 % 3, min(1, 1) */
    for (int at = 0; at < 6; at += at == 1 ? 3 : 1) {
        assert_true(z[6 * at] == 0.1f && z[6 * at + 1] == -INFINITY && isnan(z[6 * at + 2]));
        assert_true(z[6 * at + 3] == -1.17549435e-38f && z[6 * at + 4] == -2147483648.0f);
        assert_true(z[6 * at + 5] == 0 && signbit(z[6 * at + 5]));
    }
}

/* ---- single rules --------------------------------------------------------------------------------------------- */

static void test_bf16_rounds_to_even(void **state)
{
    (void)state;
    float x[] = { 1.00390625f, 1.01171875f, -1.01171875f, 1.003907f, 3.4028235e38f, INFINITY, 1e-40f, NAN };
    uint16_t y[8];
    run_text("kernel @k(in f32 %x, out bf16 %y) { vec %i = 0 .. 8 { let %a = load %x[%i] store %y[%i] = %a } }",
             &(Call){ (int64_t[N_SYMBOLS]){ 0 }, NULL, (void *[]){ x, y }, (int64_t[]){ 8, 8 } });
    /* 1e-40 is 71362 units of the last place of an f32, 1.0889 of 65536 */
    const uint16_t want[] = { 0x3F80, 0x3F82, 0xBF82, 0x3F81, 0x7F80, 0x7F80, 0x0001 };
    assert_memory_equal(y, want, sizeof want);
    assert_true((y[7] & 0x7F80) == 0x7F80 && (y[7] & 0x7F));
}

static void test_integers_wrap_and_casts_saturate(void **state)
{
    (void)state;
    int32_t x[] = { INT32_MAX, INT32_MIN, 65537, 5 }, y[4 * 4 + 3];
    float f[] = { 2.9f, -2.9f, 3e9f, NAN };
    run_text("kernel @k(in i32 %x, in f32 %f, out i32 %y) {\n"
             "  acc %sum = add i32  acc %most = max i32  acc %top = max i32  let %big = const 2147483647 i32\n"
             "  vec %i = 0 .. 4 {\n"
             "    let %a = load %x[%i]  let %b = add %a, %a  store %y[%i] = %b\n"
             "    let %c = mul %a, %a  store %y[%i + 4] = %c\n"
             "    let %n = neg %a  store %y[%i + 8] = %n\n"
             "    let %g = load %f[%i]  let %t = cast %g i32  store %y[%i + 12] = %t\n"
             "    reduce %sum, %big  let %small = sub %n, %big  reduce %most, %small  reduce %top, %n\n"
             "  }\n"
             "  store %y[16] = %sum  store %y[17] = %most  store %y[18] = %top\n"
             "}", &(Call){ (int64_t[N_SYMBOLS]){ 0 }, NULL, (void *[]){ x, f, y }, (int64_t[]){ 4, 4, 19 } });
    const int32_t want[] = { -2, 0, 131074, 10, /**/ 1, 0, 131073, 25, /**/ -INT32_MAX, INT32_MIN, -65537, -5,
                             /**/ 2, -2, INT32_MAX, 0, /**/ -4,
                             -5 - (int64_t)INT32_MAX + (INT64_C(1) << 32), -5 };
    assert_memory_equal(y, want, sizeof y);
}

static void test_empty(void **state)
{
    (void)state;
    float y[] = { 1, 2, 3 };
    Call c = { (int64_t[N_SYMBOLS]){ 0 }, NULL, (void *[]){ y }, (int64_t[]){ 3 } };
    run_text("kernel @k(out f32 %y) { par %t = 0 .. T par %u = 0 .. 5 let %a = const 9 f32 store %y[%t] = %a }", &c);
    assert_true(y[0] == 1);
    run_text("kernel @k(out f32 %y) {\n"
             "  acc %s = add f32 acc %m = max f32\n"
             "  vec %j = 0 .. T { let %a = const 9 f32 reduce %s, %a reduce %m, %a }\n"
             "  store %y[0] = %s store %y[1] = %m dot %y[2 + i + j] = %y[i + k] * %y[k + j], i < 1, j < 1, k < T\n"
             "}", &c);
    assert_true(y[0] == 0 && y[1] == -INFINITY && y[2] == 0);
}

/* kernel_interpret is all pieces, in order. */
static void test_whole(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Kernel *k = parse_kernel(a, "kernel @k(inout i32 %n, out i32 %y) {\n  par %i = 0 .. B\n  par %j = 2 .. 7 step 2\n"
                                "  index %c = read %n[0]\n  index %v = 10*%i + %j\n  let %a = index %v\n  store %y[%c] = %a\n"
                                "  let %b = index %c + 1\n  store %n[0] = %b\n}");
    int32_t n = 0, y[6];
    const int64_t sym[N_SYMBOLS] = { 0, 2 };
    assert_int_equal(kernel_pieces(k, sym), 6);
    kernel_interpret(k, (void *[]){ &n, y }, (int64_t[]){ 1, 6 }, sym, NULL);
    assert_memory_equal(y, ((int32_t[]){ 2, 4, 6, 12, 14, 16 }), sizeof y);
    arena_free(a);
}

/* ---- bugs ----------------------------------------------------------------------------------------------------- */

/* What a child says before it dies of its bug. */
static void expect_bug(const char *text, const char *said)
{
    int ends[2];
    char out[2048];
    size_t n = 0;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], 2);
        float x[8] = { 0 }, y[8];
        int32_t id[] = { 8, -1 };
        run_text(text, &(Call){ (int64_t[N_SYMBOLS]){ 4, 2, 0, 0, 0 }, NULL, (void *[]){ x, id, y, NULL }, (int64_t[]){ 8, 2, 8, 0 } });
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t got; n < sizeof out - 1 && (got = read(ends[0], out + n, sizeof out - 1 - n)) > 0;)
        n += (size_t)got;
    out[n] = '\0';
    close(ends[0]);
    int status;
    waitpid(child, &status, 0);
    if (!WIFSIGNALED(status) || !strstr(out, said))
        fail_msg("expected '%s', got '%s'", said, out);
}

static void test_bugs(void **state)
{
    (void)state;
#define HEAD "kernel @k(in f32 %x, in i32 %id, out f32 %y, scratch f32 %d[T]) { par %t = 0 .. T "
    expect_bug(HEAD "let %a = load %x[4*%t] store %y[%t] = %a }", "kernel @k: let %a = load %x[4*%t]: element 12 of 8 in %x");
    expect_bug(HEAD "let %a = const 1 f32 store %y[%t - 3] = %a }", "kernel @k: store %y[%t - 3] = %a: element -1 of 8 in %y");
    expect_bug(HEAD "let %a = const 1 f32 store %d[%t + 1] = %a }", "kernel @k: store %d[%t + 1] = %a: element 4 of 4 in %d");
    expect_bug(HEAD "index %i = read %id[0] let %a = load %x[%i] }", "element 8 of 8 in %x");
    expect_bug(HEAD "dot %y[2*i + j] = %x[2*i + k] * %x[2*k + j], i < 5, j < 2, k < 1 }",
               "dot %y[2*i + j] = %x[2*i + k] * %x[2*k + j], i < 5, j < 2, k < 1: element 8 of 8 in %x");
    expect_bug(HEAD "index %i = div(%t, T - 4) }", "index %i = div(%t, T - 4): operands 3 and 0");
    expect_bug(HEAD "index %i = min(%t - 4, T) }", "index %i = min(%t - 4, T): operands -1 and 4");
}

/* Scratch holds NaN at first, in every piece. */
static void test_unwritten_scratch(void **state)
{
    (void)state;
    float y[] = { 0, 0 };
    run_text("kernel @k(out f32 %y, scratch f32 %d[1]) { par %i = 0 .. 2 let %a = load %d[0] store %y[%i] = %a\n"
             "let %b = const 1 f32 store %d[0] = %b }",
             &(Call){ (int64_t[N_SYMBOLS]){ 0 }, NULL, (void *[]){ y, NULL }, (int64_t[]){ 2, 0 } });
    assert_true(isnan(y[0]) && isnan(y[1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_saxpy), cmocka_unit_test(test_layer_norm), cmocka_unit_test(test_ragged_softmax),
        cmocka_unit_test(test_column_sums), cmocka_unit_test(test_dot_panel), cmocka_unit_test(test_packed_dot), cmocka_unit_test(test_pack_pieces),
        cmocka_unit_test(test_embedding), cmocka_unit_test(test_dropout), cmocka_unit_test(test_indices), cmocka_unit_test(test_bf16_rounds_to_even),
        cmocka_unit_test(test_integers_wrap_and_casts_saturate), cmocka_unit_test(test_empty), cmocka_unit_test(test_whole),
        cmocka_unit_test(test_bugs), cmocka_unit_test(test_unwritten_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
