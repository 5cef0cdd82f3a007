/* Spec -> Recipe; see recipe.h. */
#include "compiler/api/recipe.h"

#include "compiler/spec/schema.h"
#include "runtime/core/mem.h"

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

static const char *param_text(const Spec *s, const char *name)
{
    const SpecParam *p = spec_param(s, name);
    return p ? p->text : "";
}

/* What keeps an architecture from being one of theirs, apart from its weights; NULL: nothing. */
static const char *not_hf(const Spec *s)
{
    HfFamily f = family_of(&s->model.encoder);
    int head = f == HF_DISTILBERT ? ACT_RELU : ACT_TANH;
    if (f == HF_NONE)
        return "its encoder is none of theirs";
    if (s->model.head.pool != POOL_CLS)
        return "theirs pool the first token only (model.head.pool)";
    if (!s->model.head.pooler || s->model.head.activation != head)
        return f == HF_DISTILBERT ? "theirs have a pooler with relu (model.head)" : "theirs have a pooler with tanh (model.head)";
    return f == HF_DISTILBERT && param_number(s, "norm_eps") != 1e-12 ? "theirs have a norm_eps of 1e-12" : NULL;
}

static HfConfig hf_of(const Spec *s)
{
    return (HfConfig){
        .family = family_of(&s->model.encoder), .hidden = (int64_t)param_number(s, "hidden"),
        .layers = (int64_t)param_number(s, "layers"), .heads = (int64_t)param_number(s, "heads"), .intermediate = (int64_t)param_number(s, "intermediate"),
        .max_positions = (int64_t)param_number(s, "max_positions"), .type_vocab = (int64_t)param_number(s, "segments"),
        .layer_norm_eps = param_number(s, "norm_eps"), .activation = (char *)param_text(s, "activation"),
        .dropout = param_number(s, "dropout"), .attention_dropout = param_number(s, "attention_dropout"),
        .classifier_dropout = s->model.head.dropout, .initializer_range = s->model.init_std,
    };
}

/* ---- tables -------------------------------------------------------------------------------------------------------------- */

static DatasetColumns columns_of(const Spec *s)
{
    const SpecStrings *text = &s->data.text, *label = &s->data.label;
    const SpecLabelMap *map = &s->data.label_map;
    bool flags = label->n > 1;
    return (DatasetColumns){ .text = { text->v[0], text->n > 1 ? text->v[1] : NULL }, .label = flags ? NULL : label->v[0],
                             .flag = flags ? label->v : NULL, .n_flags = flags ? label->n : 0,
                             .unlabelled = spec_task(s) == FTC_MULTI_LABEL, .weight = s->data.weight,
                             .table = { .separator = s->data.separator, .encoding = s->data.encoding, .limit = s->data.limit },
                             .drop_missing = s->data.missing == ROWS_DROP, .map = { map->n, map->code, map->name },
                             .drop_unmapped = s->data.unmapped == ROWS_DROP };
}

static TableSplit split_of(const Spec *s)
{
    return (TableSplit){ .shares = { s->data.split.dev, s->data.split.test, (uint32_t)s->data.split.seed },
                         .stratify = s->data.split.stratify && spec_task(s) == FTC_SINGLE_LABEL, .group = s->data.split.group,
                         .hash = s->data.split.method == METHOD_HASH, .by = s->data.split.by,
                         .at = spec_loc(s, s->data.split.test > 0 ? "data.split.test" : "data.split.dev") };
}

/* ---- keys ---------------------------------------------------------------------------------------------------------------- */

/* What `print` prints, in the arena. */
static char *printed(Arena *arena, void (*print)(FILE *out, const Spec *s, int key), const Spec *s, int key)
{
    char *text = NULL;
    size_t size;
    FILE *out = text_open(&text, &size);
    print(out, s, key);
    fclose(out);
    char *copy = arena_strdup(arena, text);
    free(text);
    return copy;
}

static RecipeKey key_of(Arena *arena, const Spec *s, int i)
{
    const Key *k = &schema_keys[i];
    RecipeKey key = { .key = k->path, .before = "", .at = spec_loc(s, k->path), .rule = key_rule(k) };
    if (key_counts(s, k)) {
        char *value = printed(arena, spec_print_value, s, i);
        value[strlen(value) - 1] = '\0'; /* the line's end */
        key.before = printed(arena, spec_print_before, s, i);
        key.value = value;
    }
    return key;
}

const Recipe *recipe_of(Arena *arena, const Spec *s)
{
    const SpecThresholds *t = &s->data.threshold;
    RecipeKey *keys = NEW_ARRAY(arena, RecipeKey, n_schema_keys);
    for (int i = 0; i < n_schema_keys; i++)
        keys[i] = key_of(arena, s, i);
    Recipe *r = NEW(arena, Recipe);
    *r = (Recipe){ .file = s->file, .keys = keys, .n_keys = n_schema_keys, .task = spec_task(s), .columns = columns_of(s),
                   .label_separator = s->data.label_separator, .split = split_of(s), .positive = s->data.positive,
                   .thresholds = { t->tuned, t->n, t->label, t->value }, .max_length = (int32_t)s->data.max_length,
                   .best = s->train.best, .lowercase = s->model.tokenizer.lowercase,
                   .vocab_size = (int32_t)s->model.tokenizer.vocab_size, .hf = hf_of(s), .not_hf = not_hf(s) };
    return r;
}
