/* A spec's text, settings below and above it -> a checked Spec; see spec.h.
 *
 * The layers of settings are merged as trees; then one walk over the tree reads every value by the schema and reports
 * what it doesn't know, the schema's defaults fill in the rest, and a list of checks looks at what has to fit together. */
#include "compiler/spec/schema.h"
#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/core/messages.h"

#include <stdlib.h>
#include <string.h>

/* Where the keys and groups of a spec were given. */
typedef struct {
    const char *path;
    FtcLoc at;
} Place;
typedef struct SpecPlaces {
    int n, cap;
    Place *v;
} Places;

typedef struct {
    Arena *arena;
    FtcDiag *diag;
    const SpecSource *source;
    Spec *spec;
    Tree *root;
} Reader;

/* ---- text --------------------------------------------------------------------------------------------------------- */

static Tree *parse_source(Reader *r)
{
    const SpecSource *s = r->source;
    const char *text = s->text;
    size_t len = s->len;
    if (!s->file) {
        r->spec->file = "bert_cls.yaml";
        text = shipped_file(r->spec->file, &len);
    } else
        r->spec->file = input_name(s->file);
    bool given = text != NULL;
    if (!given) {
        char *read = input_read(s->file, TREE_MAX_BYTES, &len, r->diag);
        if (!read)
            return NULL;
        text = arena_strndup(r->arena, read, len);
        free(read);
    }
    if (given || !path_is_regular(r->spec->file))
        ftc_diag_source(r->diag, r->spec->file, text, len);
    return tree_parse(r->arena, r->spec->file, text, len, r->diag);
}

/* ---- settings ----------------------------------------------------------------------------------------------------- */

static bool is_utf8(const char *text)
{
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        int more = *s < 0x80 ? 0 : *s >= 0xC2 && *s < 0xE0 ? 1 : (*s & 0xF0) == 0xE0 ? 2 : *s >= 0xF0 && *s < 0xF5 ? 3 : -1;
        if (more < 0 || (*s == 0xE0 && s[1] < 0xA0) || (*s == 0xED && s[1] >= 0xA0) || (*s == 0xF0 && s[1] < 0x90) ||
            (*s == 0xF4 && s[1] >= 0x90))
            return false;
        for (s++; more; more--, s++)
            if ((*s & 0xC0) != 0x80)
                return false;
    }
    return true;
}

bool spec_setting_parse(Arena *arena, const char *arg, SpecSetting *out, FtcDiag *d)
{
    const char *equals = strchr(arg, '=');
    FtcLoc at = FTC_FILE(arena_printf(arena, "-D %s", arg));
    if (!equals || equals == arg)
        return ftc_error(d, at, DIAG_setting_form);
    *out = (SpecSetting){ arena_strndup(arena, arg, (size_t)(equals - arg)), equals + 1, at };
    return true;
}

/* Puts a setting into the tree.  A weak one (of a base) leaves alone what is there. */
static bool apply(Reader *r, const SpecSetting *set, bool weak)
{
    const char *rest = set->key;
    Tree *t = r->root;
    if (!is_utf8(set->value) || !is_utf8(set->key))
        return ftc_error(r->diag, set->at, DIAG_setting_utf8);
    for (;;) {
        size_t len = strcspn(rest, ".");
        if ((!strncmp(set->key, "loss.class_weights.", 19) && rest == set->key + 19) ||
            (!strncmp(set->key, "data.threshold.", 15) && rest == set->key + 15))
            len = strlen(rest); /* a label may have dots in it */
        if (!len)
            return ftc_error(r->diag, set->at, DIAG_setting_key, set->key);
        const char *key = arena_strndup(r->arena, rest, len);
        TreeItem *item = tree_find(t, key);
        if (!rest[len]) {
            if (item && weak)
                return true;
            Tree *value = inline_tree(r->arena, schema_key(set->key), set->value, set->at, r->diag);
            if (!value)
                return false;
            if (item)
                *item = (TreeItem){ key, set->at, value };
            else
                tree_append(r->arena, t, key, set->at, value);
            return true;
        }
        if (!item)
            item = tree_append(r->arena, t, key, set->at, tree_mapping(r->arena, set->at));
        if (item->value->kind != TREE_MAPPING) {
            if (weak)
                return true;
            if (item->value->kind == TREE_SEQUENCE) {
                ftc_error(r->diag, set->at, DIAG_setting_in_list, key);
                ftc_note(r->diag, item->at, "the list");
                return false;
            }
            *item = (TreeItem){ key, set->at, tree_mapping(r->arena, set->at) };
        }
        t = item->value;
        rest += len + 1;
    }
}

