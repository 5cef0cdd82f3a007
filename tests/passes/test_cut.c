/* cut: where a graph is cut, whatever it computes, and what the two parts are. */
#include "tests/support/testing.h"

#include "compiler/passes/passes.h"

/* A frozen table, the vectors of all tokens and of each row's first; then what a case adds; the weight %w is trained. */
static Graph *graph_with(Arena *a, const char *lines, FtcDiag *d)
{
    const char *text = arena_printf(a, "graph @g {\n"
        "  %%ids = input {name=\"ids\"} : i32[T]\n"
        "  %%row_start = input {name=\"row_start\"} : i32[B]\n"
        "  %%seed = input {name=\"seed\"} : i32[]\n"
        "  %%table = weight {name=\"table\"} : f32[V,4]\n"
        "  %%w = weight {name=\"w\"} : f32[4,4]\n"
        "  %%row = iota {axis=0} : i32[B]\n"
        "  %%x = gather %%table, %%ids : f32[T,4]\n"
        "  %%first = gather %%x, %%row_start : f32[B,4]\n"
        "%s}\n", lines);
    return graph_parse(a, "case", text, strlen(text), d);
}

static FtcWeight weights[] = { { .name = "table", .frozen = true }, { .name = "w" } };
static const Forward model = { .n_weights = 2, .weights = weights };

static void test_where(void **state)
{
    (void)state;
    static const struct {
        const char *at, *lines;
    } cases[] = {
        { "first", "%y = dot %first, %w {batch=0, ca=1, cb=0} : f32[B,4]\n return y=%y\n" },
        /* as far down as nothing is trained, through the mean of a row's tokens */
        { "mean", "%s = split %x : f32[r:B,n(r),4]\n %sum = sum %s {axes=1} : f32[B,1,4]\n %flat = reshape %sum : f32[B,4]\n"
                  "%mean = tanh %flat : f32[B,4]\n %y = dot %mean, %w {batch=0, ca=1, cb=0} : f32[B,4]\n return y=%y\n" },
        { NULL, "%y = dot %x, %w {batch=0, ca=1, cb=0} : f32[T,4]\n return y=%y\n" }, /* a vector for each token */
        { NULL, "%t = tanh %first : f32[B,4]\n %y = dot %first, %w {batch=0, ca=1, cb=0} : f32[B,4]\n"
                "%z = dot %t, %w {batch=0, ca=1, cb=0} : f32[B,4]\n return y=%y, z=%z\n" }, /* two */
        { NULL, "%y = tanh %w : f32[4,4]\n return y=%y, first=%first\n" }, /* training has no use for it */
        { "first", "%e = gather %w, %ids : f32[T,4]\n %f = gather %e, %row_start : f32[B,4]\n %y = mul %first, %f : f32[B,4]\n"
                   "return y=%y\n" }, /* training has its own use for the tokens */
        /* behind the cut: what is random, and what the other rows of a batch decide */
        { "first", "%r = rand %row, %seed, %seed {site=1, columns=4} : i32[B,4]\n %m = cast %r : f32[B,4]\n"
                   "%d = mul %first, %m : f32[B,4]\n %y = dot %d, %w {batch=0, ca=1, cb=0} : f32[B,4]\n return y=%y\n" },
        { NULL, "%r = rand %ids, %seed, %seed {site=1, columns=4} : i32[T,4]\n %m = cast %r : f32[T,4]\n %d = mul %x, %m : f32[T,4]\n"
                "%f = gather %d, %row_start : f32[B,4]\n %y = dot %f, %w {batch=0, ca=1, cb=0} : f32[B,4]\n return y=%y\n" },
        { "first", "%all = sum %first {axes=0} : f32[1,4]\n %c = sub %first, %all : f32[B,4]\n"
                   "%y = dot %c, %w {batch=0, ca=1, cb=0} : f32[B,4]\n return y=%y\n" },
        { "first", "%n = cast %row : f32[B]\n %u = reshape %n : f32[B,1]\n %c = mul %first, %u : f32[B,4]\n"
                   "%y = dot %c, %w {batch=0, ca=1, cb=0} : f32[B,4]\n return y=%y\n" },
        { "first", "%n = iota {axis=0} : i32[4]\n %some = gather %first, %n : f32[4,4]\n"
                   "%c = dot %first, %some {batch=0, ca=1, cb=0} : f32[B,4]\n"
                   "%y = dot %c, %w {batch=0, ca=1, cb=0} : f32[B,4]\n return y=%y\n" },
        { NULL, "%h = scatter_add %ids, %x {rows=V} : f32[V,4]\n %e = gather %h, %ids : f32[T,4]\n"
                "%f = gather %e, %row_start : f32[B,4]\n %c = mul %first, %f : f32[B,4]\n"
                "%y = dot %c, %w {batch=0, ca=1, cb=0} : f32[B,4]\n return y=%y\n" },
        { "first", "%at = gather %table, %row_start : f32[B,4]\n %c = mul %first, %at : f32[B,4]\n"
                   "%y = dot %c, %w {batch=0, ca=1, cb=0} : f32[B,4]\n return y=%y\n" },
        { "first", "%g = dot %first, %first {batch=0, ca=0, cb=0} : f32[4,4]\n %c = dot %first, %g {batch=0, ca=1, cb=0} : f32[B,4]\n"
                   "%y = dot %c, %w {batch=0, ca=1, cb=0} : f32[B,4]\n return y=%y\n" },
    };
    FtcDiag *d = ftc_diag_new(stderr);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Arena *a = arena_new();
        Graph *g = graph_with(a, cases[i].lines, d);
        assert_non_null(g);
        Node *at = find_encoded(g, &model);
        if (strcmp(at ? at->name : "-", cases[i].at ? cases[i].at : "-"))
            fail_msg("cut at '%s', not '%s':\n%s", at ? at->name : "-", cases[i].at ? cases[i].at : "-", cases[i].lines);
        arena_free(a);
    }
    ftc_diag_free(d);
}

static void test_parts(void **state)
{
    (void)state;
    Arena *a = arena_new();
    FtcDiag *d = ftc_diag_new(stderr);
    Graph *g = graph_with(a, "%t = tanh %first : f32[B,4]\n %y = dot %t, %w {batch=0, ca=1, cb=0} : f32[B,4]\n return y=%y\n", d);
    Graph *encoder = cut_encoder(g, find_encoded(g, &model));
    graph_verify(g);
    graph_verify(encoder);
    char *texts[] = { graph_text(encoder), graph_text(g) };
    assert_string_equal(texts[0], "graph @g {\n"
        "  %ids = input {name=\"ids\"} : i32[T]\n"
        "  %row_start = input {name=\"row_start\"} : i32[B]\n"
        "  %table = weight {name=\"table\"} : f32[V,4]\n"
        "  %x = gather %table, %ids : f32[T,4]\n"
        "  %first = gather %x, %row_start : f32[B,4]\n"
        "  %t = tanh %first : f32[B,4]\n"
        "  return encoded=%t\n}\n");
    assert_string_equal(texts[1], "graph @g {\n"
        "  %encoded = input {name=\"encoded\"} : f32[B,4]\n"
        "  %w = weight {name=\"w\"} : f32[4,4]\n"
        "  %y = dot %encoded, %w {batch=0, ca=1, cb=0} : f32[B,4]\n"
        "  return y=%y\n}\n");
    free(texts[0]);
    free(texts[1]);
    arena_free(a);
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_where), cmocka_unit_test(test_parts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
