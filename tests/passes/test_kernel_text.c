/* Kernel text: what the builder makes prints as loops to read, parses back to the same text, and every mistake in it
 * has its place.  Polynomials are held to their values. */
#include "tests/support/kernel_files.h"

#include "compiler/ops/ops.h"

/* ---- polynomials ---------------------------------------------------------------------------------------------- */

static Poly random_poly(Arena *a, uint32_t seed)
{
    Poly p = poly_const(a, (int)(rand_bits16(seed, 1, 0, 0, 0) % 7) - 3);
    for (uint32_t i = 0; i < 3; i++) {
        Poly t = poly_const(a, (int)(rand_bits16(seed, 2, i, 0, 0) % 7) - 3);
        for (uint32_t f = 0; f < rand_bits16(seed, 3, i, 0, 0) % 3; f++)
            t = poly_mul(a, t, poly_var(a, (int)(rand_bits16(seed, 4, i, f, 0) % 3)));
        p = poly_add(a, p, t);
    }
    return p;
}

static void test_polynomials(void **state)
{
    (void)state;
    const int64_t at[N_SYMBOLS] = { 1009, -37, 11, 0, 0 };
    Arena *a = arena_new();
    int split = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        Poly x = random_poly(a, i), y = random_poly(a, i + 5000), q, r;
        int64_t vx = poly_eval_symbols(x, at), vy = poly_eval_symbols(y, at);
        assert_int_equal(poly_eval_symbols(poly_add(a, x, y), at), vx + vy);
        assert_int_equal(poly_eval_symbols(poly_mul(a, x, y), at), vx * vy);
        assert_int_equal(poly_eval_symbols(poly_scale(a, x, -3), at), -3 * vx);
        assert_true(poly_equal(poly_mul(a, x, y), poly_mul(a, y, x)));
        assert_int_equal(poly_equal(x, y), vx == vy); /* at this point, unlike small polynomials differ */
        assert_int_equal(poly_add(a, x, poly_scale(a, x, -1)).n, 0);
        for (int v = 0; v < 3; v++)
            if (poly_split(a, x, v, &q, &r)) {
                split++;
                assert_false(poly_uses(q, v) || poly_uses(r, v));
                assert_true(poly_equal(poly_add(a, poly_mul(a, q, poly_var(a, v)), r), x));
                assert_int_equal(poly_uses(x, v), q.n != 0);
            } else
                assert_true(poly_uses(x, v));
    }
    assert_in_range(split, 3000, 5999); /* both ways were taken */
    int64_t c;
    assert_true(poly_is_const(poly_const(a, -4), &c) && c == -4);
    assert_true(poly_is_const((Poly){ 0, NULL }, &c) && c == 0);
    assert_false(poly_is_const(poly_var(a, 1), &c));
    arena_free(a);
}

/* ---- building and printing ------------------------------------------------------------------------------------ */

