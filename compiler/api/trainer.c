/* Tokenizer and weights as constants; see trainer.h. */
#include "compiler/api/trainer.h"

#include <string.h>

static const EmbeddedTokenizer *embed_tokenizer(Arena *arena, const Tokenizer *t)
{
    EmbeddedTokenizer *e = NEW(arena, EmbeddedTokenizer);
    int32_t n = vocab_size(t->vocab), *length = NEW_ARRAY(arena, int32_t, n);
    size_t size = 0;
    for (int32_t id = 0; id < n; id++) {
        Slice token = vocab_token(t->vocab, id);
        length[id] = vocab_has(t->vocab, id) ? (int32_t)token.n : -1;
        size += token.n;
    }
    char *text = NEW_ARRAY(arena, char, size + 1), *at = text;
    for (int32_t id = 0; id < n; id++) {
        Slice token = vocab_token(t->vocab, id);
        memcpy(at, token.p, token.n);
        at += token.n;
    }
    *e = (EmbeddedTokenizer){ .prefix = t->prefix, .normalizer = t->normalizer, .max_word_chars = t->max_word_chars, .unk = t->unk,
                              .cls = t->cls, .sep = t->sep, .pad = t->pad, .mask = t->mask, .added = t->added, .n_added = t->n_added,
                              .n_tokens = n, .length = length, .text = text };
    return e;
}

/* A new classifier's shape needs a number of classes, but its weights aren't embedded. */
enum { ANY_CLASSES = 2 };

static bool embed_weights(SpecModel *m, Trainer *t, FtcDiag *d)
{
    Classifier *c = &m->c;
    WeightsReport report;
    c->params = params_new(c->model, c->n_labels ? c->n_labels : ANY_CLASSES, classifier_vocab(c), false, d);
    if (!c->params)
        return false;
    bool ok = classifier_load(c, &report);
    EmbeddedWeight *w = NEW_ARRAY(m->arena, EmbeddedWeight, c->params->n);
    for (int i = 0; ok && i < c->params->n; i++)
        if (c->params->weight[i].loaded)
            w[t->n_weights++] = (EmbeddedWeight){ c->params->weight[i].name, c->params->weight[i].data, c->params->count[i] };
    const char **unused = NEW_ARRAY(m->arena, const char *, report.n_unused + 1);
    for (int i = 0; i < report.n_unused; i++)
        unused[i] = arena_strdup(m->arena, report.unused[i]);
    t->weights = w;
    t->unused = unused;
    t->n_unused = report.n_unused;
    weights_report_free(&report);
    return ok;
}

const Trainer *trainer_of(SpecModel *m, const TrainerSource *source, FtcDiag *d)
{
    const Classifier *c = &m->c;
    Trainer *t = NEW(m->arena, Trainer);
    *t = (Trainer){ .model = c->model, .recipe = c->recipe, .origin = source->origin, .spec = source->spec, .folder = c->folder,
                    .continues = c->continues, .family = c->family, .vocab = c->vocab, .random_encoder = c->random_encoder,
                    .n_labels = c->n_labels, .labels = c->labels,
                    .tokenizer = c->tokenizer ? embed_tokenizer(m->arena, c->tokenizer) : NULL };
    if (c->folder && !source->embed)
        t->load = classifier_load_folder;
    return !c->folder || !source->embed || embed_weights(m, t, d) ? t : NULL;
}
