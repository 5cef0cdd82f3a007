/* The training step of small models as native code, held to the evaluator: loss, logits, gradient norm, every updated
 * weight and state, for ragged batches; one kernel an op and fused. */
#include "tests/support/testing.h"

#include "compiler/api/compile.h"
#include "compiler/ir/mutate.h"
#include "tests/support/run_native.h"

static void check_with(const char *file, int level, int n, const char *const *settings)
{
    Arena *arena = arena_new();
    FtcDiag *diag = ftc_diag_new(stderr);
    SpecSetting set[4];
    for (int i = 0; i < n; i++)
        assert_true(spec_setting_parse(arena, settings[i], &set[i], diag));
    Spec *spec = spec_load(arena, &(SpecSource){ .file = source_path(file), .over = set, .n_over = n }, diag);
    assert_non_null(spec);
    PipelineOptions o = { .level = level, .machine.matrix_registers = mutated("split:small") };
    Compiled *c = compile_spec(spec, "model", true, &o, diag);
    assert_non_null(c);
    CodegenOptions codegen = { .level = level, .no_cache = true };
    Sizes sizes;
    char what[128];
    for (int batch = 0; batch < 2; batch++) {
        static const int lengths[] = { 5, 1, 9, 2 };
        sizes_of(&sizes, batch ? 1 : 4, lengths + batch, batch ? 2 : 3, 37, 5);
        snprintf(what, sizeof what, "%s -O%d, batch %d", file, level, batch);
        Numbers step = { .sizes = &sizes, .graph = c->step_graph };
        check_program_on(what, c->step_graph, c->step, &sizes, fill_numbers, &step, run_native, &codegen);
        Numbers eval = { .sizes = &sizes, .graph = c->eval_graph };
        check_program_on(what, c->eval_graph, c->eval, &sizes, fill_numbers, &eval, run_native, &codegen);
    }
    compiled_free(c);
    ftc_diag_free(diag);
    arena_free(arena);
}

static void check_model(const char *file, int level) { check_with(file, level, 0, NULL); }

static void test_tiny(void **state)
{
    (void)state;
    check_model("models/tiny_cls.yaml", 0);
    check_model("models/tiny_cls.yaml", 2);
}

static void test_logreg(void **state)
{
    (void)state;
    check_model("models/logreg.yaml", 0);
    check_model("models/logreg.yaml", 2);
}

static void test_not_bert(void **state)
{
    (void)state;
    check_model("tests/models/prenorm_gated.yaml", 2);
}

static void test_bf16(void **state)
{
    (void)state;
    check_model("tests/models/bf16.yaml", 0);
    check_model("tests/models/bf16.yaml", 2);
}

/* Dots in parts: in matrix registers where this machine has them, else of panels that are joined again. */
static void test_split(void **state)
{
    (void)state;
    mutate("split:small");
    check_model("models/tiny_cls.yaml", 2);
    check_model("tests/models/prenorm_gated.yaml", 2);
    check_model("models/logreg.yaml", 2);
    mutate(NULL);
}

static void test_losses(void **state)
{
    (void)state;
    static const char *const settings[][4] = {
        { "loss.type=focal", "loss.gamma=2", "data.weight=w", "loss.label_smoothing=0.1" },
        { "loss.type=focal", "loss.gamma=0.5", "loss.class_weights=balanced", "data.weight=w" },
        { "loss.type=binary_cross_entropy", "data.weight=w", "loss.class_weights=balanced", "loss.label_smoothing=0.1" },
        { "loss.type=binary_cross_entropy" },
        { "loss.type=mse", "data.weight=w" },
    };
    static const int n[] = { 4, 4, 4, 1, 2 };
    for (int i = 0; i < 5; i++)
        for (int level = 0; level <= 2; level += 2) {
            check_with("models/logreg.yaml", level, n[i], settings[i]);
            check_with("models/tiny_cls.yaml", level, n[i], settings[i]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_tiny), cmocka_unit_test(test_logreg), cmocka_unit_test(test_not_bert),
                                        cmocka_unit_test(test_bf16), cmocka_unit_test(test_split), cmocka_unit_test(test_losses) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
