/* Text -> graph: the inverse of print.c, also for graphs written by hand (locations and `grad` may be left out, # starts a
 * comment).  Untrusted input: every mistake gets its place, and the result passes the ops' own type rules. */
#include "compiler/ir/attrs.h"

#include "compiler/ops/ops.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *file, *p, *end, *line_start;
    int line;
    Arena *arena;
    Graph *g;
    FtcDiag *diag;
    struct Binding_ {
        const char *name;
        Node *node;
    } *names; /* open addressing */
    int n_names, cap_names;
} Parser;

static void skip_blank(Parser *p)
{
    while (p->p < p->end) {
        if (*p->p == '#')
            while (p->p < p->end && *p->p != '\n')
                p->p++;
        else if (*p->p == '\n') {
            p->p++;
            p->line++;
            p->line_start = p->p;
        } else if (isspace((unsigned char)*p->p))
            p->p++;
        else
            break;
    }
}

static FtcLoc here(Parser *p)
{
    skip_blank(p);
    return (FtcLoc){ p->file, p->line, (int)(p->p - p->line_start) + 1, 0 };
}

static bool peek(Parser *p, const char *word)
{
    skip_blank(p);
    size_t n = strlen(word);
    return (size_t)(p->end - p->p) >= n && !memcmp(p->p, word, n);
}

static bool accept(Parser *p, const char *word)
{
    if (!peek(p, word))
        return false;
    p->p += strlen(word);
    return true;
}

static bool expect(Parser *p, const char *word)
{
    return accept(p, word) || ftc_error(p->diag, here(p), "expected '%s'", word);
}

static const char *read_word(Parser *p, const char *more, const char *what)
{
    skip_blank(p);
    const char *from = p->p;
    while (p->p < p->end && *p->p && (isalnum((unsigned char)*p->p) || strchr(more, *p->p)))
        p->p++;
    if (p->p == from) {
        ftc_error(p->diag, here(p), "expected %s", what);
        return NULL;
    }
    return arena_strndup(p->arena, from, (size_t)(p->p - from));
}

static const char *read_string(Parser *p)
{
    if (!expect(p, "\""))
        return NULL;
    char *s = arena_alloc(p->arena, (size_t)(p->end - p->p) < 4096 ? (size_t)(p->end - p->p) + 1 : 4097);
    size_t n = 0;
    for (; p->p < p->end && *p->p != '"' && *p->p != '\n' && n < 4096; p->p++) {
        unsigned c;
        if (*p->p != '\\')
            s[n++] = *p->p;
        else if (p->end - p->p > 3 && p->p[1] == 'x' && isxdigit((unsigned char)p->p[2]) && isxdigit((unsigned char)p->p[3]) &&
                 sscanf(p->p + 2, "%2x", &c) == 1 && c) {
            s[n++] = (char)c;
            p->p += 3;
        } else
            break;
    }
    if (p->p == p->end || *p->p != '"') {
        ftc_error(p->diag, here(p), "a string ends here without its quote");
        return NULL;
    }
    p->p++;
    return s;
}

static bool read_number(Parser *p, double *v)
{
    skip_blank(p);
    char buf[64], *stop;
    size_t n = (size_t)(p->end - p->p) < sizeof buf - 1 ? (size_t)(p->end - p->p) : sizeof buf - 1;
    memcpy(buf, p->p, n);
    buf[n] = '\0';
    *v = strtod(buf, &stop);
    if (stop == buf || isspace((unsigned char)buf[0]))
        return ftc_error(p->diag, here(p), "expected a number");
    p->p += stop - buf;
    return true;
}

static bool read_int(Parser *p, int64_t low, int64_t high, int64_t *v)
{
    FtcLoc at = here(p);
    double d;
    if (!read_number(p, &d))
        return false;
    if (!(d >= (double)low && d <= (double)high) || d != (double)(int64_t)d)
        return ftc_error(p->diag, at, "expected a whole number from %lld to %lld", (long long)low, (long long)high);
    *v = (int64_t)d;
    return true;
}

static bool read_dim(Parser *p, Dim *d)
{
    static const Dim symbols[] = { DIM_N, DIM_T, DIM_B, DIM_L, DIM_C, DIM_V };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        char buf[24];
        if (accept(p, dim_name(symbols[i], buf))) {
            *d = symbols[i];
            return true;
        }
    }
    return read_int(p, 0, INT64_C(1) << 40, d);
}

