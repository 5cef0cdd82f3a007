/* Graph -> text.  Deterministic: topological order, types always shown, attributes in the order of attrs.def,
 * numbers with enough digits to come back unchanged; parse.c reads it back to the same graph. */
#include "compiler/ir/attrs.h"

#include "runtime/core/mem.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const AttrRow attr_rows[] = {
#define A(op, word, kind, field) { OP_##op, #word, ATTR_##kind, offsetof(Attrs, field) },
#include "compiler/ir/attrs.def"
};
const int n_attr_rows = sizeof attr_rows / sizeof *attr_rows;

/* One after another, up to NULL: graphs are long, and printf slow where a library has taught it formats of its own. */
static void put(FILE *out, const char *const *text)
{
    while (*text)
        fputs(*text++, out);
}

static void print_string(FILE *out, const char *s)
{
    fputc('"', out);
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == '"' || *s == '\\' || (unsigned char)*s == 127)
            fprintf(out, "\\x%02x", (unsigned char)*s);
        else
            fputc(*s, out);
    fputc('"', out);
}

static void print_attr(FILE *out, const AttrRow *row, const Attrs *a)
{
    const void *field = (const char *)a + row->offset;
    char d[24];
    fprintf(out, "%s=", row->word);
    switch (row->kind) {
    case ATTR_LIST:
        for (int i = 0; i < a->n_axes; i++)
            fprintf(out, i ? ":%d" : "%d", a->axes[i]);
        break;
    case ATTR_AXIS: fprintf(out, "%d", *(const int *)field); break;
    case ATTR_SMALL: fprintf(out, "%d", *(const int *)field); break;
    case ATTR_INT: fprintf(out, "%lld", (long long)*(const int64_t *)field); break;
    case ATTR_DIM: fputs(dim_name(*(const Dim *)field, d), out); break;
    case ATTR_FLOAT: fprintf(out, "%.17g", *(const double *)field); break;
    case ATTR_STRING: print_string(out, *(char *const *)field); break;
    }
}

static void print_place(FILE *out, FtcLoc at)
{
    bool plain = at.file && *at.file;
    for (const char *s = at.file; plain && *s; s++)
        plain = isalnum((unsigned char)*s) || strchr("_./+-", *s);
    if (plain)
        fputs(at.file, out);
    else
        print_string(out, at.file ? at.file : "");
    fprintf(out, ":%d:%d", at.line, at.col);
}

static void print_loc(FILE *out, const Loc *loc)
{
    for (const char *mark = "  @"; loc; loc = loc->also, mark = "|") {
        fputs(mark, out);
        for (const Loc *l = loc; l; l = l->up) {
            print_place(out, l->at);
            if (l->up)
                fputc('<', out);
        }
    }
}

static void print_node(const Node *n, FILE *out)
{
    int attrs = 0;
    char t[160];
    put(out, (const char *[]){ "  %", n->name, " = ", op_info[n->op].name, NULL });
    for (int i = 0; i < n->n_in; i++)
        put(out, (const char *[]){ i ? ", %" : " %", n->in[i]->name, NULL });
    for (int i = 0; i < n_attr_rows; i++)
        if (attr_rows[i].op == n->op) {
            fputs(attrs++ ? ", " : " {", out);
            print_attr(out, &attr_rows[i], &n->a);
        }
    put(out, (const char *[]){ attrs ? "} : " : " : ", type_name(&n->type, t), NULL });
    if (n->grad_of)
        put(out, (const char *[]){ "  grad %", n->grad_of, NULL });
    if (n->group)
        fprintf(out, n->stage ? "  in %d.%d" : "  in %d", n->group, n->stage);
    if (n->packs)
        fprintf(out, " packs %d", n->packs);
    print_loc(out, n->loc);
    fputc('\n', out);
}

/* In front of the values that a gradient rule made: the op, and the rule.  A comment, for readers. */
static void print_rule(const Graph *g, const Node *n, FILE *out)
{
    bool goes_on = n->prev && n->prev->grad_of && !strcmp(n->prev->grad_of, n->grad_of);
    for (const Node *of = goes_on ? NULL : g->first; of; of = of->next)
        if (of->region == REGION_FORWARD && !strcmp(of->name, n->grad_of)) {
            if (*op_info[of->op].rule)
                fprintf(out, "  # %%%s = %s: %s\n", of->name, op_info[of->op].name, op_info[of->op].rule);
            return;
        }
}

void graph_print(const Graph *g, FILE *out)
{
    Region region = REGION_FORWARD;
    fprintf(out, "graph @%s {\n", g->name);
    EACH_NODE(n, g) {
        if (n->region != region)
            fprintf(out, "%s:\n", region_name(region = n->region));
        if (n->region == REGION_BACKWARD && n->grad_of)
            print_rule(g, n, out);
        print_node(n, out);
    }
    fputs("  return", out);
    for (int i = 0; i < g->n_outputs; i++)
        fprintf(out, "%s%s=%%%s", i ? ", " : " ", g->outputs[i].name, g->outputs[i].node->name);
    fputs("\n}\n", out);
}

char *graph_text(const Graph *g)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = text_open(&text, &size);
    graph_print(g, out);
    fclose(out);
    return text;
}
