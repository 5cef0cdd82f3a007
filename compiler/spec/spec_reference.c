/* The schema's rows -> tables of keys, parameters and layers, in the order of schema.def.  See spec_reference.h. */
#include "compiler/spec/spec_reference.h"

#include "compiler/spec/schema.h"
#include "runtime/train/metrics.h"

#include <string.h>

/* A cell's text: a bar would end the cell, and < begin a tag. */
static void cell(FILE *out, const char *text)
{
    for (; *text; text++)
        if (*text == '<')
            fputs("&lt;", out);
        else
            fprintf(out, *text == '|' ? "\\|" : "%c", *text);
}

/* "a|b|c" */
static void words(FILE *out, const char *list)
{
    for (const char *w = list; *w; w += strspn(w, "|")) {
        size_t len = strcspn(w, "|");
        fprintf(out, "%s`%.*s`", w == list ? "" : ", ", (int)len, w);
        w += len;
    }
}

static void metrics(FILE *out)
{
    for (int i = 0; i < METRIC_KINDS; i++)
        fprintf(out, "%s`%s`", i ? ", " : "", metric_info[i].name);
}

static void range(FILE *out, const char *what, const Key *k)
{
    fprintf(out, k->flags & ABOVE ? "%s above %.15g" : "%s from %.15g", what, k->low);
    fprintf(out, k->flags & BELOW ? " to below %.15g" : " to %.15g", k->high);
    if (k->words) {
        fputs(", or ", out);
        words(out, k->words);
    }
}

static void count(FILE *out, const char *what, const Key *k) { fprintf(out, "%s, or a list of %.0f to %.0f", what, k->low, k->high); }

/* What may be written there. */
static void values(FILE *out, const Key *k)
{
    switch (k->type) {
    case T_INT: range(out, "a whole number", k); break;
    case T_FLOAT: case T_WARMUP: range(out, "a number", k); break;
    case T_BOOL: fputs("`true`, `false`", out); break;
    case T_WORD: words(out, k->words); break;
    case T_METRIC: metrics(out); break;
    case T_STRING: fputs("a text", out); break;
    case T_STRINGS: count(out, "a text", k); break;
    case T_PAIR: range(out, "two numbers", k); break;
    case T_WEIGHTS: range(out, "`balanced`; a list or {label: number}, each", k); break;
    case T_THRESHOLDS: range(out, "`tuned`; a number, a list or {label: number}, each", k); break;
    case T_LABEL_MAP: fputs("{code: name}, or a file", out); break;
    case T_LAYERS: fputs("a list of layers", out); break;
    case T_ENCODER: fputs("a type, or a list of layers", out); break;
    }
    if (k->off)
        fprintf(out, ", or `%s`", k->off);
}

static void row(FILE *out, const char *name, const Key *k, const char *fallback)
{
    fprintf(out, "| `%s` | ", name);
    values(out, k);
    fputs(fallback ? " | `" : " | ", out);
    cell(out, fallback ? fallback : "");
    fputs(fallback ? "` | " : " | ", out);
    cell(out, k->doc);
    if (k->only)
        fprintf(out, " (with `%.*s: %s`)", (int)strcspn(k->only, "="), k->only, k->only + strcspn(k->only, "=") + 1);
    fputs(" |\n", out);
}

static void head(FILE *out, const char *first) { fprintf(out, "\n| %s | values | default | meaning |\n|---|---|---|---|\n", first); }

/* The first name of a path, in which a document groups its keys. */
static bool same_group(const char *a, const char *b)
{
    size_t n = strcspn(a, ".");
    return n == strcspn(b, ".") && !strncmp(a, b, n);
}

static void keys(FILE *out)
{
    for (int i = 0; i < n_schema_keys; i++) {
        const Key *k = &schema_keys[i];
        if (!i || !same_group(k->path, k[-1].path)) {
            fprintf(out, "\n## %.*s\n", (int)strcspn(k->path, "."), k->path);
            head(out, "key");
        }
        row(out, k->path, k, k->fallback);
    }
}

static void parameters(FILE *out)
{
    fputs("\n## Parameters of encoders\n\n`model.encoder.type` names a list of layers ([layers/](layers), or a file of your own beside the spec), and\n"
          "the keys beside it are its parameters. The list has their defaults, and may have others than these.\n", out);
    head(out, "parameter");
    for (int i = 0; i < n_schema_params; i++)
        row(out, key_name(&schema_params[i]), &schema_params[i], NULL);
}

static void layers(FILE *out)
{
    fputs("\n## Layers\n\nA list of layers is written as `- LAYER: {field: value, ...}`. The field marked * is the one that a value alone stands\n"
          "for: `dropout: 0.1` is `dropout: {rate: 0.1}`. `$name` stands for a parameter. Fields called `name` are the prefix of the layer's weights.\n", out);
    for (int i = 0; i < N_LAYERS; i++) {
        const Key *fields[MAX_FIELDS];
        int n = layer_fields((LayerKind)i, fields);
        fprintf(out, "\n### %s\n\n%s\n", layer_info[i].name, layer_info[i].doc);
        if (n)
            head(out, "field");
        for (int j = 0; j < n; j++) {
            char name[64];
            snprintf(name, sizeof name, "%s%s", fields[j]->path, strcmp(fields[j]->path, layer_info[i].main) ? "" : "*");
            row(out, name, fields[j], fields[j]->fallback);
        }
    }
}

void spec_reference(FILE *out)
{
    fputs("# The spec\n\n"
          "A spec is a YAML file with the keys below; whatever is left out has its default. `ftc compile -E SPEC.yaml` prints it with\n"
          "every default filled in, and `-D KEY=VALUE` sets any key on the command line. Each key keeps its line: messages, printed\n"
          "stages and `ftc bench` name it. (This page is made from the table that the compiler reads specs by,\n"
          "[compiler/spec/schema.def](../compiler/spec/schema.def).)\n\n"
          "The specs in this folder: [bert_cls.yaml](bert_cls.yaml), the default, with most keys written out;\n"
          "[minilm_cls.yaml](minilm_cls.yaml), [bert_base_cls.yaml](bert_base_cls.yaml) and [distilbert_cls.yaml](distilbert_cls.yaml), the\n"
          "shapes of pre-trained encoders; [tiny_cls.yaml](tiny_cls.yaml) and [logreg.yaml](logreg.yaml), small enough to read every stage of.\n", out);
    keys(out);
    parameters(out);
    layers(out);
}