static TreeItem *find_path(const Tree *t, const char *path)
{
    for (;;) {
        char key[64];
        size_t len = strcspn(path, ".");
        if (len >= sizeof key || t->kind != TREE_MAPPING)
            return NULL;
        memcpy(key, path, len);
        key[len] = '\0';
        TreeItem *item = tree_find(t, key);
        if (!item || !path[len])
            return item;
        t = item->value;
        path += len + 1;
    }
}

static bool same_value(const char *a, const char *b)
{
    char *end_a, *end_b;
    double x = strtod(a, &end_a), y = strtod(b, &end_b);
    return !strcmp(a, b) || (*a && *b && !*end_a && !*end_b && x == y);
}

/* Where the spec speaks of what a pre-trained encoder fixes, the two have to agree. */
static bool check_base(Reader *r)
{
    const TreeItem *encoder = find_path(r->root, "model.encoder");
    bool ok = true;
    for (int i = 0; i < r->source->n_base; i++) {
        const SpecSetting *base = &r->source->base[i];
        bool is_type = !strcmp(base->key, "model.encoder.type");
        bool in_encoder = !strncmp(base->key, "model.encoder.", 14);
        const Key *k = in_encoder ? schema_param(base->key + 14) : schema_key(base->key);
        if (is_type && encoder && encoder->value->kind == TREE_SEQUENCE) {
            ftc_error(r->diag, encoder->at, DIAG_encoder_is_list, base->value);
            ftc_note(r->diag, base->at, "'%s' here; leave model.encoder out to take it", base->value);
            return false;
        }
        if (!is_type && !(k && k->flags & SHAPE))
            continue;
        const TreeItem *item = find_path(r->root, base->key);
        if (!item || item->value->kind != TREE_SCALAR || same_value(item->value->text, base->value))
            continue;
        ftc_error(r->diag, item->value->at, DIAG_shape_differs, item->key, item->value->text,
                  base->value);
        ftc_note(r->diag, base->at, "'%s' is %s here; leave it out of the spec to take that", base->key, base->value);
        ok = false;
    }
    return ok;
}

static bool merge(Reader *r)
{
    bool ok = true, shipped = !r->source->file;
    if (r->root->kind != TREE_MAPPING)
        return ftc_error(r->diag, r->root->at, DIAG_not_groups);
    for (int i = 0; i < r->source->n_over && !shipped; i++)
        ok &= apply(r, &r->source->over[i], false);
    for (int i = 0; i < r->source->n_base; i++)
        ok &= apply(r, &r->source->base[i], !shipped); /* the shipped spec is what the weights don't say */
    for (int i = 0; i < r->source->n_over && shipped; i++)
        ok &= apply(r, &r->source->over[i], false);
    return ok && check_base(r);
}

/* ---- places ------------------------------------------------------------------------------------------------------- */

static void note_place(Reader *r, const char *path, FtcLoc at)
{
    Places *p = r->spec->places;
    ARENA_GROW(r->arena, p->v, p->n, p->cap);
    p->v[p->n++] = (Place){ path, at };
}

static const Place *find_place(const Spec *s, const char *path, size_t len)
{
    for (int i = 0; i < s->places->n; i++)
        if (!strncmp(s->places->v[i].path, path, len) && !s->places->v[i].path[len])
            return &s->places->v[i];
    return NULL;
}

static const SpecParam *given_param(const Spec *s, const char *key)
{
    const SpecParam *p = strncmp(key, "model.encoder.", 14) ? NULL : spec_param(s, key + 14);
    return p && p->given ? p : NULL;
}

