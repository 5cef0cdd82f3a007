/* Labels, thresholds and parameters; see classifier.h.  (Saving: save.c.) */
#include "runtime/run/classifier.h"

#include "runtime/core/mem.h"
#include "runtime/train/labels.h"
#include "runtime/train/thresholds.h"

#include <stdlib.h>
#include <string.h>

bool classifier_set_thresholds(Classifier *c)
{
    const RecipeThresholds *t = &c->recipe->thresholds;
    FtcLoc at = recipe_loc(c->recipe, "data.threshold");
    if (c->recipe->task != FTC_MULTI_LABEL)
        return true;
    if (!t->tuned && !t->label && t->n != 1 && t->n != c->n_labels)
        return ftc_error(c->diag, at, "there are %d thresholds for %d labels", t->n, c->n_labels);
    c->threshold = xcalloc((size_t)c->n_labels, sizeof *c->threshold);
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

static void free_labels(Classifier *c)
{
    for (int32_t i = 0; i < c->n_labels; i++)
        free((char *)c->labels[i]);
    free(c->labels);
}

void classifier_set_labels(Classifier *c, const char *const *labels, int32_t n)
{
    free_labels(c);
    c->n_labels = n;
    c->labels = xcalloc((size_t)n + 1, sizeof *c->labels);
    for (int32_t i = 0; i < n; i++)
        c->labels[i] = xstrdup(labels[i]);
}

void classifier_stop(Classifier *c)
{
    exec_free(c->exec);
    c->exec = NULL;
    c->pool = NULL;
}

void classifier_close(Classifier *c)
{
    classifier_stop(c);
    params_free(c->params);
    tokenizer_free(c->tokenizer);
    free_labels(c);
    free(c->threshold);
    *c = (Classifier){ 0 };
}

/* ---- parameters ------------------------------------------------------------------------------------------------------- */

static bool starts_with(const char *text, const char *prefix) { return !strncmp(text, prefix, strlen(prefix)); }

/* Says in one line how the head came about, and what was left aside. */
static void describe_head(const Classifier *c, const WeightsReport *r)
{
    bool pooler = false, new_pooler = false;
    int unused = 0;
    const char *first = NULL;
    for (int i = 0; i < c->params->n; i++)
        pooler |= starts_with(c->params->weight[i].name, "pooler.");
    for (int i = 0; i < r->n_missing; i++)
        new_pooler |= starts_with(r->missing[i], "pooler.");
    for (int i = 0; i < r->n_unused; i++)
        if (!starts_with(r->unused[i], "classifier.") && unused++ == 0)
            first = r->unused[i];
    char what[40];
    FtcTask task = c->recipe->task;
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

bool classifier_load(Classifier *c, WeightsReport *report)
{
    for (int i = 0; i < c->params->n; i++) {
        Weight *w = &c->params->weight[i];
        w->may_be_missing &= !c->continues;
        w->starts_anew = !c->continues && starts_with(w->name, "classifier.");
    }
    return c->load(c, report);
}

static bool load_weights(Classifier *c)
{
    WeightsReport report;
    bool ok = classifier_load(c, &report);
    if (ok && !c->continues)
        describe_head(c, &report);
    weights_report_free(&report);
    return ok;
}

int64_t classifier_vocab(const Classifier *c) { return c->vocab || !c->tokenizer ? c->vocab : tokenizer_size(c->tokenizer); }

bool classifier_make(Classifier *c, Pool *pool, bool check_arena)
{
    const FtcModel *m = c->model;
    bool training = m->step != NULL;
    c->pool = pool;
    c->params = params_new(m, c->n_labels, classifier_vocab(c), check_arena, c->diag);
    if (!c->params || (training && !params_add_states(c->params, c->diag)))
        return false;
    if (c->load) {
        params_touch(c->params, pool);
        if (!load_weights(c))
            return false;
    }
    params_init(c->params, (uint64_t)m->train.seed, pool);
    ExecOptions options = { .train = training, .check_arena = check_arena, .find_nan = c->find_nan && c->place, .place = c->place,
                            .place_user = c->place_user };
    c->exec = exec_new(m, c->params, pool, options, c->diag);
    return c->exec != NULL;
}
