/* Outlines: a graph's text as formulas. */
#include "tests/support/testing.h"

#include "compiler/ir/outline.h"

static void expect_outline(const char *graph, const char *expected)
{
    Arena *a = arena_new();
    FtcDiag *d = ftc_diag_new(stderr);
    Graph *g = graph_parse(a, "graph", graph, strlen(graph), d);
    assert_non_null(g);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    graph_outline(g, out);
    fclose(out);
    char *to = text; /* columns are as far apart as it needs */
    for (const char *p = text; *p; p++)
        if (to - text < 3 || memcmp(to - 2, "  ", 2) || *p != ' ' || *(p - 1) == '\n')
            *to++ = *p;
    *to = 0;
    assert_string_equal(text, expected);
    free(text);
    ftc_diag_free(d);
    arena_free(a);
}

#define X "%x = input {name=\"x\"} : f32[T,4] %y = input {name=\"y\"} : f32[T,4] "

/* Parentheses stand where the formula would mean something else without, and nowhere else. */
static void test_precedence(void **state)
{
    (void)state;
    expect_outline("graph @g { " X "%s = add %x, %y : f32[T,4] %p = mul %s, %y : f32[T,4] %r = sub %x, %p : f32[T,4] return r=%r }",
                   "forward:\n  r = x - (x + y) * y  f32[T,4]\n");
    expect_outline("graph @g { " X "%s = sub %x, %y : f32[T,4] %p = sub %x, %s : f32[T,4] %r = neg %p : f32[T,4] return r=%r }",
                   "forward:\n  r = -(x - (x - y))  f32[T,4]\n");
    expect_outline("graph @g { " X "%s = div %x, %y : f32[T,4] %r = div %s, %x : f32[T,4] return r=%r }",
                   "forward:\n  r = x / y / x  f32[T,4]\n");
    expect_outline("graph @g { " X "%c = lt %x, %y : bool[T,4] %s = select %c, %x, %y : f32[T,4] %r = mul %s, %s : f32[T,4] return r=%r }",
                   "forward:\n  s = x if x < y else y  f32[T,4]\n"
                   "  r = s**2  f32[T,4]\n");
}

/* a @ b contracts neighbours; each other way of a dot shows as .T. */
static void test_products(void **state)
{
    (void)state;
    static const struct { const char *b, *dot, *text; } cases[] = {
        { "f32[4,4]", "%x, %w {batch=0, ca=1, cb=0} : f32[T,4]", "x @ w" },
        { "f32[4,4]", "%x, %w {batch=0, ca=1, cb=1} : f32[T,4]", "x @ w.T" },
        { "f32[T,4]", "%x, %w {batch=0, ca=0, cb=0} : f32[4,4]", "x.T @ w" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char graph[512], text[128];
        snprintf(graph, sizeof graph, "graph @g { %s%%w = input {name=\"w\"} : %s %%r = dot %s return r=%%r }", X, cases[i].b, cases[i].dot);
        snprintf(text, sizeof text, "forward:\n  r = %s  %s\n", cases[i].text, strrchr(cases[i].dot, ' ') + 1);
        expect_outline(graph, text);
    }
}

/* Two layers of the same formulas are one function, which knows its layer's weights; what is read by the next layer is its result. */
static void test_functions(void **state)
{
    (void)state;
    expect_outline(
        "graph @g { %x = input {name=\"x\"} : f32[T,4] "
        "%a.weight = weight {name=\"a.weight\"} : f32[4] %b.weight = weight {name=\"b.weight\"} : f32[4] "
        "%a.s = sum %x {axes=1} : f32[T,1] @s.yaml:1:1 %a.exp = exp %a.s : f32[T,1] @s.yaml:1:1 %a.mul = mul %a.exp, %a.weight : f32[T,4] @s.yaml:1:1 "
        "%a = sub %a.mul, %a.exp : f32[T,4] @s.yaml:1:1 "
        "%b.s = sum %a {axes=1} : f32[T,1] @s.yaml:2:1 %b.exp = exp %b.s : f32[T,1] @s.yaml:2:1 %b.mul = mul %b.exp, %b.weight : f32[T,4] @s.yaml:2:1 "
        "%b = sub %b.mul, %b.exp : f32[T,4] @s.yaml:2:1 return y=%b }",
        "forward:\n"
        "  a = a[a](x)  f32[T,4]  s.yaml:1\n"
        "  b = a[b](a)  f32[T,4]  s.yaml:2\n"
        "functions:\n"
        "  a(x):\n"
        "  exp = exp(sum(x, axis=1))\n"
        "  y = exp * weight - exp\n");
}

/* A long sum of one form names the form once. */
static void test_long_sums(void **state)
{
    (void)state;
    expect_outline("graph @g { %a = input {name=\"a\"} : f32[4] %b = input {name=\"b\"} : f32[4] %c = input {name=\"c\"} : f32[4] "
                   "%d = input {name=\"d\"} : f32[4] %e = exp %a : f32[4] %f = exp %b : f32[4] %g = exp %c : f32[4] %h = exp %d : f32[4] "
                   "%i = add %e, %f : f32[4] %j = add %i, %g : f32[4] %k = add %j, %h : f32[4] return y=%k }",
                   "forward:\n  k = sum(exp(g) for g in (a, b, c, d))  f32[4]\n");
}

/* What is stored and read again is one line. */
static void test_updates(void **state)
{
    (void)state;
    expect_outline("graph @g { %w = weight {name=\"w\"} : f32[4] %m = state {name=\"m:w\"} : f32[4] %d = input {name=\"d\"} : f32[4] "
                   "%s = sum %d {axes=0} : f32[1] update: %n = add %m, %s : f32[4] %x = sub %w, %n : f32[4] "
                   "%m.new = update %m, %n {name=\"m:w\"} : f32[4] %w.new = update %w, %x {name=\"w\"} : f32[4] return s=%s }",
                   "forward:\n  s = sum(d)  f32[1]\nupdate:\n  m:w <- n = m + s  f32[4]\n  w <- w - n  f32[4]\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precedence), cmocka_unit_test(test_products), cmocka_unit_test(test_functions),
        cmocka_unit_test(test_long_sums), cmocka_unit_test(test_updates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
