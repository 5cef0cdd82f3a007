/* Compiled kernels against the interpreter, on the same memory, at every width.  Each buffer ends at an unmapped page, and
 * all of its bytes are compared, so a lane too many shows.  Sizes are primes, 1, and around the vector lengths. */
#include "tests/support/testing.h"

#include "compiler/ops/ops.h"
#include "tests/codegen/widths.h"

#include <float.h>
#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

/* sizes: elements of each parameter, as products of numbers and symbols, comma-separated; R is B + 1.
 * text: or @NAME, a file of tests/passes/kernels.
 * What a buffer holds goes by its name: "row_start", "id.." numbers below V, "bits.." any i32. */
typedef struct {
    const char *name, *text, *sizes;
    double tolerance; /* of f32: absolute, and relative above 1; 0: the interpreter's double rounded once */
} Case;

static const Case cases[] = {
    { "chain",
      "kernel @chain(in f32 %x, in f32 %y, out f32 %z) { vec %i = 0 .. T {"
      " let %a = load %x[%i] let %b = load %y[%i] let %c = const 0.3 f32 let %d = mul %a, %b let %e = add %d, %c"
      " let %f = sub %e, %a let %g = div %f, %c let %h = neg %g let %k = abs %h let %l = sqrt %k let %m = rsqrt %k"
      " let %n = max %l, %m let %o = min %n, %b store %z[%i] = %o } }",
      "T,T,T", 2e-5 },
    { "transcendental",
      "kernel @transcendental(in f32 %x, out f32 %z) { vec %i = 0 .. T {"
      " let %a = load %x[%i] let %b = exp %a let %c = tanh %a let %d = erf %c let %e = log %b let %f = add %d, %e"
      " store %z[%i] = %f } }",
      "T,T", 2e-6 },
    { "constant_length",
      "kernel @constant_length(in f32 %x, out f32 %z) { for %t = 0 .. T { vec %i = 0 .. 24 {"
      " let %a = load %x[24*%t + %i] let %b = add %a, %a store %z[24*%t + %i] = %b }"
      " vec %j = 0 .. 5 { let %c = load %z[24*%t + %j] let %d = neg %c store %z[24*%t + %j] = %d } } }",
      "T*24,T*24", 0 },
    { "strides",
      "kernel @strides(in f32 %x, in bf16 %h, in bool %m, in i32 %n, out f32 %z, out bf16 %y, out bool %p, out i32 %q) {"
      " vec %i = 0 .. T { let %a = load %x[3*%i + 1] let %b = load %h[2*%i] let %c = load %m[3*%i] let %d = load %n[2*%i + 1]"
      " let %e = add %a, %b store %z[2*%i] = %e store %y[3*%i + 2] = %e store %p[2*%i] = %c store %q[2*%i + 1] = %d } }",
      "T*3,T*2,T*3,T*2,T*2,T*3,T*2,T*2", 0 },
    { "backwards",
      "kernel @backwards(in f32 %x, out f32 %z) { vec %i = 0 .. T { let %a = load %x[T - 1 - %i] store %z[%i] = %a } }",
      "T,T", 0 },
    { "transpose",
      "kernel @transpose(in f32 %x, out f32 %z, out bf16 %w) { for %i = 0 .. T { vec %j = 0 .. L {"
      " let %a = load %x[L*%i + %j] store %z[T*%j + %i] = %a store %w[T*%j + %i] = %a } } }",
      "T*L,T*L,T*L", 0 },
    { "row_sums",
      "kernel @row_sums(in f32 %x, out f32 %s, out f32 %m, out i32 %n) { par %p = 0 .. T step 4 index %end = min(%p + 4, T)"
      " for %t = %p .. %end { acc %sum = add f32 acc %most = max f32 acc %count = add i32"
      " vec %j = 0 .. L { let %a = load %x[L*%t + %j] reduce %sum, %a reduce %most, %a let %k = cast %a i32 reduce %count, %k }"
      " let %c = const 0.25 f32 let %d = mul %sum, %c store %s[%t] = %d store %m[%t] = %most store %n[%t] = %count } }",
      "T*L,T,T,T", 2e-5 },
    { "sum_of_squares",
      "kernel @sum_of_squares(in f32 %x, out f32 %s) { acc %sum = add f32 for %t = 0 .. B { vec %j = 0 .. 67 {"
      " let %a = load %x[67*%t + %j] let %b = mul %a, %a reduce %sum, %b } } store %s[0] = %sum }",
      "B*67,1", 1e-3 },
    { "column_sums",
      "kernel @column_sums(in f32 %x, out f32 %s, out i32 %n) { vec %j = 0 .. L { acc %sum = add f32 acc %most = max i32"
      " for %t = 0 .. T { let %a = load %x[L*%t + %j] reduce %sum, %a let %b = cast %a i32 reduce %most, %b }"
      " store %s[%j] = %sum store %n[%j] = %most } }",
      "T*L,L,L", 5e-5 },
    { "sum_in_vec_with_for",
      "kernel @sum_in_vec_with_for(in f32 %x, out f32 %s) { acc %sum = add f32 vec %j = 0 .. L { for %t = 0 .. 3 {"
      " let %a = load %x[L*%t + %j] reduce %sum, %a } } store %s[0] = %sum }",
      "L*3,1", 2e-5 },
    { "split_index",
      "kernel @split_index(in f32 %x, in f32 %b, in f32 %r, out f32 %z, out i32 %q) { vec %i = 0 .. 24*T {"
      " index %t = div(%i, 24) index %j = mod(%i, 24) let %a = load %x[%i] let %c = load %b[%j] let %d = load %r[%t]"
      " let %e = add %a, %c let %f = mul %e, %d store %z[T*%j + %t] = %f let %n = index %t + %j store %q[%i] = %n } }",
      "T*24,24,T,T*24,T*24", 1e-6 },
    { "split_aligned",
      "kernel @split_aligned(in f32 %b, in f32 %r, out f32 %z, out i32 %q) { vec %i = 0 .. 32*T {"
      " index %t = div(%i, 32) index %j = mod(%i, 32) let %c = load %b[%j] let %d = load %r[%t]"
      " let %f = mul %c, %d store %z[32*%t + %j] = %f let %n = index 3*%t + 2*%j store %q[%i] = %n } }",
      "32,T,T*32,T*32", 0 },
    { "split_by_symbol",
      "kernel @split_by_symbol(in f32 %b, out f32 %z) { vec %i = 0 .. L*T {"
      " index %t = div(%i, L) index %j = mod(%i, L) index %m = min(%j, %t) let %c = load %b[%m] store %z[T*%j + %t] = %c } }",
      "L,T*L", 0 },
    { "gather_rows",
      "kernel @gather_rows(in i32 %ids, in f32 %table, out f32 %z) { for %t = 0 .. T { index %id = read %ids[%t]"
      " vec %j = 0 .. 19 { let %a = load %table[19*%id + %j] store %z[19*%t + %j] = %a } } }",
      "T,V*19,T*19", 0 },
    { "gather_lanes",
      "kernel @gather_lanes(in i32 %ids, in f32 %table, in bool %flags, in bf16 %half, out f32 %z, out bool %f) {"
      " vec %t = 0 .. T { index %id = read %ids[%t]"
      " let %a = load %table[19*%id + 3] let %b = load %half[%id] let %c = add %a, %b store %z[%t] = %c"
      " let %d = load %flags[%id] store %f[%t] = %d } }",
      "T,V*19,V,V,T,T", 0 },
    { "ragged_rows",
      "kernel @ragged_rows(in i32 %row_start, in f32 %x, out f32 %s) { par %b = 0 .. B step 1 index %from = read %row_start[%b]"
      " index %to = read %row_start[%b + 1] vec %j = 0 .. L { acc %sum = add f32"
      " for %t = %from .. %to { let %a = load %x[L*%t + %j] reduce %sum, %a } store %s[L*%b + %j] = %sum } }",
      "R,T*L,B*L", 5e-5 },
    { "ragged_softmax",
      "kernel @ragged_softmax(in i32 %row_start, in f32 %x, out f32 %y, scratch f32 %e[T]) { par %b = 0 .. B step 1"
      " index %from = read %row_start[%b] index %to = read %row_start[%b + 1]"
      " acc %m = max f32 vec %i = 0 .. %to - %from { let %a = load %x[%from + %i] reduce %m, %a }"
      " acc %s = add f32 vec %j = 0 .. %to - %from { let %c = load %x[%from + %j] let %d = sub %c, %m let %f = exp %d"
      " store %e[%j] = %f reduce %s, %f }"
      " vec %k = 0 .. %to - %from { let %g = load %e[%k] let %h = div %g, %s store %y[%from + %k] = %h } }",
      "R,T,T,T", 1e-6 },
    { "integers",
      "kernel @integers(in i32 %bits_a, in i32 %bits_b, out i32 %z, out bool %p, out i32 %q, out f32 %r) { vec %i = 0 .. T {"
      " let %a = load %bits_a[%i] let %b = load %bits_b[%i] let %c = mul %a, %b let %d = add %c, %a let %e = sub %d, %b"
      " let %f = neg %e store %z[%i] = %f let %l = lt %a, %b let %m = le %c, %a let %n = eq %a, %b let %o = not %n"
      " let %s = and %l, %o store %p[%i] = %s let %t = select %m, %a, %b let %u = max %t, %e let %v = min %u, %a"
      " store %q[%i] = %v let %w = cast %v f32 let %x = cast %s f32 let %y = add %w, %x store %r[%i] = %y } }",
      "T,T,T,T,T,T", 300 },
    { "casts",
      "kernel @casts(in f32 %wild, out i32 %z, out bool %b, out i32 %n) { vec %i = 0 .. T { let %a = load %wild[%i]"
      " let %c = cast %a i32 store %z[%i] = %c let %d = cast %a bool store %b[%i] = %d let %e = cast %d i32"
      " store %n[%i] = %e } }",
      "T,T,T,T", 0 },
    { "extremes",
      "kernel @extremes(in f32 %wild, in f32 %x, out f32 %a, out f32 %b, out f32 %c, out f32 %d, out f32 %m) {"
      " acc %most = max f32 vec %i = 0 .. T { let %w = load %wild[%i] let %v = load %x[%i] let %e = max %w, %v"
      " store %a[%i] = %e let %f = max %v, %w store %b[%i] = %f let %g = min %w, %v store %c[%i] = %g let %h = min %v, %w"
      " store %d[%i] = %h reduce %most, %w } store %m[0] = %most }",
      "T,T,T,T,T,T,1", 0 },
    { "bf16_rounding",
      "kernel @bf16_rounding(in f32 %wild, in bf16 %h, out bf16 %z, inout bf16 %y) { vec %i = 0 .. T { let %a = load %wild[%i]"
      " store %z[%i] = %a let %b = load %h[%i] let %c = load %y[%i] let %d = add %b, %c store %y[%i] = %d } }",
      "T,T,T,T", 0 },
    { "scalars",
      "kernel @scalars(in f32 %x, out f32 %z, out bool %p) { let %a = load %x[0] let %b = exp %a let %c = const 1 f32"
      " let %d = lt %b, %c store %p[0] = %d let %e = select %d, %a, %c store %z[0] = %e"
      " vec %i = 0 .. 1 { let %f = load %x[%i] store %z[1] = %f } }",
      "1,2,1", 1e-6 },
    { "three_pars",
      "kernel @three_pars(in f32 %x, out f32 %z) { par %a = 0 .. T step 5 par %b = 1 .. L step 3 par %c = 0 .. 7 step 2"
      " index %ta = min(%a + 5, T) index %tb = min(%b + 3, L) index %tc = min(%c + 2, 7)"
      " for %i = %a .. %ta { for %j = %b .. %tb { vec %k = 0 .. %tc - %c {"
      " let %v = load %x[7*L*%i + 7*%j + %c + %k] store %z[7*L*%i + 7*%j + %c + %k] = %v } } } }",
      "T*L*7,T*L*7", 0 },
    { "rand_columns",
      "kernel @rand_columns(in i32 %bits_row, out i32 %z) { let %seed = const 42 i32 let %step = const -7 i32"
      " for %t = 0 .. B { let %row = load %bits_row[%t] vec %j = 0 .. T {"
      " let %r = rand site 0, seed %seed, step %step, row %row, column %j store %z[T*%t + %j] = %r } } }",
      "B,T*B", 0 },
    { "rand_slices",
      "kernel @rand_slices(out i32 %z, out i32 %y, out i32 %x) { let %seed = const 42 i32 let %step = const 3 i32 vec %j = 0 .. T {"
      " let %row = const 5 i32 let %r = rand site 1, seed %seed, step %step, row %row, column 384*B + %j"
      " store %z[%j] = %r let %s = rand site 1, seed %seed, step %step, row %row, column 48 + %j store %y[%j] = %s"
      " let %t = rand site 0, seed %seed, step %step, row %row, column L + %j store %x[%j] = %t } }",
      "T,T,T", 0 },
    { "rand_flat",
      "kernel @rand_flat(out i32 %z, out i32 %y) { let %seed = const 42 i32 let %step = const 3 i32 vec %i = 0 .. 40*T {"
      " index %t = div(%i, 40) index %j = mod(%i, 40) let %row = index %t"
      " let %r = rand site 1, seed %seed, step %step, row %row, column %j store %z[%i] = %r"
      " let %s = rand site 0, seed %seed, step %step, row %row, column 77 store %y[%i] = %s } }",
      "T*40,T*40", 0 },
    { "rand_aligned_flat",
      "kernel @rand_aligned_flat(out i32 %z) { let %seed = const 42 i32 let %step = const 3 i32 vec %i = 0 .. 64*T {"
      " index %t = div(%i, 64) index %j = mod(%i, 64) let %row = index %t"
      " let %r = rand site 1, seed %seed, step %step, row %row, column %j store %z[%i] = %r } }",
      "T*64", 0 },
    { "rand_in_for",
      "kernel @rand_in_for(out i32 %z, out i32 %y) { let %seed = const 42 i32 let %step = const 3 i32 let %one = const 1 i32"
      " vec %i = 0 .. T { for %k = 0 .. 3 { let %r = rand site 1, seed %seed, step %step, row %seed, column 64*%k + %i"
      " store %z[T*%k + %i] = %r } }"
      " for %m = 0 .. 5 { let %s = rand site 0, seed %one, step %step, row %seed, column 31*%m store %y[%m] = %s } }",
      "T*3,5", 0 },
    { "rand_uneven",
      "kernel @rand_uneven(out i32 %z) { let %seed = const 42 i32 let %step = const 3 i32 vec %i = 0 .. T { index %d = div(%i, 24)"
      " let %r = rand site 1, seed %seed, step %step, row %step, column %i + 5*%d store %z[%i] = %r } }",
      "T", 0 },
    { "dropout",
      "kernel @dropout(in f32 %x, out f32 %z) { par %p = 0 .. B step 1 let %seed = const 9 i32 let %step = const 1 i32"
      " let %scale = const 1.25 f32 let %zero = const 0 f32 let %cut = const 13107 i32 vec %j = 0 .. T { let %row = index %p"
      " let %r = rand site 0, seed %seed, step %step, row %row, column %j let %keep = le %cut, %r let %a = load %x[T*%p + %j]"
      " let %b = mul %a, %scale let %c = select %keep, %b, %zero store %z[T*%p + %j] = %c } }",
      "T*B,T*B", 0 },
    { "saxpy", "@saxpy", "T,T", 1e-6 },
    { "layer_norm", "@layer_norm", "T*4,4,4,T*4,4", 1e-4 },
    { "column_sums", "@column_sums", "T*6,T*6", 2e-5 },
    { "embedding", "@embedding", "T,V*3,T*3,T*3,V,T", 0 },
    { "indices", "@indices", "R*C*5,R*C*6,1", 0 },
    { "dropout_file", "@dropout", "1,1,B,B*200,B*200", 1e-6 },
    { "pack_pieces", "@pack_pieces", "T*20,T*32", 0 },
    { "pack_rounded",
      "kernel @pack_rounded(in f32 %x, out bf16 %p, out bf16 %q) { par %t = 0 .. T"
      " pack packed 32 %p[2304*%t] = %x[1155*%t + 33*k + j], j < 33, k < 35"
      " pack packed 32 %q[2304*%t] = %x[1155*%t + 35*j + k], j < 33, k < 35 }",
      "T*1155,T*2304,T*2304", 0 },
    { "pack_pairs",
      "kernel @pack_pairs(in bf16 %x, out bf16 %p) { par %t = 0 .. 2*T step 4 index %end = min(%t + 4, 2*T)"
      " pack packed 16 %p[16*%t] = %x[20*%t + 20*k + j], j < 20, k < %end - %t of 2*T }",
      "T*40,T*64", 0 },
};
enum { N_CASES = sizeof cases / sizeof *cases };

