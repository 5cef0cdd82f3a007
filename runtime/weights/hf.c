/* config.json and weight names; see hf.h. */
#include "runtime/weights/hf.h"

#include "runtime/core/files.h"
#include "runtime/core/json.h"
#include "runtime/core/jsonwrite.h"
#include "runtime/core/mem.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *model_type, *prefix, *class;
} families[HF_FAMILIES] = {
#define FAMILY(id, model_type, prefix, class) [HF_##id] = { model_type, prefix, class },
#define NAME(id, ours, theirs, parts)
#include "runtime/weights/names.def"
#undef FAMILY
#undef NAME
};

/* What each family calls a thing in config.json; NULL where it has no such key. */
static const struct {
    const char *hidden, *layers, *heads, *intermediate, *type_vocab, *eps, *activation;
    const char *dropout, *attention_dropout, *classifier_dropout;
} keys[HF_FAMILIES] = {
    [HF_BERT] = { "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "type_vocab_size",
                  "layer_norm_eps", "hidden_act", "hidden_dropout_prob", "attention_probs_dropout_prob",
                  "classifier_dropout" },
    [HF_DISTILBERT] = { "dim", "n_layers", "n_heads", "hidden_dim", NULL, NULL, "activation", "dropout",
                        "attention_dropout", "seq_classif_dropout" },
};

const char *hf_family_name(HfFamily f) { return families[f].model_type; }
const char *hf_family_prefix(HfFamily f) { return families[f].prefix; }

/* ----- weight names ----- */

enum { W = 1, WB = 2 };

static const struct {
    HfFamily family;
    const char *ours, *theirs;
    int parts;
} names[] = {
#define FAMILY(id, model_type, prefix, class)
#define NAME(id, ours, theirs, parts) { HF_##id, ours, theirs, parts },
#include "runtime/weights/names.def"
#undef FAMILY
#undef NAME
};

enum { N_NAMES = sizeof names / sizeof names[0] };

static const char *const part_names[] = { ".weight", ".bias" };

/* A row's name with the layer's number and the part filled in; free() it. */
static char *fill_in(const char *name, int64_t layer, const char *part)
{
    const char *hole = strstr(name, "%d");
    if (!hole)
        return xasprintf("%s%s", name, part);
    return xasprintf("%.*s%lld%s%s", (int)(hole - name), name, (long long)layer, hole + 2, part);
}

char *hf_weight_name(HfFamily f, const char *ours)
{
    long layer = 0;
    if (!strncmp(ours, "layers.", 7) && isdigit((unsigned char)ours[7]))
        layer = strtol(ours + 7, NULL, 10);
    for (int i = 0; i < N_NAMES; i++)
        for (int part = 0; part < names[i].parts && names[i].family == f; part++) {
            char *name = fill_in(names[i].ours, layer, part_names[part]);
            bool same = !strcmp(name, ours);
            free(name);
            if (same)
                return fill_in(names[i].theirs, layer, part_names[part]);
        }
    return NULL;
}

char *hf_expected_weight(HfFamily f, int64_t layers, int64_t i)
{
    for (int row = 0; row < N_NAMES; row++) {
        if (names[row].family != f)
            continue;
        int64_t count = names[row].parts * (strstr(names[row].ours, "%d") ? layers : 1);
        if (i < count)
            return fill_in(names[row].ours, i / names[row].parts, part_names[i % names[row].parts]);
        i -= count;
    }
    return NULL;
}

/* ----- reading config.json ----- */

/* The family: model_type or, in old files, the name of the class. */
static bool find_family(JsonReader *r, HfConfig *c)
{
    const char *type = json_get_string(r, "model_type", NULL), *class = NULL;
    const json_t *classes = json_get_array(r, "architectures");
    if (r->failed)
        return false;
    class = json_string_value(json_array_get(classes, 0));
    for (int f = HF_NONE + 1; f < HF_FAMILIES; f++) {
        const char *ours = families[f].class, *end = strstr(ours, "For");
        if (type ? !strcmp(type, families[f].model_type) : class && !strncmp(class, ours, (size_t)(end - ours)))
            c->family = (HfFamily)f;
    }
    c->is_classifier = class && strstr(class, "ForSequenceClassification");
    if (c->family != HF_NONE)
        return true;
    char known[256] = "";
    for (int f = HF_NONE + 1; f < HF_FAMILIES; f++)
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", *known ? ", " : "",
                 families[f].model_type);
    if (type || class)
        return ftc_error(r->diag, FTC_FILE(r->file),
                         "describes a model of the family '%.80s', which ftc doesn't know; it knows: %s",
                         type ? type : class, known);
    return ftc_error(r->diag, FTC_FILE(r->file), "names no 'model_type'; ftc knows: %s", known);
}

