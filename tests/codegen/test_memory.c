/* A step's arena grows with the tokens of a batch alone: as a line, however the tokens are spread over rows.  No value of a size in
 * query times key tokens is ever in it. */
#include "tests/support/testing.h"

#include "compiler/api/compile.h"

/* What of the arena isn't on the line: a slot may hold a weight's gradient as well, which is the larger of few tokens. */
static int64_t slack(int64_t bytes) { return bytes / 1000; }

/* Bytes of the step's arena for B rows of L tokens each. */
static int64_t arena_bytes(const Compiled *c, int64_t rows, int64_t tokens)
{
    int64_t sym[N_SYMBOLS];
    usual_symbols(c->spec, c->step->panel_tokens, sym);
    sym[FTC_T] = rows * tokens;
    sym[FTC_B] = rows;
    sym[FTC_L] = tokens;
    return slots_bytes(c->step, sym);
}

static void check_model(const char *file, const char *setting)
{
    Arena *arena = arena_new();
    FtcDiag *diag = ftc_diag_new(stderr);
    SpecSetting set;
    assert_true(spec_setting_parse(arena, setting, &set, diag));
    Spec *spec = spec_load(arena, &(SpecSource){ .file = source_path(file), .over = &set, .n_over = 1 }, diag);
    assert_non_null(spec);
    Compiled *c = compile_spec(spec, "model", true, &(PipelineOptions){ .level = 2, .off = "," }, diag);
    assert_non_null(c);

    int64_t two = arena_bytes(c, 64, 128), four = arena_bytes(c, 128, 128), six = arena_bytes(c, 192, 128);
    assert_true(four > two);
    assert_true(llabs((six - four) - (four - two)) <= slack(four));
    /* as many tokens in fewer, longer rows: what is per row gets less, nothing gets more */
    assert_true(arena_bytes(c, 16, 512) <= two + slack(two));
    assert_true(arena_bytes(c, 4, 2048) <= two + slack(two));

    compiled_free(c);
    ftc_diag_free(diag);
    arena_free(arena);
}

static void test_arena_is_linear_in_tokens(void **state)
{
    (void)state;
    check_model("models/minilm_cls.yaml", "train.precision=f32");
    check_model("models/minilm_cls.yaml", "train.precision=bf16");
    check_model("models/distilbert_cls.yaml", "train.precision=f32");
    check_model("models/logreg.yaml", "train.precision=f32");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_arena_is_linear_in_tokens) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
