/* Graph text: prints and parses back to the same text; every mistake has its place; no bytes crash the parser. */
#include "tests/support/testing.h"

#include "compiler/grad/grad.h"
#include "tests/support/graph_inputs.h"

static void test_samples_round_trip(void **state)
{
    (void)state;
    FtcDiag *diag = ftc_diag_new(stderr);
    for (Op op = 0; op < N_OPS; op++)
        for (int which = 0;; which++) {
            Arena *arena = arena_new();
            Graph *g = graph_new(arena, "sample", diag);
            if (!op_samples[op](g, op, which)) {
                arena_free(arena);
                break;
            }
            g->first->loc = &(Loc){ { "my spec.yaml", 3, 4, 0 }, &(Loc){ { "bert.yaml", 1, 2, 0 }, NULL, NULL }, &(Loc){ { "a.yaml", 7, 1, 0 }, NULL, NULL } };
            char *text = graph_text(g);
            Graph *back = graph_parse(arena, "sample.ftir", text, strlen(text), diag);
            assert_non_null(back);
            graph_verify(back);
            char *again = graph_text(back);
            assert_string_equal(text, again);
            free(text);
            free(again);
            arena_free(arena);
        }
    ftc_diag_free(diag);
}

static const char softmax_text[] =
    "graph @softmax {\n"
    "  %x = input {name=\"x\"} : f32[r:B,2,n(r),n(r)]  # scores\n"
    "  %m = amax %x {axes=3} : f32[r:B,2,n(r),1]\n"
    "  %e = sub %x, %m : f32[r:B,2,n(r),n(r)]\n"
    "  %p = exp %e : f32[r:B,2,n(r),n(r)]\n"
    "  return p=%p\n"
    "}\n";

/* each: what to replace in the text above, by what, and the message with its place */
static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *find, *put, *message;
        int line, col;
    } cases[] = {
        { "amax", "amaks", "unknown op 'amaks'" , 3, 8 },
        { "sub %x, %m", "sub %x, %q", "%q is not defined above", 4, 16 },
        { "{axes=3}", "{axes=9}", "expected a whole number from 0 to 5", 3, 22 },
        { "f32[r:B,2,n(r),1]", "f32[r:B,2,n(r),2]", "%m has type f32[r:B,2,n(r),1], not f32[r:B,2,n(r),2]", 3, 3 },
        { "exp %e", "exp %e, %e", "'exp' takes 1 operands, not 2", 5, 3 },
        { "%e =", "%x =", "%x is defined twice", 4, 3 },
        { "f32[r:B,2,n(r),n(r)]  #", "f32[T,2,n(r),n(r)]  #", "input(): a ragged shape has to start with r:B", 2, 3 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        const char *at = strstr(softmax_text, cases[i].find);
        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - softmax_text), softmax_text, cases[i].put, at + strlen(cases[i].find));
        Arena *arena = arena_new();
        char *said = NULL;
        size_t size;
        FILE *out = open_memstream(&said, &size);
        FtcDiag *diag = ftc_diag_new(out);
        ftc_diag_source(diag, "x.ftir", text, strlen(text));
        assert_null(graph_parse(arena, "x.ftir", text, strlen(text), diag));
        ftc_diag_free(diag);
        fclose(out);
        char want[256];
        snprintf(want, sizeof want, "x.ftir:%d:%d: error: %s\n", cases[i].line, cases[i].col, cases[i].message);
        if (strncmp(said, want, strlen(want)))
            fail_msg("expected %s got %s", want, said);
        free(said);
        arena_free(arena);
    }
}

