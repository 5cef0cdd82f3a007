/* The schema's tables, and values: text -> number, word or list and back.  See schema.def, schema.h. */
#include "compiler/spec/schema.h"

#include "runtime/core/nearest.h"
#include "runtime/train/metrics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
#include "runtime/core/shortest.h"

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

/* The i-th of "a|b|c" with its length, or NULL. */
static const char *word_at(const char *words, int i, size_t *len)
{
    for (;; i--) {
        *len = strcspn(words, "|");
        if (!i)
            return words;
        if (!words[*len])
            return NULL;
        words += *len + 1;
    }
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static bool parse_int(const char *s, int64_t *out)
{
    char *end;
    size_t sign = *s == '-' || *s == '+';
    if (!s[sign] || s[sign + strspn(s + sign, "0123456789")])
        return false;
    errno = 0;
    *out = strtoll(s, &end, 10);
    return errno == 0;
}

static bool parse_float(const char *s, double *out)
{
    char *end;
    if (!*s || s[strspn(s, "0123456789+-.eE")])
        return false;
    *out = strtod(s, &end);
    return end != s && !*end && isfinite(*out);
}

/* "from 0 to below 1", "above 0, at most 100": the range of k in words. */
static const char *range_text(Arena *arena, const Key *k)
{
    if (k->flags & ABOVE)
        return arena_printf(arena, "above %g%s%.15g", k->low, k->flags & BELOW ? " and below " : ", at most ", k->high);
    return arena_printf(arena, "from %.15g to %s%.15g", k->low, k->flags & BELOW ? "below " : "", k->high);
}

static bool in_range(const Key *k, double x)
{
    return (k->flags & ABOVE ? x > k->low : x >= k->low) && (k->flags & BELOW ? x < k->high : x <= k->high);
}

static const char *or_off(Arena *arena, const Key *k)
{
    return k->off ? arena_printf(arena, ", or '%s'", k->off) : "";
}

static bool no_number(Arena *arena, const Key *k, const Tree *t, const char *what, FtcDiag *d)
{
    return ftc_error(d, t->at, "'%s' is '%s', %s %s%s%s", key_name(k), t->text, k->off ? "neither" : "not", what,
                     k->off ? arena_printf(arena, " nor '%s'", k->off) : "", t->quoted ? "; write it without the quotes" : "");
}

static bool check_range(Arena *arena, const Key *k, const Tree *t, double x, FtcDiag *d)
{
    if (in_range(k, x))
        return true;
    return ftc_error(d, t->at, "'%s' is %s, but has to be %s%s", key_name(k), t->text, range_text(arena, k),
                     or_off(arena, k));
}

static const char *a_kind(const Tree *t) { return t->kind == TREE_SEQUENCE ? "a list" : "a group of keys"; }

/* One value that is no list; empty ones are caught here. */
static bool want_scalar(const Key *k, const Tree *t, FtcDiag *d)
{
    if (t->kind != TREE_SCALAR)
        return ftc_error(d, t->at, "'%s' takes a single value, not %s", key_name(k), a_kind(t));
    if (!*t->text)
        return ftc_error(d, t->at, "'%s' has no value", key_name(k));
    return true;
}

/* Words instead of a number: 'epoch' of "epoch|auto" is -1. */
static bool is_number_word(const Key *k, const char *text, int64_t *out)
{
    const char *word;
    size_t len;
    for (int i = 0; k->words && (word = word_at(k->words, i, &len)); i++)
        if (strlen(text) == len && !strncmp(text, word, len)) {
            *out = -1 - i;
            return true;
        }
    return false;
}

static bool read_int(Arena *arena, const Key *k, const Tree *t, int64_t *out, FtcDiag *d)
{
    if (!want_scalar(k, t, d))
        return false;
    if (is_number_word(k, t->text, out))
        return true;
    if (t->quoted || !parse_int(t->text, out))
        return no_number(arena, k, t, k->words ? arena_printf(arena, "a whole number, nor any of %s", k->words) : "a whole number", d);
    return check_range(arena, k, t, (double)*out, d);
}

static bool read_float(Arena *arena, const Key *k, const Tree *t, double *out, FtcDiag *d)
{
    if (!want_scalar(k, t, d))
        return false;
    if (t->quoted || !parse_float(t->text, out))
        return no_number(arena, k, t, "a number", d);
    return check_range(arena, k, t, *out, d);
}

static bool read_bool(const Key *k, const Tree *t, bool *out, FtcDiag *d)
{
    if (!want_scalar(k, t, d))
        return false;
    *out = !strcmp(t->text, "true");
    if (t->quoted || (!*out && strcmp(t->text, "false")))
        return ftc_error(d, t->at, "'%s' is '%s'; write true or false%s", key_name(k), t->text,
                         t->quoted ? " without the quotes" : "");
    return true;
}

static bool read_word(Arena *arena, const Key *k, const Tree *t, int *out, FtcDiag *d)
{
    const char *words[16], *word;
    int n = 0;
    size_t len;
    if (!want_scalar(k, t, d))
        return false;
    for (; n < 16 && (word = word_at(k->words, n, &len)); n++) {
        words[n] = arena_strndup(arena, word, len);
        if (!strcmp(words[n], t->text)) {
            *out = n;
            return true;
        }
    }
    const char *near = nearest_word(t->text, words, n);
    ftc_suggest(d, near);
    if (near)
        return ftc_error(d, t->at, "'%s' is '%s'; did you mean '%s'?", key_name(k), t->text, near);
    return ftc_error(d, t->at, "'%s' is '%s'; it can be %s", key_name(k), t->text, list_words(arena, words, n));
}

static bool read_metric(Arena *arena, const Key *k, const Tree *t, int *out, FtcDiag *d)
{
    const char *names[METRIC_KINDS];
    if (!want_scalar(k, t, d))
        return false;
    for (int i = 0; i < METRIC_KINDS; i++) {
        names[i] = metric_info[i].name;
        if (!strcmp(names[i], t->text)) {
            *out = 1 + i;
            return true;
        }
    }
    const char *near = nearest_word(t->text, names, METRIC_KINDS);
    ftc_suggest(d, near);
    if (near)
        return ftc_error(d, t->at, "'%s' is '%s'; did you mean '%s'?", key_name(k), t->text, near);
    return ftc_error(d, t->at, "'%s' is '%s'; it can be none, %s", key_name(k), t->text, list_words(arena, names, METRIC_KINDS));
}

static bool read_strings(Arena *arena, const Key *k, const Tree *t, SpecStrings *out, FtcDiag *d)
{
    int n = t->kind == TREE_SCALAR ? 1 : t->n;
    if (t->kind == TREE_MAPPING)
        return ftc_error(d, t->at, "'%s' takes a list, not %s", key_name(k), a_kind(t));
    if (n < k->low || n > k->high)
        return ftc_error(d, t->at, "'%s' takes %.0f to %.0f values%s, not %d", key_name(k), k->low, k->high,
                         or_off(arena, k), n);
    *out = (SpecStrings){ n, NEW_ARRAY(arena, const char *, n) };
    for (int i = 0; i < n; i++) {
        const Tree *item = t->kind == TREE_SCALAR ? t : t->items[i].value;
        if (!want_scalar(k, item, d))
            return false;
        out->v[i] = item->text;
        for (int j = 0; j < i; j++)
            if (!strcmp(out->v[j], item->text)) {
                ftc_error(d, item->at, "'%s' is here a second time; keep one of them", item->text);
                ftc_note(d, t->items[j].at, "the first one");
                return false;
            }
    }
    return true;
}

static bool read_pair(Arena *arena, const Key *k, const Tree *t, double out[2], FtcDiag *d)
{
    if (t->kind != TREE_SEQUENCE || t->n != 2)
        return ftc_error(d, t->at, "'%s' takes a list of two numbers, such as %s", key_name(k), k->fallback);
    return read_float(arena, k, t->items[0].value, &out[0], d) && read_float(arena, k, t->items[1].value, &out[1], d);
}

static bool read_warmup(Arena *arena, const Key *k, const Tree *t, SpecWarmup *out, FtcDiag *d)
{
    double x;
    int64_t steps;
    if (!read_float(arena, k, t, &x, d))
        return false;
    *out = (SpecWarmup){ 0, 0 };
    if (parse_int(t->text, &steps))
        out->steps = steps;
    else if (x < 1)
        out->share = x;
    else
        return ftc_error(d, t->at, "'%s' is %s: below 1 it is a share of all steps, else their number, which has to be whole",
                         key_name(k), t->text);
    return true;
}

static bool read_weights(Arena *arena, const Key *k, const Tree *t, SpecWeights *out, FtcDiag *d)
{
    *out = (SpecWeights){ .kind = t->kind == TREE_SEQUENCE ? WEIGHTS_LIST : WEIGHTS_BY_LABEL };
    if (t->kind == TREE_SCALAR) {
        if (strcmp(t->text, "balanced"))
            return ftc_error(d, t->at, "'%s' is '%s'; it can be none, balanced, a list in class order or {label: weight}",
                             key_name(k), t->text);
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
        if (!read_float(arena, k, t->items[i].value, &out->weight[i], d))
            return false;
        total += out->weight[i];
    }
    if (total == 0)
        return ftc_error(d, t->at, t->n ? "all class weights are 0, so there is nothing to learn"
                                        : "'class_weights' is empty; 'none' weighs all classes alike");
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
        return ftc_error(d, t->at, "'%s' is empty", key_name(k));
    for (int i = 0; i < out->n; i++) {
        if (out->label)
            out->label[i] = t->items[i].key;
        if (!read_float(arena, k, one ? t : t->items[i].value, &out->value[i], d))
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
        return read_int(arena, k, t, out, d);
    case T_FLOAT:
        return read_float(arena, k, t, out, d);
    case T_BOOL:
        return read_bool(k, t, out, d);
    case T_WORD:
        return read_word(arena, k, t, out, d);
    case T_METRIC:
        return read_metric(arena, k, t, out, d);
    case T_STRING:
        if (!want_scalar(k, t, d))
            return false;
        *(const char **)out = t->text;
        return true;
    case T_STRINGS:
        return read_strings(arena, k, t, out, d);
    case T_PAIR:
        return read_pair(arena, k, t, out, d);
    case T_WARMUP:
        return read_warmup(arena, k, t, out, d);
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

/* With the fewest digits that come back unchanged, and 1e-8 rather than 1e-08. */
static void print_float(FILE *out, double x)
{
    char s[SHORTEST_SIZE];
    shortest_double(x, 1, s);
    size_t sign = strcspn(s, "e") + 1, zeros;
    if (sign < strlen(s) && (zeros = strspn(s + sign + 1, "0")))
        memmove(s + sign + 1, s + sign + 1 + zeros, strlen(s + sign + 1 + zeros) + 1);
    fputs(s, out);
}

/* Whether any YAML reader takes s, bare, for this very string. */
static bool plain_is_safe(const char *s)
{
    static const char *const typed[] = { "y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "auto",
                                         "balanced" };
    size_t len = strlen(s);
    if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", *s) || !len || s[len - 1] == ' ')
        return false;
    if (strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./ -") != len)
        return false;
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++)
        if (!strcasecmp(s, typed[i]))
            return false;
    return true;
}

/* The bytes of the code point at s that YAML wants escaped, or 0. */
static int escaped_code_point(const unsigned char *s, unsigned *code)
{
    if (s[0] < 0x20 || s[0] == 0x7F || s[0] == '"' || s[0] == '\\') {
        *code = s[0];
        return 1;
    }
    if (s[0] == 0xC2 && s[1] < 0xA0) { /* C1 controls */
        *code = s[1];
        return 2;
    }
    if ((s[0] == 0xE2 && s[1] == 0x80 && (s[2] == 0xA8 || s[2] == 0xA9)) || /* line and paragraph separators */
        (s[0] == 0xEF && s[1] == 0xBB && s[2] == 0xBF) || (s[0] == 0xEF && s[1] == 0xBF && s[2] >= 0xBE)) {
        *code = (s[0] & 15u) << 12 | (s[1] & 63u) << 6 | (s[2] & 63u);
        return 3;
    }
    return 0;
}

void print_string(FILE *out, const char *s)
{
    if (plain_is_safe(s)) {
        fputs(s, out);
        return;
    }
    fputc('"', out);
    while (*s) {
        unsigned code;
        int n = escaped_code_point((const unsigned char *)s, &code);
        if (!n)
            fputc(*s++, out);
        else if (code == '"' || code == '\\')
            fprintf(out, "\\%c", (char)code);
        else if (code == '\n' || code == '\t')
            fputs(code == '\n' ? "\\n" : "\\t", out);
        else
            fprintf(out, "\\u%04X", code);
        s += n;
    }
    fputc('"', out);
}

static void print_strings(FILE *out, const SpecStrings *s)
{
    if (s->n == 1) {
        print_string(out, s->v[0]);
        return;
    }
    for (int i = 0; i < s->n; i++) {
        fputs(i ? ", " : "[", out);
        print_string(out, s->v[i]);
    }
    fputc(']', out);
}

/* [1, 2], or with labels {a: 1, b: 2} */
static void print_numbers(FILE *out, int n, const char *const *label, const double *v)
{
    fputc(label ? '{' : '[', out);
    for (int i = 0; i < n; i++) {
        fputs(i ? ", " : "", out);
        if (label) {
            print_string(out, label[i]);
            fputs(": ", out);
        }
        print_float(out, v[i]);
    }
    fputc(label ? '}' : ']', out);
}

static void print_weights(FILE *out, const SpecWeights *w)
{
    if (w->kind == WEIGHTS_BALANCED)
        fputs("balanced", out);
    else
        print_numbers(out, w->n, w->label, w->weight);
}

static void print_thresholds(FILE *out, const SpecThresholds *t)
{
    if (t->tuned)
        fputs("tuned", out);
    else if (t->n == 1 && !t->label)
        print_float(out, t->value[0]);
    else
        print_numbers(out, t->n, t->label, t->value);
}

void print_value(FILE *out, const Key *k, const void *base)
{
    const void *v = (const char *)base + k->offset;
    const SpecWarmup *warmup = v;
    const char *word;
    size_t len;
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
        if (*(const int64_t *)v < 0 && k->words) {
            word = word_at(k->words, (int)(-1 - *(const int64_t *)v), &len);
            fprintf(out, "%.*s", (int)len, word);
        } else
            fprintf(out, "%lld", (long long)*(const int64_t *)v);
        break;
    case T_FLOAT:
        print_float(out, *(const double *)v);
        break;
    case T_BOOL:
        fputs(*(const bool *)v ? "true" : "false", out);
        break;
    case T_WORD:
        word = word_at(k->words, *(const int *)v, &len);
        fprintf(out, "%.*s", (int)len, word);
        break;
    case T_METRIC:
        fputs(metric_info[*(const int *)v - 1].name, out);
        break;
    case T_STRING:
        print_string(out, *(const char *const *)v);
        break;
    case T_STRINGS:
        print_strings(out, v);
        break;
    case T_PAIR:
        fputc('[', out);
        print_float(out, ((const double *)v)[0]);
        fputs(", ", out);
        print_float(out, ((const double *)v)[1]);
        fputc(']', out);
        break;
    case T_WARMUP:
        if (warmup->share > 0)
            print_float(out, warmup->share);
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