/* ---- memory that ends at a fence ------------------------------------------------------------------------------- */

typedef struct {
    char *map, *data;
    size_t mapped, bytes;
} Fenced;

static Fenced fenced_new(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (bytes + page - 1) / page * page;
    Fenced f = { .mapped = body + 2 * page, .bytes = bytes };
    f.map = mmap(NULL, f.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(f.map != MAP_FAILED);
    if (body)
        assert_int_equal(mprotect(f.map + page, body, PROT_READ | PROT_WRITE), 0);
    f.data = f.map + page + body - bytes;
    return f;
}

static uint32_t state_ = 1;
static uint32_t next_random(void)
{
    state_ = state_ * 1664525u + 1013904223u;
    return state_ ^ state_ >> 15;
}

static const float strange[] = { 0, -0.0f, NAN, INFINITY, -INFINITY, 1e-42f, 3e38f, -3e38f, 2147483648.f, -2147483904.f, 0.99f, -1.5f,
                                 1.00390625f, 1.01171875f, 3.4028235e38f };

static void fill(Fenced *f, const KParam *p, const int64_t *sym)
{
    int64_t n = (int64_t)(f->bytes / elem_size(p->elem));
    for (int64_t i = 0; i < n; i++) {
        float real = (float)(next_random() >> 8) / (1 << 22) - 2;
        if (!strncmp(p->name, "wild", 4) && next_random() % 3 == 0)
            real = strange[next_random() % (sizeof strange / sizeof *strange)];
        uint32_t u;
        memcpy(&u, &real, 4);
        if (isnan(real)) { /* its low bits may be all that makes it one, or all may be set */
            u = next_random() & 1 ? 0x7F800001 : 0xFFFFFFFF;
            memcpy(&real, &u, 4);
        }
        if (p->elem == F32)
            ((float *)f->data)[i] = real;
        else if (p->elem == BF16)
            ((uint16_t *)f->data)[i] = (uint16_t)(u >> 16);
        else if (p->elem == BOOL)
            ((uint8_t *)f->data)[i] = next_random() >> 9 & 1;
        else if (!strcmp(p->name, "row_start"))
            ((int32_t *)f->data)[i] = (int32_t)(i * sym[FTC_T] / sym[FTC_B]);
        else
            ((int32_t *)f->data)[i] = (int32_t)(!strncmp(p->name, "id", 2) ? next_random() % (uint32_t)sym[FTC_V] : next_random());
    }
}

/* "T*24,L": the size of parameter i */
static int64_t size_of(const char *sizes, int i, const int64_t *sym)
{
    for (; i; i--)
        sizes = strchr(sizes, ',') + 1;
    int64_t product = 1;
    for (;; sizes++) {
        char *end;
        if (*sizes >= '0' && *sizes <= '9') {
            product *= strtol(sizes, &end, 10);
            sizes = end;
        } else {
            product *= *sizes == 'R' ? sym[FTC_B] + 1 : sym[strchr("TBLCVUP", *sizes) - "TBLCVUP"];
            sizes++;
        }
        if (*sizes != '*')
            return product;
    }
}

/* ---- comparing -------------------------------------------------------------------------------------------------- */

static bool same(const Case *c, Elem elem, const char *want, const char *got)
{
    if (elem == F32) {
        float w, g;
        memcpy(&w, want, 4);
        memcpy(&g, got, 4);
        if (isnan(w) || isnan(g))
            return isnan(w) && isnan(g);
        return w == g || fabs((double)w - g) <= c->tolerance * fmax(1, fabs((double)w));
    }
    return !memcmp(want, got, elem_size(elem));
}

static void run_pieces(const Kernel *k, FtcKernelFn *f, void *const *bufs, const int64_t *sym, const int32_t *imms)
{
    for (int64_t piece = kernel_pieces(k, sym) - 1; piece >= 0; piece--)
        f(&(FtcKernelArgs){ bufs, sym, imms }, piece);
}

static void check(const Case *c, const Kernel *k, FtcKernelFn *const *f, int64_t t, int64_t b, int64_t l)
{
    static const int32_t imms[] = { 17, -23 };
    int64_t sym[FTC_SYMBOLS] = { t, b, l, 3, 29 };
    Fenced want[8], got[8], given[8];
    void *want_bufs[8], *got_bufs[8];
    int64_t sizes[8];
    state_ = (uint32_t)(t * 31 + b * 7 + l);
    for (int i = 0; i < k->n_params; i++) {
        sizes[i] = k->params[i].mode == PARAM_SCRATCH ? poly_eval_symbols(k->params[i].size, sym) : size_of(c->sizes, i, sym);
        size_t bytes = (size_t)sizes[i] * elem_size(k->params[i].elem);
        given[i] = fenced_new(bytes);
        want[i] = fenced_new(bytes);
        got[i] = fenced_new(bytes);
        fill(&given[i], &k->params[i], sym);
        memcpy(want[i].data, given[i].data, bytes);
        want_bufs[i] = want[i].data;
        got_bufs[i] = got[i].data;
    }
    for (int64_t piece = 0; piece < kernel_pieces(k, sym); piece++)
        kernel_interpret_piece(k, piece, want_bufs, sizes, sym, imms);
    for (int w = 0; w < N_WIDTHS; w++) {
        if (!f[w])
            continue;
        for (int i = 0; i < k->n_params; i++)
            memcpy(got[i].data, given[i].data, given[i].bytes);
        run_pieces(k, f[w], got_bufs, sym, imms);
        for (int i = 0; i < k->n_params; i++) {
            size_t step = elem_size(k->params[i].elem);
            if (k->params[i].mode == PARAM_SCRATCH)
                continue;
            for (size_t at = 0; at < given[i].bytes; at += step)
                if (!same(c, k->params[i].elem, want[i].data + at, got[i].data + at)) {
                    float x, y;
                    int32_t m = 0, n = 0;
                    memcpy(&x, want[i].data + at, step > 4 ? 4 : step), memcpy(&y, got[i].data + at, step);
                    memcpy(&m, want[i].data + at, step), memcpy(&n, got[i].data + at, step);
                    fail_msg("%s, %s %d bits -O%d, T=%d B=%d L=%d: %%%s[%d] is %d (%g), not %d (%g)", c->name, widths[w].cpu,
                             widths[w].bits, widths[w].level, (int)t, (int)b, (int)l, k->params[i].name, (int)(at / step), n,
                             (double)y, m, (double)x);
                }
        }
    }
    for (int i = 0; i < k->n_params; i++) {
        munmap(given[i].map, given[i].mapped);
        munmap(want[i].map, want[i].mapped);
        munmap(got[i].map, got[i].mapped);
    }
}

static void test_against_interpreter(void **state)
{
    (void)state;
    static const int64_t lengths[] = { 1, 2, 7, 8, 13, 16, 17, 31, 53, 64, 67, 129, 263 };
    enum { N_LENGTHS = sizeof lengths / sizeof *lengths };
    Arena *a = arena_new();
    FtcDiag *d = ftc_diag_new(stderr);
    Kernel *kernels[N_CASES];
    static FtcKernelFn *f[N_WIDTHS][N_CASES], *of_case[N_WIDTHS];
    Jit *jits[N_WIDTHS];
    for (int i = 0; i < N_CASES; i++) {
        char text[8192], path[64];
        snprintf(text, sizeof text, "%s", cases[i].text);
        if (*cases[i].text == '@') {
            snprintf(path, sizeof path, "tests/passes/kernels/%s.kir", cases[i].text + 1);
            FILE *f = fopen(source_path(path), "r");
            assert_non_null(f);
            text[fread(text, 1, sizeof text - 1, f)] = '\0';
            fclose(f);
        }
        kernels[i] = kernel_parse(a, cases[i].name, text, strlen(text), d);
        assert_non_null(kernels[i]);
        kernel_verify(kernels[i]);
    }
    for (int w = 0; w < N_WIDTHS; w++) {
        CodegenOptions o = width_options(&widths[w]);
        o.no_stream = w % 2;
        jits[w] = NULL;
        if (!host_runs(&widths[w]))
            continue;
        jits[w] = jit_new(&o, d);
        assert_true(jits[w] && jit_compile(jits[w], kernels, N_CASES, f[w]));
    }
    for (int i = 0; i < N_CASES; i++) {
        for (int w = 0; w < N_WIDTHS; w++)
            of_case[w] = f[w][i];
        for (int n = 0; n < N_LENGTHS; n++)
            check(&cases[i], kernels[i], of_case, lengths[n], lengths[(n * 5 + 1) % N_LENGTHS] % 17 + 1, lengths[(n * 7 + 3) % N_LENGTHS]);
    }
    for (int w = 0; w < N_WIDTHS; w++)
        jit_free(jits[w]);
    ftc_diag_free(d);
    arena_free(a);
}

/* Packed matrices go past the caches, unless they are not to. */
static void test_streams(void **state)
{
    (void)state;
    static const char text[] = "kernel @panels(in f32 %x, out f32 %p) { pack packed 32 %p[0] = %x[L*k + j], j < L, k < T }";
    Arena *a = arena_new();
    FtcDiag *d = ftc_diag_new(stderr);
    Kernel *k = kernel_parse(a, "test", text, sizeof text - 1, d);
    assert_non_null(k);
    for (int no_stream = 0; no_stream < 2; no_stream++) {
        char *ir = emit_text(&(CodegenOptions){ .level = 2, .cpu = "x86-64-v3", .no_stream = no_stream }, TEXT_LLVM, &k, 1, d);
        assert_non_null(ir);
        assert_int_equal(!strstr(ir, "!nontemporal"), no_stream);
        free(ir);
    }
    ftc_diag_free(d);
    arena_free(a);
}

/* A sum has the same bits whatever else its loop does, so that a value that is computed again is the same value; and
 * compiling, on several threads, adds nothing to the kernels' arena. */
static void test_sums_keep_their_bits(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "kernel @alone(in f32 %x, out f32 %s, out f32 %y) { acc %sum = add f32 vec %i = 0 .. T { let %a = load %x[%i] reduce %sum, %a }"
        " store %s[0] = %sum }",
        "kernel @with_exp(in f32 %x, out f32 %s, out f32 %y) { acc %sum = add f32 vec %i = 0 .. T { let %a = load %x[%i]"
        " reduce %sum, %a let %b = exp %a store %y[%i] = %b } store %s[0] = %sum }",
        "kernel @with_more(in f32 %x, out f32 %s, out f32 %y) { acc %sum = add f32 let %seed = const 1 i32 acc %other = max f32"
        " vec %i = 0 .. T { let %a = load %x[%i] let %r = rand site 0, seed %seed, step %seed, row %seed, column %i"
        " let %c = cast %r f32 let %b = erf %a let %d = mul %b, %c reduce %other, %d store %y[%i] = %b reduce %sum, %a }"
        " store %s[0] = %sum }",
    };
    enum { KERNELS = 3, LONGEST = 1000 };
    static float x[LONGEST], y[LONGEST];
    Arena *a = arena_new();
    FtcDiag *d = ftc_diag_new(stderr);
    Kernel *k[KERNELS];
    for (int i = 0; i < KERNELS; i++)
        assert_non_null(k[i] = kernel_parse(a, "test", texts[i], strlen(texts[i]), d));
    for (int i = 0; i < LONGEST; i++)
        x[i] = (float)(next_random() >> 8) / (1 << 22) - 2;
    for (int w = 0; w < N_WIDTHS; w++) {
        if (!host_runs(&widths[w]))
            continue;
        CodegenOptions o = width_options(&widths[w]);
        o.threads = 3;
        Jit *j = jit_new(&o, d);
        FtcKernelFn *f[KERNELS];
        ArenaMark before = arena_mark(a);
        assert_true(j && jit_compile(j, k, KERNELS, f));
        ArenaMark after = arena_mark(a);
        assert_true(before.chunk == after.chunk && before.used == after.used);
        static const int64_t lengths[] = { 1, 3, 16, 17, 50, 64, 100, 128, 333, 384, 1000 };
        for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++) {
            float sum[KERNELS];
            int64_t sym[FTC_SYMBOLS] = { lengths[n] };
            static const int32_t imm[] = { 5 };
            for (int i = 0; i < KERNELS; i++)
                f[i](&(FtcKernelArgs){ (void *[]){ x, &sum[i], y }, sym, imm }, 0);
            assert_memory_equal(&sum[0], &sum[1], sizeof *sum);
            assert_memory_equal(&sum[0], &sum[2], sizeof *sum);
        }
        jit_free(j);
    }
    ftc_diag_free(d);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_interpreter), cmocka_unit_test(test_streams),
        cmocka_unit_test(test_sums_keep_their_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
