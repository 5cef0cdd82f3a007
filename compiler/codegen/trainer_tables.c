/* The structs of a trainer (runtime/run/trainer.h) as constants of an object file, and the function that starts it. */
#include "compiler/codegen/constants.h"

/* ---- the recipe ---------------------------------------------------------------------------------------------------- */

static LLVMValueRef rule(Tables *t, const ScalarRule *r)
{
    return STRUCT(t, ScalarRule, string(t, r->name), f64(t, r->low), f64(t, r->high), i32(t, r->flags), string(t, r->words),
                  string(t, r->off));
}

static LLVMValueRef keys(Tables *t, const Recipe *r)
{
    LLVMValueRef *v = values(r->n_keys);
    for (int i = 0; i < r->n_keys; i++) {
        const RecipeKey *k = &r->keys[i];
        v[i] = STRUCT(t, RecipeKey, string(t, k->key), string(t, k->before), string(t, k->value), place(t, &k->at), rule(t, &k->rule));
    }
    return array(t, v, r->n_keys);
}

static LLVMValueRef columns(Tables *t, const DatasetColumns *c)
{
    LLVMValueRef text[] = { string(t, c->text[0]), string(t, c->text[1]) };
    return STRUCT(t, DatasetColumns, inline_array(text, 2), string(t, c->label), strings(t, c->flag, c->n_flags), i32(t, c->n_flags),
                  i8(t, c->unlabelled), string(t, c->weight),
                  STRUCT(t, CsvOptions, i32(t, c->table.separator), i32(t, c->table.encoding), i64(t, c->table.limit)),
                  i8(t, c->drop_missing),
                  STRUCT(t, LabelMap, i32(t, c->map.n), strings(t, c->map.code, c->map.n), strings(t, c->map.name, c->map.n)),
                  i8(t, c->drop_unmapped));
}

static LLVMValueRef table_split(Tables *t, const TableSplit *s)
{
    return STRUCT(t, TableSplit, STRUCT(t, SplitShares, f64(t, s->shares.dev), f64(t, s->shares.test), i32(t, (int32_t)s->shares.seed)),
                  i8(t, s->stratify), string(t, s->group), i8(t, s->hash), string(t, s->by), place(t, &s->at));
}

static LLVMValueRef numbers(Tables *t, const double *list, int n)
{
    LLVMValueRef *v = values(n);
    for (int i = 0; i < n; i++)
        v[i] = f64(t, list[i]);
    return array(t, v, n);
}

static LLVMValueRef thresholds(Tables *t, const RecipeThresholds *h)
{
    int n = h->tuned ? 0 : h->n;
    return STRUCT(t, RecipeThresholds, i8(t, h->tuned), i32(t, h->n), strings(t, h->label, h->label ? n : 0), numbers(t, h->value, n));
}

/* Labels and sizes of vocabularies are filled in by the program. */
static LLVMValueRef hf(Tables *t, const HfConfig *c)
{
    return STRUCT(t, HfConfig, i32(t, c->family), i64(t, c->vocab_size), i64(t, c->hidden), i64(t, c->layers), i64(t, c->heads),
                  i64(t, c->intermediate), i64(t, c->max_positions), i64(t, c->type_vocab), f64(t, c->layer_norm_eps),
                  string(t, c->activation), f64(t, c->dropout), f64(t, c->attention_dropout), f64(t, c->classifier_dropout),
                  f64(t, c->initializer_range), i64(t, c->pad_token_id), i8(t, c->is_classifier), string(t, c->problem_type), null(t),
                  i32(t, 0));
}

static LLVMValueRef recipe(Tables *t, const Recipe *r)
{
    return private_constant(t, STRUCT(
        t, Recipe, string(t, r->file), keys(t, r), i32(t, r->n_keys), i32(t, r->task), columns(t, &r->columns),
        string(t, r->label_separator), table_split(t, &r->split), string(t, r->positive), thresholds(t, &r->thresholds), i32(t, r->max_length),
        i32(t, r->best), i8(t, r->lowercase), i32(t, r->vocab_size), hf(t, &r->hf), string(t, r->not_hf)));
}

/* ---- tokenizer and weights --------------------------------------------------------------------------------------------- */

/* Bytes as they stand; `align` is that of what they are. */
static LLVMValueRef bytes(Tables *t, const void *data, size_t size, unsigned align)
{
    LLVMValueRef g = private_constant(t, LLVMConstStringInContext2(t->c, data, size, true));
    LLVMSetAlignment(g, align);
    return g;
}