FtcLoc spec_loc(const Spec *s, const char *key)
{
    const SpecParam *param = given_param(s, key);
    if (param)
        return param->at;
    for (size_t len = strlen(key); len;) {
        const Place *p = find_place(s, key, len);
        if (p)
            return p->at;
        while (len && key[len - 1] != '.')
            len--;
        len -= len > 0;
    }
    return FTC_FILE(s->file);
}

bool spec_given(const Spec *s, const char *key) { return given_param(s, key) || find_place(s, key, strlen(key)); }

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/* The keys that may stand in the group at `path`. */
static int valid_keys(Arena *arena, const char *path, const char **out, int max)
{
    size_t len = strlen(path);
    int n = 0;
    for (int i = 0; i < n_schema_keys && n < max; i++) {
        const char *p = schema_keys[i].path;
        if (len && (strncmp(p, path, len) || p[len] != '.'))
            continue;
        p += len ? len + 1 : 0;
        size_t word = strcspn(p, ".");
        if (n && !strncmp(out[n - 1], p, word) && !out[n - 1][word])
            continue;
        out[n++] = arena_strndup(arena, p, word);
    }
    return n;
}

enum { MAX_KEYS = 32 }; /* of a group */

/* Reads what the spec gives, in the order it is written, and notes the places. */
static bool read_group(Reader *r, const Tree *t, const char *path)
{
    const char *valid[MAX_KEYS], *inner[MAX_KEYS];
    int n_valid = valid_keys(r->arena, path, valid, MAX_KEYS);
    bool ok = true;
    for (int i = 0; i < t->n; i++) {
        const TreeItem *item = &t->items[i];
        const char *full = *path ? arena_printf(r->arena, "%s.%s", path, item->key) : item->key;
        const Key *k = schema_key(full);
        bool known = false;
        for (int j = 0; j < n_valid && !known; j++)
            known = !strcmp(valid[j], item->key);
        if (!known) {
            unknown_key(r->diag, item, path, valid, n_valid);
            ok = false;
            continue;
        }
        note_place(r, full, k && k->type != T_ENCODER ? item->value->at : item->at);
        if (k)
            ok &= k->type == T_ENCODER ? read_encoder(r->arena, r->spec, item, r->diag)
                                       : read_value(r->arena, k, item->value, r->spec, r->diag);
        else if (item->value->kind == TREE_MAPPING)
            ok &= read_group(r, item->value, full);
        else
            ok = ftc_error(r->diag, item->value->at, DIAG_not_group, item->key,
                           list_words(r->arena, inner, valid_keys(r->arena, full, inner, MAX_KEYS)));
    }
    return ok;
}

static bool read_defaults(Reader *r)
{
    bool ok = true;
    for (int i = 0; i < n_schema_keys; i++) {
        const Key *k = &schema_keys[i];
        if (find_place(r->spec, k->path, strlen(k->path)))
            continue;
        if (k->type == T_ENCODER)
            ok &= read_encoder(r->arena, r->spec, NULL, r->diag);
        else
            ok &= read_value(r->arena, k, inline_tree(r->arena, k, k->fallback, FTC_FILE(r->spec->file), r->diag), r->spec,
                             r->diag);
    }
    return ok;
}

/* ---- checks ------------------------------------------------------------------------------------------------------- */

/* Whether "optimizer.type=sgd" holds. */
bool key_counts(const Spec *s, const Key *k)
{
    if (!k->only)
        return true;
    const char *equals = strchr(k->only, '=');
    char path[64];
    snprintf(path, sizeof path, "%.*s", (int)(equals - k->only), k->only);
    char *text = NULL;
    size_t len;
    FILE *f = text_open(&text, &len);
    print_value(f, schema_key(path), s);
    fclose(f);
    bool holds = !strcmp(text, equals + 1);
    free(text);
    return holds;
}

static bool is_overridden(const Reader *r, const char *path)
{
    for (int i = 0; i < r->source->n_over; i++)
        if (!strcmp(r->source->over[i].key, path))
            return true;
    return false;
}

