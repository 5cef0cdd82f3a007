/* The training loop, on the program of toy_program.h and rows whose class their tokens give away. */
#include "tests/support/testing.h"

#include "runtime/train/train.h"
#include "tests/support/toy_program.h"

#include <unistd.h>

enum { ROWS = 50, DEV = 21 };

static int32_t ids[ROWS * 8], labels[ROWS];
static int64_t start[ROWS + 1];

/* A row of class c has tokens c, c + 3, c + 6, ..., among them one that says nothing. */
static Examples examples(int64_t n)
{
    for (int64_t i = 0; i < ROWS; i++) {
        int32_t length = (int32_t)(2 + i % 6);
        labels[i] = (int32_t)(i * 7 % CLASSES);
        start[i + 1] = start[i] + length;
        for (int32_t t = 0; t < length; t++)
            ids[start[i] + t] = t == 1 ? VOCAB - 1 : (labels[i] + CLASSES * (int32_t)(i + t)) % (VOCAB - 1);
    }
    return (Examples){ .n = n, .ids = ids, .start = start, .labels = labels };
}

typedef struct {
    double accuracy[8];
    int64_t epochs;
} Seen;

static void on_epoch(void *user, const EpochRecord *r, const Metrics *m)
{
    Seen *seen = user;
    int64_t epoch = r->epoch;
    assert_int_equal(epoch, ++seen->epochs);
    assert_int_equal(m->n, DEV);
    seen->accuracy[epoch - 1] = m->accuracy;
}

typedef struct {
    float w[VOCAB * CLASSES], m[VOCAB * CLASSES];
    TrainResult result;
    TrainStatus status;
    double first_loss, last_loss;
    int64_t tokens;
    Seen seen;
    char said[8192];
} Run;

static FtcModel model_with(FtcTrain train, double lr)
{
    FtcModel m = model;
    m.train = train;
    m.optimizer.lr = lr;
    m.optimizer.schedule = FTC_SCHEDULE_LINEAR;
    m.optimizer.warmup = 0.1;
    return m;
}

static Run *run(const FtcModel *m, int threads, const char *log_path)
{
    Run *r = calloc(1, sizeof *r);
    FtcDiag *d = ftc_diag_new(NULL);
    Examples train = examples(ROWS), dev = examples(DEV);
    Pool *pool = pool_new(threads);
    Params *params = params_new(m, CLASSES, VOCAB, false, d);
    assert_true(params_add_states(params, d));
    params_init(params, (uint64_t)m->train.seed, pool);
    Exec *e = exec_new(m, params, pool, (ExecOptions){ .train = true }, d);
    Log *log = log_path ? log_open(log_path, d) : NULL;
    History history = { .best = -1 };
    BestWeights best = { 0 };
    TrainJob job = { .train = &train, .dev = &dev, .train_name = "train.csv", .log = log, .history = &history, .best = &best,
                     .epoch = on_epoch, .user = &r->seen };
    r->status = train_run(e, params, &job, &r->result, d);
    for (int64_t i = 0; i < history.n_steps; i++)
        r->tokens += history.step[i].tokens;
    r->first_loss = history.n_steps ? history.step[0].loss : NAN;
    r->last_loss = history.n_steps ? history.step[history.n_steps - 1].loss : NAN;
    history_free(&history);
    best_free(&best);
    assert_true(log_close(log, d));
    memcpy(r->w, params->weight[0].data, sizeof r->w);
    memcpy(r->m, params->state[0], sizeof r->m);
    snprintf(r->said, sizeof r->said, "%s", ftc_diag_last(d));
    exec_free(e);
    params_free(params);
    pool_free(pool);
    ftc_diag_free(d);
    return r;
}

static void it_learns(void **state)
{
    (void)state;
    FtcModel m = model_with((FtcTrain){ .epochs = 5, .batch = 8, .seed = 3, .shuffle = true }, 0.3);
    Run *r = run(&m, 2, NULL);
    assert_int_equal(r->status, TRAIN_DONE);
    assert_int_equal(r->result.steps, 5 * 7);
    assert_int_equal(r->tokens, 5 * start[ROWS]);
    assert_int_equal(r->seen.epochs, 5);
    assert_true(r->seen.accuracy[0] < 1 && r->seen.accuracy[4] == 1);
    assert_true(r->last_loss < 0.5 * r->first_loss);
    free(r);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    FtcModel m = model_with((FtcTrain){ .epochs = 3, .batch = 7, .seed = 3, .shuffle = true }, 0.5);
    Run *one = run(&m, 1, NULL);
    static const int threads[] = { 1, 2, 3, 7 };
    for (int i = 0; i < 4; i++) {
        Run *r = run(&m, threads[i], NULL);
        assert_memory_equal(r->w, one->w, sizeof r->w);
        assert_memory_equal(r->m, one->m, sizeof r->m);
        free(r);
    }
    m.train.seed = 4;
    Run *other = run(&m, 2, NULL);
    assert_memory_not_equal(other->w, one->w, sizeof one->w);
    free(other);
    free(one);
}

/* max_steps alone decides: it ends within an epoch, or goes on past `epochs`. */
static void max_steps_ends_the_run(void **state)
{
    (void)state;
    FtcModel m = model_with((FtcTrain){ .epochs = 5, .batch = 8, .seed = 3, .max_steps = 9 }, 0.5);
    Run *r = run(&m, 1, NULL);
    assert_int_equal(r->result.steps, 9);
    assert_int_equal(r->seen.epochs, 2);
    free(r);
    m.train.epochs = 1;
    r = run(&m, 1, NULL);
    assert_int_equal(r->result.steps, 9);
    free(r);
}

