/* model.encoder -> a checked list of layers.
 *
 * In:  a list in the spec itself, or 'type: NAME' with parameters, where NAME is a shipped list (bert, distilbert) or a
 *      file beside the spec.  A list file is { parameters: {name: default}, layers: [...] }; '$name' in it stands for
 *      the parameter's value.
 * Out: Layers that know their widths; each knows its line in the list and the user's line that brought it in. */
#include "compiler/spec/schema.h"
#include "runtime/core/messages.h"
#include "runtime/core/nearest.h"
#include "runtime/core/files.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_LAYERS = 10000 /* with repeats counted */ };

/* The names of one list: parameters are told apart by them. */
typedef struct {
    const char *name;
    FtcLoc at;
} Name;
typedef struct {
    int n, cap;
    Name *v;
} Scope;

typedef struct {
    Arena *arena;
    FtcDiag *diag;
    SpecEncoder *e;
    Tree **values;     /* [e->n_params] */
    const Loc *up;     /* the user's line; NULL for a list in the spec itself */
    int64_t width;     /* of the vectors so far; 0 before the first layer */
    const char *width_by; /* the layer that set it, */
    FtcLoc width_at;   /*   and where */
    bool lost;         /* an error left the width unknown: what follows would only complain about it */
    int64_t rounds;    /* product of the repeats around */
    Scope *scope;
} Reader;

/* ---- parameters --------------------------------------------------------------------------------------------------- */

static int param_index(const Reader *r, const char *name)
{
    for (int i = 0; i < r->e->n_params; i++)
        if (!strcmp(r->e->params[i].name, name))
            return i;
    return -1;
}

/* '$name' -> the parameter's value, anything else itself; NULL for an unknown parameter. */
static const Tree *resolve(const Reader *r, const Tree *t)
{
    if (t->kind != TREE_SCALAR || t->quoted || t->text[0] != '$')
        return t;
    int i = param_index(r, t->text + 1);
    if (i >= 0)
        return r->values[i];
    ftc_error(r->diag, t->at, r->up ? DIAG_parameter_absent : DIAG_parameter_in_spec, t->text + 1);
    return NULL;
}

/* Fills in a list's parameters: the defaults it gives, then what the user says. */
static bool read_params(Reader *r, const Tree *defaults, const Tree *given)
{
    SpecEncoder *e = r->e;
    bool ok = true;
    int n = defaults ? defaults->n : 0;
    const char **names = NEW_ARRAY(r->arena, const char *, n + 1);
    e->params = NEW_ARRAY(r->arena, SpecParam, n);
    r->values = NEW_ARRAY(r->arena, Tree *, n);
    names[0] = "type";
    for (int i = 0; i < n; i++) {
        const TreeItem *item = &defaults->items[i];
        if (item->value->kind != TREE_SCALAR || !strcmp(item->key, "type"))
            return ftc_error(r->diag, item->at, DIAG_parameter_form);
        e->params[e->n_params++] = (SpecParam){ item->key, item->value->text, item->value->at, false };
        r->values[i] = item->value;
        names[i + 1] = item->key;
    }
    for (int i = 0; given && i < given->n; i++) {
        const TreeItem *item = &given->items[i];
        int p = param_index(r, item->key);
        if (!strcmp(item->key, "type"))
            continue;
        if (p < 0) {
            if (schema_param(item->key))
                ftc_error(r->diag, item->at, DIAG_parameter_unknown, e->type, item->key,
                          list_words(r->arena, names + 1, n));
            else
                unknown_key(r->diag, item, "model.encoder", names, n + 1);
            ok = false;
            continue;
        }
        r->values[p] = item->value;
        e->params[p] = (SpecParam){ item->key, item->value->text, item->value->at, true };
    }
    for (int i = 0; i < n; i++) {
        union {
            int64_t number;
            double real;
            int word;
        } unused = { 0 };
        const Key *k = schema_param(e->params[i].name);
        const Tree *value = r->values[i];
        if (k)
            ok &= read_value(r->arena, k, value, &unused, r->diag);
        else if (value->kind != TREE_SCALAR || !*value->text)
            ok = ftc_error(r->diag, value->at, DIAG_parameter_not_single, e->params[i].name);
    }
    return ok;
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

static bool name_is_valid(const char *s)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (bool start = true; *s; s++) {
        bool letter = strchr(letters, *s) != NULL;
        if (start ? !letter : !letter && !strchr("0123456789_.", *s))
            return false;
        start = *s == '.';
        if (start && !s[1])
            return false;
    }
    return true;
}

