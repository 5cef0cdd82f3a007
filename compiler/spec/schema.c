/* The schema's tables, and values: text -> number, word or list and back.  See schema.def, schema.h. */
#include "compiler/spec/schema.h"

#include "runtime/core/messages.h"
#include "runtime/train/metrics.h"

#include <stdlib.h>
#include <string.h>

/* ---- tables ------------------------------------------------------------------------------------------------------- */

const Key schema_keys[] = {
#define KEY(path, type, low, high, words, off, fallback, only, flags, doc) \
    { #path, T_##type, low, high, words, off, fallback, only, flags, doc, offsetof(Spec, path) },
#include "compiler/spec/schema.def"
};
const int n_schema_keys = sizeof schema_keys / sizeof *schema_keys;

const Key schema_params[] = {
#define PARAM(name, type, low, high, words, flags, doc) \
    { "model.encoder." #name, T_##type, low, high, words, NULL, NULL, NULL, flags, doc, 0 },
#include "compiler/spec/schema.def"
};
const int n_schema_params = sizeof schema_params / sizeof *schema_params;

const LayerInfo layer_info[N_LAYERS] = {
#define LAYER(name, main, doc) { #name, main, doc },
#include "compiler/spec/schema.def"
};

static const struct {
    LayerKind kind;
    Key key;
} fields[] = {
#define FIELD(layer, key, member, type, low, high, words, fallback, doc) \
    { LAYER_##layer, { key, T_##type, low, high, words, NULL, fallback, NULL, 0, doc, offsetof(Layer, member) } },
#include "compiler/spec/schema.def"
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

/* A row's type and the member it fills have to agree. */
#define IS_INT(m) _Generic((m), int64_t: 1, default: 0)
#define IS_FLOAT(m) _Generic((m), double: 1, default: 0)
#define IS_BOOL(m) _Generic((m), bool: 1, default: 0)
#define IS_WORD(m) _Generic((m), int: 1, default: 0)
#define IS_METRIC(m) IS_WORD(m)
#define IS_STRING(m) _Generic((m), const char *: 1, default: 0)
#define IS_STRINGS(m) _Generic((m), SpecStrings: 1, default: 0)
#define IS_PAIR(m) _Generic(&(m), double(*)[2]: 1, default: 0)
#define IS_WARMUP(m) _Generic((m), SpecWarmup: 1, default: 0)
#define IS_WEIGHTS(m) _Generic((m), SpecWeights: 1, default: 0)
#define IS_THRESHOLDS(m) _Generic((m), SpecThresholds: 1, default: 0)
#define IS_LABEL_MAP(m) _Generic((m), SpecLabelMap: 1, default: 0)
#define IS_LAYERS(m) _Generic((m), LayerList: 1, default: 0)
#define IS_ENCODER(m) _Generic((m), SpecEncoder: 1, default: 0)
#define KEY(path, type, ...) _Static_assert(IS_##type(((Spec *)0)->path), #path);
#define FIELD(layer, key, member, type, ...) _Static_assert(IS_##type(((Layer *)0)->member), #layer " " key);
#include "compiler/spec/schema.def"

const Key *schema_key(const char *path)
{
    for (int i = 0; i < n_schema_keys; i++)
        if (!strcmp(schema_keys[i].path, path))
            return &schema_keys[i];
    return NULL;
}

const Key *schema_param(const char *name)
{
    for (int i = 0; i < n_schema_params; i++)
        if (!strcmp(key_name(&schema_params[i]), name))
            return &schema_params[i];
    return NULL;
}

int layer_fields(LayerKind kind, const Key **keys)
{
    int n = 0;
    for (int i = 0; i < N_FIELDS && n < MAX_FIELDS; i++)
        if (fields[i].kind == kind)
            keys[n++] = &fields[i].key;
    return n;
}

int layer_kind(const char *name)
{
    for (int i = 0; i < N_LAYERS; i++)
        if (!strcmp(layer_info[i].name, name))
            return i;
    return -1;
}

const char *key_name(const Key *k)
{
    const char *dot = strrchr(k->path, '.');
    return dot ? dot + 1 : k->path;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

ScalarRule key_rule(const Key *k)
{
    return (ScalarRule){ key_name(k), k->low, k->high, k->flags, k->type == T_METRIC ? metric_words : k->words, k->off };
}

static const char *or_off(Arena *arena, const Key *k)
{
    return k->off ? arena_printf(arena, ", or '%s'", k->off) : "";
}

static const char *a_kind(const Tree *t) { return t->kind == TREE_SEQUENCE ? "a list" : "a group of keys"; }

/* One value that is no list; empty ones are caught here. */
static bool want_scalar(const Key *k, const Tree *t, FtcDiag *d)
{
    if (t->kind != TREE_SCALAR)
        return ftc_error(d, t->at, DIAG_not_single, key_name(k), a_kind(t));
    if (!*t->text)
        return ftc_error(d, t->at, DIAG_no_value, key_name(k));
    return true;
}

static ScalarText text_of(const Tree *t) { return (ScalarText){ t->text, t->quoted, t->at }; }

static bool read_int(const Key *k, const Tree *t, int64_t *out, FtcDiag *d)
{
    ScalarRule rule = key_rule(k);
    ScalarText text = text_of(t);
    return want_scalar(k, t, d) && scalar_int(&rule, &text, out, d);
}

static bool read_float(const Key *k, const Tree *t, double *out, FtcDiag *d)
{
    ScalarRule rule = key_rule(k);
    ScalarText text = text_of(t);
    return want_scalar(k, t, d) && scalar_float(&rule, &text, out, d);
}

static bool read_bool(const Key *k, const Tree *t, bool *out, FtcDiag *d)
{
    ScalarRule rule = key_rule(k);
    ScalarText text = text_of(t);
    return want_scalar(k, t, d) && scalar_bool(&rule, &text, out, d);
}

static bool read_word(const Key *k, const Tree *t, int *out, FtcDiag *d)
{
    ScalarRule rule = key_rule(k);
    ScalarText text = text_of(t);
    return want_scalar(k, t, d) && scalar_word(&rule, &text, out, d);
}

static bool read_metric(const Key *k, const Tree *t, int *out, FtcDiag *d)
{
    if (!read_word(k, t, out, d))
        return false;
    ++*out; /* 0 is none */
    return true;
}

static bool read_strings(Arena *arena, const Key *k, const Tree *t, SpecStrings *out, FtcDiag *d)
{
    int n = t->kind == TREE_SCALAR ? 1 : t->n;
    if (t->kind == TREE_MAPPING)
        return ftc_error(d, t->at, DIAG_not_list, key_name(k), a_kind(t));
    if (n < k->low || n > k->high)
        return ftc_error(d, t->at, DIAG_list_length, key_name(k), k->low, k->high,
                         or_off(arena, k), n);
    *out = (SpecStrings){ n, NEW_ARRAY(arena, const char *, n) };
    for (int i = 0; i < n; i++) {
        const Tree *item = t->kind == TREE_SCALAR ? t : t->items[i].value;
        if (!want_scalar(k, item, d))
            return false;
        out->v[i] = item->text;
        for (int j = 0; j < i; j++)
            if (!strcmp(out->v[j], item->text)) {
                ftc_error(d, item->at, DIAG_value_twice, item->text);
                ftc_note(d, t->items[j].at, "the first one");
                return false;
            }
    }
    return true;
}

static bool read_pair(const Key *k, const Tree *t, double out[2], FtcDiag *d)
{
    if (t->kind != TREE_SEQUENCE || t->n != 2)
        return ftc_error(d, t->at, DIAG_not_pair, key_name(k), k->fallback);
    return read_float(k, t->items[0].value, &out[0], d) && read_float(k, t->items[1].value, &out[1], d);
}

static bool read_warmup(const Key *k, const Tree *t, SpecWarmup *out, FtcDiag *d)
{
    double x;
    int64_t steps;
    if (!read_float(k, t, &x, d))
        return false;
    *out = (SpecWarmup){ 0, 0 };
    if (scalar_is_int(t->text, &steps))
        out->steps = steps;
    else if (x < 1)
        out->share = x;
    else
        return ftc_error(d, t->at, DIAG_warmup_steps, key_name(k), t->text);
    return true;
}

static bool read_weights(Arena *arena, const Key *k, const Tree *t, SpecWeights *out, FtcDiag *d)
{
    *out = (SpecWeights){ .kind = t->kind == TREE_SEQUENCE ? WEIGHTS_LIST : WEIGHTS_BY_LABEL };
    if (t->kind == TREE_SCALAR) {
        if (strcmp(t->text, "balanced"))
            return ftc_error(d, t->at, DIAG_weights_word, key_name(k), t->text);
        out->kind = WEIGHTS_BALANCED;
        return true;
    }
    double total = 0;
    out->n = t->n;
    out->weight = NEW_ARRAY(arena, double, t->n);
    if (t->kind == TREE_MAPPING)
        out->label = NEW_ARRAY(arena, const char *, t->n);
    for (int i = 0; i < t->n; i++) {
        if (t->kind == TREE_MAPPING)
            out->label[i] = t->items[i].key;
        if (!read_float(k, t->items[i].value, &out->weight[i], d))
            return false;
        total += out->weight[i];
    }
    if (total == 0)
        return ftc_error(d, t->at, t->n ? DIAG_weights_zero : DIAG_weights_empty);
    return true;
}

static bool read_thresholds(Arena *arena, const Key *k, const Tree *t, SpecThresholds *out, FtcDiag *d)
{
    bool one = t->kind == TREE_SCALAR;
    *out = (SpecThresholds){ .tuned = one && !t->quoted && !strcmp(t->text, "tuned"), .n = one ? 1 : t->n };
    if (out->tuned)
        return true;
    out->value = NEW_ARRAY(arena, double, out->n);
    if (t->kind == TREE_MAPPING)
        out->label = NEW_ARRAY(arena, const char *, out->n);
    if (!out->n)
        return ftc_error(d, t->at, DIAG_list_empty, key_name(k));
    for (int i = 0; i < out->n; i++) {
        if (out->label)
            out->label[i] = t->items[i].key;
        if (!read_float(k, one ? t : t->items[i].value, &out->value[i], d))
            return false;
    }
    return true;
}

bool read_value(Arena *arena, const Key *k, const Tree *t, void *base, FtcDiag *d)
{
    void *out = (char *)base + k->offset;
    if (k->off && t->kind == TREE_SCALAR && !t->quoted && !strcmp(t->text, k->off))
        return true; /* what is not set stays 0 */
    switch (k->type) {
    case T_INT:
        return read_int(k, t, out, d);
    case T_FLOAT:
        return read_float(k, t, out, d);
    case T_BOOL:
        return read_bool(k, t, out, d);
    case T_WORD:
        return read_word(k, t, out, d);
    case T_METRIC:
        return read_metric(k, t, out, d);
    case T_STRING:
        if (!want_scalar(k, t, d))
            return false;
        *(const char **)out = t->text;
        return true;
    case T_STRINGS:
        return read_strings(arena, k, t, out, d);
    case T_PAIR:
        return read_pair(k, t, out, d);
    case T_WARMUP:
        return read_warmup(k, t, out, d);
    case T_WEIGHTS:
        return read_weights(arena, k, t, out, d);
    case T_THRESHOLDS:
        return read_thresholds(arena, k, t, out, d);
    case T_LABEL_MAP:
        return read_label_map(arena, t, base, d);
    case T_LAYERS:
    case T_ENCODER:
        break;
    }
    ftc_bug("'%s' is no value", k->path);
}

static void set_place(Tree *t, FtcLoc at)
{
    t->at = at;
    for (int i = 0; i < t->n; i++) {
        t->items[i].at = at;
        set_place(t->items[i].value, at);
    }
}

Tree *inline_tree(Arena *arena, const Key *k, const char *text, FtcLoc at, FtcDiag *d)
{
    if ((*text != '[' && *text != '{') || (k && k->type == T_STRING))
        return tree_scalar(arena, text, at);
    FtcDiag *quiet = ftc_diag_new(NULL); /* a place in this text would mean nothing to the reader */
    Tree *t = tree_parse(arena, at.file, text, strlen(text), quiet);
    if (t)
        set_place(t, at);
    else
        ftc_error(d, at, "%s", ftc_diag_last(quiet));
    ftc_diag_free(quiet);
    return t;
}

/* ---- printing ----------------------------------------------------------------------------------------------------- */

static void print_weights(FILE *out, const SpecWeights *w)
{
    if (w->kind == WEIGHTS_BALANCED)
        fputs("balanced", out);
    else
        scalar_put_numbers(out, w->n, w->label, w->weight);
}

static void print_thresholds(FILE *out, const SpecThresholds *t)
{
    if (t->tuned)
        fputs("tuned", out);
    else if (t->n == 1 && !t->label)
        scalar_put_float(out, t->value[0]);
    else
        scalar_put_numbers(out, t->n, t->label, t->value);
}

void print_value(FILE *out, const Key *k, const void *base)
{
    const void *v = (const char *)base + k->offset;
    const SpecWarmup *warmup = v;
    bool off = false;
    if (k->off)
        off = k->type == T_INT       ? *(const int64_t *)v == 0
              : k->type == T_FLOAT   ? *(const double *)v == 0
              : k->type == T_STRING  ? !*(const char *const *)v
              : k->type == T_METRIC  ? *(const int *)v == 0
              : k->type == T_STRINGS ? ((const SpecStrings *)v)->n == 0
              : k->type == T_WEIGHTS ? ((const SpecWeights *)v)->kind == WEIGHTS_NONE
              : k->type == T_LABEL_MAP ? ((const SpecLabelMap *)v)->n == 0
                                     : false;
    if (off) {
        fputs(k->off, out);
        return;
    }
    switch (k->type) {
    case T_INT:
        scalar_put_int(out, k->words, *(const int64_t *)v);
        break;
    case T_FLOAT:
        scalar_put_float(out, *(const double *)v);
        break;
    case T_BOOL:
        fputs(*(const bool *)v ? "true" : "false", out);
        break;
    case T_WORD:
        scalar_put_word(out, k->words, *(const int *)v);
        break;
    case T_METRIC:
        fputs(metric_info[*(const int *)v - 1].name, out);
        break;
    case T_STRING:
        scalar_put_string(out, *(const char *const *)v);
        break;
    case T_STRINGS:
        scalar_put_strings(out, ((const SpecStrings *)v)->v, ((const SpecStrings *)v)->n);
        break;
    case T_PAIR:
        fputc('[', out);
        scalar_put_float(out, ((const double *)v)[0]);
        fputs(", ", out);
        scalar_put_float(out, ((const double *)v)[1]);
        fputc(']', out);
        break;
    case T_WARMUP:
        if (warmup->share > 0)
            scalar_put_float(out, warmup->share);
        else
            fprintf(out, "%lld", (long long)warmup->steps);
        break;
    case T_WEIGHTS:
        print_weights(out, v);
        break;
    case T_THRESHOLDS:
        print_thresholds(out, v);
        break;
    case T_LABEL_MAP:
        print_label_map(out, v);
        break;
    case T_LAYERS:
    case T_ENCODER:
        ftc_bug("'%s' is no value", k->path);
    }
}
