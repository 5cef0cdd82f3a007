/* A classifier as a folder; see classifier.h. */
#define _GNU_SOURCE
#include "runtime/run/classifier.h"

#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/core/shortest.h"

#include <stdlib.h>
#include <string.h>

/* ---- as transformers would describe it --------------------------------------------------------------------------------- */

bool classifier_is_hf(const Classifier *c, char *why, size_t size)
{
    const Recipe *r = c->recipe;
    if (r->not_hf)
        snprintf(why, size, "%s", r->not_hf);
    return !r->not_hf && weights_fit(r->hf.family, r->hf.layers, c->params->weight, c->params->n, why, size);
}

static HfConfig hf_config(const Classifier *c)
{
    HfConfig h = c->recipe->hf;
    h.vocab_size = c->params->vocab;
    h.pad_token_id = c->tokenizer && c->tokenizer->pad >= 0 ? c->tokenizer->pad : 0;
    h.is_classifier = true;
    h.problem_type = (char *)hf_problem_type(c->recipe->task);
    h.labels = (char **)c->labels;
    h.n_labels = c->n_labels;
    return h;
}

/* ---- files -------------------------------------------------------------------------------------------------------------- */

/* Text in memory; free() it. */
typedef struct {
    char *text;
    size_t size;
    FILE *out;
} Buffer;

static FILE *buffer_open(Buffer *b)
{
    b->out = open_memstream(&b->text, &b->size);
    if (!b->out)
        ftc_bug("no memory for a text");
    return b->out;
}

static char *labels_value(const Classifier *c)
{
    Buffer b;
    scalar_put_strings(buffer_open(&b), c->labels, c->n_labels);
    fclose(b.out);
    return b.text;
}

static char *thresholds_value(const Classifier *c)
{
    double *value = xcalloc((size_t)c->n_labels, sizeof *value);
    char text[SHORTEST_SIZE];
    for (int32_t i = 0; i < c->n_labels; i++)
        value[i] = strtod(shortest_float((double)c->threshold[i], 1, text), NULL);
    Buffer b;
    buffer_open(&b);
    if (c->n_labels == 1)
        scalar_put_float(b.out, value[0]);
    else
        scalar_put_numbers(b.out, c->n_labels, NULL, value);
    fclose(b.out);
    free(value);
    return b.text;
}

typedef struct {
    const Recipe *recipe;
    RecipeValue value[2];
    int n;
} SavedSpec;

static void print_spec(FILE *out, const void *what)
{
    const SavedSpec *s = what;
    fputs("# What this model is and how it was trained; ftc reads it when the folder is given as a model.\n", out);
    recipe_print(s->recipe, s->value, s->n, out);
}

/* The resolved spec, with the labels and tuned thresholds. */
static bool save_spec(const Classifier *c, const char *folder)
{
    SavedSpec s = { .recipe = c->recipe };
    char *labels = NULL, *thresholds = NULL;
    if (c->recipe->task != FTC_REGRESSION)
        s.value[s.n++] = (RecipeValue){ "data.labels", labels = labels_value(c) };
    if (c->recipe->thresholds.tuned)
        s.value[s.n++] = (RecipeValue){ "data.threshold", thresholds = thresholds_value(c) };
    char *path = path_join(folder, "ftc.yaml");
    bool ok = file_print(path, print_spec, &s, c->diag);
    free(labels);
    free(thresholds);
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
           (!c->tokenizer || tokenizer_save(c->tokenizer, folder, c->recipe->max_length, c->diag)) && save_spec(c, folder);
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