static void test_builder(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Kernel *k = kernel_new(a, "scale rows");
    KBuilder b;
    kb_begin(&b, k);
    Poly zero = poly_const(a, 0), T = poly_var(a, symbol_var(DIM_T));
    int x = kernel_param(k, "layers.0.x", F32, PARAM_IN, zero), y = kernel_param(k, "y", F32, PARAM_OUT, zero);
    int p = kb_par(&b, "p", zero, T, 16);
    b.loc = &(Loc){ { "bert.yaml", 4, 5, 0 }, &(Loc){ { "my.yaml", 7, 3, 0 }, NULL, NULL }, &(Loc){ { "b", 1, 2, 0 }, NULL, NULL } };
    int end = kb_index(&b, "end", IX_MIN, poly_add(a, poly_var(a, p), poly_const(a, 16)), T);
    Poly rows = poly_add(a, poly_var(a, end), poly_scale(a, poly_var(a, p), -1));
    b.loc = &(Loc){ { "my.yaml", 9, 1, 0 }, NULL, NULL };
    for (int i = 0; i < 2; i++) {
        Poly at = poly_add(a, poly_var(a, p), poly_var(a, kb_vec(&b, "j", rows)));
        int v = kb_load(&b, x, at), w;
        kb_name(&b, v, "y");
        w = kb_let(&b, OP_mul, F32, (int[]){ v, v });
        kb_store(&b, y, at, w);
        kb_end(&b);
    }
    kernel_verify(k);
    char *text = kernel_text(k);
    assert_string_equal(text, "kernel @scale_rows(in f32 %layers_0_x, out f32 %y) {\n"
                              "  par %p = 0 .. T step 16\n"
                              "  index %end = min(%p + 16, T)\n"
                              "  vec %j = 0 .. %end - %p {\n"
                              "    let %y2 = load %layers_0_x[%p + %j]\n"
                              "    let %v1 = mul %y2, %y2\n"
                              "    store %y[%p + %j] = %v1\n"
                              "  }\n"
                              "  vec %j2 = 0 .. %end - %p {\n"
                              "    let %y3 = load %layers_0_x[%p + %j2]\n"
                              "    let %v3 = mul %y3, %y3\n"
                              "    store %y[%p + %j2] = %v3\n"
                              "  }\n"
                              "}\n");
    char *placed = NULL;
    size_t size;
    FILE *out = open_memstream(&placed, &size);
    kernel_print(k, out);
    fclose(out);
    assert_non_null(strstr(placed, "  index %end = min(%p + 16, T)  # bert.yaml:4:5<my.yaml:7:3|b:1:2\n"
                                   "  vec %j = 0 .. %end - %p {  # my.yaml:9:1\n"
                                   "    let %y2 = load %layers_0_x[%p + %j]\n"));
    char *again = kernel_text(parse_kernel(a, placed)); /* places are comments */
    assert_string_equal(again, text);
    free(again);
    free(placed);
    free(text);
    arena_free(a);
}

/* The files are as printed, but for a comment on top. */
static void test_round_trip(void **state)
{
    (void)state;
    for (int i = 0; i < N_KERNEL_FILES; i++) {
        Arena *a = arena_new();
        const char *text = read_kernel_file(a, kernel_files[i]);
        Kernel *k = parse_kernel(a, text);
        kernel_verify(k);
        char *printed = kernel_text(k);
        assert_string_equal(printed, strstr(text, "kernel @"));
        free(printed);
        arena_free(a);
    }
}

static void test_numbers_come_back(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t bits = rand_bits16(i, 1, 0, 0, 0) << 16 | rand_bits16(i, 2, 0, 0, 0), back;
        float f, g;
        memcpy(&f, &bits, sizeof f);
        Arena *a = arena_new();
        Kernel *k = kernel_new(a, "n");
        KBuilder b;
        kb_begin(&b, k);
        kb_const(&b, f, F32);
        kb_const(&b, (int32_t)bits, I32);
        char *text = kernel_text(k);
        Kernel *read = parse_kernel(a, text);
        g = (float)read->body->value;
        memcpy(&back, &g, sizeof back);
        if (f == f)
            assert_int_equal(back, bits);
        else
            assert_true(g != g);
        assert_int_equal((int32_t)read->body->next->value, (int32_t)bits);
        free(text);
        arena_free(a);
    }
}

/* ---- mistakes ------------------------------------------------------------------------------------------------- */

static const char sample[] =
    "kernel @k(in f32 %x, in i32 %ids, out f32 %y, scratch f32 %d[4]) {\n" /*                       1 */
    "  par %p = 0 .. T step 16\n"                                         /*                        2 */
    "  index %end = min(%p + 16, T)\n"                                    /*                        3 */
    "  for %t = %p .. %end {\n"                                           /*                        4 */
    "    acc %s = add f32\n"                                              /*                        5 */
    "    vec %j = 0 .. 4 {\n"                                             /*                        6 */
    "      let %a = load %x[4*%t + %j]\n"                                 /*                        7 */
    "      reduce %s, %a\n"                                               /*                        8 */
    "    }\n"                                                             /*                        9 */
    "    index %id = read %ids[%t]\n"                                     /*                       10 */
    "    let %b = mul %s, %s\n"                                           /*                       11 */
    "    store %y[%id] = %b\n"                                            /*                       12 */
    "  }\n"                                                               /*                       13 */
    "  dot %y[%p + 4*i + j] = %x[%p + 4*i + k] * %x[4*j + k], i < 16, j < 4, k < 4\n" /*           14 */
    "  let %c = cast %zero i32\n"                                         /*  replaced below       15 */
    "}\n";

