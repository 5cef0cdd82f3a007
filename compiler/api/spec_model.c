/* From folders and specs to something that runs; see spec_model.h. */
#include "compiler/api/spec_model.h"

#include "compiler/api/recipe.h"
#include "runtime/core/files.h"
#include "runtime/core/shortest.h"

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
static bool open_tokenizer(SpecModel *m, bool own)
{
    if (own && !has_file(m->c.folder, "tokenizer.json") && !has_file(m->c.folder, "vocab.txt"))
        return true;
    m->c.tokenizer = tokenizer_load(m->c.folder, m->c.diag);
    return m->c.tokenizer != NULL;
}

/* A config.json of a classifier that ftc can't be. */
static bool check_head(const SpecModel *m, const char *file)
{
    const HfConfig *h = &m->config;
    if (!h->is_classifier)
        return ftc_error(m->c.diag, FTC_FILE(file), "describes an encoder without a classifier; to train one on top of it, give "
                         "the folder with --init");
    if (!hf_task(h, NULL))
        return ftc_error(m->c.diag, FTC_FILE(file), "describes a model of %d label%s and the problem_type '%s'; ftc knows "
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
static bool check_task(const SpecModel *m)
{
    static const char *const predicts[] = {
        [FTC_SINGLE_LABEL] = "one class a row", [FTC_MULTI_LABEL] = "any number of labels a row", [FTC_REGRESSION] = "a number",
    };
    FtcTask task, wanted = spec_task(m->spec);
    if (!m->c.continues || m->config.family == HF_NONE)
        return true;
    hf_task(&m->config, &task);
    return task == wanted || ftc_error(m->c.diag, spec_loc(m->spec, "loss.type"), "this loss is for models that predict %s, and the one in "
                                       "'%s' predicts %s", predicts[wanted], m->c.folder, predicts[task]);
}

/* A folder of transformers'; ours has a spec beside it, which says it all and more. */
static bool read_config(SpecModel *m, Settings *s, bool whole_spec)
{
    char *path = path_join(m->c.folder, "config.json");
    bool there = path_is_file(path), ok = true;
    if (there || !whole_spec) {
        ok = hf_config_load(m->c.folder, &m->config, m->c.diag);
        if (ok && m->c.continues)
            ok = check_head(m, path);
    }
    s->at = FTC_FILE(arena_strdup(m->arena, path));
    free(path);
    return ok;
}

/* What the folder says, for the spec to be read with. */
static bool open_folder(SpecModel *m, SpecSource *spec, Settings *s)
{
    bool own = has_file(m->c.folder, "ftc.yaml");
    if (!read_config(m, s, own) || !open_tokenizer(m, own))
        return false;
    bool theirs = m->config.family != HF_NONE;
    /* of an encoder only what config.json has no words for: how the model above it was trained is another matter */
    if (own && !spec->file && (m->c.continues || !theirs)) {
        char *path = path_join(m->c.folder, "ftc.yaml");
        spec->file = arena_strdup(m->arena, path);
        free(path);
    }
    if (theirs)
        encoder_settings(s, &m->config);
    if (theirs && !spec->file) {
        int64_t positions = m->config.max_positions;
        head_settings(s, &m->config);
        if (m->c.continues || positions < DEFAULT_LENGTH)
            set_int(s, "data.max_length", positions);
        if (m->c.continues)
            set(s, "loss.type", usual_loss(&m->config));
    }
    if (m->c.tokenizer)
        set(s, "model.tokenizer.lowercase", m->c.tokenizer->normalizer.lowercase ? "true" : "false");
    return true;
}

/* The settings of the source, behind one of ours: a new head's classes are not those of the old one. */
static void forget_labels(SpecModel *m, const ClassifierSource *source, SpecSource *spec)
{
    SpecSetting *over = NEW_ARRAY(m->arena, SpecSetting, source->n_over + 1);
    over[0] = (SpecSetting){ "data.labels", "auto", FTC_FILE(m->c.folder) };
    for (int i = 0; i < source->n_over; i++)
        over[i + 1] = source->over[i];
    spec->over = over;
    spec->n_over = source->n_over + 1;
}

/* Keys that the graphs of a stage have been built by already, or what such keys begin with. */
static bool is_in_graphs(const char *key)
{
    static const char *const built[] = { "model.", "loss.", "optimizer.type", "optimizer.momentum", "optimizer.nesterov", "train.freeze",
                                         "train.precision", "data.weight" };
    for (size_t i = 0; i < sizeof built / sizeof *built; i++)
        if (!strncmp(key, built[i], strlen(built[i])))
            return true;
    return false;
}

/* The stage gives the spec, unless a record has it as it was resolved. */
static bool open_stage(SpecModel *m, const ClassifierSource *source, SpecSource *spec)
{
    for (int i = 0; i < source->n_over && !source->spec_text; i++)
        if (is_in_graphs(source->over[i].key))
            return ftc_error(m->c.diag, source->over[i].at, "'%s' is in the graphs of %s already; set it for the spec that the stage is made "
                             "of", source->over[i].key, source->stage);
    size_t size;
    char *text = file_read(source->stage, LARGEST_STAGE, &size, m->c.diag);
    if (!text)
        return false;
    char *kept = arena_strndup(m->arena, text, size);
    free(text);
    if (!stage_read(&m->stage, m->arena, arena_strdup(m->arena, source->stage), kept, size, m->c.diag))
        return false;
    if (!spec->text) {
        spec->file = arena_printf(m->arena, "%s (its spec)", source->stage);
        spec->text = m->stage.spec;
        spec->len = strlen(spec->text);
    }
    return true;
}

bool spec_model_open(SpecModel *m, const ClassifierSource *source, FtcDiag *d)
{
    *m = (SpecModel){ .arena = arena_new(), .c = { .diag = d, .folder = source->model ? source->model : source->init,
                                                   .continues = source->model != NULL } };
    Settings s = { .arena = m->arena };
    SpecSource spec = { .file = source->spec, .text = source->spec_text, .len = source->spec_size, .over = source->over,
                        .n_over = source->n_over };
    if (source->stage && !open_stage(m, source, &spec))
        return false;
    if (m->c.folder && !open_folder(m, &spec, &s))
        return false;
    if (spec.file && !source->spec && !m->c.continues)
        forget_labels(m, source, &spec);
    spec.base = s.v;
    spec.n_base = s.n;
    m->spec = spec_load(m->arena, &spec, d);
    if (!m->spec || !check_task(m))
        return false;
    if (m->stage.file && m->spec->train.accumulate > 1)
        return ftc_error(d, spec_loc(m->spec, "train.accumulate"), "a stage has programs for steps of one batch only; "
                         "-D train.accumulate=1");
    m->c.family = m->config.family;
    m->c.vocab = m->config.family != HF_NONE ? m->config.vocab_size : 0;
    m->c.load = m->c.folder ? classifier_load_folder : NULL;
    spec_model_describe(m);
    return true;
}

void spec_model_describe(SpecModel *m)
{
    const SpecStrings *columns = &m->spec->data.label, *labels = &m->spec->data.labels;
    m->c.recipe = recipe_of(m->arena, m->spec);
    if (m->c.continues && m->config.n_labels)
        classifier_set_labels(&m->c, (const char *const *)m->config.labels, m->config.n_labels);
    else if (!labels->n && (spec_task(m->spec) == FTC_REGRESSION || columns->n > 1))
        classifier_set_labels(&m->c, columns->v, columns->n);
    else
        classifier_set_labels(&m->c, labels->v, labels->n);
}

void spec_model_keep(SpecModel *m, Arena *a) { m->kept = a; }

void spec_model_close(SpecModel *m)
{
    classifier_close(&m->c);
    compiled_free(m->compiled);
    hf_config_free(&m->config);
    if (m->arena)
        arena_free(m->arena);
    if (m->kept)
        arena_free(m->kept);
    *m = (SpecModel){ 0 };
}

/* ---- compiling -------------------------------------------------------------------------------------------------------- */

/* What turns the encoder's dropout off. */
static const char *dropout_flags(const SpecModel *m)
{
    static const char *const names[] = { "dropout", "attention_dropout" };
    const char *flags = "";
    for (int i = 0; i < 2; i++) {
        const SpecParam *p = spec_param(m->spec, names[i]);
        if (p && strtod(p->text, NULL) > 0)
            flags = arena_printf(m->arena, "%s-D model.encoder.%s=0 ", flags, names[i]);
    }
    return flags;
}

/* The value in the graphs, for -fsanitize=nan; what was compiled from kernels has none. */
static bool find_place(void *model, const char *program, const char *value, ExecPlace *out)
{
    const SpecModel *m = model;
    const Graph *graphs[] = { !strcmp(program, "eval") ? m->compiled->eval_graph : m->compiled->step_graph, m->compiled->eval_graph };
    for (int i = 0; i < 2; i++)
        if (graphs[i])
            EACH_NODE(n, graphs[i])
                if (!strcmp(n->name, value)) {
                    *out = (ExecPlace){ .op = op_info[n->op].name, .at = n->loc ? n->loc->at : FTC_NOWHERE,
                                        .from = n->loc && n->loc->up ? n->loc->up->at : FTC_NOWHERE };
                    return true;
                }
    return false;
}

void spec_model_take(SpecModel *m, Compiled *compiled)
{
    m->c.place = find_place;
    m->c.place_user = m;
    m->compiled = compiled;
    m->c.model = &compiled->model;
    m->c.compile_ms = compiled->compile_ms;
    m->c.random_encoder = compiled->encoder_is_random ? dropout_flags(m) : NULL;
}

bool spec_model_compile(SpecModel *m, bool training, const PipelineOptions *pipeline, const CodegenOptions *codegen, FtcDiag *d)
{
    PipelineOptions o = *pipeline;
    o.machine = codegen_machine(codegen, d);
    m->stage.checked = m->spec;
    m->compiled = m->stage.file ? compile_stage(&m->stage, &o, d) : compile_spec(m->spec, "model", training, &o, d);
    if (!m->compiled || !compiled_jit(m->compiled, codegen, d))
        return false;
    spec_model_take(m, m->compiled);
    return true;
}
