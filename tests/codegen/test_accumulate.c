/* A step of several batches is the step of one large batch: the losses agree, with dropout, class weights and clipping on, with and
 * without the passes, at batches that don't divide the rows. */
#include "tests/support/testing.h"

#include "compiler/api/compile.h"
#include "runtime/train/train.h"

#include <math.h>

enum { TEXTS = 77, LONGEST = 9, CLASSES = 3, VOCAB = 20, STEPS = 12 };

static Examples some_texts(void)
{
    static int32_t ids[TEXTS * LONGEST], labels[TEXTS];
    static int64_t start[TEXTS + 1];
    for (int i = 0; i < TEXTS; i++) {
        int n = 1 + i * i % LONGEST;
        start[i + 1] = start[i] + n;
        labels[i] = i * i % CLASSES;
        for (int k = 0; k < n; k++)
            ids[start[i] + k] = (i * 5 + k * k) % (i < 64 ? VOCAB / 2 : VOCAB); /* some entries are used late, when decay waits for them */
    }
    return (Examples){ .n = TEXTS, .ids = ids, .start = start, .labels = labels };
}

typedef struct {
    const char *batch, *accumulate, *off, *optimizer;
} How;

/* Losses of the steps. */
static void train(const How *how, double loss[STEPS])
{
    FtcDiag *d = ftc_diag_new(stderr);
    Arena *a = arena_new();
    const SpecSetting over[] = {
        { "train.batch", how->batch, FTC_FILE("-D") }, { "train.accumulate", how->accumulate, FTC_FILE("-D") },
        { "train.max_steps", "12", FTC_FILE("-D") }, { "model.encoder.dropout", "0.1", FTC_FILE("-D") },
        { "model.encoder.attention_dropout", "0.1", FTC_FILE("-D") }, { "loss.class_weights", "[1, 2, 0.5]", FTC_FILE("-D") },
        { "optimizer.weight_decay", "10", FTC_FILE("-D") }, { "train.shuffle", "false", FTC_FILE("-D") }, { "optimizer.lr", "3e-3", FTC_FILE("-D") },
        { "optimizer.type", how->optimizer, FTC_FILE("-D") },
    };
    SpecSource source = { .file = source_path("models/tiny_cls.yaml"), .over = over, .n_over = sizeof over / sizeof *over };
    const Spec *spec = spec_load(a, &source, d);
    assert_non_null(spec);
    Compiled *c = compile_spec(spec, "model", true, &(PipelineOptions){ .level = 2, .accumulate = true, .off = how->off }, d);
    assert_true(c && compiled_jit(c, &(CodegenOptions){ .level = 2, .gemm = GEMM_NATIVE, .no_cache = true }, d));
    assert_int_equal(c->model.accumulate != NULL, strcmp(how->accumulate, "1") != 0);
    Pool *pool = pool_new(2);
    Params *p = params_new(&c->model, CLASSES, VOCAB, true, d);
    assert_true(p && params_add_states(p, d));
    params_init(p, 7, pool);
    Exec *e = exec_new(&c->model, p, pool, (ExecOptions){ .train = true, .check_arena = true }, d);
    assert_non_null(e);
    memcpy(exec_inputs(e)->class_weights, (float[]){ 1, 2, 0.5 }, CLASSES * sizeof(float));
    Examples texts = some_texts();
    History history = { .best = -1 };
    BestWeights best = { 0 };
    TrainJob job = { .train = &texts, .train_name = "train.csv", .history = &history, .best = &best };
    TrainResult result;
    assert_int_equal(train_run(e, p, &job, &result, d), TRAIN_DONE);
    assert_int_equal(history.n_steps, STEPS);
    for (int i = 0; i < STEPS; i++)
        loss[i] = history.step[i].loss;
    history_free(&history);
    exec_free(e);
    params_free(p);
    pool_free(pool);
    compiled_free(c);
    ftc_diag_free(d);
    arena_free(a);
}

static void check(const char *off, const char *optimizer)
{
    static const char *const parts[][2] = { { "8", "4" }, { "1", "32" } };
    double whole[STEPS], some[STEPS];
    train(&(How){ "32", "1", off, optimizer }, whole);
    assert_true(fabs(whole[STEPS - 1] - whole[0]) > 1e-3); /* something is learned */
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        train(&(How){ parts[i][0], parts[i][1], off, optimizer }, some);
        for (int k = 0; k < STEPS; k++)
            if (!(fabs(whole[k] - some[k]) < 1e-5))
                fail_msg("%s batches of %s, step %d: loss %.9g, not %.9g", parts[i][1], parts[i][0], k + 1, some[k], whole[k]);
    }
}

static void test_all_passes(void **state)
{
    (void)state;
    check(NULL, "adamw");
}

static void test_dense_tables(void **state)
{
    (void)state;
    check(",rows,fuse,", "adamw");
}

static void test_sgd(void **state)
{
    (void)state;
    check(NULL, "sgd");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_all_passes), cmocka_unit_test(test_dense_tables), cmocka_unit_test(test_sgd) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
