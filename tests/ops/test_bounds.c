/* Bounds of the reference evaluator where a comparison may fall either way: what is chosen by it is bounded by both choices, and what
 * nothing bounds stays so, times zero too. */
#include "tests/support/testing.h"

#include "compiler/ir/eval.h"

#include <math.h>

static void fill(void *ctx, const Node *n, Tensor *t)
{
    (void)ctx;
    t->v[0] = !strcmp(n->a.name, "zero") ? 0 : 0.1;
}

static const Tensor *result(const char *text, Arena *a)
{
    static const Binding none = { .row_start = NULL };
    FtcDiag *d = ftc_diag_new(stderr);
    Graph *g = graph_parse(a, "test", text, strlen(text), d);
    assert_non_null(g);
    ftc_diag_free(d);
    return graph_eval(g, &none, fill, NULL, a)[graph_find_output(g, "y")->id];
}

static void test_either_choice(void **state)
{
    (void)state;
    Arena *a = arena_new();
    /* s - s*s/s is 0 but for rounding: the condition is open; so the result is one of two numbers 2 apart, or 0 apart */
    const Tensor *t = result("graph @g { %s = input {name=\"s\"} : f32[] %z = const {value=0} : f32[] %one = const {value=1} : f32[] "
                             "%two = const {value=3} : f32[] %q = mul %s, %s : f32[] %r = div %q, %s : f32[] %d = sub %s, %r : f32[] "
                             "%c = lt %z, %d : bool[] %y = select %c, %one, %two : f32[] return y=%y }", a);
    assert_true(t->e[0] * 1.1920929e-7 > 1.99 && t->e[0] * 1.1920929e-7 < 2.01);
    arena_free(a);
}

static void test_unbounded_times_zero(void **state)
{
    (void)state;
    Arena *a = arena_new();
    /* the cast of an open number to an integer is not bounded; a dot with zeros must not forget it */
    const Tensor *t = result("graph @g { %s = input {name=\"s\"} : f32[] %zero = input {name=\"zero\"} : f32[1] %q = mul %s, %s : f32[] "
                             "%r = div %q, %s : f32[] %d = sub %s, %r : f32[] %one = const {value=1} : f32[] %h = add %d, %one : f32[] "
                             "%i = cast %h : i32[] %f = cast %i : f32[] %v = reshape %f : f32[1] "
                             "%y = dot %v, %zero {batch=0, ca=0, cb=0} : f32[] return y=%y }", a);
    assert_true(isinf(t->e[0]));
    arena_free(a);
}

static void test_carried(void **state)
{
    (void)state;
    assert_true(isinf(carried_bound(INFINITY, 0)));
    assert_true(carried_bound(2, 3) == 6 && carried_bound(2, 0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_either_choice), cmocka_unit_test(test_unbounded_times_zero),
                                        cmocka_unit_test(test_carried) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
