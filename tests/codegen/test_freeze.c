/* train.freeze: frozen weights keep their bits while the others move, and cost no backward work; an encoder of which all are frozen
 * runs once for all epochs. */
#include "tests/support/testing.h"

#include "compiler/api/compile.h"
#include "runtime/train/train.h"

#include <math.h>
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
        assert_true(exec_step(e, &(FtcBatch){ .rows = ROWS, .tokens = TOKENS, .longest = 4, .ids = ids, .types = types, .row_start = start, .labels = labels }));
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

/* ---- the frozen encoder, once ------------------------------------------------------------------------------------------ */

enum { TEXTS = 37, LONGEST = 9, EPOCHS = 3, CLASSES = 3, VOCAB = 20, ALL_WEIGHTS = 2000 };

typedef struct {
    const char *key[2], *value[2];  /* beside what is frozen */
    bool keep;                      /* PipelineOptions.keep_encoded */
    bool spoil;                     /* after the first epoch no frozen weight is a number any more */
    bool no_room;                   /* train.memory_limit allows what is reserved for a batch, and no more */
    int64_t max_steps;
} How;

typedef struct {
    TrainResult result;
    double first_loss, last_loss, dev_loss[EPOCHS];
    float head[ALL_WEIGHTS];        /* what was trained */
    int64_t n;
    bool has_encoder, is_random;
    char *said;                     /* notes */
    Params *params;
    bool spoil;
} Trained;

static void after_epoch(void *user, const EpochRecord *r, const Metrics *m)
{
    Trained *t = user;
    t->dev_loss[r->epoch - 1] = m->loss;
    for (int i = 0; i < t->params->n && t->spoil; i++)
        if (t->params->model->weights[i].frozen)
            memset(t->params->weight[i].data, 0xFF, (size_t)t->params->count[i] * sizeof(float));
}

static Examples some_texts(void)
{
    static int32_t ids[TEXTS * LONGEST], labels[TEXTS];
    static int64_t start[TEXTS + 1];
    for (int i = 0; i < TEXTS; i++) {
        int n = 1 + i * i % LONGEST;
        start[i + 1] = start[i] + n;
        labels[i] = i % CLASSES;
        for (int k = 0; k < n; k++)
            ids[start[i] + k] = (i * 5 + k * k) % VOCAB;
    }
    return (Examples){ .n = TEXTS, .ids = ids, .start = start, .labels = labels };
}

static void limit_memory(Compiled *c, const Params *p, Exec *e, const TrainJob *job, FtcDiag *d)
{
    assert_true(train_prepare(e, job, d));
    double params = (double)(params_total(p) + 2 * params_trained(p)) * sizeof(float);
    c->model.train.memory_limit = (params + (double)exec_arena_bytes(e) + (double)exec_scratch_bytes(e) + 64) / (1 << 30);
}

/* Trains the head over shuffled epochs, with a look at the same texts after each. */
static Trained trained(const How *how)
{
    Trained t = { .spoil = how->spoil };
    size_t size;
    FILE *notes = open_memstream(&t.said, &size);
    FtcDiag *d = ftc_diag_new(notes);
    Arena *a = arena_new();
    SpecSetting over[4] = { { "train.freeze", "[embeddings, layers]", FTC_FILE("-D") }, { "train.epochs", "3", FTC_FILE("-D") } };
    int n = 2;
    for (int i = 0; i < 2 && how->key[i]; i++)
        over[n++] = (SpecSetting){ how->key[i], how->value[i], FTC_FILE("-D") };
    const Spec *spec = spec_load(a, &(SpecSource){ .file = source_path("models/tiny_cls.yaml"), .over = over, .n_over = n }, d);
    assert_non_null(spec);
    Compiled *c = compile_spec(spec, "model", true, &(PipelineOptions){ .level = 2, .keep_encoded = how->keep }, d);
    assert_true(c && compiled_jit(c, &(CodegenOptions){ .level = 2, .gemm = GEMM_NATIVE, .no_cache = true }, d));
    t.has_encoder = c->model.encode != NULL;
    t.is_random = c->encoder_is_random;
    c->model.train.max_steps = how->max_steps;
    Pool *pool = pool_new(1);
    Params *p = t.params = params_new(&c->model, CLASSES, VOCAB, false, d);
    assert_true(p && params_add_states(p, d));
    params_init(p, 7, pool);
    Exec *e = exec_new(&c->model, p, pool, (ExecOptions){ .train = true }, d);
    assert_non_null(e);
    Examples texts = some_texts();
    History history = { .best = -1 };
    BestWeights best = { 0 };
    TrainJob job = { .train = &texts, .dev = &texts, .train_name = "train.csv", .history = &history, .best = &best,
                     .epoch = after_epoch, .user = &t };
    if (how->no_room)
        limit_memory(c, p, e, &job, d);
    assert_int_equal(train_run(e, p, &job, &t.result, d), TRAIN_DONE);
    t.first_loss = history.step[0].loss;
    t.last_loss = history.step[history.n_steps - 1].loss;
    history_free(&history);
    best_free(&best);
    for (int i = 0; i < p->n; i++)
        if (!c->model.weights[i].frozen) {
            assert_true(t.n + p->count[i] <= ALL_WEIGHTS);
            memcpy(t.head + t.n, p->weight[i].data, (size_t)p->count[i] * sizeof *t.head);
            t.n += p->count[i];
        }
    exec_free(e);
    params_free(p);
    pool_free(pool);
    compiled_free(c);
    ftc_diag_free(d);
    arena_free(a);
    fclose(notes);
    return t;
}

