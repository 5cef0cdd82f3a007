/* The library's calls (include/ftc/ftc.h) on top of classifier.h.
 * Batches come from anyone and compiled code checks nothing: they are checked here, every time. */
#include "ftc/ftc.h"

#include "compiler/api/spec_model.h"
#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/text/vocab_learn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct FtcSession {
    SpecModel m;
    Pool *pool;
    TokenScratch *scratch;   /* made when first needed */
    TokenIds ids;
    int64_t step;            /* updates made */
    bool lends_weights;      /* somebody has a pointer to some, and may write them */
};

const char *ftc_version(void) { return FTC_VERSION; }

/* ---- opening ------------------------------------------------------------------------------------------------------------ */

static bool open_classifier(FtcSession *s, const char *path, const FtcOptions *o, FtcDiag *d)
{
    Arena *a = arena_new();
    SpecSetting *set = NEW_ARRAY(a, SpecSetting, o->n_set + 1);
    ClassifierSource source = { .init = o->init, .over = set, .n_over = o->n_set };
    bool ok = true;
    if (path && path_is_folder(path))
        source.model = path;
    else
        source.spec = path;
    if (source.model && source.init)
        ok = ftc_error(d, FTC_FILE(path), "is a model of its own, which needs no encoder from '%s'", source.init);
    for (int32_t i = 0; i < o->n_set && ok; i++)
        ok = spec_setting_parse(a, o->set[i], &set[i], d);
    ok = ok && spec_model_open(&s->m, &source, d);
    if (ok)
        spec_model_keep(&s->m, a); /* the spec's places and values point there */
    else
        arena_free(a);
    return ok;
}

static Tokenizer *learn_tokenizer(const FtcSession *s, const FtcOptions *o, FtcDiag *d)
{
    const Spec *spec = s->m.spec;
    VocabLearner *l = vocab_learner_new(spec->model.tokenizer.lowercase);
    for (int64_t i = 0; i < o->n_texts; i++)
        vocab_learner_add(l, slice_of(o->texts[i]));
    Tokenizer *t = vocab_learner_finish(l, (int32_t)spec->model.tokenizer.vocab_size, d);
    vocab_learner_free(l);
    return t;
}

/* What the spec leaves to the data. */
static bool settle(FtcSession *s, const FtcOptions *o, FtcDiag *d)
{
    Classifier *c = &s->m.c;
    if (!c->n_labels && o->n_labels < 2)
        return ftc_error(d, FTC_FILE(c->recipe->file), "which classes? name at least two in FtcOptions.labels or data.labels");
    if (!c->n_labels)
        classifier_set_labels(c, o->labels, o->n_labels);
    if (!classifier_set_thresholds(c))
        return false;
    if (!c->tokenizer && o->n_texts > 0 && !(c->tokenizer = learn_tokenizer(s, o, d)))
        return false;
    if (!c->tokenizer && !c->vocab)
        c->vocab = o->vocab_size;
    return c->tokenizer || c->vocab > 0 ||
           ftc_error(d, FTC_FILE(c->recipe->file), "which vocabulary? give texts to learn one from, a folder that has one, or its "
                                                 "size in FtcOptions.vocab_size");
}

FtcSession *ftc_open(const char *path, const FtcOptions *options, FtcDiag *d)
{
    static const FtcOptions defaults;
    const FtcOptions *o = options ? options : &defaults;
    int level = o->unoptimized ? 0 : 2;
    PipelineOptions pipeline = { .level = level };
    CodegenOptions codegen = { .level = level, .threads = o->threads, .no_cache = o->no_cache };
    FtcSession *s = xcalloc(1, sizeof *s);
    if (open_classifier(s, path, o, d) && settle(s, o, d) &&
        spec_model_compile(&s->m, !o->predict_only, &pipeline, &codegen, d)) {
        s->pool = pool_new(o->threads);
        if (classifier_make(&s->m.c, s->pool, false))
            return s;
    }
    ftc_close(s);
    return NULL;
}

void ftc_close(FtcSession *s)
{
    if (!s)
        return;
    token_scratch_free(s->scratch);
    free(s->ids.v);
    spec_model_close(&s->m);
    if (s->pool)
        pool_free(s->pool);
    free(s);
}

/* ---- asking ------------------------------------------------------------------------------------------------------------- */

int32_t ftc_classes(const FtcSession *s) { return s->m.c.n_labels; }
const char *ftc_label(const FtcSession *s, int32_t i) { return i >= 0 && i < s->m.c.n_labels ? s->m.c.labels[i] : NULL; }
int32_t ftc_max_length(const FtcSession *s) { return s->m.compiled->model.data.max_length; }
int64_t ftc_vocab_size(const FtcSession *s) { return s->m.c.params->vocab; }

float *ftc_weight(FtcSession *s, const char *name, int64_t *count)
{
    int64_t unused;
    s->lends_weights = true;
    return params_find(s->m.c.params, name, count ? count : &unused);
}