static LLVMValueRef added_tokens(Tables *t, const EmbeddedTokenizer *e)
{
    LLVMValueRef *v = values(e->n_added);
    for (int i = 0; i < e->n_added; i++) {
        const AddedToken *a = &e->added[i];
        v[i] = STRUCT(t, AddedToken, string(t, a->text), i32(t, a->id), i8(t, a->special), i8(t, a->normalized), i8(t, a->single_word),
                      i8(t, a->lstrip), i8(t, a->rstrip));
    }
    return array(t, v, e->n_added);
}

static LLVMValueRef tokenizer(Tables *t, const EmbeddedTokenizer *e)
{
    size_t size = 0;
    if (!e)
        return null(t);
    for (int i = 0; i < e->n_tokens; i++)
        size += e->length[i] > 0 ? (size_t)e->length[i] : 0;
    const Normalizer *n = &e->normalizer;
    return private_constant(t, STRUCT(
        t, EmbeddedTokenizer, string(t, e->prefix),
        STRUCT(t, Normalizer, i8(t, n->clean), i8(t, n->split_cjk), i8(t, n->strip_accents), i8(t, n->lowercase)),
        i32(t, e->max_word_chars), i32(t, e->unk), i32(t, e->cls), i32(t, e->sep), i32(t, e->pad), i32(t, e->mask), added_tokens(t, e),
        i32(t, e->n_added), i32(t, e->n_tokens), bytes(t, e->length, sizeof *e->length * (size_t)e->n_tokens, sizeof *e->length),
        bytes(t, e->text, size, 1)));
}

static LLVMValueRef weights(Tables *t, const Trainer *r)
{
    LLVMValueRef *v = values(r->n_weights);
    for (int i = 0; i < r->n_weights; i++) {
        const EmbeddedWeight *w = &r->weights[i];
        v[i] = STRUCT(t, EmbeddedWeight, string(t, w->name), bytes(t, w->data, sizeof *w->data * (size_t)w->n, 64), i64(t, w->n));
    }
    return array(t, v, r->n_weights);
}

/* ---- all together -------------------------------------------------------------------------------------------------------- */

static LLVMValueRef origin(Tables *t, const Origin *o)
{
    return private_constant(t, STRUCT(t, Origin, string(t, o->version), string(t, o->build), string(t, o->target), string(t, o->init),
                                      i32(t, o->level), string(t, o->passes_off), i8(t, o->keep_encoded), string(t, o->march),
                                      string(t, o->gemm)));
}

static LLVMValueRef loader(Tables *t, const Trainer *r)
{
    LLVMTypeRef p = LLVMPointerTypeInContext(t->c, 0), parameters[] = { p, p };
    if (!r->load)
        return null(t);
    return LLVMAddFunction(t->m, "classifier_load_folder", LLVMFunctionType(LLVMInt8TypeInContext(t->c), parameters, 2, false));
}

static LLVMValueRef trainer(Tables *t, const Trainer *r, LLVMValueRef model)
{
    return private_constant(t, STRUCT(
        t, Trainer, model, recipe(t, r->recipe), origin(t, r->origin), string(t, r->spec), string(t, r->folder), i8(t, r->continues),
        i32(t, r->family), i64(t, r->vocab), string(t, r->random_encoder), i32(t, r->n_labels), strings(t, r->labels, r->n_labels),
        tokenizer(t, r->tokenizer), weights(t, r), i32(t, r->n_weights), i32(t, r->n_unused), strings(t, r->unused, r->n_unused),
        loader(t, r)));
}

void add_trainer(Tables *t, const Trainer *r, LLVMValueRef model, const char *entry, const char *start)
{
    LLVMTypeRef p = LLVMPointerTypeInContext(t->c, 0), i = LLVMInt32TypeInContext(t->c), parameters[] = { i, p, p };
    LLVMTypeRef type = LLVMFunctionType(i, parameters, 3, false);
    LLVMValueRef to = LLVMAddFunction(t->m, start, type);
    LLVMValueRef from = LLVMAddFunction(t->m, entry, LLVMFunctionType(i, parameters, 2, false));
    LLVMBuilderRef b = LLVMCreateBuilderInContext(t->c);
    LLVMPositionBuilderAtEnd(b, LLVMAppendBasicBlockInContext(t->c, from, ""));
    LLVMValueRef arguments[] = { LLVMGetParam(from, 0), LLVMGetParam(from, 1), trainer(t, r, model) };
    LLVMBuildRet(b, LLVMBuildCall2(b, type, to, arguments, 3, ""));
    LLVMDisposeBuilder(b);
}