/* A key that counts only beside another's value is an error beside a different one; unless it is the spec's, and a -D changes
 * the other: then whoever runs the spec wants it without what belonged to the old value. */
static bool check_only(Reader *r)
{
    bool ok = true;
    for (int i = 0; i < n_schema_keys; i++) {
        const Key *k = &schema_keys[i];
        if (!spec_given(r->spec, k->path) || key_counts(r->spec, k))
            continue;
        const char *equals = strchr(k->only, '=');
        char other[64];
        snprintf(other, sizeof other, "%.*s", (int)(equals - k->only), k->only);
        if (is_overridden(r, other) && !is_overridden(r, k->path))
            continue;
        ok = ftc_error(r->diag, spec_loc(r->spec, k->path), DIAG_without_effect, key_name(k), other,
                       equals + 1);
        if (spec_given(r->spec, other))
            ftc_note(r->diag, spec_loc(r->spec, other), "it is set here");
    }
    return ok;
}

static bool check_weights(Reader *r)
{
    const Spec *s = r->spec;
    const SpecWeights *w = &s->loss.class_weights;
    const SpecStrings *labels = &s->data.labels;
    FtcLoc at = spec_loc(s, "loss.class_weights");
    bool ok = true;
    if (!labels->n || w->kind == WEIGHTS_NONE || w->kind == WEIGHTS_BALANCED)
        return true;
    if (w->kind == WEIGHTS_LIST && w->n != labels->n) {
        ftc_error(r->diag, at, DIAG_weights_count, w->n, labels->n);
        ftc_note(r->diag, spec_loc(s, "data.labels"), "the classes");
        return false;
    }
    for (int i = 0; i < w->n && w->kind == WEIGHTS_BY_LABEL; i++) {
        bool known = false;
        for (int j = 0; j < labels->n && !known; j++)
            known = !strcmp(labels->v[j], w->label[i]);
        if (known)
            continue;
        ok = ftc_error(r->diag, at, DIAG_weights_stranger, w->label[i]);
        ftc_note(r->diag, spec_loc(s, "data.labels"), "the classes");
    }
    return ok;
}

static bool check_split(Reader *r)
{
    const Spec *s = r->spec;
    if (s->data.split.dev + s->data.split.test < 1)
        return true;
    return ftc_error(r->diag, spec_loc(s, "data.split.test"), DIAG_split_leaves_none, s->data.split.dev, s->data.split.test);
}

/* Keys about classes, where there are none. */
static bool check_loss(Reader *r)
{
    const Spec *s = r->spec;
    static const char *const keys[] = { "loss.label_smoothing", "loss.class_weights", "data.labels" };
    bool set[] = { s->loss.label_smoothing > 0, s->loss.class_weights.kind != WEIGHTS_NONE, s->data.labels.n > 0 }, ok = true;
    for (int i = 0; i < 3 && s->loss.type == LOSS_MSE; i++)
        if (set[i]) {
            ok = ftc_error(r->diag, spec_loc(s, keys[i]), DIAG_classes_for_number, keys[i] + strcspn(keys[i], ".") + 1);
            ftc_note(r->diag, spec_loc(s, "loss.type"), "the loss");
        }
    if (s->train.sampling != SAMPLING_NONE && spec_task(s) != FTC_SINGLE_LABEL) {
        ok = ftc_error(r->diag, spec_loc(s, "train.sampling"), DIAG_sampling_without_class);
        ftc_note(r->diag, spec_loc(s, "loss.type"), "the loss");
    }
    return ok;
}

static bool has_string(const SpecStrings *list, const char *s)
{
    for (int i = 0; i < list->n; i++)
        if (!strcmp(list->v[i], s))
            return true;
    return false;
}

