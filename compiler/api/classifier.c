/* From folders and specs to something that runs; see classifier.h.  (Saving: save.c.) */
#include "compiler/api/classifier.h"

#include "runtime/core/files.h"
#include "runtime/core/shortest.h"
#include "runtime/train/labels.h"
#include "runtime/train/thresholds.h"
#include "runtime/weights/weights.h"

#include <stdlib.h>
#include <string.h>

/* ---- what a folder says, as settings ---------------------------------------------------------------------------------- */

enum {
    MAX_SETTINGS = 24,
    DEFAULT_LENGTH = 128, /* data.max_length of the shipped spec */
};

typedef struct {
    Arena *arena;
    SpecSetting v[MAX_SETTINGS];
    int n;
    FtcLoc at;
} Settings;

static void set(Settings *s, const char *key, const char *value) { s->v[s->n++] = (SpecSetting){ key, value, s->at }; }

static void set_int(Settings *s, const char *key, int64_t value)
{
    set(s, key, arena_printf(s->arena, "%lld", (long long)value));
}

static void set_double(Settings *s, const char *key, double value)
{
    char text[SHORTEST_SIZE];
    set(s, key, arena_strdup(s->arena, shortest_double(value, 1, text)));
}

/* Other spellings that transformers has for the same function. */
static const char *activation_name(const char *theirs)
{
    static const char *const same[][2] = { { "swish", "silu" }, { "gelu_python", "gelu" }, { "gelu_pytorch_tanh", "gelu_new" } };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (!strcmp(theirs, same[i][0]))
            return same[i][1];
    return theirs;
}

static void encoder_settings(Settings *s, const HfConfig *c)
{
    set(s, "model.encoder.type", hf_family_name(c->family));
    set_int(s, "model.encoder.layers", c->layers);
    set_int(s, "model.encoder.hidden", c->hidden);
    set_int(s, "model.encoder.heads", c->heads);
    set_int(s, "model.encoder.intermediate", c->intermediate);
    set(s, "model.encoder.activation", arena_strdup(s->arena, activation_name(c->activation)));
    set_double(s, "model.encoder.dropout", c->dropout);
    set_double(s, "model.encoder.attention_dropout", c->attention_dropout);
    set_int(s, "model.encoder.max_positions", c->max_positions);
    if (c->type_vocab)
        set_int(s, "model.encoder.segments", c->type_vocab);
    set_double(s, "model.encoder.norm_eps", c->layer_norm_eps);
    set_double(s, "model.init_std", c->initializer_range);
}

/* The head that transformers puts on an encoder of the family. */
static void head_settings(Settings *s, const HfConfig *c)
{
    set(s, "model.head.pool", "cls");
    set(s, "model.head.pooler", "true");
    set(s, "model.head.activation", c->family == HF_DISTILBERT ? "relu" : "tanh");
    set_double(s, "model.head.dropout", c->classifier_dropout);
}

/* ---- opening ---------------------------------------------------------------------------------------------------------- */

static bool has_file(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    bool there = path_is_file(path);
    free(path);
    return there;
}

/* Only a program that makes its own ids (ftc.h) saves a model without a tokenizer. */
static bool open_tokenizer(Classifier *c, bool own)
{
    if (own && !has_file(c->folder, "tokenizer.json") && !has_file(c->folder, "vocab.txt"))
        return true;
    c->tokenizer = tokenizer_load(c->folder, c->diag);
    return c->tokenizer != NULL;
}

/* A config.json of a classifier that ftc can't be. */
static bool check_head(const Classifier *c, const char *file)
{
    const HfConfig *h = &c->config;
    if (!h->is_classifier)
        return ftc_error(c->diag, FTC_FILE(file), "describes an encoder without a classifier; to train one on top of it, give "
                         "the folder with --init");
    if (!hf_task(h, NULL))
        return ftc_error(c->diag, FTC_FILE(file), "describes a model of %d label%s and the problem_type '%s'; ftc knows "
                         "single_label_classification of several, multi_label_classification, and regression of one", h->n_labels,
                         h->n_labels == 1 ? "" : "s", h->problem_type);
    return true;
}

/* The loss of the folder's task, for a folder that doesn't name one. */
static const char *usual_loss(const HfConfig *h)
{
    static const char *const loss[] = {
        [FTC_SINGLE_LABEL] = "cross_entropy", [FTC_MULTI_LABEL] = "binary_cross_entropy", [FTC_REGRESSION] = "mse",
    };
    FtcTask task;
    hf_task(h, &task);
    return loss[task];
}

