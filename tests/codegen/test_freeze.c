/* train.freeze: frozen weights keep their bits while the others move, and cost no backward work. */
#include "tests/support/testing.h"

#include "compiler/api/compile.h"
#include "runtime/train/exec.h"

#include <stdlib.h>
#include <string.h>

static Compiled *compiled(Arena *a, const char *freeze, FtcDiag *d)
{
    const SpecSetting over = { "train.freeze", freeze, FTC_FILE("-D") };
    const Spec *spec = spec_load(a, &(SpecSource){ .file = source_path("models/tiny_cls.yaml"), .over = &over, .n_over = 1 }, d);
    assert_non_null(spec);
    return compile_spec(spec, "model", true, &(PipelineOptions){ .level = 2 }, d);
}

static int backward_dots(const Compiled *c)
{
    int n = 0;
    EACH_NODE(x, c->step_graph)
        n += x->op == OP_dot && x->region == REGION_BACKWARD;
    return n;
}

static bool is_frozen(const Compiled *c, const char *name)
{
    for (int i = 0; i < c->model.n_weights; i++)
        if (!strcmp(c->model.weights[i].name, name))
            return c->model.weights[i].frozen;
    fail_msg("there is no weight '%s'", name);
    return false;
}

static void test_bits_stay(void **state)
{
    (void)state;
    enum { ROWS = 2, TOKENS = 7 };
    static const int32_t ids[TOKENS] = { 1, 2, 3, 4, 5, 6, 7 }, types[TOKENS], start[] = { 0, 3, 7 }, labels[] = { 0, 1 };
    Arena *a = arena_new();
    FtcDiag *d = ftc_diag_new(stderr);
    Compiled *c = compiled(a, "[embeddings, 'layers.*.attention.*']", d);
    assert_non_null(c);
    assert_true(compiled_jit(c, &(CodegenOptions){ .level = 2, .no_cache = true }, d));
    Pool *pool = pool_new(1);
    Params *p = params_new(&c->model, 2, 20, false, d);
    assert_true(p && params_add_states(p, d));
    params_init(p, 7, pool);
    float **before = malloc(sizeof *before * (size_t)p->n);
    for (int i = 0; i < p->n; i++) {
        before[i] = malloc((size_t)p->count[i] * sizeof(float));
        memcpy(before[i], p->weight[i].data, (size_t)p->count[i] * sizeof(float));
    }
    Exec *e = exec_new(&c->model, p, pool, (ExecOptions){ .train = true }, d);
    assert_true(e && exec_reserve(e, TOKENS, ROWS, 4, d));
    for (int step = 0; step < 3; step++) {
        exec_set_step(e, step, 1e-2);
        assert_true(exec_step(e, &(FtcBatch){ ROWS, TOKENS, 4, ids, types, start, labels, NULL, NULL }));
    }
    for (int i = 0; i < p->n; i++) {
        bool same = !memcmp(before[i], p->weight[i].data, (size_t)p->count[i] * sizeof(float));
        if (same != c->model.weights[i].frozen)
            fail_msg("'%s' is %s, but %s", p->weight[i].name, c->model.weights[i].frozen ? "frozen" : "trained",
                     same ? "didn't move" : "moved");
        free(before[i]);
    }
    free(before);
    exec_free(e);
    params_free(p);
    pool_free(pool);
    compiled_free(c);
    ftc_diag_free(d);
    arena_free(a);
}

/* A name stands for what begins with it and a dot; what is behind all that is trained needs no gradient. */
static void test_names_and_work(void **state)
{
    (void)state;
    Arena *a = arena_new();
    FtcDiag *d = ftc_diag_new(NULL);
    Compiled *all = compiled(a, "none", d), *head = compiled(a, "[embeddings, layers]", d), *query = compiled(a, "['layers.*.query.*']", d);
    assert_true(all && head && query);
    assert_false(is_frozen(all, "layers.0.ffn.up.bias"));
    assert_true(is_frozen(head, "layers.0.ffn.up.bias") && is_frozen(head, "embeddings.norm.weight"));
    assert_false(is_frozen(head, "pooler.weight"));
    assert_true(is_frozen(query, "layers.0.attention.query.weight") && !is_frozen(query, "layers.0.attention.key.weight"));
    assert_int_equal(backward_dots(query), backward_dots(all) - 1);
    assert_int_equal(backward_dots(head), 3); /* both weights of the head, and what lies between them */
    assert_null(compiled(a, "[layer.0]", d));
    assert_non_null(strstr(ftc_diag_last(d), "no weight is called 'layer.0'"));
    assert_null(compiled(a, "[embeddings, layers, pooler, classifier]", d));
    assert_non_null(strstr(ftc_diag_last(d), "nothing would be trained"));
    compiled_free(all);
    compiled_free(head);
    compiled_free(query);
    ftc_diag_free(d);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_bits_stay), cmocka_unit_test(test_names_and_work) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