/* Things that would change what the model computes, and that ftc doesn't build. */
static bool check_supported(JsonReader *r)
{
    const char *positions = json_get_string(r, "position_embedding_type", "absolute");
    if (strcmp(positions, "absolute"))
        return ftc_error(r->diag, FTC_FILE(r->file), "'position_embedding_type' is '%.80s'; ftc builds only 'absolute'",
                         positions);
    if (json_get_bool(r, "is_decoder", false))
        return ftc_error(r->diag, FTC_FILE(r->file), "'is_decoder' is true; ftc fine-tunes encoders");
    return !r->failed;
}

/* Of a classifier whose labels have no names: each gets one. */
enum { LABELS_LIMIT = 100000 };

/* Labels by class number: id2label, or as many LABEL_n as there are classes, 2 if nothing is said. */
static bool read_labels(JsonReader *r, HfConfig *c)
{
    const json_t *map = json_get_object(r, "id2label");
    int64_t n = map ? (int64_t)json_object_size(map) : json_get_int(r, "num_labels", 2, 1, LABELS_LIMIT);
    if (r->failed)
        return false;
    if (n > INT_MAX || n == 0)
        return ftc_error(r->diag, FTC_FILE(r->file), "'id2label' is empty");
    c->labels = xcalloc((size_t)n, sizeof *c->labels);
    c->n_labels = (int)n;
    for (int i = 0; i < c->n_labels; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        const json_t *label = json_object_get(map, id);
        if (map && !label)
            return ftc_error(r->diag, FTC_FILE(r->file), "'id2label' has %d labels, but none with the number %d",
                             c->n_labels, i);
        if (map && (!json_is_string(label) || strlen(json_string_value(label)) != json_string_length(label)))
            return ftc_error(r->diag, FTC_FILE(r->file), "'id2label' number %d is no string", i);
        c->labels[i] = map ? xstrdup(json_string_value(label)) : xasprintf("LABEL_%d", i);
    }
    return true;
}

static bool read_config(JsonReader *r, HfConfig *c)
{
    if (!find_family(r, c) || !check_supported(r))
        return false;
    bool bert = c->family == HF_BERT;
    c->vocab_size = json_get_int(r, "vocab_size", 30522, 1, INT32_MAX);
    c->hidden = json_get_int(r, keys[c->family].hidden, 768, 1, 1 << 20);
    c->layers = json_get_int(r, keys[c->family].layers, bert ? 12 : 6, 1, 10000);
    c->heads = json_get_int(r, keys[c->family].heads, 12, 1, 1 << 20);
    c->intermediate = json_get_int(r, keys[c->family].intermediate, 3072, 1, 1 << 24);
    c->max_positions = json_get_int(r, "max_position_embeddings", 512, 1, 1 << 24);
    c->type_vocab = bert ? json_get_int(r, keys[c->family].type_vocab, 2, 1, 1 << 20) : 0;
    c->layer_norm_eps = bert ? json_get_double(r, keys[c->family].eps, 1e-12, 0, 1) : 1e-12;
    c->dropout = json_get_double(r, keys[c->family].dropout, 0.1, 0, 1);
    c->attention_dropout = json_get_double(r, keys[c->family].attention_dropout, 0.1, 0, 1);
    c->classifier_dropout = json_get_double(r, keys[c->family].classifier_dropout, bert ? c->dropout : 0.2, 0, 1);
    c->initializer_range = json_get_double(r, "initializer_range", 0.02, 0, 100);
    c->pad_token_id = json_get_int(r, "pad_token_id", 0, 0, INT32_MAX);
    c->activation = xstrdup(json_get_string(r, keys[c->family].activation, "gelu"));
    const char *problem = json_get_string(r, "problem_type", NULL);
    c->problem_type = problem ? xstrdup(problem) : NULL;
    if (r->failed)
        return false;
    if (c->hidden % c->heads)
        return ftc_error(r->diag, FTC_FILE(r->file), "'%s' is %lld, no multiple of '%s', %lld", keys[c->family].hidden,
                         (long long)c->hidden, keys[c->family].heads, (long long)c->heads);
    return !c->is_classifier || read_labels(r, c);
}

