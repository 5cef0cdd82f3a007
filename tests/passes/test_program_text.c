/* Programs as text: what is printed comes back the same, and whatever else is read ends in a program or in a message. */
#include "tests/support/testing.h"

#include "compiler/kernel/lower.h"
#include "compiler/passes/passes.h"

/* softmax(x w), its sum of squares, and an update of w: calls in two regions, arena buffers that share slots */
static Program *sample(Arena *a, FtcDiag *d, bool plan)
{
    static const char text[] =
        "graph @step {\n"
        "  %x = input {name=\"x\"} : f32[T,8]\n"
        "  %w = weight {name=\"w\"} : f32[8,C]\n"
        "  %y = dot %x, %w {batch=0, ca=1, cb=0} : f32[T,C]\n"
        "  %m = amax %y {axes=1} : f32[T,1]\n"
        "  %e = sub %y, %m : f32[T,C]\n"
        "  %p = exp %e : f32[T,C]\n"
        "  %s = sum %p {axes=1} : f32[T,1]\n"
        "  %q = div %p, %s : f32[T,C]\n"
        "  %xt = transpose %x {axes=1:0} : f32[8,T]\n"
        "  %g = dot %xt, %q {batch=0, ca=1, cb=0} : f32[8,C]\n"
        "update:\n"
        "  %v = sub %w, %g : f32[8,C]\n"
        "  %u = update %w, %v {name=\"w\"} : f32[8,C]\n"
        "  return q=%q, w=%u\n"
        "}\n";
    Graph *g = graph_parse(a, "sample", text, sizeof text - 1, d);
    assert_non_null(g);
    pass_fuse(g, false);
    Program *p = lower_graph(g, a);
    if (plan)
        pass_plan(p, true);
    return p;
}

static char *text_of(const Program *p)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    program_print(p, out);
    fclose(out);
    return text;
}

static void comes_back_the_same(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(stderr);
    for (int plan = 0; plan < 2; plan++) {
        Arena *a = arena_new();
        Program *p = sample(a, d, plan);
        char *text = text_of(p);
        assert_true((strstr(text, "] in 0  # calls ") != NULL) == (plan == 1));
        assert_non_null(strstr(text, "update:\n"));
        Program *q = program_parse(a, "p", text, strlen(text), d);
        assert_non_null(q);
        char *again = text_of(q);
        assert_string_equal(text, again);
        assert_string_equal(q->name, "step");
        for (int i = 0; i < p->n_bufs; i++) { /* what the text says in comments only */
            assert_int_equal(p->bufs[i].first, q->bufs[i].first);
            assert_int_equal(p->bufs[i].last, q->bufs[i].last);
        }
        free(text);
        free(again);
        arena_free(a);
    }
    ftc_diag_free(d);
}

static const char small[] = "kernel @copy(in f32 %in, out f32 %out) {\n"
                            "  vec %i = 0 .. T {\n"
                            "    let %v = load %in[%i]\n"
                            "    store %out[%i] = %v\n"
                            "  }\n"
                            "}\n"
                            "program @step panels 56 {\n"
                            "  buffer 0 input f32 \"x\" [T]\n"
                            "  buffer 1 arena f32 \"y\" [T + 4] in 0\n"
                            "  call 0(0, 1)\n"
                            "}\n";

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        { "call 0(0, 1)", "call 1(0, 1)", "there is no kernel 1; the last one is 0" },
        { "call 0(0, 1)", "call 0(0, 2)", "there is no buffer 2" },
        { "call 0(0, 1)", "call 0(0)", "expected" },
        { "buffer 1", "buffer 2", "expected buffer 1" },
        { "[T]\n", "[T] in 1\n", "buffer 0 of program @step should be in no slot" },
        { "  call", "  buffer 2 arena f32 \"z\" [T]\n  call", "buffer 2 of program @step should be in a slot" },
        { " in 0\n", " in 1048576\n", "" },
        { "input f32", "input i32", "buffer 0 is i32, but parameter 0 of @copy is f32" },
        { "input f32", "inputs f32", "'inputs f32' is no kind of buffer" },
        { "[T + 4]", "[4*N + 16]", "expected one of the symbols T, B, L, C, V, U, P" },
        { "[T + 4]", "[T + T*T + T*T*T + B + L]", "a size has at most 4 terms" },
        { "[T + 4]", "[T*T*T*T*T]", "a product has at most 4 symbols" },
        { "[T + 4]", "[4*4*T]", "expected one of the symbols T, B, L, C, V, U, P" },
        { "call 0", "backward:\nupdate:\nbackward:\ncall 0", "expected buffer, call, or the next region" },
        { "program @step", "programme @step", "expected" },
        { "load %in", "load %on", "" },
    };
    Arena *a = arena_new();
    FtcDiag *d = ftc_diag_new(NULL);
    assert_non_null(program_parse(a, "p", small, sizeof small - 1, d));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *at = strstr(small, cases[i].from);
        assert_non_null(at);
        char *text = arena_printf(a, "%.*s%s%s", (int)(at - small), small, cases[i].to, at + strlen(cases[i].from));
        int errors = ftc_diag_errors(d);
        assert_null(program_parse(a, "p", text, strlen(text), d));
        assert_int_equal(ftc_diag_errors(d), errors + 1);
        if (!strstr(ftc_diag_last(d), cases[i].says))
            fail_msg("'%s' says: %s", cases[i].to, ftc_diag_last(d));
    }
    ftc_diag_free(d);
    arena_free(a);
}

/* Kernels are read one by one, but lines count from the file's top. */
static void mistakes_have_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        { "load %in", "load %on", "p:5:19: error: there is no parameter %on above" },
        { "call 0(0, 1)", "call 1(0, 1)", "p:12:8: error: there is no kernel 1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Arena *a = arena_new();
        const char *at = strstr(small, cases[i].from);
        char *text = arena_printf(a, "# comment\n\n%.*s%s%s", (int)(at - small), small, cases[i].to, at + strlen(cases[i].from)), *said;
        size_t size;
        FILE *out = open_memstream(&said, &size);
        FtcDiag *d = ftc_diag_new(out);
        assert_null(program_parse(a, "p", text, strlen(text), d));
        ftc_diag_free(d);
        fclose(out);
        if (strncmp(said, cases[i].says, strlen(cases[i].says)))
            fail_msg("expected %s got %s", cases[i].says, said);
        free(said);
        arena_free(a);
    }
}

/* Bytes changed, lines moved, cut anywhere. */
static void any_bytes_end_well(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    uint32_t x = 1;
    int parsed = 0;
    for (int i = 0; i < 6000; i++) {
        Arena *a = arena_new();
        size_t len = sizeof small - 1;
        char *text = malloc(len); /* so that the sanitizer sees a step too far */
        memcpy(text, small, len);
        for (int m = 0; m <= i % 3; m++) {
            x = x * 1664525 + 1013904223;
            text[(x >> 8) % len] = small[(x >> 4) % len];
        }
        size_t cut = i % 5 ? len : (x >> 8) % len;
        parsed += program_parse(a, "p", text, cut, d) != NULL;
        free(text);
        arena_free(a);
    }
    assert_in_range(parsed, 100, 5000);
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_the_same),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(mistakes_have_their_line),
        cmocka_unit_test(any_bytes_end_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
