/* remat: what is kept from forward to backward, and what is computed again. */
#include "tests/support/testing.h"

#include "compiler/passes/passes.h"

/* A row of ops, too long to be computed again from its beginning.  The backward part multiplies its end, which then lies in memory,
 * and reads a value a little before that: it is computed again, from the first value that is too dear to rebuild; that is kept, and
 * none behind it. */
static void test_keeps_the_first_that_is_too_dear(void **state)
{
    (void)state;
    enum { CHEAP = 16, LAST = CHEAP + 4 };
    Arena *arena = arena_new();
    FtcDiag *d = ftc_diag_new(stderr);
    Graph *g = graph_new(arena, "g", d);
    Node *w = input(g, "w", type_of(F32, 2, (Dim)8, (Dim)8)), *t[LAST + 1] = { input(g, "x", type_of(F32, 2, DIM_T, (Dim)8)) };
    for (int i = 1; i <= LAST; i++)
        t[i] = map1(g, OP_tanh, t[i - 1]);
    g->region = REGION_BACKWARD;
    Node *end = dot(g, t[LAST], w, 0, 1, 0), *square = mul(g, t[CHEAP + 2], t[CHEAP + 2]), *early = mul(g, t[CHEAP], t[CHEAP]);
    graph_output(g, "end", end);
    graph_output(g, "square", square);
    graph_output(g, "early", early);
    pass_remat(g);
    graph_verify(g);
    assert_ptr_equal(end->in[0], t[LAST]);
    assert_ptr_not_equal(square->in[0], t[CHEAP + 2]);
    assert_ptr_equal(square->in[0]->in[0], t[CHEAP + 1]);
    assert_ptr_not_equal(early->in[0], t[CHEAP]);
    arena_free(arena);
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_keeps_the_first_that_is_too_dear) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
