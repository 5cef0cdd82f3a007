/* Drawing a model; see picture.h. */
#include "compiler/api/picture.h"

#include "compiler/ir/names.h"
#include "runtime/train/html.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_BOXES = 256,
    MOST_ARROWS = 1024,
    BOX_W = 400,
    BOX_H = 46,
    GAP = 20,
    LEFT = 110,
    GRADIENT_X = LEFT + BOX_W + 70,
    GRADIENT_W = 300,
    TOP = 30
};

typedef struct {
    const char *layer; /* "layers.0" or "" */
    const char *title; /* what all its values' names begin with */
    FtcLoc at;
    Type type;           /* of the last value */
    const char *weights; /* "weight [V,384], bias [384]" */
    bool trained;        /* gradients of its weights are in the step */
    const Node *first;
    const char *last; /* name of the last value */
} Box;

typedef struct {
    int from, to;
} Arrow;

struct Picture {
    Arena *a;
    const char *model;
    Box box[MOST_BOXES];
    Arrow arrow[MOST_ARROWS];
    int n, n_arrows;
    int repeated_from, repeated_to, times; /* boxes in the frame; times 0: none repeat */
};

/* ---- boxes --------------------------------------------------------------------------------------------------------- */

static void add_weight(Picture *p, Box *b, const Node *w)
{
    char t[160];
    const char *dot = strrchr(w->name, '.'), *word = dot ? dot + 1 : w->name;
    if (strstr(b->weights, "...") || strlen(b->weights) > 32)
        b->weights = strstr(b->weights, "...") ? b->weights : arena_printf(p->a, "%s, ...", b->weights);
    else
        b->weights =
            arena_printf(p->a, "%s%s%s %s", b->weights, *b->weights ? ", " : "", word, strchr(type_name(&w->type, t), '['));
}

static int find_box(const Picture *p, const char *layer, const Node *n, const char *of_first)
{
    for (int i = 0; i < p->n; i++)
        if (!strcmp(p->box[i].layer, layer) && loc_same(p->box[i].first->loc, n->loc) &&
            !strncmp(of_first, p->box[i].title, strlen(p->box[i].title)))
            return i;
    return -1;
}

/* "layers.7.ffn.up" -> "layers.0.ffn.up" */
static const char *in_first_layer(Picture *p, const char *name, size_t number)
{
    return arena_printf(p->a, "%.*s0%s", (int)number, name, name + number + strspn(name + number, "0123456789"));
}

static void find_boxes(Picture *p, const Graph *g, int *of)
{
    const Node *before = NULL;
    EACH_NODE(n, g)
    {
        of[n->id] = -1;
        if (!n->n_in || n->region != REGION_FORWARD || p->n == MOST_BOXES)
            continue;
        size_t number = layer_number_at(g, n->name);
        const char *layer = layer_of_value(p->a, g, n->name);
        if (number && atoi(n->name + number) > 0) {
            const char *name = in_first_layer(p, n->name, number);
            of[n->id] = find_box(p, layer_of_value(p->a, g, name), n, name);
            p->times = atoi(n->name + number) + 1 > p->times ? atoi(n->name + number) + 1 : p->times;
            before = NULL;
            continue;
        }
        if (!before || !loc_same(before->loc, n->loc) || (n->loc && n->loc->at.line && strcmp(layer, p->box[p->n - 1].layer))) {
            p->box[p->n++] =
                (Box){ .layer = layer, .title = n->name, .at = n->loc ? n->loc->at : FTC_NOWHERE, .weights = "", .first = n };
            if (number) {
                p->repeated_from = p->times ? p->repeated_from : p->n - 1;
                p->repeated_to = p->n - 1;
                p->times = p->times ? p->times : 1;
            }
        }
        Box *b = &p->box[p->n - 1];
        b->title = arena_strndup(p->a, b->title, common_name(b->title, strlen(b->title), n->name));
        b->type = n->type;
        b->last = n->name;
        of[n->id] = p->n - 1;
        before = n;
    }
}

