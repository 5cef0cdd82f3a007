/* Setting keys of a compiled spec; see settings.h. */
#define _GNU_SOURCE
#include "runtime/run/settings.h"

#include "runtime/core/mem.h"
#include "runtime/core/nearest.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef enum { INT32, INT64, FLOAT, BOOL, METRIC, PAIR, WARMUP, LIMIT, SOME, PARTS } Kind;

typedef struct {
    const char *key;
    Kind kind;
    size_t member;
} Setting;

static const Setting rows[] = {
#define SETTING(key, kind, member) { #key, kind, offsetof(Settings, member) },
#include "runtime/run/settings.def"
};
enum { N_ROWS = sizeof rows / sizeof *rows };

void settings_begin(Settings *s, const FtcModel *model, const Recipe *recipe)
{
    *s = (Settings){ .model = *model, .recipe = *recipe };
    s->keys = xcalloc((size_t)recipe->n_keys, sizeof *s->keys);
    memcpy(s->keys, recipe->keys, (size_t)recipe->n_keys * sizeof *s->keys);
    s->recipe.keys = s->keys;
}

void settings_free(Settings *s)
{
    for (int i = 0; i < s->n_text; i++)
        free(s->text[i]);
    free(s->text);
    free(s->keys);
    *s = (Settings){ 0 };
}