static const struct {
    const char *find, *put, *message;
    int line, col;
} mistakes[] = {
    { "kernel", "kernal", "expected 'kernel'", 1, 1 },
    { "in f32 %x", "on f32 %x", "expected in, out, inout or scratch, not 'on'", 1, 11 },
    { "in f32 %x", "in f64 %x", "unknown type 'f64': f32, bf16, i32 or bool", 1, 14 },
    { "scratch f32 %d[4]", "scratch f32 %d[4], in f32 %e", "scratch comes behind the other parameters, but %e follows %d", 1, 1 },
    { "step 16", "step 0", "expected a whole number from 1 to 1073741824", 2, 24 },
    { "0 .. T", "0 .. N", "'N' is none of T, B, L, C, V, U, P; an index is written %N", 2, 17 },
    { "%p + 16", "%q + 16", "there is no index %q above", 3, 20 },
    { "%p + 16", "%p*%p*%p*T*L + 16", "a product has at most 4 variables", 3, 20 },
    { "%p + 16", "%p + 2000000*1000000", "this number is too large", 3, 25 },
    { "%p + 16", "1099511627776 + 1", "this number is too large", 3, 36 },
    { "min(%p + 16, T)", "div(%p, 0)", "divides by 0", 3, 3 },
    { "for %t", "for %p", "%p is defined twice", 4, 7 },
    { "for %t", "for %2t", "a name begins with a letter, unlike '2t'", 4, 8 },
    { "%p .. %end {", "%p .. %end", "expected '{'", 5, 5 },
    { "= add f32", "= mul f32", "expected 'add'", 5, 14 },
    { "= add f32", "= add bool", "accumulates f32 or i32 by add or max", 5, 5 },
    { "vec %j = 0", "vec %j = 1", "a vec begins at 0", 6, 5 },
    { "for %t = %p .. %end", "vec %t = 0 .. %end", "a vec inside a vec", 6, 5 },
    { "load %x", "load %b", "there is no parameter %b above", 7, 21 },
    { "%s, %a", "%a, %a", "%a is no accumulator", 8, 7 },
    { "%s, %a", "%s, %s", "%s can be read after the loop that it is reduced in, not inside", 8, 7 },
    { "reduce %s, %a", "for %i = 0 .. %j {}", "the bounds of a loop inside a vec have to be the same in all lanes", 8, 7 },
    { "reduce %s, %a", "index %i = read %ids[%j] for %u = 0 .. %i {}",
      "the bounds of a loop inside a vec have to be the same in all lanes", 8, 32 },
    { "reduce %s, %a", "let %q = index %j store %d[0] = %q", "%q is i32, not f32", 8, 25 },
    { "reduce %s, %a", "dot %d[j] = %x[k] * %x[j], i < 1, j < 1, k < 1", "a dot inside a vec", 8, 7 },
    { "reduce %s, %a", "index %i = read %x[0]", "reads an index from %x, which is f32", 8, 7 },
    { "mul %s, %s", "mul %a, %s", "%a is not visible here", 11, 5 },
    { "mul %s, %s", "mul %s", "expected ','", 12, 5 },
    { "mul %s, %s", "lt %s, %s", "%b is bool, not f32", 12, 5 },
    { "mul %s, %s", "and %s, %s", "and(%s: f32[], %s: f32[]): takes bools", 11, 5 },
    { "mul %s, %s", "cast %s bf16", "%b is bf16, which exists only in memory", 11, 5 },
    { "mul %s, %s", "sum %s", "unknown operation 'sum'", 11, 14 },
    { "mul %s, %s", "const 0.5 i32", "this is no i32", 11, 20 },
    { "store %y", "store %x", "writes to %x, which is `in`", 12, 5 },
    { "store %y", "stare %y", "unknown statement 'stare'", 12, 5 },
    { "%y[%id]", "%y[%j]", "%j is not visible here", 12, 5 },
    { "= %x[%p", "= %ids[%p", "a dot takes f32 or bf16, %ids is i32", 14, 3 },
    { "4*i + j]", "4*i + 2*j]", "the columns of %y have to be contiguous", 14, 3 },
    { "4*j + k]", "4*j + 2*k]", "one stride of %x has to be 1", 14, 3 },
    { "4*j + k]", "4*j*k]", "expected an offset, k and j, each times its stride", 14, 45 },
    { "4*j + k]", "4*j + k + i]", "expected an offset, k and j, each times its stride", 14, 45 },
    { "%x[4*j + k]", "packed 24 %x[0]", "panels have a multiple of 16 columns up to 192, not 24", 14, 3 },
    { "%x[4*j + k]", "packed 16 %x[4*j]", "'j' is none of T, B, L, C, V, U, P; an index is written %j", 14, 60 },
    { "%x[4*j + k]", "split 16 %x[0]", "what is split is bf16, %x is f32", 14, 3 },
    { "%x[%p + 4*i + k]", "packed 16 %x[%p]", "expected '%'", 14, 26 },
    { "let %c = cast %zero i32\n}", "let %c = rand site 0, seed %q", "there is no value %q above", 15, 30 },
    { "let %c = cast %zero i32\n}", "", "expected a statement or }", 16, 1 },
    { "let %c = cast %zero i32\n}", "}}", "text behind the end of the kernel", 15, 4 },
};

