/* exec and params, on the program of toy_program.h: right numbers, same bits on any number of threads, and what -fcheck-arena
 * catches. */
#include "tests/support/testing.h"

#include "runtime/train/exec.h"
#include "tests/support/toy_program.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROWS = 6 };

/* ----- batches ----- */

static int32_t ids[64], row_start[ROWS + 1], labels[ROWS];
static const int32_t lengths[ROWS] = { 1, 7, 3, 12, 1, 5 };

static FtcBatch batch_of(int rows_wanted)
{
    for (int b = 0; b < ROWS; b++) {
        row_start[b + 1] = row_start[b] + lengths[b];
        labels[b] = (b * 2 + 1) % CLASSES;
    }
    for (int t = 0; t < row_start[ROWS]; t++)
        ids[t] = (t * 29 + 5) % VOCAB;
    int32_t longest = 0;
    for (int b = 0; b < rows_wanted; b++)
        longest = lengths[b] > longest ? lengths[b] : longest;
    return (FtcBatch){ .rows = rows_wanted, .tokens = row_start[rows_wanted], .longest = longest, .ids = ids,
                       .row_start = row_start, .labels = labels };
}

typedef struct {
    Pool *pool;
    Params *params;
    Exec *exec;
} Machine;

static Machine machine(int threads, bool check, FtcDiag *d)
{
    Machine m = { .pool = pool_new(threads) };
    m.params = params_new(&model, CLASSES, VOCAB, check, d);
    assert_non_null(m.params);
    assert_true(params_add_states(m.params, d));
    params_init(m.params, 11, m.pool);
    m.exec = exec_new(&model, m.params, m.pool, (ExecOptions){ .train = true, .check_arena = check }, d);
    assert_non_null(m.exec);
    assert_true(exec_reserve(m.exec, 29, ROWS, 12, d));
    return m;
}

static void machine_free(Machine *m)
{
    exec_free(m->exec);
    params_free(m->params);
    pool_free(m->pool);
}

/* ----- tests ----- */

static void one_step_is_right(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    Machine m = machine(2, false, d);
    FtcBatch batch = batch_of(ROWS);
    float before[VOCAB * CLASSES];
    memcpy(before, m.params->weight[0].data, sizeof before);

    double dw[VOCAB * CLASSES] = { 0 }, loss = 0, square = 0;
    for (int b = 0; b < ROWS; b++) {
        double logit[CLASSES] = { 0 }, sum = 0;
        for (int t = row_start[b]; t < row_start[b + 1]; t++)
            for (int c = 0; c < CLASSES; c++)
                logit[c] += (double)before[ids[t] * CLASSES + c] / lengths[b];
        for (int c = 0; c < CLASSES; c++)
            sum += exp(logit[c]);
        loss += (log(sum) - logit[labels[b]]) / ROWS;
        for (int t = row_start[b]; t < row_start[b + 1]; t++)
            for (int c = 0; c < CLASSES; c++)
                dw[ids[t] * CLASSES + c] += (exp(logit[c]) / sum - (c == labels[b])) / ROWS / lengths[b];
    }
    for (int i = 0; i < VOCAB * CLASSES; i++)
        square += dw[i] * dw[i];

    exec_set_step(m.exec, 0, 0.5);
    assert_true(exec_step(m.exec, &batch));
    assert_true(fabs((double)*exec_output(m.exec, "loss") - loss) < 1e-6);
    assert_true(fabs((double)*exec_output(m.exec, "grad_norm") - sqrt(square)) < 1e-6);
    assert_null(exec_output(m.exec, "logits"));
    for (int i = 0; i < VOCAB * CLASSES; i++)
        assert_true(fabs((double)before[i] - 0.5 * dw[i] - (double)m.params->weight[0].data[i]) < 1e-6);

    exec_run(m.exec, &eval_program, &batch);
    const float *logits = exec_output(m.exec, "logits"), *w = m.params->weight[0].data;
    assert_non_null(logits);
    assert_true(fabsf(logits[0] - w[ids[0] * CLASSES]) < 1e-6f); /* row 0 has one token */
    machine_free(&m);
    ftc_diag_free(d);
}