/* Takes the text. */
static const char *keep(Settings *s, char *text)
{
    GROW(s->text, s->n_text, s->cap_text);
    return s->text[s->n_text++] = text;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

/* [0.9, 0.98] */
static bool read_pair(const ScalarRule *r, const ScalarText *t, double out[2], FtcDiag *d)
{
    char first[40], second[40], end;
    if (sscanf(t->text, " [ %39[^], \t] , %39[^], \t] %c", first, second, &end) != 3 || end != ']')
        return ftc_error(d, t->at, "'%s' takes a list of two numbers, such as [0.9, 0.999]", r->name);
    return scalar_float(r, &(ScalarText){ first, false, t->at }, &out[0], d) &&
           scalar_float(r, &(ScalarText){ second, false, t->at }, &out[1], d);
}

static bool read_warmup(const ScalarRule *r, const ScalarText *t, double *out, FtcDiag *d)
{
    int64_t steps;
    if (!scalar_float(r, t, out, d))
        return false;
    return *out < 1 || scalar_is_int(t->text, &steps) ||
           ftc_error(d, t->at, "'%s' is %s: below 1 it is a share of all steps, else their number, which has to be whole", r->name, t->text);
}

/* The value of any kind as text has it. */
typedef struct {
    int64_t i;
    double f[2];
    bool b;
} Value;

static bool read_value(const Setting *row, const ScalarRule *r, const ScalarText *t, Value *v, FtcDiag *d)
{
    int word;
    *v = (Value){ .f = { row->kind == LIMIT ? INFINITY : 0 } };
    if (r->off && !strcmp(t->text, r->off))
        return true;
    switch (row->kind) {
    case INT32: case INT64: case PARTS: return scalar_int(r, t, &v->i, d);
    case FLOAT: case LIMIT: case SOME: return scalar_float(r, t, &v->f[0], d);
    case BOOL: return scalar_bool(r, t, &v->b, d);
    case PAIR: return read_pair(r, t, v->f, d);
    case WARMUP: return read_warmup(r, t, &v->f[0], d);
    case METRIC:
        if (!scalar_word(r, t, &word, d))
            return false;
        v->i = 1 + word;
        return true;
    }
    return false;
}

/* ---- storing ---------------------------------------------------------------------------------------------------------- */

/* Whether the code is another one with the new value. */
static bool is_compiled(const Setting *row, const void *member, const Value *v)
{
    switch (row->kind) {
    case LIMIT: return !isfinite(*(const double *)member) != !isfinite(v->f[0]);
    case SOME: return (*(const double *)member > 0) != (v->f[0] > 0);
    case PARTS: return (*(const int32_t *)member > 1) != (v->i > 1);
    default: return false;
    }
}

static void store(const Setting *row, void *member, const Value *v)
{
    switch (row->kind) {
    case INT32: case METRIC: case PARTS: *(int32_t *)member = (int32_t)v->i; break;
    case INT64: *(int64_t *)member = v->i; break;
    case BOOL: *(bool *)member = v->b; break;
    case PAIR: memcpy(member, v->f, sizeof v->f); break;
    case FLOAT: case WARMUP: case LIMIT: case SOME: *(double *)member = v->f[0]; break;
    }
}

/* As the resolved spec has it; free() it. */
static char *print_value(const Setting *row, const ScalarRule *r, const char *text, const Value *v)
{
    char *out = NULL;
    size_t size;
    FILE *f = text_open(&out, &size);
    if (r->off && (!strcmp(text, r->off) || (row->kind != BOOL && v->i == 0 && v->f[0] == 0)))
        fputs(r->off, f);
    else
        switch (row->kind) {
        case INT32: case INT64: case PARTS: scalar_put_int(f, r->words, v->i); break;
        case METRIC: scalar_put_word(f, r->words, (int)v->i - 1); break;
        case BOOL: fputs(v->b ? "true" : "false", f); break;
        case PAIR: scalar_put_numbers(f, 2, NULL, v->f); break;
        case FLOAT: case WARMUP: case LIMIT: case SOME: scalar_put_float(f, v->f[0]); break;
        }
    fclose(f);
    return out;
}

/* ---- all together ----------------------------------------------------------------------------------------------------- */

static bool unknown(const Settings *s, const char *key, FtcLoc at, FtcDiag *d)
{
    const char **names = xcalloc((size_t)s->recipe.n_keys, sizeof *names);
    for (int32_t i = 0; i < s->recipe.n_keys; i++)
        names[i] = s->keys[i].key;
    const char *near = nearest_word(key, names, s->recipe.n_keys);
    free(names);
    return near ? ftc_error(d, at, "unknown key '%s'; did you mean '%s'?", key, near)
                : ftc_error(d, at, "unknown key '%s'; --help lists those that can be set", key);
}

static const Setting *find_row(const char *key)
{
    for (int i = 0; i < N_ROWS; i++)
        if (!strcmp(rows[i].key, key))
            return &rows[i];
    return NULL;
}

static bool needs_compiler(const Settings *s, const char *key, const char *value, FtcLoc at, FtcDiag *d)
{
    return ftc_error(d, at, "'%s' is compiled into this program; to change it, compile %s again with -D '%s=%s'", key, s->recipe.file, key,
                     value);
}

bool settings_set(Settings *s, const char *key, const char *value, const char *where, FtcDiag *d)
{
    FtcLoc at = FTC_FILE(keep(s, xstrdup(where)));
    RecipeKey *k = (RecipeKey *)recipe_key(&s->recipe, key);
    const Setting *row = find_row(key);
    bool of_encoder = !strncmp(key, "model.encoder.", 14);
    if (!k && !of_encoder)
        return unknown(s, key, at, d);
    if (!row)
        return needs_compiler(s, key, value, at, d);
    if (!k->value)
        return ftc_error(d, at, "'%s' doesn't count beside what is compiled into this program", key);
    if (!*value)
        return ftc_error(d, at, "'%s' has no value", k->rule.name);
    Value v;
    ScalarText text = { value, false, at };
    void *member = (char *)s + row->member;
    if (!read_value(row, &k->rule, &text, &v, d))
        return false;
    if (is_compiled(row, member, &v))
        return needs_compiler(s, key, value, at, d);
    store(row, member, &v);
    k->value = keep(s, print_value(row, &k->rule, value, &v));
    k->at = at;
    s->recipe.best = s->model.train.best;
    if (!strncmp(key, "data.split.", 11))
        s->recipe.split.at = at;
    return true;
}

bool settings_define(Settings *s, const char *text, FtcDiag *d)
{
    const char *equals = strchr(text, '=');
    char *at = xasprintf("-D %s", text), *key = equals ? xstrndup(text, (size_t)(equals - text)) : NULL;
    bool ok = equals && equals != text;
    if (ok)
        ok = settings_set(s, key, equals + 1, at, d);
    else
        ftc_error(d, FTC_FILE(at), "write -D key=value, such as -D optimizer.lr=3e-5");
    free(key);
    free(at);
    return ok;
}

bool settings_check(const Settings *s, FtcDiag *d)
{
    const SplitShares *shares = &s->recipe.split.shares;
    if (s->model.train.patience && !s->model.train.best)
        return ftc_error(d, recipe_loc(&s->recipe, "train.early_stop.patience"), "'patience' needs a metric to watch; train.best names it");
    return shares->dev + shares->test < 1 ||
           ftc_error(d, recipe_loc(&s->recipe, "data.split.test"), "dev has %g of the rows and test %g, which leaves none to train on",
                     shares->dev, shares->test);
}

/* Whether the code stays what it is when this is changed. */
static bool is_free(const Settings *s, const Setting *row)
{
    const void *member = (const char *)s + row->member;
    switch (row->kind) {
    case LIMIT: return isfinite(*(const double *)member);
    case SOME: return *(const double *)member > 0;
    case PARTS: return *(const int32_t *)member > 1;
    default: return true;
    }
}

void settings_help(const Settings *s, FILE *out)
{
    for (int i = 0; i < N_ROWS; i++) {
        const RecipeKey *k = recipe_key(&s->recipe, rows[i].key);
        if (k && k->value && is_free(s, &rows[i]))
            fprintf(out, "  %-28s %s\n", k->key, k->value);
    }
}

const char *settings_key_like(const char *word)
{
    word += strspn(word, "-");
    for (int i = 0; *word && i < N_ROWS; i++)
        if (!strcmp(strrchr(rows[i].key, '.') + 1, word))
            return rows[i].key;
    return NULL;
}
