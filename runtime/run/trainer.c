/* From constants to a classifier; see trainer.h. */
#include "runtime/run/trainer.h"

#include "runtime/core/mem.h"

#include <string.h>

static Tokenizer *make_tokenizer(const EmbeddedTokenizer *e)
{
    Tokenizer *t = tokenizer_new(e->prefix);
    const char *text = e->text;
    for (int32_t id = 0; id < e->n_tokens; id++) {
        if (e->length[id] < 0)
            continue;
        vocab_add(t->vocab, (Slice){ text, (size_t)e->length[id] }, id);
        text += e->length[id];
    }
    for (int32_t i = 0; i < e->n_added; i++)
        tokenizer_add(t, e->added[i]);
    t->normalizer = e->normalizer;
    t->max_word_chars = e->max_word_chars;
    t->unk = e->unk;
    t->cls = e->cls;
    t->sep = e->sep;
    t->pad = e->pad;
    t->mask = e->mask;
    tokenizer_ready(t);
    return t;
}

static const EmbeddedWeight *find_weight(const Trainer *t, const char *name)
{
    for (int32_t i = 0; i < t->n_weights; i++)
        if (!strcmp(t->weights[i].name, name))
            return &t->weights[i];
    return NULL;
}

/* As weights_load, from this program. */
static bool load_embedded(Classifier *c, WeightsReport *report)
{
    const Trainer *t = c->load_user;
    int missing = 0, unused = 0;
    *report = (WeightsReport){ 0 };
    for (int i = 0; i < c->params->n; i++) {
        Weight *w = &c->params->weight[i];
        const EmbeddedWeight *e = w->starts_anew ? NULL : find_weight(t, w->name);
        w->loaded = e != NULL;
        if (e && e->n != c->params->count[i])
            ftc_bug("the weight '%s' has %lld elements, not the %lld in this program", w->name, (long long)c->params->count[i],
                    (long long)e->n);
        if (e)
            memcpy(w->data, e->data, (size_t)e->n * sizeof *e->data);
        if (e || w->starts_anew)
            continue;
        GROW(report->missing, report->n_missing, missing);
        report->missing[report->n_missing++] = xstrdup(w->name);
    }
    for (int32_t i = 0; i < t->n_unused; i++) {
        GROW(report->unused, report->n_unused, unused);
        report->unused[report->n_unused++] = xstrdup(t->unused[i]);
    }
    return true;
}

void trainer_open(Classifier *c, const Trainer *t, const Settings *s, FtcDiag *d)
{
    *c = (Classifier){ .diag = d, .recipe = &s->recipe, .model = &s->model, .random_encoder = t->random_encoder, .folder = t->folder,
                       .continues = t->continues, .family = t->family, .vocab = t->vocab, .load_user = (void *)t,
                       .load = t->n_weights ? load_embedded : t->load };
    if (t->tokenizer)
        c->tokenizer = make_tokenizer(t->tokenizer);
    classifier_set_labels(c, t->labels, t->n_labels);
}
