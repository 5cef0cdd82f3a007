/* A key set in a compiled trainer is what it would have been, set before compiling: the same numbers, the same resolved spec, the same
 * mistakes in the same words; and what the code depends on is refused. */
#include "tests/support/testing.h"

#include "compiler/api/spec_model.h"
#include "runtime/run/settings.h"

typedef struct {
    const char *key, *value;
} Case;

/* All that settings reach, and the spec as it would be saved; free() it. */
static char *described(const FtcModel *m, const Recipe *r)
{
    const FtcOptimizer *o = &m->optimizer;
    const FtcTrain *t = &m->train;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fprintf(out, "%a %a %a %a %a %a %a %a\n", o->lr, o->weight_decay, o->beta1, o->beta2, o->eps, o->momentum, o->clip_norm, o->warmup);
    fprintf(out, "%d %d %d %d %lld %lld %d %a %lld %lld %lld %d %lld %a\n", t->epochs, t->batch, t->accumulate, t->eval_batch,
            (long long)t->seed, (long long)t->max_steps, t->shuffle, t->memory_limit, (long long)t->eval_every,
            (long long)t->checkpoint_every, (long long)t->checkpoint_keep, t->best, (long long)t->patience, t->threshold);
    fprintf(out, "%lld %a %a %d\n", (long long)r->columns.table.limit, r->split.shares.dev, r->split.shares.test, r->best);
    recipe_print(r, NULL, 0, out);
    fclose(out);
    return text;
}

/* Opens and compiles a spec with settings; NULL after an error, which d has. */
static SpecModel *compiled(const char *spec, const SpecSetting *over, int n, FtcDiag *d)
{
    static const PipelineOptions options = { .level = 2, .accumulate = true };
    SpecModel *m = calloc(1, sizeof *m);
    ClassifierSource source = { .spec = spec, .over = over, .n_over = n };
    Compiled *c = spec_model_open(m, &source, d) ? compile_spec(m->spec, "model", true, &options, d) : NULL;
    if (c) {
        spec_model_take(m, c);
        return m;
    }
    spec_model_close(m);
    free(m);
    return NULL;
}

static void close_model(SpecModel *m)
{
    if (m)
        spec_model_close(m);
    free(m);
}

static void check(const SpecModel *base, const SpecSetting *over, int n_over, const Case *c)
{
    SpecSetting all[4];
    FtcDiag *before = ftc_diag_new(NULL), *after = ftc_diag_new(NULL);
    Settings s;
    for (int i = 0; i < n_over; i++)
        all[i] = over[i];
    all[n_over] = (SpecSetting){ c->key, c->value, FTC_FILE("-D") };
    SpecModel *wanted = compiled(source_path("models/tiny_cls.yaml"), all, n_over + 1, before);
    settings_begin(&s, base->c.model, base->c.recipe);
    bool ok = settings_set(&s, c->key, c->value, "-D", after) && settings_check(&s, after);
    if (ok != (wanted != NULL) || strcmp(ftc_diag_last(before), ftc_diag_last(after)))
        fail_msg("%s=%s: before compiling '%s', after it '%s'", c->key, c->value, ftc_diag_last(before), ftc_diag_last(after));
    if (ok) {
        char *a = described(wanted->c.model, wanted->c.recipe), *b = described(&s.model, &s.recipe);
        assert_string_equal(a, b);
        free(a);
        free(b);
    }
    settings_free(&s);
    close_model(wanted);
    ftc_diag_free(before);
    ftc_diag_free(after);
}

static void check_all(const SpecSetting *over, int n_over, const Case *cases, int n)
{
    FtcDiag *d = ftc_diag_new(stderr);
    SpecModel *base = compiled(source_path("models/tiny_cls.yaml"), over, n_over, d);
    assert_non_null(base);
    for (int i = 0; i < n; i++)
        check(base, over, n_over, &cases[i]);
    close_model(base);
    ftc_diag_free(d);
}

#define CHECK_ALL(over, n_over, cases) check_all(over, n_over, cases, (int)(sizeof(cases) / sizeof *(cases)))