/* The head stays what it is. */
static bool check_task(const Classifier *c)
{
    static const char *const predicts[] = {
        [FTC_SINGLE_LABEL] = "one class a row", [FTC_MULTI_LABEL] = "any number of labels a row", [FTC_REGRESSION] = "a number",
    };
    FtcTask task, wanted = spec_task(c->spec);
    if (!c->continues || c->config.family == HF_NONE)
        return true;
    hf_task(&c->config, &task);
    return task == wanted || ftc_error(c->diag, spec_loc(c->spec, "loss.type"), "this loss is for models that predict %s, and the one in "
                                       "'%s' predicts %s", predicts[wanted], c->folder, predicts[task]);
}

/* A folder of transformers'; ours has a spec beside it, which says it all and more. */
static bool read_config(Classifier *c, Settings *s, bool whole_spec)
{
    char *path = path_join(c->folder, "config.json");
    bool there = path_is_file(path), ok = true;
    if (there || !whole_spec) {
        ok = hf_config_load(c->folder, &c->config, c->diag);
        if (ok && c->continues)
            ok = check_head(c, path);
    }
    s->at = FTC_FILE(arena_strdup(c->arena, path));
    free(path);
    return ok;
}

/* What the folder says, for the spec to be read with. */
static bool open_folder(Classifier *c, SpecSource *spec, Settings *s)
{
    bool own = has_file(c->folder, "ftc.yaml");
    if (!read_config(c, s, own) || !open_tokenizer(c, own))
        return false;
    bool theirs = c->config.family != HF_NONE;
    /* of an encoder only what config.json has no words for: how the model above it was trained is another matter */
    if (own && !spec->file && (c->continues || !theirs)) {
        char *path = path_join(c->folder, "ftc.yaml");
        spec->file = arena_strdup(c->arena, path);
        free(path);
    }
    if (theirs)
        encoder_settings(s, &c->config);
    if (theirs && !spec->file) {
        int64_t positions = c->config.max_positions;
        head_settings(s, &c->config);
        if (c->continues || positions < DEFAULT_LENGTH)
            set_int(s, "data.max_length", positions);
        if (c->continues)
            set(s, "loss.type", usual_loss(&c->config));
    }
    if (c->tokenizer)
        set(s, "model.tokenizer.lowercase", c->tokenizer->normalizer.lowercase ? "true" : "false");
    return true;
}

/* The settings of the source, behind one of ours: a new head's classes are not those of the old one. */
static void forget_labels(Classifier *c, const ClassifierSource *source, SpecSource *spec)
{
    SpecSetting *over = NEW_ARRAY(c->arena, SpecSetting, source->n_over + 1);
    over[0] = (SpecSetting){ "data.labels", "auto", FTC_FILE(c->folder) };
    for (int i = 0; i < source->n_over; i++)
        over[i + 1] = source->over[i];
    spec->over = over;
    spec->n_over = source->n_over + 1;
}

bool classifier_open(Classifier *c, const ClassifierSource *source, FtcDiag *d)
{
    *c = (Classifier){ .diag = d, .arena = arena_new(), .folder = source->model ? source->model : source->init,
                       .continues = source->model != NULL };
    Settings s = { .arena = c->arena };
    SpecSource spec = { .file = source->spec, .text = source->spec_text, .over = source->over, .n_over = source->n_over };
    if (spec.text)
        spec.len = strlen(spec.text);
    if (c->folder && !open_folder(c, &spec, &s))
        return false;
    if (spec.file && !source->spec && !c->continues)
        forget_labels(c, source, &spec);
    spec.base = s.v;
    spec.n_base = s.n;
    c->spec = spec_load(c->arena, &spec, d);
    if (!c->spec || !check_task(c))
        return false;
    const SpecStrings *columns = &c->spec->data.label, *labels = &c->spec->data.labels;
    if (c->continues && c->config.n_labels)
        classifier_set_labels(c, (const char *const *)c->config.labels, c->config.n_labels);
    else if (!labels->n && (spec_task(c->spec) == FTC_REGRESSION || columns->n > 1))
        classifier_set_labels(c, columns->v, columns->n);
    else
        classifier_set_labels(c, labels->v, labels->n);
    return true;
}

bool classifier_set_thresholds(Classifier *c)
{
    const SpecThresholds *t = &c->spec->data.threshold;
    FtcLoc at = spec_loc(c->spec, "data.threshold");
    if (spec_task(c->spec) != FTC_MULTI_LABEL)
        return true;
    if (!t->tuned && !t->label && t->n != 1 && t->n != c->n_labels)
        return ftc_error(c->diag, at, "there are %d thresholds for %d labels", t->n, c->n_labels);
    c->threshold = NEW_ARRAY(c->arena, float, c->n_labels);
    for (int32_t i = 0; i < c->n_labels; i++)
        c->threshold[i] = t->tuned || t->label ? USUAL_THRESHOLD : (float)t->value[t->n == 1 ? 0 : i];
    for (int k = 0; t->label && k < t->n; k++) {
        int32_t i = 0;
        while (i < c->n_labels && strcmp(c->labels[i], t->label[k]))
            i++;
        if (i == c->n_labels) {
            char list[400];
            labels_text(c->labels, c->n_labels, list, sizeof list);
            return ftc_error(c->diag, at, "there is no label '%s' to give a threshold; the labels are %s", t->label[k], list);
        }
        c->threshold[i] = (float)t->value[k];
    }
    return true;
}