/* sample, its last statement taken out, with one replacement */
static char *with_mistake(Arena *a, const char *find, const char *put)
{
    const char *at = strstr(sample, find);
    assert_non_null(at);
    char *text = arena_printf(a, "%.*s%s%s", (int)(at - sample), sample, put, at + strlen(find));
    char *last = strstr(text, "let %c = cast");
    return last ? (memset(last, ' ', strlen("let %c = cast %zero i32")), text) : text;
}

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        Arena *a = arena_new();
        char *text = with_mistake(a, mistakes[i].find, mistakes[i].put), *said = NULL;
        size_t size;
        FILE *out = open_memstream(&said, &size);
        FtcDiag *diag = ftc_diag_new(out);
        ftc_diag_source(diag, "x.kir", text, strlen(text));
        assert_null(kernel_parse(a, "x.kir", text, strlen(text), diag));
        assert_int_equal(ftc_diag_errors(diag), 1);
        ftc_diag_free(diag);
        fclose(out);
        const char *want = arena_printf(a, "x.kir:%d:%d: error: %s", mistakes[i].line, mistakes[i].col, mistakes[i].message);
        if (strncmp(said, want, strlen(want)))
            fail_msg("expected %s got %s", want, said);
        free(said);
        arena_free(a);
    }
    Arena *a = arena_new();
    parse_kernel(a, with_mistake(a, "kernel", "kernel")); /* the sample itself is right */
    arena_free(a);
}

static void test_too_many_names(void **state)
{
    (void)state;
    enum { LIMIT = 4096 };
    FtcDiag *diag = ftc_diag_new(NULL);
    for (int n = LIMIT; n <= LIMIT + 1; n++) {
        Arena *a = arena_new();
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        fputs("kernel @k(inout f32 %x) {\n", out);
        for (int i = 1; i < n; i++)
            fprintf(out, "  let %%v%d = load %%x[0]\n", i);
        fputs("}\n", out);
        fclose(out);
        assert_true((kernel_parse(a, "x.kir", text, size, diag) != NULL) == (n == LIMIT));
        free(text);
        arena_free(a);
    }
    assert_string_equal(ftc_diag_last(diag), "a kernel has at most 4096 parameters and values");
    ftc_diag_free(diag);
}

