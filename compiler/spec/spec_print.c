/* The resolved spec as YAML: what 'ftc compile -E' shows.  One row of the schema, one line. */
#include "compiler/spec/schema.h"

#include <string.h>

/* Where the lines come from is told to whoever asked. */
typedef struct {
    FILE *out;
    SpecPlaceFn *place; /* NULL: nobody did */
    void *ctx;
} Printer;

static void tell(const Printer *p, FtcLoc at)
{
    if (p->place)
        p->place(p->ctx, at);
}

/* Starts the groups that `path` is in and `before` wasn't. */
static void open_groups(const Printer *p, const Spec *s, const char *before, const char *path)
{
    int depth = 0;
    size_t same = 0; /* the groups both are in */
    for (size_t i = 0; before[i] && before[i] == path[i]; i++)
        if (path[i] == '.')
            same = i + 1;
    for (const char *word = path, *dot; (dot = strchr(word, '.')); word = dot + 1, depth++)
        if ((size_t)(dot - path) >= same) {
            char group[128];
            snprintf(group, sizeof group, "%.*s", (int)(dot - path), path);
            fputs(!depth && *before ? "\n" : "", p->out);
            tell(p, spec_loc(s, group));
            fprintf(p->out, "%*s%.*s:\n", 2 * depth, "", (int)(dot - word), word);
        }
}

static int depth_of(const char *path)
{
    int n = 0;
    for (; *path; path++)
        n += *path == '.';
    return n;
}

static void print_layers(const Printer *p, const LayerList *list, const char *comment, int indent);

static void print_layer(const Printer *p, const Layer *l, const char *comment, int indent)
{
    const LayerInfo *info = &layer_info[l->kind];
    const Key *key[MAX_FIELDS];
    int n = layer_fields(l->kind, key);
    tell(p, l->loc ? l->loc->at : FTC_NOWHERE);
    fprintf(p->out, "%s%*s- %s:", comment, indent, "", info->name);
    if (l->kind == LAYER_residual) {
        fputc('\n', p->out);
        print_layers(p, &l->body, comment, indent + 4);
        return;
    }
    if (n == 1) {
        fputc(' ', p->out);
        print_value(p->out, key[0], l);
        fputc('\n', p->out);
        return;
    }
    bool block = l->body.n > 0;
    fputs(block ? "\n" : " {", p->out);
    for (int i = 0; i < n; i++) {
        if (key[i]->type == T_LAYERS)
            continue;
        if (block)
            fprintf(p->out, "%s%*s%s: ", comment, indent + 4, "", key[i]->path);
        else
            fprintf(p->out, "%s%s: ", i ? ", " : "", key[i]->path);
        print_value(p->out, key[i], l);
        fputs(block ? "\n" : "", p->out);
    }
    if (!block) {
        fputs("}\n", p->out);
        return;
    }
    fprintf(p->out, "%s%*slayers:\n", comment, indent + 4, "");
    print_layers(p, &l->body, comment, indent + 6);
}

static void print_layers(const Printer *p, const LayerList *list, const char *comment, int indent)
{
    for (int i = 0; i < list->n; i++)
        print_layer(p, &list->v[i], comment, indent);
}

/* A shipped list stays a name, with what it stands for as a comment; any other is written out, so that the result needs
 * no other file. */
static void print_encoder(const Printer *p, const SpecEncoder *e)
{
    if (!e->shipped) {
        print_layers(p, &e->layers, "", 4);
        return;
    }
    fprintf(p->out, "    type: %s\n", e->type);
    for (int i = 0; i < e->n_params; i++)
        fprintf(p->out, "    %s: %s\n", e->params[i].name, e->params[i].text);
    fputs("    # which stands for:\n", p->out);
    print_layers(p, &e->layers, "    # ", 0);
}

static void print_before(const Printer *p, const Spec *s, int key)
{
    const Key *k = &schema_keys[key];
    int before = key - 1;
    while (before >= 0 && !key_counts(s, &schema_keys[before]))
        before--;
    open_groups(p, s, before < 0 ? "" : schema_keys[before].path, k->path);
    tell(p, spec_loc(s, k->path));
    fprintf(p->out, "%*s%s:%s", 2 * depth_of(k->path), "", key_name(k), k->type == T_ENCODER ? "\n" : " ");
}

static void print_key_value(const Printer *p, const Spec *s, int key)
{
    if (schema_keys[key].type == T_ENCODER) {
        print_encoder(p, &s->model.encoder);
        return;
    }
    print_value(p->out, &schema_keys[key], s);
    fputc('\n', p->out);
}

void spec_print_before(FILE *out, const Spec *s, int key) { print_before(&(Printer){ .out = out }, s, key); }

void spec_print_value(FILE *out, const Spec *s, int key) { print_key_value(&(Printer){ .out = out }, s, key); }

void spec_print_places(const Spec *s, FILE *out, SpecPlaceFn *place, void *ctx)
{
    const Printer p = { out, place, ctx };
    for (int i = 0; i < n_schema_keys; i++)
        if (key_counts(s, &schema_keys[i])) {
            print_before(&p, s, i);
            print_key_value(&p, s, i);
        }
}

void spec_print(const Spec *s, FILE *out) { spec_print_places(s, out, NULL, NULL); }