/* The log: one line a step; the learning rate is the schedule's and the loss the program's. */
static void log_has_every_step(void **state)
{
    (void)state;
    char path[256], line[512];
    snprintf(path, sizeof path, "%s/log.jsonl", temp_folder());
    FtcModel m = model_with((FtcTrain){ .epochs = 3, .batch = 8, .seed = 3 }, 0.5); /* 21 steps, 2 of warm-up */
    Run *r = run(&m, 1, path);
    FILE *f = fopen(path, "r");
    int lines = 0, step, epoch, tokens, used;
    double loss, lr, ms;
    while (fgets(line, sizeof line, f)) {
        assert_int_equal(sscanf(line, "{\"step\": %d, \"epoch\": %d, \"loss\": %lf, \"lr\": %lf, \"tokens\": %d, \"ms\": %lf}%n", &step, &epoch,
                                &loss, &lr, &tokens, &ms, &used), 6);
        assert_int_equal(used, strlen(line) - 1);
        assert_int_equal(step, ++lines);
        assert_int_equal(epoch, (lines - 1) / 7 + 1);
        assert_int_equal(tokens, lines % 7 ? start[(lines - 1) % 7 * 8 + 8] - start[(lines - 1) % 7 * 8] : start[ROWS] - start[48]);
        assert_true(fabs(lr - (lines == 1 ? 0 : lines == 2 ? 0.25 : 0.5 * (22 - lines) / 19)) < 1e-15);
        if (lines == 1)
            assert_true((float)loss == (float)r->first_loss);
    }
    assert_int_equal(lines, 21);
    assert_true((float)loss == (float)r->last_loss);
    fclose(f);
    free(r);
}

/* Shuffled epochs differ from each other, and from the file. */
static void every_epoch_has_its_own_order(void **state)
{
    (void)state;
    char path[256], line[512];
    snprintf(path, sizeof path, "%s/log.jsonl", temp_folder());
    FtcModel m = model_with((FtcTrain){ .epochs = 2, .batch = 8, .seed = 3, .shuffle = true }, 0.5);
    free(run(&m, 1, path));
    FILE *f = fopen(path, "r");
    int64_t tokens[2][7];
    for (int i = 0; i < 14; i++) {
        assert_non_null(fgets(line, sizeof line, f));
        tokens[i / 7][i % 7] = strtol(strstr(line, "tokens\": ") + 9, NULL, 10);
    }
    fclose(f);
    int as_before = 0, as_in_file = 0;
    for (int i = 0; i < 6; i++) {
        as_before += tokens[1][i] == tokens[0][i];
        as_in_file += tokens[0][i] == start[8 * i + 8] - start[8 * i];
    }
    assert_true(as_before < 6 && as_in_file < 6);
}

/* A run that diverges stops, says where, and keeps the weights of its last good step. */
static void divergence_keeps_the_last_good_weights(void **state)
{
    (void)state;
    FtcTrain t = { .epochs = 2, .batch = 8, .seed = 3 };
    FtcModel m = model_with(t, 3e38);
    m.optimizer.schedule = FTC_SCHEDULE_CONSTANT; /* 14 steps, 1 of warm-up with no learning rate */
    Run *r = run(&m, 2, NULL);
    assert_int_equal(r->status, TRAIN_DIVERGED);
    int64_t steps = r->result.steps;
    assert_true(steps > 7 && steps < 13); /* in the second epoch; its last, short batch is not the culprit */
    char where[64], records[64];
    snprintf(where, sizeof where, "is not finite at step %d (epoch 2)", (int)steps + 1);
    assert_non_null(strstr(r->said, where));
    int first = (int)(steps - 7) * 8 + 1;
    snprintf(records, sizeof records, "in a batch of records %d, %d, ", first, first + 1);
    assert_non_null(strstr(r->said, records));
    for (int i = 0; i < VOCAB * CLASSES; i++)
        assert_false(isnan(r->w[i]));

    /* the same run, ended by itself after as many steps: its schedule's warm-up is kept in steps */
    FtcModel shorter = m;
    shorter.train.max_steps = steps;
    shorter.optimizer.warmup = 1;
    Run *good = run(&shorter, 1, NULL);
    assert_int_equal(good->status, TRAIN_DONE);
    assert_memory_equal(good->w, r->w, sizeof r->w);
    assert_memory_equal(good->m, r->m, sizeof r->m);
    free(good);
    free(r);
}

static void logits_come_in_the_order_of_rows(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    Examples x = examples(ROWS);
    Pool *pool = pool_new(2);
    Params *params = params_new(&model, CLASSES, VOCAB, false, d);
    params_init(params, 1, pool);
    Exec *e = exec_new(&model, params, pool, (ExecOptions){ 0 }, d); /* no states, no step */
    assert_non_null(e);
    float *all = infer_logits(e, &x, ROWS, "test", NULL, d), *some = infer_logits(e, &x, 7, "test", NULL, d);
    assert_memory_equal(all, some, ROWS * CLASSES * sizeof *all);
    for (int i = 0; i < ROWS; i++)
        for (int c = 0; c < CLASSES; c++) {
            double mean = 0;
            for (int64_t t = start[i]; t < start[i + 1]; t++)
                mean += (double)params->weight[0].data[ids[t] * CLASSES + c] / (double)(start[i + 1] - start[i]);
            assert_true(fabs((double)all[i * CLASSES + c] - mean) < 1e-6);
        }
    free(all);
    free(some);
    exec_free(e);
    params_free(params);
    pool_free(pool);
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_learns),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(max_steps_ends_the_run),
        cmocka_unit_test(log_has_every_step),
        cmocka_unit_test(every_epoch_has_its_own_order),
        cmocka_unit_test(divergence_keeps_the_last_good_weights),
        cmocka_unit_test(logits_come_in_the_order_of_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