/* What text can't say, only a pass of ours. */
static void test_problems(void **state)
{
    (void)state;
    Arena *a = arena_new();
    for (int i = 0; i < 7; i++) {
        Kernel *k = kernel_new(a, "k");
        KBuilder b;
        const KStmt *where;
        kb_begin(&b, k);
        Poly zero = { 0, NULL };
        int x = kernel_param(k, "x", F32, PARAM_INOUT, zero), v = kb_const(&b, 1, F32);
        kb_store(&b, i == 0 ? 7 : x, poly_const(a, 2), i == 1 ? 9 : v);
        KStmt *store = k->body->next;
        if (i == 2)
            *store->at.t = (Term){ .coef = 1, .n = 2, .var = { 3, 1 } };
        if (i == 3)
            store->at.t->var[store->at.t->n++] = 40;
        if (i == 4)
            k->n_imms = 1;
        if (i == 5)
            store->at.t->coef = 0;
        static const char *const want[] = {
            "store %?[2] = %v0: uses parameter 7 of 1", "store %x[2] = %?: uses a value that is not defined above",
            "store %x[C*B] = %v0: a polynomial is not in canonical form", "store %x[2*%?] = %v0: a polynomial names variable 40 of 7",
            "k: has 1 run-time arguments and uses 0", "store %x[0] = %v0: a polynomial is not in canonical form",
        };
        const char *problem = kernel_problem(k, &where);
        if (i == 6) {
            assert_null(problem);
            continue;
        }
        assert_non_null(problem);
        char *line = where ? stmt_text(k, where) : strdup(k->name);
        assert_string_equal(arena_printf(a, "%s: %s", line, problem), want[i]);
        free(line);
    }
    arena_free(a);
}

/* ---- any bytes ------------------------------------------------------------------------------------------------ */

static uint32_t draw(uint32_t seed, uint32_t what, uint32_t below) { return rand_bits16(seed, what, 0, 0, 0) % below; }

/* Overwrites a byte, or takes a line of the text to another place. */
static size_t mutate(char *text, size_t len, uint32_t seed)
{
    uint32_t from = draw(seed, 1, (uint32_t)len), to = draw(seed, 2, (uint32_t)len);
    if (draw(seed, 3, 2)) {
        text[from] = draw(seed, 4, 2) ? text[to] : (char)draw(seed, 5, 256);
        return len;
    }
    while (from > 0 && text[from - 1] != '\n')
        from--;
    while (to > 0 && text[to - 1] != '\n')
        to--;
    const char *nl = memchr(text + from, '\n', len - from);
    char line[200];
    size_t n = nl ? (size_t)(nl - text) - from + 1 : len - from;
    if (n > sizeof line)
        return len;
    memcpy(line, text + from, n);
    memmove(text + to + n, text + to, len - to);
    memcpy(text + to, line, n);
    return len + n;
}

static void test_any_bytes(void **state)
{
    (void)state;
    FtcDiag *diag = ftc_diag_new(NULL);
    int parsed = 0;
    for (uint32_t i = 0; i < 24000; i++) {
        Arena *a = arena_new();
        const char *source = read_kernel_file(a, kernel_files[i % N_KERNEL_FILES]);
        size_t len = strlen(source);
        char *text = arena_alloc(a, len + 1000);
        memcpy(text, source, len);
        for (uint32_t m = 0; m <= i / N_KERNEL_FILES % 4; m++)
            len = mutate(text, len, 10 * i + m);
        char *exact = malloc(len); /* so that the sanitizer sees a step too far */
        memcpy(exact, text, len);
        Kernel *k = kernel_parse(a, "x.kir", exact, len, diag);
        if (k) {
            parsed++;
            kernel_verify(k);
            Kernel *twin = parse_kernel(a, source);
            char *printed = kernel_text(k), *again = kernel_text(parse_kernel(a, printed)), *original = kernel_text(twin);
            assert_string_equal(printed, again);
            assert_true(kernel_same(k, twin) == !strcmp(printed, original));
            free(printed);
            free(again);
            free(original);
        }
        free(exact);
        arena_free(a);
    }
    ftc_diag_free(diag);
    assert_in_range(parsed, 1000, 20000); /* not all texts were nonsense */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_polynomials), cmocka_unit_test(test_builder), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_numbers_come_back), cmocka_unit_test(test_mistakes), cmocka_unit_test(test_too_many_names),
        cmocka_unit_test(test_problems), cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