static void find_arrows(Picture *p, const Graph *g, const int *of)
{
    EACH_NODE(n, g)
    {
        int to = of[n->id];
        for (int i = 0; i < n->n_in && to >= 0; i++) {
            const Node *x = n->in[i];
            int from = of[x->id];
            if (x->op == OP_weight && layer_number_at(g, x->name) == 0) {
                if (!strstr(p->box[to].weights, strrchr(x->name, '.') ? strrchr(x->name, '.') + 1 : x->name))
                    add_weight(p, &p->box[to], x);
            } else if (x->op == OP_weight && x->name[layer_number_at(g, x->name)] == '0')
                add_weight(p, &p->box[to], x);
            bool known =
                from < 0 || from >= to || x->type.elem == I32 || !x->type.rank; /* numbers of rows and rates, for dropout */
            for (int k = 0; k < p->n_arrows; k++)
                known |= p->arrow[k].from == from && p->arrow[k].to == to;
            if (!known && p->n_arrows < MOST_ARROWS)
                p->arrow[p->n_arrows++] = (Arrow){ from, to };
        }
    }
}

Picture *picture_new(Arena *a, const char *model, const Graph *forward, const Graph *step)
{
    Picture *p = NEW(a, Picture);
    int *of = NEW_ARRAY(a, int, forward->n + 1);
    p->a = a;
    p->model = model;
    find_boxes(p, forward, of);
    find_arrows(p, forward, of);
    for (int i = 0; i < p->n && step; i++)
        EACH_NODE(n, step)
    if (n->region == REGION_BACKWARD && !strncmp(n->name, "d.", 2) &&
        !strncmp(n->name + 2, p->box[i].title, strlen(p->box[i].title)) && *p->box[i].weights)
        p->box[i].trained = true;
    return p;
}

/* ---- SVG ----------------------------------------------------------------------------------------------------------- */

static int top_of(int i) { return TOP + i * (BOX_H + GAP); }

static void text(FILE *out, double x, double y, const char *class, const char *anchor, const char *s, int most)
{
    fprintf(out, "<text class=\"%s\" x=\"%g\" y=\"%g\" text-anchor=\"%s\">", class, x, y, anchor);
    html_cut(out, slice_of(s), most);
    fputs("</text>\n", out);
}

static void draw_box(const Picture *p, int i, FILE *out)
{
    const Box *b = &p->box[i];
    int y = top_of(i);
    char t[160], place[160] = "";
    if (b->at.line)
        snprintf(place, sizeof place, "%s:%d", b->at.file, b->at.line);
    fprintf(out, "<rect class=\"box\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", LEFT, y, BOX_W, BOX_H);
    text(out, LEFT + 10, y + 18, "name", "start", *b->title ? b->title : b->last, 30);
    text(out, LEFT + BOX_W - 10, y + 18, "tick", "end", type_name(&b->type, t), 24);
    text(out, LEFT + 10, y + 36, "tick", "start", b->weights, 42);
    text(out, LEFT + BOX_W - 10, y + 36, "tick", "end", place, 26);
    if (!b->trained)
        return;
    fprintf(out, "<rect class=\"back\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", GRADIENT_X, y + 6,
            GRADIENT_W, BOX_H - 12);
    text(out, GRADIENT_X + 10, y + 28, "tick", "start", arena_printf(p->a, "of %s", b->weights), 46);
    fprintf(out, "<path class=\"backward\" d=\"M%d %dH%d\" marker-end=\"url(#point)\"/>\n", GRADIENT_X, y + BOX_H / 2,
            LEFT + BOX_W + 4);
}

/* Neighbours are joined straight; what is read further down goes around at the left, the wider the further. */
static void draw_arrow(const Arrow *a, FILE *out)
{
    int from = top_of(a->from) + BOX_H, to = top_of(a->to), span = a->to - a->from, x = LEFT - 12 - 7 * (span > 12 ? 12 : span);
    if (span == 1)
        fprintf(out, "<path class=\"arrow\" d=\"M%d %dV%d\" marker-end=\"url(#point)\"/>\n", LEFT + BOX_W / 2, from, to - 3);
    else
        fprintf(out, "<path class=\"arrow\" d=\"M%d %dC%d %d %d %d %d %d\" marker-end=\"url(#point)\"/>\n", LEFT, from - 12, x,
                from, x, to, LEFT - 3, to + 12);
}