/* Batches of all sizes, then the bits of weights and state, and of every loss on the way. */
static void run_steps(int threads, bool check, float result[2 * VOCAB * CLASSES + 20])
{
    FtcDiag *d = ftc_diag_new(NULL);
    Machine m = machine(threads, check, d);
    for (int s = 0; s < 20; s++) {
        FtcBatch batch = batch_of(s % ROWS + 1);
        exec_set_step(m.exec, s, 0.3);
        assert_true(exec_step(m.exec, &batch));
        result[2 * VOCAB * CLASSES + s] = *exec_output(m.exec, "loss");
    }
    memcpy(result, m.params->weight[0].data, VOCAB * CLASSES * sizeof(float));
    memcpy(result + VOCAB * CLASSES, m.params->state[0], VOCAB * CLASSES * sizeof(float));
    machine_free(&m);
    ftc_diag_free(d);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    float one[2 * VOCAB * CLASSES + 20], other[2 * VOCAB * CLASSES + 20];
    run_steps(1, false, one);
    for (int i = 0; i < 4; i++) {
        static const int threads[] = { 2, 3, 7, 1 };
        run_steps(threads[i], i == 3, other);
        assert_memory_equal(one, other, sizeof one);
        run_steps(threads[i], true, other);
        assert_memory_equal(one, other, sizeof one);
    }
    assert_true(one[2 * VOCAB * CLASSES + 17] < one[2 * VOCAB * CLASSES + 5]); /* the same batch, later */
}

/* Programs that never write what they read don't go unseen. */
static void unwritten_values_are_nan_when_checked(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    Machine m = machine(2, true, d);
    FtcBatch batch = batch_of(ROWS);
    float before[VOCAB * CLASSES];
    memcpy(before, m.params->weight[0].data, sizeof before);
    fault = SKIP_A_ROW;
    assert_false(exec_step(m.exec, &batch));
    assert_true(isnan(*exec_output(m.exec, "loss")));
    assert_memory_equal(before, m.params->weight[0].data, sizeof before); /* the update didn't run */
    fault = NOTHING;
    assert_true(exec_step(m.exec, &batch));
    machine_free(&m);
    ftc_diag_free(d);
}

static void aliased_values_are_spoiled_when_checked(void **state)
{
    (void)state;
    /* 'part' is written over row_loss while row_loss is still to be read: the loss kernel runs too late. */
    FtcCall late[7];
    memcpy(late, calls, sizeof late);
    FtcCall loss = late[2];
    memmove(&late[2], &late[3], 3 * sizeof *late);
    late[5] = loss;
    FtcProgram wrong = step_program;
    wrong.calls = late;
    FtcModel wrong_model = model;
    wrong_model.step = &wrong;

    FtcDiag *d = ftc_diag_new(NULL);
    Machine m = machine(1, false, d);
    exec_free(m.exec);
    m.exec = exec_new(&wrong_model, m.params, m.pool, (ExecOptions){ .train = true, .check_arena = true }, d);
    assert_true(exec_reserve(m.exec, 29, ROWS, 12, d));
    FtcBatch batch = batch_of(ROWS);
    assert_false(exec_step(m.exec, &batch));
    assert_true(isnan(*exec_output(m.exec, "loss")));
    machine_free(&m);
    ftc_diag_free(d);
}

static void on_segv(int signal)
{
    (void)signal;
    _exit(42);
}