/* A graph that someone edited says of a dot only what can be: f32 in packed panels is split. */
static void test_packs(void **state)
{
    (void)state;
    static const struct { const char *elem, *packs; bool can; } cases[] = {
        { "f32", "packs 6", true }, { "f32", "packs 3", true }, { "f32", "packs 4", false }, { "bf16", "packs 6", false }, { "bf16", "packs 2", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Arena *arena = arena_new();
        FtcDiag *diag = ftc_diag_new(NULL);
        const char *text = arena_printf(arena, "graph @g {\n  %%w = weight {name=\"w\"} : f32[4,4]\n  %%x = cast %%w : %s[4,4]\n"
                                        "  %%y = dot %%x, %%x {batch=0, ca=1, cb=0} : f32[4,4]  in 1 %s\n  return y=%%y\n}\n", cases[i].elem, cases[i].packs);
        assert_int_equal(graph_parse(arena, "x.ftir", text, strlen(text), diag) != NULL, cases[i].can);
        if (!cases[i].can)
            assert_string_equal(ftc_diag_last(diag), "only a packed right operand is split (packs 6), and only where both are f32");
        ftc_diag_free(diag);
        arena_free(arena);
    }
}

static void test_updates(void **state)
{
    (void)state;
    static const struct { const char *line, *message; } cases[] = {
        { "%y = add %w, %u : f32[4]", "%u is an update, which nothing reads" },
        { "%y = update %w, %w {name=\"w\"} : f32[4]", "%w is updated twice, by %u too" },
        { "%y = weight {name=\"w\"} : f32[8]", "%y is the weight 'w', which a node above is already" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Arena *arena = arena_new();
        FtcDiag *diag = ftc_diag_new(NULL);
        const char *text = arena_printf(arena, "graph @g {\n  %%w = weight {name=\"w\"} : f32[4]\nupdate:\n"
                                        "  %%u = update %%w, %%w {name=\"w\"} : f32[4]\n  %s\n  return y=%%y\n}\n", cases[i].line);
        assert_null(graph_parse(arena, "x.ftir", text, strlen(text), diag));
        assert_string_equal(ftc_diag_last(diag), cases[i].message);
        ftc_diag_free(diag);
        arena_free(arena);
    }
}

/* Up to the limit a string comes back; many short ones take no more memory than they need. */
static void test_strings(void **state)
{
    (void)state;
    enum { LIMIT = 4096 };
    FtcDiag *diag = ftc_diag_new(NULL);
    for (int n = LIMIT; n <= LIMIT + 1; n++) {
        char text[LIMIT + 200], name[LIMIT + 2];
        memset(name, 'x', sizeof name);
        int len = snprintf(text, sizeof text, "graph @g {\n  %%a = input {name=\"%.*s\"} : f32[T]\n  return a=%%a\n}\n", n, name);
        Arena *arena = arena_new();
        Graph *g = graph_parse(arena, "x.ftir", text, (size_t)len, diag);
        assert_true((g != NULL) == (n == LIMIT));
        if (g)
            assert_int_equal(strlen(g->outputs[0].node->a.name), LIMIT);
        arena_free(arena);
    }
    assert_string_equal(ftc_diag_last(diag), "a string has at most 4096 bytes");
    ftc_diag_free(diag);
}

static void test_any_bytes(void **state)
{
    (void)state;
    FtcDiag *diag = ftc_diag_new(NULL);
    for (uint32_t i = 0; i < 20000; i++) {
        char text[sizeof softmax_text];
        memcpy(text, softmax_text, sizeof text);
        for (uint32_t k = 0; k < 1 + i % 4; k++) {
            uint32_t at = rand_bits16(i, k, 0, 0, 0) % (sizeof text - 1);
            text[at] = (char)rand_bits16(i, k, 1, 0, 0);
            if (k == 3)
                text[at] = text[rand_bits16(i, k, 2, 0, 0) % (sizeof text - 1)];
        }
        Arena *arena = arena_new();
        Graph *g = graph_parse(arena, "x.ftir", text, rand_bits16(i, 9, 3, 0, 0) % sizeof text, diag);
        if (g)
            graph_verify(g);
        arena_free(arena);
    }
    ftc_diag_free(diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_round_trip),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_packs), cmocka_unit_test(test_updates),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
