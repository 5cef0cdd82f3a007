/* simplify: what it may take away, and when. */
#include "tests/support/testing.h"

#include "compiler/grad/grad.h"
#include "compiler/passes/passes.h"

static int count(const Graph *g, Op op)
{
    int n = 0;
    EACH_NODE(x, g)
        n += x->op == op;
    return n;
}

/* x * stop_gradient(x) has the gradient x, not 2 x: the stop stays until the gradient is there, and goes then. */
static void test_stop_gradient(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    FtcDiag *d = ftc_diag_new(stderr);
    Graph *g = graph_new(arena, "g", d);
    Node *x = input(g, "x", scalar_type(F32)), *y = mul(g, x, stop_gradient(g, x)), *dx;
    graph_output(g, "y", y);
    pass_simplify(g);
    assert_int_equal(count(g, OP_stop_gradient), 1);
    graph_grad(g, graph_find_output(g, "y"), 1, &x, &dx);
    graph_output(g, "dx", map1(g, OP_neg, dx));
    pass_simplify(g);
    assert_int_equal(count(g, OP_stop_gradient), 0);
    assert_ptr_equal(graph_find_output(g, "dx")->in[0], x);
    graph_verify(g);
    arena_free(arena);
    ftc_diag_free(d);
}

/* A result is stored, so it is computed, even where it is the same as what is given; a kernel is made of it. */
static void test_result_is_given(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    FtcDiag *d = ftc_diag_new(stderr);
    Graph *g = graph_new(arena, "g", d);
    Node *x = input(g, "x", type_of(F32, 1, DIM_T)), *y = mul(g, x, constant(g, 1, F32));
    graph_output(g, "y", y);
    graph_output(g, "z", map1(g, OP_neg, y));
    pass_simplify(g);
    assert_ptr_equal(graph_find_output(g, "y"), y);
    assert_ptr_equal(graph_find_output(g, "z")->in[0], x);
    pass_fuse(g, true);
    graph_verify(g);
    arena_free(arena);
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_stop_gradient), cmocka_unit_test(test_result_is_given) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