int32_t ftc_tokenize(FtcSession *s, const char *text, const char *pair, int32_t *ids, int32_t *types)
{
    const Classifier *c = &s->m.c;
    if (!c->tokenizer) {
        ftc_error(c->diag, FTC_NOWHERE, "this model has no tokenizer; it was made from a number of tokens alone");
        return -1;
    }
    if (!s->scratch)
        s->scratch = token_scratch_new(c->tokenizer);
    Slice b = slice_of(pair ? pair : "");
    s->ids.n = 0;
    Encoded e = tokenizer_encode(s->scratch, slice_of(text), pair ? &b : NULL, ftc_max_length(s), &s->ids);
    memcpy(ids, s->ids.v, s->ids.n * sizeof *ids);
    for (int32_t i = 0; types && i < e.tokens; i++)
        types[i] = i >= e.first;
    return e.tokens;
}

/* ---- batches ------------------------------------------------------------------------------------------------------- */

static bool check_row(const FtcSession *s, const FtcBatch *b, int32_t row)
{
    FtcDiag *d = s->m.c.diag;
    const FtcData *data = &s->m.compiled->model.data;
    int32_t from = b->row_start[row], to = b->row_start[row + 1];
    if (to <= from || to - from > data->max_length)
        return ftc_error(d, FTC_NOWHERE, "row %d of the batch has %d tokens; the model takes 1 to %d", row, to - from,
                         data->max_length);
    for (int32_t t = from; t < to; t++) {
        if (b->ids[t] < 0 || b->ids[t] >= s->m.c.params->vocab)
            return ftc_error(d, FTC_NOWHERE, "row %d of the batch has the token id %d; ids are below %lld", row, b->ids[t],
                             (long long)s->m.c.params->vocab);
        if (b->types && data->segments && (b->types[t] < 0 || b->types[t] >= data->segments))
            return ftc_error(d, FTC_NOWHERE, "row %d of the batch has the segment %d; segments are below %d", row, b->types[t],
                             data->segments);
    }
    return true;
}

/* What a row to train on should give, as the task has it, and how much it counts. */
static bool check_answer(const FtcSession *s, const FtcBatch *b, int32_t row)
{
    FtcDiag *d = s->m.c.diag;
    int32_t classes = s->m.c.n_labels;
    bool single = s->m.compiled->model.task == FTC_SINGLE_LABEL;
    if (single && (b->labels[row] < 0 || b->labels[row] >= classes))
        return ftc_error(d, FTC_NOWHERE, "row %d of the batch has the class %d; classes are below %d", row, b->labels[row], classes);
    for (int32_t c = 0; c < classes && !single; c++)
        if (!isfinite(b->targets[(int64_t)row * classes + c]))
            return ftc_error(d, FTC_NOWHERE, "row %d of the batch has a target that is no finite number", row);
    return !b->row_weights || (b->row_weights[row] > 0 && isfinite(b->row_weights[row])) ||
           ftc_error(d, FTC_NOWHERE, "row %d of the batch has a weight that isn't a number above 0", row);
}

/* Completes a batch; false after an error. */
static bool take_batch(FtcSession *s, const FtcBatch *given, bool labelled, FtcBatch *b)
{
    FtcDiag *d = s->m.c.diag;
    *b = *given;
    if (b->rows < 1 || !b->ids || !b->row_start || b->row_start[0] != 0)
        return ftc_error(d, FTC_NOWHERE, "a batch has at least one row, ids, and row_start, which begins with 0");
    bool single = s->m.compiled->model.task == FTC_SINGLE_LABEL;
    if (labelled && !(single ? (const void *)b->labels : b->targets))
        return ftc_error(d, FTC_NOWHERE, "a batch to train on has %s", single ? "labels" : "targets");
    b->longest = 0;
    for (int32_t i = 0; i < b->rows; i++) {
        if (!check_row(s, b, i))
            return false;
        int32_t n = b->row_start[i + 1] - b->row_start[i];
        b->longest = n > b->longest ? n : b->longest;
        if (labelled && !check_answer(s, b, i))
            return false;
    }
    b->tokens = b->row_start[b->rows];
    if (!labelled)
        b->labels = NULL;
    return exec_reserve(s->m.c.exec, b->tokens, b->rows, b->longest, d);
}

bool ftc_train_step(FtcSession *s, const FtcBatch *batch, double lr, float *loss)
{
    FtcBatch b;
    if (!s->m.compiled->model.step)
        return ftc_error(s->m.c.diag, FTC_NOWHERE, "this session was opened with predict_only");
    if (!take_batch(s, batch, true, &b))
        return false;
    exec_own_weights(s->m.c.exec, !s->lends_weights);
    exec_set_step(s->m.c.exec, s->step, lr < 0 ? s->m.spec->optimizer.lr : lr);
    bool ok = exec_step(s->m.c.exec, &b);
    if (loss)
        *loss = *exec_output(s->m.c.exec, "loss");
    if (!ok)
        return ftc_error(s->m.c.diag, FTC_NOWHERE, "the loss or its gradient is not finite at step %lld", (long long)s->step + 1);
    s->step++;
    return true;
}

bool ftc_predict(FtcSession *s, const FtcBatch *batch, float *logits)
{
    FtcBatch b;
    if (!take_batch(s, batch, false, &b))
        return false;
    exec_run(s->m.c.exec, s->m.compiled->model.eval, &b);
    memcpy(logits, exec_output(s->m.c.exec, "logits"), (size_t)b.rows * (size_t)s->m.c.n_labels * sizeof *logits);
    return true;
}

bool ftc_save(FtcSession *s, const char *folder) { return classifier_replace(&s->m.c, folder, NULL, NULL); }