void classifier_set_labels(Classifier *c, const char *const *labels, int32_t n)
{
    c->n_labels = n;
    c->labels = NEW_ARRAY(c->arena, const char *, n + 1);
    for (int32_t i = 0; i < n; i++)
        c->labels[i] = arena_strdup(c->arena, labels[i]);
}

void classifier_keep(Classifier *c, Arena *a) { c->kept = a; }

void classifier_close(Classifier *c)
{
    exec_free(c->exec);
    params_free(c->params);
    compiled_free(c->compiled);
    tokenizer_free(c->tokenizer);
    hf_config_free(&c->config);
    if (c->arena)
        arena_free(c->arena);
    if (c->kept)
        arena_free(c->kept);
    *c = (Classifier){ 0 };
}

/* ---- compiling -------------------------------------------------------------------------------------------------------- */

bool classifier_compile(Classifier *c, bool training, const PipelineOptions *pipeline, const CodegenOptions *codegen, FtcDiag *d)
{
    c->compiled = compile_spec(c->spec, "model", training, pipeline, d);
    return c->compiled && compiled_jit(c->compiled, codegen, d);
}

/* ---- parameters ------------------------------------------------------------------------------------------------------- */

static bool starts_with(const char *text, const char *prefix) { return !strncmp(text, prefix, strlen(prefix)); }

/* Says in one line how the head came about, and what was left aside. */
static void describe_head(const Classifier *c, const WeightsReport *r)
{
    bool pooler = c->spec->model.head.pooler, new_pooler = false;
    int unused = 0;
    const char *first = NULL;
    for (int i = 0; i < r->n_missing; i++)
        new_pooler |= starts_with(r->missing[i], "pooler.");
    for (int i = 0; i < r->n_unused; i++)
        if (!starts_with(r->unused[i], "classifier.") && unused++ == 0)
            first = r->unused[i];
    char what[40];
    FtcTask task = spec_task(c->spec);
    if (task == FTC_REGRESSION)
        snprintf(what, sizeof what, "linear layer for a number");
    else
        snprintf(what, sizeof what, "classifier of %d %s", c->n_labels, task == FTC_MULTI_LABEL ? "labels" : "classes");
    ftc_note(c->diag, FTC_FILE(c->folder), "gives the encoder; the %s is new%s", what,
             !pooler ? "" : new_pooler ? ", and so is the pooler, which the folder doesn't have" : ", the pooler is the folder's");
    if (unused)
        ftc_note(c->diag, FTC_FILE(c->folder), "%d of its weights %s no place in this model: '%s'%s", unused,
                 unused == 1 ? "has" : "have", first, unused > 1 ? " and others" : "");
}

/* Fills the parameters from the folder: a whole model's all, an encoder's without its classifier. */
static bool load_weights(Classifier *c)
{
    Params *p = c->params;
    WeightsReport report;
    for (int i = 0; i < p->n; i++) {
        Weight *w = &p->weight[i];
        w->may_be_missing &= !c->continues;
        w->starts_anew = !c->continues && starts_with(w->name, "classifier.");
    }
    bool ok = weights_load(c->folder, c->config.family, p->weight, p->n, &report, c->diag);
    if (ok && !c->continues)
        describe_head(c, &report);
    weights_report_free(&report);
    return ok;
}

bool classifier_make(Classifier *c, Pool *pool, bool check_arena)
{
    const FtcModel *m = &c->compiled->model;
    bool training = m->step != NULL;
    int64_t vocab = c->config.family != HF_NONE ? c->config.vocab_size : c->tokenizer ? tokenizer_size(c->tokenizer) : c->vocab;
    c->pool = pool;
    c->params = params_new(m, c->n_labels, vocab, check_arena, c->diag);
    if (!c->params || (training && !params_add_states(c->params, c->diag)))
        return false;
    if (c->folder && !load_weights(c))
        return false;
    params_init(c->params, (uint64_t)m->train.seed, pool);
    ExecOptions options = { .train = training, .check_arena = check_arena };
    c->exec = exec_new(m, c->params, pool, options, c->diag);
    return c->exec != NULL;
}