static void a_key_is_what_it_would_have_been(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "optimizer.lr", "3e-5" }, { "optimizer.lr", "0" }, { "optimizer.lr", "-1" }, { "optimizer.lr", "fast" },
        { "optimizer.lr", "1e99" }, { "optimizer.weight_decay", "0.25" }, { "optimizer.betas", "[0.8, 0.95]" },
        { "optimizer.betas", "[0.8,1]" }, { "optimizer.betas", "0.8" }, { "optimizer.betas", "[0.8]" }, { "optimizer.eps", "1e-6" },
        { "optimizer.clip_norm", "2" }, { "optimizer.clip_norm", "0" }, { "optimizer.schedule.warmup", "0.25" },
        { "optimizer.schedule.warmup", "7" }, { "optimizer.schedule.warmup", "7.5" }, { "optimizer.schedule.warmup", "0" },
        { "train.epochs", "2" }, { "train.epochs", "0" }, { "train.epochs", "2.5" }, { "train.batch", "5" }, { "train.batch", "70000" },
        { "train.eval_batch", "3" }, { "train.seed", "4294967295" }, { "train.seed", "-1" }, { "train.shuffle", "false" },
        { "train.shuffle", "no" }, { "train.max_steps", "9" }, { "train.max_steps", "none" }, { "train.max_steps", "never" },
        { "train.memory_limit", "0.5" }, { "train.memory_limit", "none" }, { "train.eval_every", "4" }, { "train.eval_every", "epoch" },
        { "train.eval_every", "step" }, { "train.best", "macro_f1" }, { "train.best", "none" }, { "train.best", "macrof1" },
        { "train.best", "beauty" }, { "train.early_stop.patience", "2" }, { "train.early_stop.threshold", "0.01" },
        { "train.checkpoint.every", "none" }, { "train.checkpoint.every", "auto" }, { "train.checkpoint.every", "100" },
        { "train.checkpoint.keep", "5" }, { "train.accumulate", "1" }, { "data.limit", "50" }, { "data.limit", "none" },
        { "data.split.dev", "0.25" }, { "data.split.test", "1" }, { "data.split.dev", "none" },
    };
    CHECK_ALL(NULL, 0, cases);
    static const SpecSetting sgd[] = { { "optimizer.type", "sgd", { "-D", 0, 0, 0 } }, { "optimizer.momentum", "0.9", { "-D", 0, 0, 0 } },
                                       { "train.accumulate", "3", { "-D", 0, 0, 0 } } };
    static const Case of_sgd[] = { { "optimizer.momentum", "0.5" }, { "optimizer.momentum", "1" }, { "train.accumulate", "2" } };
    CHECK_ALL(sgd, 3, of_sgd);
}

static void what_is_compiled_is_refused(void **state)
{
    (void)state;
    static const Case cases[] = { { "optimizer.clip_norm", "none" }, { "train.accumulate", "2" }, { "train.precision", "bf16" },
                                  { "optimizer.type", "sgd" }, { "train.freeze", "[embeddings]" }, { "data.max_length", "8" },
                                  { "model.encoder.layers", "2" } };
    FtcDiag *d = ftc_diag_new(stderr), *quiet = ftc_diag_new(NULL);
    SpecModel *base = compiled(source_path("models/tiny_cls.yaml"), NULL, 0, d);
    assert_non_null(base);
    Settings s;
    settings_begin(&s, base->c.model, base->c.recipe);
    char *before = described(&s.model, &s.recipe);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_false(settings_set(&s, cases[i].key, cases[i].value, "-D", quiet));
        if (!strstr(ftc_diag_last(quiet), "is compiled into this program"))
            fail_msg("%s=%s: '%s'", cases[i].key, cases[i].value, ftc_diag_last(quiet));
    }
    char *after = described(&s.model, &s.recipe);
    assert_string_equal(before, after);
    free(before);
    free(after);
    settings_free(&s);
    close_model(base);
    ftc_diag_free(d);
    ftc_diag_free(quiet);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_key_is_what_it_would_have_been), cmocka_unit_test(what_is_compiled_is_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