/* The same losses and weights, bit for bit: what is said of a text doesn't depend on the batch it is in. */
static void check_same(const Trained *a, const Trained *b)
{
    assert_int_equal(a->n, b->n);
    assert_true(a->n > 0 && isfinite(a->last_loss));
    assert_memory_equal(a->head, b->head, (size_t)a->n * sizeof *a->head);
    assert_memory_equal(a->dev_loss, b->dev_loss, sizeof a->dev_loss);
    assert_true(a->first_loss == b->first_loss && a->last_loss == b->last_loss);
}

static void test_runs_once(void **state)
{
    (void)state;
    static const How models[] = {
        { .max_steps = 0 },
        { .key = { "model.head.pool", "model.head.pooler" }, .value = { "mean", "false" } },
        { .key = { "model.head.dropout" }, .value = { "0.3" } },
        { .key = { "train.freeze" }, .value = { "[embeddings, layers, pooler]" } },
        { .key = { "train.precision" }, .value = { "bf16" } },
    };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        How how = models[i];
        Trained each = trained(&how);
        assert_true(!each.has_encoder && isnan(each.result.encode_s));
        how.keep = true;
        Trained once = trained(&how);
        assert_true(once.has_encoder && !isnan(once.result.encode_s));
        check_same(&each, &once);
        how.spoil = true; /* it doesn't run again, neither in steps nor for the dev set */
        Trained spoiled = trained(&how);
        check_same(&once, &spoiled);
        free(each.said);
        free(once.said);
        free(spoiled.said);
    }
}

/* Where it can't be kept, or needn't be, it runs as the batches come. */
static void test_runs_with_each_batch(void **state)
{
    (void)state;
    How how = { .keep = false };
    Trained each = trained(&how);
    how.keep = how.no_room = true;
    Trained no_room = trained(&how);
    assert_true(no_room.has_encoder && isnan(no_room.result.encode_s));
    assert_non_null(strstr(no_room.said, "note: the frozen encoder runs in every epoch: train.memory_limit has no room for"));
    check_same(&each, &no_room);
    how = (How){ .max_steps = 5 }; /* one epoch has as many */
    Trained first = trained(&how);
    how.keep = true;
    Trained at_once = trained(&how);
    assert_true(at_once.has_encoder && isnan(at_once.result.encode_s) && !*at_once.said);
    check_same(&first, &at_once);
    free(each.said);
    free(no_room.said);
    free(first.said);
    free(at_once.said);
}

/* With dropout on its way there is nothing to keep, and no program apart. */
static void test_dropout(void **state)
{
    (void)state;
    How how = { .key = { "model.encoder.attention_dropout" }, .value = { "0.1" } };
    Trained each = trained(&how);
    how.keep = true;
    Trained kept = trained(&how);
    assert_true(!kept.has_encoder && kept.is_random && !each.is_random);
    check_same(&each, &kept);
    how = (How){ .keep = true, .key = { "train.freeze" }, .value = { "[embeddings]" } }; /* nor with a layer that is trained */
    Trained partly = trained(&how);
    assert_true(!partly.has_encoder && !partly.is_random);
    free(each.said);
    free(kept.said);
    free(partly.said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits_stay),
        cmocka_unit_test(test_names_and_work),
        cmocka_unit_test(test_runs_once),
        cmocka_unit_test(test_runs_with_each_batch),
        cmocka_unit_test(test_dropout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