static bool check_label_columns(Reader *r)
{
    const Spec *s = r->spec;
    const SpecStrings *columns = &s->data.label, *labels = &s->data.labels;
    FtcLoc at = spec_loc(s, "data.label");
    bool ok = true;
    for (int i = 0; i < columns->n; i++)
        if (has_string(&s->data.text, columns->v[i]))
            ok = ftc_error(r->diag, at, DIAG_label_is_text, columns->v[i]);
    if (s->data.weight && (has_string(&s->data.text, s->data.weight) || has_string(columns, s->data.weight)))
        ok = ftc_error(r->diag, spec_loc(s, "data.weight"), DIAG_weight_is_column, s->data.weight);
    if (columns->n == 1)
        return ok;
    if (spec_task(s) != FTC_MULTI_LABEL)
        ok = ftc_error(r->diag, at, DIAG_columns_single_label);
    for (int i = 0; i < labels->n; i++)
        if (!has_string(columns, labels->v[i]) || labels->n != columns->n) {
            ok = ftc_error(r->diag, spec_loc(s, "data.labels"), DIAG_labels_are_columns);
            ftc_note(r->diag, at, "the columns");
            break;
        }
    return ok;
}

static bool check_spec(Reader *r)
{
    Spec *s = r->spec;
    FtcDiag *d = r->diag;
    const SpecEncoder *e = &s->model.encoder;
    bool ok = check_only(r);
    ok &= check_weights(r);
    ok &= check_split(r);
    ok &= check_loss(r);
    if (s->optimizer.nesterov && s->optimizer.momentum == 0)
        ok = ftc_error(d, spec_loc(s, "optimizer.nesterov"), DIAG_nesterov_momentum);
    ok &= check_label_columns(r);
    if (s->train.early_stop.patience && !s->train.best)
        ok = ftc_error(d, spec_loc(s, "train.early_stop.patience"), DIAG_patience_metric);
    if (s->data.label_map.n && spec_task(s) != FTC_SINGLE_LABEL)
        ok = ftc_error(d, spec_loc(s, "data.label_map"), DIAG_label_map_task);
    if (spec_given(s, "data.unmapped") && !s->data.label_map.n && s->data.unmapped == ROWS_DROP)
        ok = ftc_error(d, spec_loc(s, "data.unmapped"), DIAG_unmapped_without_map);
    if (s->data.text.n == 2 && e->segments == 1) {
        ok = ftc_error(d, spec_loc(s, "data.text"), DIAG_pairs_segments);
        ftc_note(d, spec_loc(s, "model.encoder.segments"), "set here");
    }
    if (e->max_positions && s->data.max_length > e->max_positions) {
        if (spec_given(s, "data.max_length")) {
            ok = ftc_error(d, spec_loc(s, "data.max_length"), DIAG_length_positions, (long long)s->data.max_length,
                           (long long)e->max_positions);
            ftc_note(d, spec_loc(s, "model.encoder.max_positions"), "the encoder");
        } else
            s->data.max_length = e->max_positions;
    }
    return ok;
}

/* ---- all together ------------------------------------------------------------------------------------------------- */

Spec *spec_load(Arena *arena, const SpecSource *source, FtcDiag *d)
{
    Reader r = { .arena = arena, .diag = d, .source = source, .spec = NEW(arena, Spec) };
    Spec *s = r.spec;
    s->places = NEW(arena, Places);
    r.root = parse_source(&r);
    if (!r.root || !merge(&r))
        return NULL;
    bool ok = read_group(&r, r.root, "");
    ok &= read_defaults(&r);
    return ok && check_spec(&r) ? s : NULL;
}

const SpecParam *spec_param(const Spec *s, const char *name)
{
    const SpecEncoder *e = &s->model.encoder;
    for (int i = 0; i < e->n_params; i++)
        if (!strcmp(e->params[i].name, name))
            return &e->params[i];
    return NULL;
}

FtcTask spec_task(const Spec *s)
{
    return s->loss.type == LOSS_BINARY_CROSS_ENTROPY ? FTC_MULTI_LABEL : s->loss.type == LOSS_MSE ? FTC_REGRESSION : FTC_SINGLE_LABEL;
}

int64_t spec_warmup_steps(const Spec *s, int64_t total_steps)
{
    const SpecWarmup *w = &s->optimizer.schedule.warmup;
    return w->share > 0 ? (int64_t)(w->share * (double)total_steps) : w->steps;
}