/* Whether parameters below the two names could get the same path. */
static bool names_clash(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), shorter = n < m ? n : m;
    return !strncmp(a, b, shorter) && (n == m || (n < m ? b : a)[shorter] == '.');
}

static bool claim_name(Reader *r, const char *name, FtcLoc at)
{
    static const char *const taken[] = { "pooler", "classifier" };
    if (strlen(name) > 100 || !name_is_valid(name))
        return ftc_error(r->diag, at, DIAG_layer_name, name);
    for (int i = 0; i < 2; i++)
        if (names_clash(name, taken[i]))
            return ftc_error(r->diag, at, DIAG_layer_name_taken, name);
    for (int i = 0; i < r->scope->n; i++)
        if (names_clash(name, r->scope->v[i].name)) {
            ftc_error(r->diag, at, DIAG_layer_name_twice, name, r->scope->v[i].name);
            ftc_note(r->diag, r->scope->v[i].at, "'%s' is here", r->scope->v[i].name);
            return false;
        }
    ARENA_GROW(r->arena, r->scope->v, r->scope->n, r->scope->cap);
    r->scope->v[r->scope->n++] = (Name){ name, at };
    return true;
}

/* ---- layers ------------------------------------------------------------------------------------------------------- */

static bool read_list(Reader *r, const Tree *t, LayerList *out);

/* A layer being read: its keys, and what they are given. */
typedef struct {
    Layer *layer;
    FtcLoc at;
    int n;
    const Key *key[MAX_FIELDS];
    const Tree *given[MAX_FIELDS]; /* as written; NULL where it isn't */
    const Tree *value[MAX_FIELDS]; /* behind '$' */
} Fields;

static FtcLoc field_at(const Fields *f, const char *name)
{
    for (int i = 0; i < f->n; i++)
        if (!strcmp(f->key[i]->path, name) && f->value[i])
            return f->value[i]->at;
    return f->at;
}

/* Sorts what is written under a layer to its keys. */
static bool match_fields(Reader *r, Fields *f, const Tree *t)
{
    const LayerInfo *info = &layer_info[f->layer->kind];
    const char *names[MAX_FIELDS];
    for (int i = 0; i < f->n; i++)
        names[i] = f->key[i]->path;
    if (t && t->kind == TREE_SCALAR && !*t->text)
        t = NULL; /* "layer_norm:" */
    if (t && t->kind != TREE_MAPPING) {
        for (int i = 0; i < f->n; i++)
            if (!strcmp(names[i], info->main))
                f->given[i] = t;
        return true;
    }
    bool ok = true;
    for (int i = 0; t && i < t->n; i++) {
        int j = 0;
        while (j < f->n && strcmp(names[j], t->items[i].key))
            j++;
        if (j < f->n)
            f->given[j] = t->items[i].value;
        else
            ok = unknown_word(r->diag, t->items[i].at, "key", t->items[i].key, info->name, names, f->n);
    }
    return ok;
}

static bool read_fields(Reader *r, Fields *f)
{
    bool ok = true;
    for (int i = 0; i < f->n; i++) {
        const Key *k = f->key[i];
        const Tree *given = f->given[i];
        if (!given && !k->fallback) {
            ok = ftc_error(r->diag, f->at, DIAG_field_missing, layer_info[f->layer->kind].name, k->path);
            continue;
        }
        if (!given)
            given = inline_tree(r->arena, k, k->fallback, f->at, r->diag);
        if (k->type == T_LAYERS)
            continue; /* they are read once the width before them is known */
        f->value[i] = resolve(r, given);
        if (!f->value[i])
            ok = false;
        else if (!read_value(r->arena, k, f->value[i], f->layer, r->diag)) {
            if (f->value[i] != given)
                ftc_note(r->diag, given->at, "used here");
            ok = false;
        }
    }
    return ok;
}

static bool read_body(Reader *r, Fields *f)
{
    for (int i = 0; i < f->n; i++)
        if (f->key[i]->type == T_LAYERS)
            return read_list(r, f->given[i], &f->layer->body);
    return true;
}

static void set_width(Reader *r, Fields *f)
{
    r->width = f->layer->size;
    r->width_by = f->layer->name;
    r->width_at = field_at(f, "size");
}

