/* Passes that must not change a bit: remat, chain, keep and plan, on and off, over whole training steps; and which passes there are. */
#include "tests/support/testing.h"

#include "compiler/api/compile.h"
#include "runtime/train/exec.h"

/* The weights after three steps on ragged batches, under the given options.  What is kept of weights stays between steps, or (owns =
 * false) is made anew for each. */
static float *trained(const char *file, const char *off, bool owns, int threads, int64_t *count)
{
    Arena *arena = arena_new();
    FtcDiag *d = ftc_diag_new(stderr);
    Spec *spec = spec_load(arena, &(SpecSource){ .file = source_path(file) }, d);
    assert_non_null(spec);
    PipelineOptions o = { .level = 2, .off = off };
    Compiled *c = compile_spec(spec, "model", true, &o, d);
    assert_non_null(c);
    assert_true(compiled_jit(c, &(CodegenOptions){ .level = 2, .no_cache = true }, d));
    Pool *pool = pool_new(threads);
    Params *p = params_new(&c->model, 3, 50, false, d);
    assert_true(p && params_add_states(p, d));
    params_init(p, 7, pool);
    Exec *e = exec_new(&c->model, p, pool, (ExecOptions){ .train = true }, d);
    assert_non_null(e);
    exec_own_weights(e, owns);
    enum { ROWS = 5, TOKENS = 40 };
    assert_true(exec_reserve(e, TOKENS, ROWS, 13, d));
    for (int step = 0; step < 3; step++) {
        int32_t ids[TOKENS], types[TOKENS], start[ROWS + 1] = { 0 }, labels[ROWS];
        static const int32_t lengths[3][ROWS] = { { 13, 1, 5, 2, 7 }, { 1, 1, 1, 1, 1 }, { 3, 11, 4, 13, 9 } };
        int64_t record[ROWS] = { 1, 2, 3, 4, 5 };
        for (int r = 0; r < ROWS; r++) {
            start[r + 1] = start[r] + lengths[step][r];
            labels[r] = (r + step) % 3;
        }
        for (int t = 0; t < start[ROWS]; t++) {
            ids[t] = (t * 7 + step * 11) % 50;
            types[t] = t % 5 == 0;
        }
        exec_set_step(e, step, 1e-2);
        assert_true(exec_step(e, &(FtcBatch){ .rows = ROWS, .tokens = start[ROWS], .longest = 13, .ids = ids, .types = types, .row_start = start, .labels = labels,
                                             .record = record }));
    }
    *count = params_total(p);
    float *all = malloc((size_t)*count * sizeof *all), *at = all;
    for (int i = 0; i < p->n; i++) {
        memcpy(at, p->weight[i].data, (size_t)p->count[i] * sizeof *at);
        at += p->count[i];
    }
    exec_free(e);
    params_free(p);
    pool_free(pool);
    compiled_free(c);
    ftc_diag_free(d);
    arena_free(arena);
    return all;
}

static void check_same_bits(const char *file, const char *off, bool owns, int threads)
{
    int64_t n, m;
    float *plain = trained(file, NULL, true, 1, &n), *other = trained(file, off, owns, threads, &m);
    assert_int_equal(n, m);
    int64_t differ = 0, first = -1;
    for (int64_t i = 0; i < n; i++)
        if (memcmp(&plain[i], &other[i], sizeof *plain) && !differ++)
            first = i;
    if (differ)
        fail_msg("%s with%s %s on %d threads: %d of %d weights differ, the first at %d: %.9g and %.9g", file, off ? "out" : "",
                 off ? off : "everything", threads, (int)differ, (int)n, (int)first, plain[first], other[first]);
    free(plain);
    free(other);
}

static void test_same_bits(void **state)
{
    (void)state;
    static const char *const models[] = { "models/tiny_cls.yaml", "models/logreg.yaml", "tests/models/prenorm_gated.yaml",
                                         "tests/models/bf16.yaml" };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        check_same_bits(models[i], ",remat,", true, 1);
        check_same_bits(models[i], ",plan,", true, 1);
        check_same_bits(models[i], ",keep,", true, 1);
        check_same_bits(models[i], NULL, false, 1);
        check_same_bits(models[i], ",chain,", true, 1);
        for (int threads = 2; threads <= 7; threads += threads == 3 ? 4 : 1)
            check_same_bits(models[i], NULL, true, threads);
    }
}

/* Passes are found by their names, and each says why it is there. */
static void test_table(void **state)
{
    (void)state;
    for (int i = 0; i < n_passes; i++) {
        assert_ptr_equal(find_pass(pipeline[i].name), &pipeline[i]);
        assert_true(strlen(pipeline[i].why) > 10);
    }
    static const char *const before_after[][2] = { { "simplify", "demand" }, { "demand", "rows" }, { "rows", "grad" }, { "grad", "cse" }, { "cse", "bf16" }, { "bf16", "remat" }, { "remat", "fuse" },
                                                    { "fuse", "chain" }, { "chain", "pack" }, { "pack", "keep" }, { "split", "keep" }, { "keep", "lower" }, { "lower", "plan" } };
    for (size_t i = 0; i < sizeof before_after / sizeof *before_after; i++)
        assert_true(find_pass(before_after[i][0]) < find_pass(before_after[i][1]));
}

/* Fusion leaves about as many element-by-element kernels a layer whatever the architecture: a dot is a boundary, and between two dots
 * stands one kernel, or two where columns are summed. */
static void test_fuses_completely(void **state)
{
    (void)state;
    static const char *const models[] = { "models/tiny_cls.yaml", "tests/models/prenorm_gated.yaml", "models/distilbert_cls.yaml" };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        Arena *arena = arena_new();
        FtcDiag *d = ftc_diag_new(stderr);
        Spec *spec = spec_load(arena, &(SpecSource){ .file = source_path(models[i]) }, d);
        Compiled *c = compile_spec(spec, "model", true, &(PipelineOptions){ .level = 2 }, d);
        int dots = 0, sums = 0, loops = 0;
        for (int k = 0; k < c->step->n_calls; k++) {
            const Call *call = &c->step->calls[k];
            if (call->region == REGION_UPDATE || call->node->a.name)
                continue;
            const char *name = c->step->kernels[call->kernel]->name;
            if (!strcmp(name, "pack"))
                continue;
            if (!strncmp(name, "dot", 3))
                dots++;
            else if (!strncmp(name, "sum_", 4) || !strncmp(name, "scatter", 7))
                sums++;
            else
                loops++;
        }
        print_message("%s: %d dots, %d column sums and scatters, %d loops\n", models[i], dots, sums, loops);
        assert_true(loops <= dots + 4);
        compiled_free(c);
        ftc_diag_free(d);
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_fuses_completely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