/* How a step with the fault ends, in a process of its own: 42 where it was stopped at a guard. */
static int exit_with(int which, int rows_wanted)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, on_segv);
        FtcDiag *d = ftc_diag_new(NULL);
        Machine m = machine(1, true, d);
        FtcBatch batch = batch_of(rows_wanted);
        fault = which;
        _exit(exec_step(m.exec, &batch) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void stepping_out_of_bounds_is_caught(void **state)
{
    (void)state;
    for (int n = 1; n <= ROWS; n += 2) { /* also where the batch is smaller than the room */
        assert_int_equal(exit_with(NOTHING, n), 0);
        assert_int_equal(exit_with(WRITE_PAST_LOGITS, n), 42);
        assert_int_equal(exit_with(WRITE_PAST_SCRATCH, n), 42);
        assert_int_equal(exit_with(READ_PAST_IDS, n), 42);
        assert_int_equal(exit_with(WRITE_PAST_WEIGHT, n), 42);
    }
}

static void too_large_a_batch_names_the_bytes(void **state)
{
    (void)state;
    FtcBuf huge_bufs[N_BUFS];
    memcpy(huge_bufs, bufs, sizeof bufs);
    huge_bufs[LOGITS].size.t[0] = (FtcTerm){ (int64_t)1 << 48, { 0, 1 } };
    FtcProgram huge = step_program;
    huge.bufs = huge_bufs;
    FtcModel huge_model = model;
    huge_model.step = &huge;
    FtcDiag *d = ftc_diag_new(NULL);
    Machine m = machine(1, false, d);
    exec_free(m.exec);
    m.exec = exec_new(&huge_model, m.params, m.pool, (ExecOptions){ .train = true }, d);
    assert_false(exec_reserve(m.exec, 29, ROWS, 12, d)); /* 16 * 2^50 + 64 + 192 + 448, skews, scratch 2 * 64 */
    assert_non_null(strstr(ftc_diag_last(d), "18014398509487168 bytes"));
    assert_non_null(strstr(ftc_diag_last(d), "train.batch"));
    assert_false(exec_reserve(m.exec, 60000, 60000, 12, d)); /* beyond 64 bits */
    assert_non_null(strstr(ftc_diag_last(d), "than there can be"));
    assert_false(exec_reserve(m.exec, (int64_t)1 << 31, 100, 12, d));
    assert_int_equal(ftc_diag_errors(d), 3);
    machine_free(&m);
    ftc_diag_free(d);
}

static void inputs_are_the_model_s(void **state)
{
    (void)state;
    FtcModel m = model;
    m.optimizer = (FtcOptimizer){ .lr = 0.5, .weight_decay = 0.01, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .momentum = 0.8, .clip_norm = 3 };
    m.loss.label_smoothing = 0.1;
    m.n_dropouts = 2;
    m.dropout = (float[]){ 0.1f, 0.2f };
    FtcDiag *d = ftc_diag_new(NULL);
    Machine k = machine(1, false, d);
    Exec *e = exec_new(&m, k.params, k.pool, (ExecOptions){ .train = true }, d);
    ExecInputs *in = exec_inputs(e);
    assert_true(in->seed == 11 && in->lr == 0.5f && in->weight_decay == 0.01f && in->beta1 == 0.9f && in->beta2 == 0.99f);
    assert_true(in->eps == 1e-8f && in->momentum == 0.8f && in->clip_norm == 3.0f && in->label_smoothing == 0.1f);
    assert_true(in->dropout[0] == 0.1f && in->dropout[1] == 0.2f && in->class_weights[CLASSES - 1] == 1.0f);
    exec_set_step(e, 2, 0.25);
    assert_true(in->step == 2 && in->lr == 0.25f);
    double m3 = 0, v3 = 0; /* what a gradient of 1 makes of the averages in three updates, the betas being floats */
    for (int i = 0; i < 3; i++) {
        m3 = m3 * (double)in->beta1 + (1 - (double)in->beta1);
        v3 = v3 * (double)in->beta2 + (1 - (double)in->beta2);
    }
    assert_true(fabs(m3 - 0.271) < 1e-6 && fabs(v3 - 0.029701) < 1e-6);
    assert_true(fabs((double)in->correction1 / m3 - 1) < 1e-7 && fabs((double)in->correction2 / v3 - 1) < 1e-7);
    exec_free(e);
    machine_free(&k);
    ftc_diag_free(d);
}

static void unknown_names_are_errors(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    Machine m = machine(1, false, d);
    static const struct {
        int buf;
        const char *name, *says;
    } cases[] = {
        { LR, "learning_rate", "'learning_rate', which the runtime doesn't have" },
        { LR, "dropout.0", "'dropout.0', which the runtime doesn't have" }, /* the model has none */
        { LR, "seed", "'seed' as another type" },
        { W, "x", "'x', which the model's table of weights doesn't have" },
        { M, "v:w", "'v:w', which" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FtcBuf changed[N_BUFS];
        memcpy(changed, bufs, sizeof bufs);
        changed[cases[i].buf].name = cases[i].name;
        FtcProgram p = step_program;
        p.bufs = changed;
        FtcModel other = model;
        other.step = &p;
        assert_null(exec_new(&other, m.params, m.pool, (ExecOptions){ .train = true }, d));
        assert_non_null(strstr(ftc_diag_last(d), cases[i].says));
    }
    machine_free(&m);
    ftc_diag_free(d);
}

/* Texts of stages can be edited: whatever a program expects, it gets no more than there is. */
static void other_sizes_are_errors(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    Machine m = machine(1, false, d);
    static const FtcForm larger[] = { { 1, { { 2, { 0 } } } },                                   /* 2 */
                                      { 1, { { 1, { [FTC_T] = 1 } } } },                         /* T */
                                      { 2, { { 2, { 0 } }, { 1, { [FTC_B] = 1 } } } },           /* 2 + B */
                                      { 1, { { 1, { [FTC_B] = 2 } } } } };                       /* B*B */
    for (int buf = 0; buf < N_BUFS; buf++)
        for (size_t i = 0; bufs[buf].kind == FTC_BUF_INPUT && i < sizeof larger / sizeof *larger; i++) {
            FtcBuf changed[N_BUFS];
            memcpy(changed, bufs, sizeof bufs);
            if (bufs[buf].size.n == larger[i].n && !memcmp(bufs[buf].size.t, larger[i].t, sizeof larger[i].t))
                continue;
            changed[buf].size = larger[i];
            FtcProgram p = step_program;
            p.bufs = changed;
            FtcModel other = model;
            other.step = &p;
            assert_null(exec_new(&other, m.params, m.pool, (ExecOptions){ .train = true }, d));
            assert_non_null(strstr(ftc_diag_last(d), "with another size than the runtime's"));
        }
    machine_free(&m);
    ftc_diag_free(d);
}

static void first_weights_depend_on_the_seed_alone(void **state)
{
    (void)state;
    static const FtcWeight table[] = {
        { .name = "norm", .rank = 1, .dim = { 300 }, .init = FTC_INIT_ONES },
        { .name = "big", .rank = 2, .dim = { 300, 1000 }, .init = FTC_INIT_NORMAL, .init_scale = 0.02f },
        { .name = "bias", .rank = 1, .dim = { -1 - FTC_C }, .init = FTC_INIT_ZEROS },
        { .name = "twin", .rank = 2, .dim = { 300, 1000 }, .init = FTC_INIT_NORMAL, .init_scale = 0.02f, .frozen = true },
    };
    const FtcModel m = { .weights = table, .n_weights = 4, .n_states = 2, .state = { "m", "v" } };
    Params *p[3];
    for (int i = 0; i < 3; i++) {
        Pool *pool = pool_new(i == 1 ? 5 : 1);
        p[i] = params_new(&m, 77, 5, false, NULL);
        params_init(p[i], i == 2 ? 8 : 7, pool);
        pool_free(pool);
    }
    assert_int_equal(params_total(p[0]), 300 + 300000 + 77 + 300000);
    assert_int_equal(params_trained(p[0]), 300 + 300000 + 77);
    double sum = 0, square = 0;
    for (int i = 0; i < 300000; i++) {
        sum += (double)p[0]->weight[1].data[i];
        square += (double)p[0]->weight[1].data[i] * (double)p[0]->weight[1].data[i];
    }
    assert_true(fabs(sum / 300000) < 4 * 0.02 / sqrt(300000));
    assert_true(fabs(sqrt(square / 300000) / 0.02 - 1) < 4 / sqrt(2 * 300000.0));
    assert_true(p[0]->weight[0].data[299] == 1.0f && p[0]->weight[2].data[76] == 0.0f);
    assert_memory_equal(p[0]->weight[1].data, p[1]->weight[1].data, 300000 * sizeof(float));
    assert_memory_not_equal(p[0]->weight[1].data, p[2]->weight[1].data, 300000 * sizeof(float));
    assert_memory_not_equal(p[0]->weight[1].data, p[0]->weight[3].data, 300000 * sizeof(float));

    int64_t count;
    assert_null(params_find(p[0], "m:big", &count)); /* not before training */
    assert_true(params_add_states(p[0], NULL));
    assert_non_null(params_find(p[0], "m:big", &count));
    assert_int_equal(count, 300000);
    assert_ptr_not_equal(params_find(p[0], "v:big", &count), params_find(p[0], "m:big", &count));
    assert_null(params_find(p[0], "m:twin", &count)); /* frozen */
    assert_null(params_find(p[0], "m:", &count));
    for (int i = 0; i < 4; i++)
        assert_int_equal((uintptr_t)p[0]->weight[i].data % 64, 0);
    for (int i = 0; i < 3; i++)
        params_free(p[i]);

    FtcDiag *d = ftc_diag_new(NULL);
    static const FtcWeight vast[] = { { .name = "vast", .rank = 3, .dim = { (int64_t)1 << 30, (int64_t)1 << 30, -1 - FTC_V } } };
    const FtcModel vast_model = { .weights = vast, .n_weights = 1 };
    assert_null(params_new(&vast_model, 2, 30522, false, d));
    assert_non_null(strstr(ftc_diag_last(d), "larger than any memory"));
    ftc_diag_free(d);
}

/* What planning and code rely on: P grows with T and never exceeds it, panels cover all tokens, each with 1 to `most`. */
static void check_panels(int64_t most)
{
    for (int64_t t = 1, before = 0; t <= 5000; t++) {
        int64_t n = ftc_panels(t, most), first = 0;
        assert_true(n >= 1 && n <= t && n >= before);
        before = n;
        for (int64_t p = 1; p <= n; p++) {
            int64_t next = p == n ? t : 2 * (p * (t + 1) / (2 * n));
            assert_true(next - first >= 1 && next - first <= most);
            first = next;
        }
    }
}

static void panels_divide_tokens(void **state)
{
    (void)state;
    static const int64_t most[] = { 56, 64, 128 };
    for (int i = 0; i < 3; i++)
        check_panels(most[i]);
}

/* A large table, of which one element in the middle is written: its state takes no more memory than that needs. */
static void states_of_tables_take_small_pages(void **state)
{
    (void)state;
    enum { ENTRIES = 1 << 20, WIDTH = 4 };
    const FtcWeight table = { .name = "table", .rank = 2, .dim = { ENTRIES, WIDTH }, .by_rows = true };
    const FtcModel m = { .name = "m", .weights = &table, .n_weights = 1, .n_states = 1, .state = { "m" } };
    Params *p = params_new(&m, 2, 5, false, NULL);
    assert_true(p && params_add_states(p, NULL));
    const size_t bytes = (size_t)ENTRIES * WIDTH * sizeof(float), page = (size_t)sysconf(_SC_PAGESIZE);
    p->state[0][ENTRIES * WIDTH / 2] = 1;
    unsigned char *resident = calloc(bytes / page, 1);
    int n = 0;
    assert_int_equal(mincore(p->state[0], bytes, resident), 0);
    for (size_t i = 0; i < bytes / page; i++)
        n += resident[i] & 1;
    assert_int_equal(n, 1);
    free(resident);
    params_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_of_tables_take_small_pages),
        cmocka_unit_test(panels_divide_tokens),
        cmocka_unit_test(one_step_is_right),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(unwritten_values_are_nan_when_checked),
        cmocka_unit_test(aliased_values_are_spoiled_when_checked),
        cmocka_unit_test(stepping_out_of_bounds_is_caught),
        cmocka_unit_test(too_large_a_batch_names_the_bytes),
        cmocka_unit_test(inputs_are_the_model_s),
        cmocka_unit_test(unknown_names_are_errors), cmocka_unit_test(other_sizes_are_errors),
        cmocka_unit_test(first_weights_depend_on_the_seed_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