/* Which layer a shape is of: where it is as it was at `then`. */
static void note_width(const Reader *r, const Reader *then)
{
    ftc_note(r->diag, then->width_at, "'%s' makes f32[T,%lld] here", then->width_by, (long long)then->width);
}

static bool read_residual(Reader *r, Fields *f)
{
    const Reader before = *r;
    bool ok = read_body(r, f);
    if (!ok || r->width == before.width)
        return ok;
    ftc_error(r->diag, f->at, DIAG_residual_width, (long long)r->width, (long long)before.width);
    note_width(r, r);
    note_width(r, &before);
    return false;
}

static bool too_many(Reader *r, FtcLoc at)
{
    return ftc_error(r->diag, at, DIAG_layers_too_many, MAX_LAYERS);
}

static bool read_repeat(Reader *r, Fields *f)
{
    Scope inner = { 0 };
    const Reader before = *r;
    if (f->layer->count > MAX_LAYERS / r->rounds)
        return too_many(r, f->at);
    r->scope = &inner;
    r->rounds *= f->layer->count;
    bool ok = read_body(r, f);
    r->scope = before.scope;
    r->rounds = before.rounds;
    if (!ok || r->width == before.width || f->layer->count == 1)
        return ok;
    ftc_error(r->diag, f->at, DIAG_repeat_width, (long long)before.width, (long long)r->width);
    note_width(r, r);
    note_width(r, &before);
    return false;
}

static int64_t smaller(int64_t a, int64_t b) { return a && a < b ? a : b; }

/* What a layer does to the width, and what it asks of it. */
static bool connect(Reader *r, Fields *f)
{
    Layer *l = f->layer;
    if (!r->width && l->kind != LAYER_token_embedding)
        return ftc_error(r->diag, f->at, DIAG_first_layer);
    switch (l->kind) {
    case LAYER_token_embedding:
        if (r->width)
            return ftc_error(r->diag, f->at, DIAG_embedding_inside);
        set_width(r, f);
        return true;
    case LAYER_position_embedding:
        r->e->max_positions = smaller(r->e->max_positions, l->count);
        return true;
    case LAYER_segment_embedding:
        r->e->segments = smaller(r->e->segments, l->count);
        return true;
    case LAYER_linear:
        set_width(r, f);
        return true;
    case LAYER_attention:
        if (r->width % l->heads == 0)
            return true;
        ftc_error(r->diag, field_at(f, "heads"), DIAG_heads_width, l->name, (long long)l->heads, (long long)r->width);
        note_width(r, r);
        return false;
    case LAYER_residual:
        return read_residual(r, f);
    case LAYER_repeat:
        return read_repeat(r, f);
    default:
        return true;
    }
}

/* "dropout: 0.1", "dropout: {rate: 0.1}", "layer_norm" */
static bool read_layer(Reader *r, const Tree *t, Layer *out)
{
    const char *name = t->text;
    const Tree *value = NULL;
    Fields f = { .layer = out, .at = t->at };
    if (t->kind == TREE_MAPPING && t->n == 1) {
        name = t->items[0].key;
        value = t->items[0].value;
        f.at = t->items[0].at;
    } else if (t->kind != TREE_SCALAR)
        return ftc_error(r->diag, t->at, DIAG_layer_form);
    int kind = layer_kind(name);
    if (kind < 0) {
        const char *names[N_LAYERS];
        for (int i = 0; i < N_LAYERS; i++)
            names[i] = layer_info[i].name;
        return unknown_word(r->diag, f.at, "layer", name, NULL, names, N_LAYERS);
    }
    Loc *loc = NEW(r->arena, Loc);
    *loc = (Loc){ f.at, r->up, NULL };
    *out = (Layer){ .kind = (LayerKind)kind, .loc = loc, .width_in = r->width };
    f.n = layer_fields(out->kind, f.key);
    bool ok = match_fields(r, &f, value);
    if (!read_fields(r, &f)) {
        r->lost |= kind == LAYER_token_embedding || kind == LAYER_linear || kind == LAYER_repeat;
        return false;
    }
    ok &= connect(r, &f);
    r->lost |= !r->width;
    if (!ok || (out->name && !claim_name(r, out->name, f.at)))
        return false;
    out->width_out = r->width;
    if ((r->e->n_layers += (int)r->rounds) > MAX_LAYERS)
        return too_many(r, f.at);
    return ok;
}

