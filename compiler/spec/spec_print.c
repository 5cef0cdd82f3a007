/* The resolved spec as YAML: what 'ftc compile -E' shows.  One row of the schema, one line. */
#include "compiler/spec/schema.h"

#include <string.h>

/* Starts the groups that `path` is in and `before` wasn't. */
static void open_groups(FILE *out, const char *before, const char *path)
{
    int depth = 0;
    size_t same = 0; /* the groups both are in */
    for (size_t i = 0; before[i] && before[i] == path[i]; i++)
        if (path[i] == '.')
            same = i + 1;
    for (const char *p = path, *dot; (dot = strchr(p, '.')); p = dot + 1, depth++)
        if ((size_t)(dot - path) >= same)
            fprintf(out, "%s%*s%.*s:\n", !depth && *before ? "\n" : "", 2 * depth, "", (int)(dot - p), p);
}

static int depth_of(const char *path)
{
    int n = 0;
    for (; *path; path++)
        n += *path == '.';
    return n;
}

static void print_layers(FILE *out, const LayerList *list, const char *comment, int indent);

static void print_layer(FILE *out, const Layer *l, const char *comment, int indent)
{
    const LayerInfo *info = &layer_info[l->kind];
    const Key *key[MAX_FIELDS];
    int n = layer_fields(l->kind, key);
    fprintf(out, "%s%*s- %s:", comment, indent, "", info->name);
    if (l->kind == LAYER_residual) {
        fputc('\n', out);
        print_layers(out, &l->body, comment, indent + 4);
        return;
    }
    if (n == 1) {
        fputc(' ', out);
        print_value(out, key[0], l);
        fputc('\n', out);
        return;
    }
    bool block = l->body.n > 0;
    fputs(block ? "\n" : " {", out);
    for (int i = 0; i < n; i++) {
        if (key[i]->type == T_LAYERS)
            continue;
        if (block)
            fprintf(out, "%s%*s%s: ", comment, indent + 4, "", key[i]->path);
        else
            fprintf(out, "%s%s: ", i ? ", " : "", key[i]->path);
        print_value(out, key[i], l);
        fputs(block ? "\n" : "", out);
    }
    if (!block) {
        fputs("}\n", out);
        return;
    }
    fprintf(out, "%s%*slayers:\n", comment, indent + 4, "");
    print_layers(out, &l->body, comment, indent + 6);
}

static void print_layers(FILE *out, const LayerList *list, const char *comment, int indent)
{
    for (int i = 0; i < list->n; i++)
        print_layer(out, &list->v[i], comment, indent);
}

/* A shipped list stays a name, with what it stands for as a comment; any other is written out, so that the result needs
 * no other file. */
static void print_encoder(FILE *out, const SpecEncoder *e)
{
    if (!e->shipped) {
        print_layers(out, &e->layers, "", 4);
        return;
    }
    fprintf(out, "    type: %s\n", e->type);
    for (int i = 0; i < e->n_params; i++)
        fprintf(out, "    %s: %s\n", e->params[i].name, e->params[i].text);
    fputs("    # which stands for:\n", out);
    print_layers(out, &e->layers, "    # ", 0);
}

void spec_print_before(FILE *out, const Spec *s, int key)
{
    const Key *k = &schema_keys[key];
    int before = key - 1;
    while (before >= 0 && !key_counts(s, &schema_keys[before]))
        before--;
    open_groups(out, before < 0 ? "" : schema_keys[before].path, k->path);
    fprintf(out, "%*s%s:%s", 2 * depth_of(k->path), "", key_name(k), k->type == T_ENCODER ? "\n" : " ");
}

void spec_print_value(FILE *out, const Spec *s, int key)
{
    if (schema_keys[key].type == T_ENCODER) {
        print_encoder(out, &s->model.encoder);
        return;
    }
    print_value(out, &schema_keys[key], s);
    fputc('\n', out);
}

void spec_print(const Spec *s, FILE *out)
{
    for (int i = 0; i < n_schema_keys; i++)
        if (key_counts(s, &schema_keys[i])) {
            spec_print_before(out, s, i);
            spec_print_value(out, s, i);
        }
}