void picture_svg(const Picture *p, bool alone, FILE *out)
{
    int height = top_of(p->n) + 10, width = GRADIENT_X + GRADIENT_W + 20;
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" "
            "aria-label=\"the layers of ",
            width, height, width, height);
    html_text(out, slice_of(p->model));
    fputs("\">\n", out);
    if (alone)
        fputs("<style>svg{background:#fff;font-family:system-ui,\"DejaVu "
              "Sans\",sans-serif;--card:#fff;--ink:#1a1d23;--soft:#565d69;--line:#aab1bd;--c0:#1f5fbf;--c1:#b45309;"
              "--none:#eef1f6}@media(prefers-color-scheme:dark){svg{background:#111419;--card:#1a1e25;--ink:#eceff4;--soft:#"
              "a4adba;--line:#56606f;--c0:#6fa8ff;"
              "--c1:#f0a04b;--none:#20262f}}text{fill:var(--ink)}.tick{font-size:11.5px;fill:var(--soft)}</style>\n",
              out);
    fputs("<style>.box{fill:var(--none);stroke:var(--c0)}.back{fill:none;stroke:var(--c1);stroke-dasharray:4 "
          "3}.name{font-size:13.5px;font-weight:600}"
          ".arrow{fill:none;stroke:var(--soft);stroke-width:1.3}.backward{fill:none;stroke:var(--c1);stroke-width:1.3}.loop{"
          "fill:none;stroke:var(--soft);stroke-dasharray:2 3}"
          "</style>\n<defs><marker id=\"point\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
          "orient=\"auto-start-reverse\">"
          "<path d=\"M0 0L8 4L0 8z\" style=\"fill:var(--soft)\"/></marker></defs>\n",
          out);
    text(out, LEFT + BOX_W / 2, 18, "tick", "middle", "forward", 40);
    text(out, GRADIENT_X + GRADIENT_W / 2, 18, "tick", "middle", "gradients", 40);
    if (p->times > 1) {
        int y = top_of(p->repeated_from) - 9, bottom = top_of(p->repeated_to) + BOX_H + 9;
        fprintf(out, "<rect class=\"loop\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"10\"/>\n", 8, y, width - 16,
                bottom - y);
        text(out, 30, (y + bottom) / 2, "name", "middle", arena_printf(p->a, "x %d", p->times), 8);
    }
    for (int i = 0; i < p->n_arrows; i++)
        draw_arrow(&p->arrow[i], out);
    for (int i = 0; i < p->n; i++)
        draw_box(p, i, out);
    fputs("</svg>\n", out);
}

/* ---- Graphviz ------------------------------------------------------------------------------------------------------ */

static void quoted(FILE *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            fputc('\\', out);
        fputc(*s, out);
    }
}

static void dot_box(const Picture *p, int i, FILE *out)
{
    char t[160];
    const Box *b = &p->box[i];
    fprintf(out, "  b%d [label=\"", i);
    quoted(out, *b->title ? b->title : b->last);
    fprintf(out, "\\n%s", type_name(&b->type, t));
    if (*b->weights) {
        fputs("\\n", out);
        quoted(out, b->weights);
    }
    fputs("\"];\n", out);
    if (b->trained)
        fprintf(out,
                "  d%d [label=\"d.%s\", style=dashed, color=\"#b45309\"]; d%d -> b%d [style=dashed, color=\"#b45309\", "
                "constraint=false];\n",
                i, b->title, i, i);
}

void picture_dot(const Picture *p, FILE *out)
{
    fputs("digraph \"", out);
    quoted(out, p->model);
    fputs("\" {\n  node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=11];\n", out);
    if (p->times > 1)
        fprintf(out, "  subgraph cluster_layers { label=\"x %d\";\n", p->times);
    for (int i = p->repeated_from; i <= p->repeated_to && p->times > 1; i++)
        dot_box(p, i, out);
    fputs(p->times > 1 ? "  }\n" : "", out);
    for (int i = 0; i < p->n; i++)
        if (p->times < 2 || i < p->repeated_from || i > p->repeated_to)
            dot_box(p, i, out);
    for (int i = 0; i < p->n_arrows; i++)
        fprintf(out, "  b%d -> b%d;\n", p->arrow[i].from, p->arrow[i].to);
    fputs("}\n", out);
}