static bool read_list(Reader *r, const Tree *t, LayerList *out)
{
    if (t->kind != TREE_SEQUENCE || !t->n)
        return ftc_error(r->diag, t->at, DIAG_layers_missing);
    *out = (LayerList){ t->n, NEW_ARRAY(r->arena, Layer, t->n) };
    bool ok = true;
    for (int i = 0; i < t->n && !r->lost; i++)
        ok &= read_layer(r, t->items[i].value, &out->v[i]);
    return ok;
}

/* ---- list files --------------------------------------------------------------------------------------------------- */

static Tree *read_file(Reader *r, const Spec *s, const char *name, FtcLoc at)
{
    const char *slash = strrchr(s->file, '/');
    int folder = slash ? (int)(slash - s->file) + 1 : 0;
    if (!path_stays_inside(name)) {
        ftc_error(r->diag, at, DIAG_list_folder);
        return NULL;
    }
    size_t len;
    const char *file = arena_printf(r->arena, "%.*s%s", folder, s->file, name);
    char *text = file_read(file, TREE_MAX_BYTES, &len, r->diag);
    if (!text) {
        ftc_note(r->diag, at, "the layer list is asked for here");
        return NULL;
    }
    Tree *t = tree_parse(r->arena, file, text, len, r->diag);
    free(text);
    return t;
}

static Tree *find_list(Reader *r, const Spec *s, const char *type, FtcLoc at)
{
    static const char *const known[] = { "bert", "distilbert" };
    size_t len;
    const char *file = arena_printf(r->arena, "layers/%s.yaml", type);
    const char *text = shipped_file(file, &len);
    if (text) {
        r->e->shipped = true;
        ftc_diag_source(r->diag, file, text, len);
        return tree_parse(r->arena, file, text, len, r->diag);
    }
    if (strlen(type) > 5 && !strcmp(type + strlen(type) - 5, ".yaml"))
        return read_file(r, s, type, at);
    const char *near = nearest_word(type, known, 2);
    if (near)
        ftc_error(r->diag, at, DIAG_encoder_near, type, near);
    else
        ftc_error(r->diag, at, DIAG_encoder_unknown, type);
    return NULL;
}

static bool read_by_type(Reader *r, const Spec *s, const TreeItem *item)
{
    const Tree *given = item ? item->value : NULL;
    const TreeItem *type = given ? tree_find(given, "type") : NULL;
    Loc *up = NEW(r->arena, Loc);
    up->at = type ? type->value->at : item ? item->at : FTC_FILE(s->file);
    r->up = up;
    r->e->type = "bert";
    if (type) {
        if (type->value->kind != TREE_SCALAR || !*type->value->text)
            return ftc_error(r->diag, type->value->at, DIAG_encoder_type_form);
        r->e->type = type->value->text;
    }
    const Tree *list = find_list(r, s, r->e->type, up->at);
    if (!list)
        return false;
    const TreeItem *params = NULL, *layers = NULL;
    if (list->kind == TREE_MAPPING) {
        params = tree_find(list, "parameters");
        layers = tree_find(list, "layers");
    }
    if (!layers || (params && params->value->kind != TREE_MAPPING) || list->n != 1 + (params != NULL)) {
        ftc_error(r->diag, list->at, DIAG_list_form);
        ftc_note(r->diag, up->at, "the layer list is asked for here");
        return false;
    }
    if (!read_params(r, params ? params->value : NULL, given))
        return false;
    int errors = ftc_diag_errors(r->diag);
    if (read_list(r, layers->value, &r->e->layers))
        return true;
    if (ftc_diag_errors(r->diag) > errors && !r->e->shipped)
        ftc_note(r->diag, up->at, "the layer list is asked for here");
    return false;
}

bool read_encoder(Arena *arena, Spec *s, const TreeItem *item, FtcDiag *d)
{
    Scope scope = { 0 };
    Reader r = { .arena = arena, .diag = d, .e = &s->model.encoder, .rounds = 1, .scope = &scope };
    bool ok;
    if (item && item->value->kind == TREE_SEQUENCE)
        ok = read_list(&r, item->value, &r.e->layers);
    else if (item && item->value->kind == TREE_SCALAR)
        ok = ftc_error(d, item->value->at, DIAG_encoder_form);
    else
        ok = read_by_type(&r, s, item);
    r.e->width = r.width;
    return ok;
}
