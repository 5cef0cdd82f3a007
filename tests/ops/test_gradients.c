/* Every row of ops.def that has samples: its gradient rule against central differences of the reference evaluation. */
#include "tests/support/testing.h"

#include "compiler/grad/grad.h"
#include "tests/support/graph_inputs.h"

#include <math.h>

typedef struct {
    Sizes *sizes;
    const Node *bumped;
    int64_t element;
    double by;
} Bump;

static void fill_bumped(void *ctx, const Node *n, Tensor *t)
{
    Bump *b = ctx;
    fill_input(b->sizes, n, t);
    if (b->bumped && n->id == b->bumped->id)
        t->v[b->element] += b->by;
}

static double evaluate(const Graph *g, const Node *loss, Bump *b, const Node *bumped, int64_t element, double by)
{
    Arena *scratch = arena_new();
    b->bumped = bumped;
    b->element = element;
    b->by = by;
    double v = graph_eval(g, &b->sizes->b, fill_bumped, b, scratch)[loss->id]->v[0];
    arena_free(scratch);
    return v;
}

static bool differentiable(const Node *n) { return n->op == OP_input && n->type.elem == F32; }

/* loss = sum(y * w): one gradient sweep against differences in every element of every float input */
static bool check_sample(Op op, int which, Sizes *sizes)
{
    Arena *arena = arena_new();
    FtcDiag *diag = ftc_diag_new(stderr);
    Graph *g = graph_new(arena, "sample", diag);
    if (!op_samples[op](g, op, which)) {
        arena_free(arena);
        ftc_diag_free(diag);
        return false;
    }
    assert_false(g->failed);
    Node *y = graph_find_output(g, "y");
    if (y->type.elem == F32) {
        Node *wrt[8], *dx[8];
        int n = 0, all[MAX_RANK] = { 0, 1, 2, 3, 4, 5 };
        EACH_NODE(x, g)
            if (differentiable(x))
                wrt[n++] = x;
        Node *weighted = mul(g, y, input(g, "real.w", y->type));
        Node *total = y->type.rank ? sum_axes(g, weighted, y->type.rank, all) : weighted;
        Node *loss = reshape(g, total, scalar_type(F32));
        graph_grad(g, loss, n, wrt, dx);
        assert_false(g->failed);
        graph_verify(g);
        Bump bump = { .sizes = sizes };
        Tensor **value = graph_eval(g, &sizes->b, fill_bumped, &bump, arena);
        const double h = 1e-5;
        for (int k = 0; k < n; k++)
            for (int64_t i = 0; i < value[wrt[k]->id]->n; i++) {
                double up = evaluate(g, loss, &bump, wrt[k], i, h), down = evaluate(g, loss, &bump, wrt[k], i, -h);
                double want = op == OP_stop_gradient ? 0 : (up - down) / (2 * h), got = value[dx[k]->id]->v[i];
                if (!(fabs(want - got) <= 1e-6 * (1 + fabs(want))))
                    fail_msg("%s, sample %d: d loss / d %s[%d] = %.9g, differences say %.9g", op_info[op].name, which,
                             wrt[k]->name, (int)i, got, want);
            }
    }
    arena_free(arena);
    ftc_diag_free(diag);
    return true;
}

static void test_every_op(void **state)
{
    (void)state;
    Sizes sizes;
    sizes_of(&sizes, 3, (int[]){ 4, 1, 2 }, 3, 11, 1);
    for (Op op = 0; op < N_OPS; op++) {
        int samples = 0;
        while (check_sample(op, samples, &sizes))
            samples++;
        if (op_info[op].class != CLASS_STATE)
            assert_int_not_equal(samples, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_op) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
