/* demand: outputs and gradients stay what they were, and the last layer's work is done for one token a row. */
#include "tests/support/testing.h"

#include "compiler/build/build.h"
#include "compiler/grad/grad.h"
#include "compiler/passes/passes.h"
#include "tests/support/graph_inputs.h"

#include <math.h>

static void fill(void *ctx, const Node *n, Tensor *t)
{
    const Sizes *s = ctx;
    for (int64_t i = 0; i < t->n; i++) {
        double u = uniform(9, stream_of(n->a.name), (uint32_t)i);
        t->v[i] = !strcmp(n->a.name, "row_start") ? s->row_start[i]
                  : !strcmp(n->a.name, "ids")     ? (int)(u * (double)s->b.sym[symbol_index(DIM_V)])
                  : !strcmp(n->a.name, "labels")  ? (int)(u * (double)s->b.sym[symbol_index(DIM_C)])
                  : n->type.elem == I32           ? (int)(u * 2)
                  : named(n->a.name, "dropout")   ? 0.25
                                                  : u - 0.5;
    }
}

/* Every weight's gradient and the loss, before and after. */
static void check(const char *file, bool moves)
{
    Arena *arena = arena_new();
    FtcDiag *d = ftc_diag_new(stderr);
    Spec *spec = spec_load(arena, &(SpecSource){ .file = source_path(file) }, d);
    assert_non_null(spec);
    Sizes sizes;
    sizes_of(&sizes, 4, (int[]){ 5, 1, 3, 7 }, 3, 23, 1);
    double *result[2];
    int64_t n_results = 0, tokens_at_work[2] = { 0 };
    for (int moved = 0; moved < 2; moved++) {
        Forward *f = build_forward(spec, &(BuildOptions){ .training = true, .labels = true }, arena, d);
        Graph *g = f->graph;
        pass_simplify(g);
        if (moved)
            pass_demand(g);
        graph_verify(g);
        EACH_NODE(n, g)
            tokens_at_work[moved] += n->op == OP_dot && n->type.dim[0] == DIM_T;
        Node **dx = NEW_ARRAY(arena, Node *, f->n_weights), **wrt = NEW_ARRAY(arena, Node *, f->n_weights);
        for (int i = 0; i < f->n_weights; i++)
            EACH_NODE(n, g)
                if (n->op == OP_weight && !strcmp(n->a.name, f->weights[i].name))
                    wrt[i] = n;
        Node *loss = graph_find_output(g, "loss");
        graph_grad(g, loss, f->n_weights, wrt, dx);
        graph_verify(g);
        Tensor **v = graph_eval(g, &sizes.b, fill, &sizes, arena);
        result[moved] = NEW_ARRAY(arena, double, 200000);
        n_results = 0;
        result[moved][n_results++] = v[loss->id]->v[0];
        for (int i = 0; i < f->n_weights; i++)
            for (int64_t k = 0; k < v[dx[i]->id]->n && n_results < 200000; k++)
                result[moved][n_results++] = v[dx[i]->id]->v[k];
    }
    for (int64_t i = 0; i < n_results; i++)
        if (!(fabs(result[0][i] - result[1][i]) <= 1e-11 * (1 + fabs(result[0][i]))))
            fail_msg("%s: number %d is %.15g, was %.15g", file, (int)i, result[1][i], result[0][i]);
    if (moves)
        assert_true(tokens_at_work[1] < tokens_at_work[0]);
    else
        assert_int_equal(tokens_at_work[1], tokens_at_work[0]);
    arena_free(arena);
    ftc_diag_free(d);
}

static void test_cls(void **state) { (void)state; check("models/tiny_cls.yaml", true); }
static void test_mean(void **state) { (void)state; check("models/logreg.yaml", false); }

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cls), cmocka_unit_test(test_mean) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