bool hf_config_load(const char *folder, HfConfig *c, FtcDiag *d)
{
    *c = (HfConfig){ 0 };
    if (!path_is_folder(folder))
        return ftc_error(d, FTC_FILE(folder), "is no folder; give a Hugging Face model folder, with config.json in it");
    char *path = path_join(folder, "config.json");
    json_t *root = json_read_file(path, d);
    JsonReader r = { root, path, d, false };
    bool ok = root && (json_is_object(root) || ftc_error(d, FTC_FILE(path), "is no JSON object")) && read_config(&r, c);
    json_decref(root);
    free(path);
    if (!ok)
        hf_config_free(c);
    return ok;
}

void hf_config_free(HfConfig *c)
{
    for (int i = 0; i < c->n_labels; i++)
        free(c->labels[i]);
    free(c->labels);
    free(c->activation);
    free(c->problem_type);
    *c = (HfConfig){ 0 };
}

/* ----- tasks ----- */

static const char *const problem_types[] = {
    [FTC_SINGLE_LABEL] = "single_label_classification",
    [FTC_MULTI_LABEL] = "multi_label_classification",
    [FTC_REGRESSION] = "regression",
};

const char *hf_problem_type(FtcTask task) { return problem_types[task]; }

bool hf_task(const HfConfig *c, FtcTask *task)
{
    FtcTask found = c->n_labels == 1 ? FTC_REGRESSION : FTC_SINGLE_LABEL;
    bool known = !c->problem_type;
    for (int i = 0; !known && i < (int)(sizeof problem_types / sizeof *problem_types); i++)
        if (!strcmp(c->problem_type, problem_types[i])) {
            found = (FtcTask)i;
            known = true;
        }
    if (task)
        *task = found;
    return known && (found == FTC_REGRESSION ? c->n_labels == 1 : found == FTC_MULTI_LABEL || c->n_labels > 1);
}

/* ----- writing config.json ----- */

static void write_config(FILE *out, const void *config)
{
    const HfConfig *c = config;
    HfFamily f = c->family;
    JsonWriter writer, *w = &writer;
    char id[16];
    jsonw_begin(w, out, JSON_PRETTY);
    jsonw_object(w, NULL);
    jsonw_array(w, "architectures");
    jsonw_string(w, NULL, families[f].class);
    jsonw_end(w);
    jsonw_string(w, "model_type", families[f].model_type);
    jsonw_int(w, "vocab_size", c->vocab_size);
    jsonw_int(w, keys[f].hidden, c->hidden);
    jsonw_int(w, keys[f].layers, c->layers);
    jsonw_int(w, keys[f].heads, c->heads);
    jsonw_int(w, keys[f].intermediate, c->intermediate);
    jsonw_int(w, "max_position_embeddings", c->max_positions);
    if (keys[f].type_vocab)
        jsonw_int(w, keys[f].type_vocab, c->type_vocab);
    if (keys[f].eps)
        jsonw_double(w, keys[f].eps, c->layer_norm_eps);
    jsonw_string(w, keys[f].activation, c->activation);
    jsonw_double(w, keys[f].dropout, c->dropout);
    jsonw_double(w, keys[f].attention_dropout, c->attention_dropout);
    jsonw_double(w, keys[f].classifier_dropout, c->classifier_dropout);
    jsonw_double(w, "initializer_range", c->initializer_range);
    jsonw_int(w, "pad_token_id", c->pad_token_id);
    jsonw_string(w, "problem_type", c->problem_type ? c->problem_type : "single_label_classification");
    jsonw_object(w, "id2label");
    for (int i = 0; i < c->n_labels; i++) {
        snprintf(id, sizeof id, "%d", i);
        jsonw_string(w, id, c->labels[i]);
    }
    jsonw_end(w);
    jsonw_object(w, "label2id");
    for (int i = 0; i < c->n_labels; i++)
        jsonw_int(w, c->labels[i], i);
    jsonw_end(w);
    jsonw_string(w, "torch_dtype", "float32");
    jsonw_end(w);
}

bool hf_config_save(const char *folder, const HfConfig *c, FtcDiag *d)
{
    char *path = path_join(folder, "config.json");
    bool ok = file_print(path, write_config, c, d);
    free(path);
    return ok;
}