static bool read_type(Parser *p, Type *t)
{
    FtcLoc at = here(p);
    const char *word = read_word(p, "", "a type such as f32[T,384]");
    if (!word)
        return false;
    for (t->elem = 0; t->elem < N_ELEMS && strcmp(word, elem_name(t->elem)); t->elem++)
        ;
    if (t->elem == N_ELEMS)
        return ftc_error(p->diag, at, "unknown element type '%s'", word);
    t->rank = 0;
    if (!expect(p, "["))
        return false;
    while (!accept(p, "]")) {
        if (t->rank && !expect(p, ","))
            return false;
        if (t->rank == MAX_RANK)
            return ftc_error(p->diag, here(p), "a type has at most %d dims", MAX_RANK);
        if (t->rank == 0)
            accept(p, "r:");
        if (!read_dim(p, &t->dim[t->rank++]))
            return false;
    }
    return true;
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

static struct Binding_ *slot_of(Parser *p, const char *name)
{
    unsigned h = 2166136261u;
    for (const char *s = name; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    unsigned i = h & (unsigned)(p->cap_names - 1);
    while (p->names[i].name && strcmp(p->names[i].name, name))
        i = (i + 1) & (unsigned)(p->cap_names - 1);
    return &p->names[i];
}

static void define(Parser *p, const char *name, Node *n)
{
    if (2 * (p->n_names + 1) > p->cap_names) {
        struct Binding_ *old = p->names;
        int cap = p->cap_names;
        p->cap_names = cap ? 2 * cap : 256;
        p->names = NEW_ARRAY(p->arena, struct Binding_, p->cap_names);
        for (int i = 0; i < cap; i++)
            if (old[i].name)
                *slot_of(p, old[i].name) = old[i];
    }
    *slot_of(p, name) = (struct Binding_){ name, n };
    p->n_names++;
}

static const char *NAME_CHARS = "_.:-";

static Node *read_operand(Parser *p)
{
    FtcLoc at = here(p);
    if (!expect(p, "%"))
        return NULL;
    const char *name = read_word(p, NAME_CHARS, "a name");
    if (!name)
        return NULL;
    Node *n = p->cap_names ? slot_of(p, name)->node : NULL;
    if (!n)
        ftc_error(p->diag, at, "%%%s is not defined above", name);
    return n;
}

/* ---- one statement ------------------------------------------------------------------------------------------------ */

static bool read_attr(Parser *p, const AttrRow *row, Attrs *a)
{
    void *field = (char *)a + row->offset;
    int64_t v;
    switch (row->kind) {
    case ATTR_LIST:
        do {
            if (a->n_axes == MAX_RANK || !read_int(p, 0, MAX_RANK - 1, &v))
                return a->n_axes == MAX_RANK ? ftc_error(p->diag, here(p), "too many axes") : false;
            a->axes[a->n_axes++] = (int)v;
        } while (accept(p, ":"));
        return true;
    case ATTR_AXIS:
        if (!read_int(p, 0, MAX_RANK - 1, &v))
            return false;
        *(int *)field = (int)v;
        return true;
    case ATTR_SMALL:
        if (!read_int(p, 0, 1 << 30, &v))
            return false;
        *(int *)field = (int)v;
        return true;
    case ATTR_INT: return read_int(p, 0, INT64_C(1) << 40, field);
    case ATTR_DIM: return read_dim(p, field);
    case ATTR_FLOAT: return read_number(p, field);
    case ATTR_STRING: return (*(const char **)field = read_string(p)) != NULL;
    }
    return false;
}

static bool read_attrs(Parser *p, Op op, Attrs *a)
{
    int n = 0;
    for (int i = 0; i < n_attr_rows; i++) {
        if (attr_rows[i].op != op)
            continue;
        if (!expect(p, n++ ? "," : "{") || !expect(p, attr_rows[i].word) || !expect(p, "=") || !read_attr(p, &attr_rows[i], a))
            return false;
    }
    return !n || expect(p, "}");
}

static Loc *read_place(Parser *p)
{
    Loc *l = NEW(p->arena, Loc);
    int64_t line, col;
    l->at.file = peek(p, "\"") ? read_string(p) : read_word(p, "_./+-", "a file name");
    if (!l->at.file || !expect(p, ":") || !read_int(p, 0, 1 << 30, &line) || !expect(p, ":") || !read_int(p, 0, 1 << 30, &col))
        return NULL;
    l->at.line = (int)line;
    l->at.col = (int)col;
    return l;
}

static bool read_loc(Parser *p, const Loc **out)
{
    Loc *first = NULL, **also = &first;
    do {
        Loc **up = also, *head = NULL;
        do {
            if (!(*up = read_place(p)))
                return false;
            if (!head)
                head = *up;
            up = (Loc **)&(*up)->up;
        } while (accept(p, "<"));
        also = (Loc **)&head->also;
    } while (accept(p, "|"));
    *out = first;
    return true;
}

static bool find_op(Parser *p, Op *op)
{
    FtcLoc at = here(p);
    const char *word = read_word(p, "_", "an op");
    for (*op = 0; word && *op < N_OPS; (*op)++)
        if (!strcmp(op_info[*op].name, word))
            return true;
    return word && ftc_error(p->diag, at, "unknown op '%s'", word);
}

static bool read_node(Parser *p)
{
    Graph *g = p->g;
    Op op;
    Attrs a = { 0 };
    Type type;
    Node **in = NULL;
    int n_in = 0, cap = 0;
    FtcLoc at = here(p);
    if (!expect(p, "%"))
        return false;
    const char *name = read_word(p, NAME_CHARS, "a name");
    if (!name || !expect(p, "=") || !find_op(p, &op))
        return false;
    if (p->cap_names && slot_of(p, name)->node)
        return ftc_error(p->diag, at, "%%%s is defined twice", name);
    while (peek(p, "%") || (n_in && peek(p, ","))) {
        if (n_in && !expect(p, ","))
            return false;
        ARENA_GROW(p->arena, in, n_in, cap);
        if (!(in[n_in++] = read_operand(p)))
            return false;
    }
    if (op_info[op].inputs >= 0 && op_info[op].inputs != n_in)
        return ftc_error(p->diag, at, "'%s' takes %d operands, not %d", op_info[op].name, op_info[op].inputs, n_in);
    if (op_info[op].inputs < 0 && !n_in)
        return ftc_error(p->diag, at, "'%s' needs an operand", op_info[op].name);
    if (!read_attrs(p, op, &a) || !expect(p, ":") || !read_type(p, &type))
        return false;
    g->grad_of = NULL;
    if (accept(p, "grad ") && (!expect(p, "%") || !(g->grad_of = read_word(p, NAME_CHARS, "a name"))))
        return false;
    int64_t group = 0;
    if (accept(p, "in ") && !read_int(p, 1, 1 << 20, &group))
        return false;
    Loc *place = NEW(p->arena, Loc);
    place->at = at;
    const Loc *loc = NULL;
    if (accept(p, "@") && !read_loc(p, &loc))
        return false;
    /* type errors point into this text; the node keeps its own places */
    g->loc = place;
    Node *n = graph_add(g, op, n_in, in, &a, &type);
    if (g->failed)
        return false;
    n->loc = loc;
    n->group = (int)group;
    if (!type_equal(&n->type, &type)) {
        char is[160], should[160];
        return ftc_error(p->diag, at, "%%%s has type %s, not %s", name, type_name(&n->type, should), type_name(&type, is));
    }
    n->name = name;
    define(p, name, n);
    return true;
}

static bool read_return(Parser *p)
{
    skip_blank(p);
    while (!peek(p, "}")) {
        if (p->g->n_outputs && !expect(p, ","))
            return false;
        const char *name = read_word(p, NAME_CHARS, "an output's name");
        Node *n = name && expect(p, "=") ? read_operand(p) : NULL;
        if (!n)
            return false;
        graph_output(p->g, name, n);
    }
    return true;
}

static bool read_graph(Parser *p)
{
    if (!expect(p, "graph") || !expect(p, "@"))
        return false;
    const char *name = read_word(p, NAME_CHARS, "the graph's name");
    if (!name || !expect(p, "{"))
        return false;
    p->g->name = name;
    for (;;) {
        if (accept(p, "return"))
            return read_return(p) && expect(p, "}");
        FtcLoc at = here(p);
        Region region = p->g->region;
        if (accept(p, "backward:"))
            region = REGION_BACKWARD;
        else if (accept(p, "update:"))
            region = REGION_UPDATE;
        else if (!read_node(p))
            return false;
        if (region < p->g->region)
            return ftc_error(p->diag, at, "the regions come in the order forward, backward, update");
        p->g->region = region;
    }
}

Graph *graph_parse(Arena *arena, const char *file, const char *text, size_t len, FtcDiag *d)
{
    Parser p = { .file = file, .p = text, .end = text + len, .line_start = text, .line = 1, .arena = arena, .diag = d };
    p.g = graph_new(arena, "", d);
    if (!read_graph(&p))
        return NULL;
    skip_blank(&p);
    if (p.p < p.end) {
        ftc_error(d, here(&p), "text behind the end of the graph");
        return NULL;
    }
    /* names were taken as written: start the table of names over from them */
    Graph *g = graph_copy(p.g, arena);
    g->diag = d;
    g->region = p.g->region;
    return g;
}
