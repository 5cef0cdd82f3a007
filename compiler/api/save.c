/* A classifier as a folder; see classifier.h. */
#include "compiler/api/classifier.h"

#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/core/shortest.h"
#include "runtime/train/labels.h"
#include "runtime/weights/weights.h"

#include <stdlib.h>
#include <string.h>

/* ---- as transformers would describe it --------------------------------------------------------------------------------- */

static HfFamily family_of(const SpecEncoder *e)
{
    for (int f = HF_NONE + 1; e->shipped && f < HF_FAMILIES; f++)
        if (!strcmp(e->type, hf_family_name((HfFamily)f)))
            return (HfFamily)f;
    return HF_NONE;
}

static double param_number(const Spec *s, const char *name)
{
    const SpecParam *p = spec_param(s, name);
    return p ? strtod(p->text, NULL) : 0;
}

bool classifier_is_hf(const Classifier *c, char *why, size_t size)
{
    const Spec *s = c->spec;
    HfFamily f = family_of(&s->model.encoder);
    int head = f == HF_DISTILBERT ? ACT_RELU : ACT_TANH;
    const char *problem = NULL;
    if (f == HF_NONE)
        problem = "its encoder is none of theirs";
    else if (s->model.head.pool != POOL_CLS)
        problem = "theirs pool the first token only (model.head.pool)";
    else if (!s->model.head.pooler || s->model.head.activation != head)
        problem = f == HF_DISTILBERT ? "theirs have a pooler with relu (model.head)" : "theirs have a pooler with tanh (model.head)";
    else if (f == HF_DISTILBERT && param_number(s, "norm_eps") != 1e-12)
        problem = "theirs have a norm_eps of 1e-12";
    if (problem)
        snprintf(why, size, "%s", problem);
    return !problem && weights_fit(f, (int64_t)param_number(s, "layers"), c->params->weight, c->params->n, why, size);
}

static HfConfig hf_config(const Classifier *c)
{
    const Spec *s = c->spec;
    return (HfConfig){
        .family = family_of(&s->model.encoder), .vocab_size = c->params->vocab,
        .hidden = (int64_t)param_number(s, "hidden"), .layers = (int64_t)param_number(s, "layers"),
        .heads = (int64_t)param_number(s, "heads"), .intermediate = (int64_t)param_number(s, "intermediate"),
        .max_positions = (int64_t)param_number(s, "max_positions"), .type_vocab = (int64_t)param_number(s, "segments"),
        .layer_norm_eps = param_number(s, "norm_eps"), .activation = (char *)spec_param(s, "activation")->text,
        .dropout = param_number(s, "dropout"), .attention_dropout = param_number(s, "attention_dropout"),
        .classifier_dropout = s->model.head.dropout, .initializer_range = s->model.init_std,
        .pad_token_id = c->tokenizer && c->tokenizer->pad >= 0 ? c->tokenizer->pad : 0, .is_classifier = true,
        .problem_type = (char *)hf_problem_type(spec_task(s)), .labels = (char **)c->labels, .n_labels = c->n_labels,
    };
}

/* ---- files -------------------------------------------------------------------------------------------------------------- */

static void print_spec(FILE *out, const void *spec)
{
    fputs("# What this model is and how it was trained; ftc reads it when the folder is given as a model.\n", out);
    spec_print(spec, out);
}

/* The resolved spec, with the labels and tuned thresholds. */
static bool save_spec(const Classifier *c, const char *folder)
{
    Spec s = *c->spec;
    double threshold[LABELS_MAX];
    char text[SHORTEST_SIZE];
    if (spec_task(&s) != FTC_REGRESSION)
        s.data.labels = (SpecStrings){ c->n_labels, c->labels };
    if (s.data.threshold.tuned) {
        s.data.threshold = (SpecThresholds){ .n = c->n_labels, .value = threshold };
        for (int32_t i = 0; i < c->n_labels; i++)
            threshold[i] = strtod(shortest_float((double)c->threshold[i], 1, text), NULL);
    }
    char *path = path_join(folder, "ftc.yaml");
    bool ok = file_print(path, print_spec, &s, c->diag);
    free(path);
    return ok;
}

bool classifier_save(const Classifier *c, const char *folder)
{
    char why[256];
    HfConfig config = { 0 };
    bool hf = classifier_is_hf(c, why, sizeof why);
    if (hf)
        config = hf_config(c);
    if (c->exec)
        exec_flush(c->exec);
    return weights_save(folder, hf ? &config : NULL, c->params->weight, c->params->n, c->diag) &&
           (!c->tokenizer || tokenizer_save(c->tokenizer, folder, (int)c->spec->data.max_length, c->diag)) && save_spec(c, folder);
}

bool classifier_replace(const Classifier *c, const char *folder, bool (*add)(void *arg, const char *folder), void *arg)
{
    /* what an older model may have left and this one perhaps doesn't write, and the checkpoints on the way to this one */
    static const char *const drop[] = { "config.json", "model.safetensors.index.json", "run.json", "log.jsonl", "predictions.csv", "report.json",
                                        "report.html", TRAINING_FOLDER, NULL };
    char *made = folder_begin(folder, c->diag);
    if (!made)
        return false;
    bool ok = classifier_save(c, made) && (!add || add(arg, made)) && folder_commit(made, folder, drop, c->diag);
    if (!ok)
        folder_remove(made);
    free(made);
    return ok;
}
