/* Tables trained by rows give what the dense optimizer gives, after many steps, with clipping, evaluation in between, and rows that
 * are first used late or never. */
#include "tests/support/testing.h"

#include "compiler/api/compile.h"
#include "compiler/ops/ops.h"
#include "runtime/train/exec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VOCABULARY = 60, ROWS = 3, LONGEST = 5, LATE = 57, NEVER = 59 };

typedef struct {
    Compiled *c;
    Params *p;
    Exec *e;
} Training;

static Training begin(Arena *a, const char *off, const char *optimizer, Pool *pool, FtcDiag *d)
{
    Training t;
    const SpecSetting over[] = { { "optimizer.type", optimizer, FTC_FILE("-D") }, { "optimizer.weight_decay", "0.1", FTC_FILE("-D") },
                                 { "optimizer.clip_norm", "0.5", FTC_FILE("-D") }, { "model.encoder.dropout", "0", FTC_FILE("-D") },
                                 { "model.encoder.attention_dropout", "0", FTC_FILE("-D") }, { "model.head.dropout", "0", FTC_FILE("-D") } };
    const Spec *spec = spec_load(a, &(SpecSource){ .file = source_path("models/tiny_cls.yaml"), .over = over, .n_over = 6 }, d);
    assert_non_null(spec);
    t.c = compile_spec(spec, "model", true, &(PipelineOptions){ .level = 2, .off = off }, d);
    assert_true(t.c && compiled_jit(t.c, &(CodegenOptions){ .level = 2, .no_cache = true }, d));
    t.p = params_new(&t.c->model, 2, VOCABULARY, false, d);
    assert_true(t.p && params_add_states(t.p, d));
    params_init(t.p, 7, pool);
    t.e = exec_new(&t.c->model, t.p, pool, (ExecOptions){ .train = true }, d);
    assert_true(t.e && exec_reserve(t.e, ROWS * LONGEST, ROWS, LONGEST, d));
    return t;
}

/* Each step's own texts, of words that are used more and more; one word waits for step `late`. */
static FtcBatch batch_of(int step, int late, int32_t *ids, int32_t *start, int32_t *labels)
{
    int32_t n = 0, longest = 0, words = 10 + step / 10 < LATE ? 10 + step / 10 : LATE;
    for (int r = 0; r < ROWS; r++) {
        start[r] = n;
        int32_t length = 2 + (int32_t)(rand_bits16(1, 1, step, r, 0) % (LONGEST - 1));
        for (int32_t i = 0; i < length; i++)
            ids[n++] = (int32_t)rand_bits16(2, 1, step, r * LONGEST + i, 0) % words;
        labels[r] = ids[n - 1] % 2;
        longest = length > longest ? length : longest;
    }
    start[ROWS] = n;
    if (step == late)
        ids[n - 1] = LATE;
    return (FtcBatch){ .rows = ROWS, .tokens = n, .longest = longest, .ids = ids, .row_start = start, .labels = labels };
}

static void train(Training *t, int steps, int late, double lr, float *logits)
{
    int32_t ids[ROWS * LONGEST], start[ROWS + 1], labels[ROWS];
    for (int step = 0; step < steps; step++) {
        FtcBatch b = batch_of(step, late, ids, start, labels);
        exec_set_step(t->e, step, lr * (1 - 0.5 * step / steps));
        assert_true(exec_step(t->e, &b));
        if (step % 250 == 100) { /* a word that training hasn't used is read */
            ids[0] = NEVER;
            exec_run(t->e, t->c->model.eval, &b);
            memcpy(logits, exec_output(t->e, "logits"), 2 * ROWS * sizeof *logits);
            logits += 2 * ROWS;
        }
    }
    exec_flush(t->e);
}

static void end(Training *t)
{
    exec_free(t->e);
    params_free(t->p);
    compiled_free(t->c);
}

static void compare_trainings(const char *optimizer, int steps, int late, double lr)
{
    Arena *a = arena_new();
    FtcDiag *d = ftc_diag_new(stderr);
    Pool *pool = pool_new(1);
    Training rows = begin(a, NULL, optimizer, pool, d), dense = begin(a, ",rows,", optimizer, pool, d);
    float logits[2][4 * 2 * ROWS] = { { 0 } };
    bool any = false;
    train(&rows, steps, late, lr, logits[0]);
    train(&dense, steps, late, lr, logits[1]);
    for (int i = 0; i < rows.p->n; i++) {
        const char *name = rows.p->weight[i].name;
        assert_false(dense.c->model.weights[i].by_rows);
        any |= rows.c->model.weights[i].by_rows;
        for (int64_t k = 0; k < rows.p->count[i]; k++) {
            double x = rows.p->weight[i].data[k], y = dense.p->weight[i].data[k];
            if (!(fabs(x - y) <= 1e-6))
                fail_msg("%s, %s, element %lld: by rows %.9g, dense %.9g", optimizer, name, (long long)k, x, y);
        }
    }
    assert_true(any);
    for (int k = 0; k < 4 * 2 * ROWS; k++)
        assert_true(fabs((double)logits[0][k] - (double)logits[1][k]) <= 1e-5);
    end(&rows);
    end(&dense);
    pool_free(pool);
    ftc_diag_free(d);
    arena_free(a);
}

static void test_adamw(void **state)
{
    (void)state;
    compare_trainings("adamw", 1000, 900, 1e-4);
}

static void test_sgd(void **state)
{
    (void)state;
    compare_trainings("sgd", 1000, 900, 1e-2);
}

/* The decay of rows that wait is seen only where it is: a step that fails leaves everything as it was. */
static void test_failed_step(void **state)
{
    (void)state;
    Arena *a = arena_new();
    FtcDiag *d = ftc_diag_new(stderr);
    Pool *pool = pool_new(1);
    Training t = begin(a, NULL, "adamw", pool, d);
    int32_t ids[ROWS * LONGEST], start[ROWS + 1], labels[ROWS];
    FtcBatch b = batch_of(0, -1, ids, start, labels);
    int64_t count;
    float *table = params_find(t.p, "embeddings.token.weight", &count), *bias = params_find(t.p, "classifier.bias", &count);
    float before = table[NEVER * 8], was = *bias;
    exec_set_step(t.e, 0, 0.5);
    assert_true(exec_step(t.e, &b));
    ids[0] = NEVER;
    *bias = NAN;
    exec_set_step(t.e, 1, 0.5);
    assert_false(exec_step(t.e, &b));
    *bias = was;
    exec_flush(t.e);
    assert_float_equal(table[NEVER * 8], before * (1 - 0.5 * 0.1), 1e-7);
    exec_flush(t.e);
    assert_float_equal(table[NEVER * 8], before * (1 - 0.5 * 0.1), 1e-7);
    end(&t);
    pool_free(pool);
    ftc_diag_free(d);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_adamw), cmocka_unit_test(test_sgd), cmocka_unit_test(test_failed_step) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
