/* Text -> graph: the inverse of print.c, also for graphs written by hand (locations and `grad` may be left out, # starts a
 * comment).  Untrusted input: every mistake gets its place, and the result passes the ops' own type rules. */
#include "compiler/ir/attrs.h"

#include "compiler/ops/ops.h"
#include "compiler/support/name_table.h"
#include "compiler/support/scan.h"

#include <string.h>

typedef struct {
    Scanner s;
    Graph *g;
    NameTable names;          /* of values: a name's number is its node's place in `node`, from 1 */
    Node **node;
    int n_nodes, cap_nodes;
    NameTable storage[N_OPS]; /* by op: the names of weights, states and inputs */
} Parser;

static bool read_dim(Parser *p, Dim *d)
{
    for (Dim symbol = DIM_N; symbol <= DIM_T; symbol++) {
        char buf[24];
        if (scan_accept(&p->s, dim_name(symbol, buf))) {
            *d = symbol;
            return true;
        }
    }
    return scan_int(&p->s, 0, INT64_C(1) << 40, d);
}

static bool read_type(Parser *p, Type *t)
{
    FtcLoc at = scan_here(&p->s);
    const char *word = scan_word(&p->s, "", "a type such as f32[T,384]");
    if (!word)
        return false;
    for (t->elem = 0; t->elem < N_ELEMS && strcmp(word, elem_name(t->elem)); t->elem++)
        ;
    if (t->elem == N_ELEMS)
        return ftc_error(p->s.diag, at, "unknown element type '%s'", word);
    t->rank = 0;
    if (!scan_expect(&p->s, "["))
        return false;
    while (!scan_accept(&p->s, "]")) {
        if (t->rank && !scan_expect(&p->s, ","))
            return false;
        if (t->rank == MAX_RANK)
            return ftc_error(p->s.diag, scan_here(&p->s), "a type has at most %d dims", MAX_RANK);
        if (t->rank == 0)
            scan_accept(&p->s, "r:");
        if (!read_dim(p, &t->dim[t->rank++]))
            return false;
    }
    return true;
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

static void define(Parser *p, const char *name, Node *n)
{
    ARENA_GROW(p->s.arena, p->node, p->n_nodes, p->cap_nodes);
    p->node[p->n_nodes++] = n;
    *names_number(&p->names, p->s.arena, name) = p->n_nodes;
}

/* NULL where it is not defined yet. */
static Node *find_named(Parser *p, const char *name)
{
    int number = *names_number(&p->names, p->s.arena, name);
    return number ? p->node[number - 1] : NULL;
}

static const char *NAME_CHARS = "_.:-";

static Node *read_operand(Parser *p)
{
    FtcLoc at = scan_here(&p->s);
    if (!scan_expect(&p->s, "%"))
        return NULL;
    const char *name = scan_word(&p->s, NAME_CHARS, "a name");
    if (!name)
        return NULL;
    Node *n = find_named(p, name);
    if (!n)
        ftc_error(p->s.diag, at, "%%%s is not defined above", name);
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
            if (a->n_axes == MAX_RANK || !scan_int(&p->s, 0, MAX_RANK - 1, &v))
                return a->n_axes == MAX_RANK ? ftc_error(p->s.diag, scan_here(&p->s), "too many axes") : false;
            a->axes[a->n_axes++] = (int)v;
        } while (scan_accept(&p->s, ":"));
        return true;
    case ATTR_AXIS:
        if (!scan_int(&p->s, 0, MAX_RANK - 1, &v))
            return false;
        *(int *)field = (int)v;
        return true;
    case ATTR_SMALL:
        if (!scan_int(&p->s, 0, 1 << 30, &v))
            return false;
        *(int *)field = (int)v;
        return true;
    case ATTR_INT: return scan_int(&p->s, 0, INT64_C(1) << 40, field);
    case ATTR_DIM: return read_dim(p, field);
    case ATTR_FLOAT: return scan_number(&p->s, field);
    case ATTR_STRING: return (*(const char **)field = scan_string(&p->s)) != NULL;
    }
    return false;
}

static bool read_attrs(Parser *p, Op op, Attrs *a)
{
    int n = 0;
    for (int i = 0; i < n_attr_rows; i++) {
        if (attr_rows[i].op != op)
            continue;
        if (!scan_expect(&p->s, n++ ? "," : "{") || !scan_expect(&p->s, attr_rows[i].word) || !scan_expect(&p->s, "=") ||
            !read_attr(p, &attr_rows[i], a))
            return false;
    }
    return !n || scan_expect(&p->s, "}");
}

static Loc *read_place(Parser *p)
{
    Loc *l = NEW(p->s.arena, Loc);
    int64_t line, col;
    l->at.file = scan_peek(&p->s, "\"") ? scan_string(&p->s) : scan_word(&p->s, "_./+-", "a file name");
    if (!l->at.file || !scan_expect(&p->s, ":") || !scan_int(&p->s, 0, 1 << 30, &line) || !scan_expect(&p->s, ":") ||
        !scan_int(&p->s, 0, 1 << 30, &col))
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
        } while (scan_accept(&p->s, "<"));
        also = (Loc **)&head->also;
    } while (scan_accept(&p->s, "|"));
    *out = first;
    return true;
}

static bool find_op(Parser *p, Op *op)
{
    FtcLoc at = scan_here(&p->s);
    const char *word = scan_word(&p->s, "_", "an op");
    for (*op = 0; word && *op < N_OPS; (*op)++)
        if (!strcmp(op_info[*op].name, word))
            return true;
    return word && ftc_error(p->s.diag, at, "unknown op '%s'", word);
}

/* Nodes of one name would be one buffer, whatever their types. */
static bool take_storage(Parser *p, const Node *n, FtcLoc at)
{
    int *taken = names_number(&p->storage[n->op], p->s.arena, n->a.name);
    if (*taken)
        return ftc_error(p->s.diag, at, "%%%s is the %s '%s', which a node above is already", n->name, op_info[n->op].name, n->a.name);
    *taken = 1;
    return true;
}

static bool read_node(Parser *p)
{
    Graph *g = p->g;
    Op op;
    Attrs a = { 0 };
    Type type;
    Node **in = NULL;
    int n_in = 0, cap = 0;
    FtcLoc at = scan_here(&p->s);
    if (!scan_expect(&p->s, "%"))
        return false;
    const char *name = scan_word(&p->s, NAME_CHARS, "a name");
    if (!name || !scan_expect(&p->s, "=") || !find_op(p, &op))
        return false;
    if (find_named(p, name))
        return ftc_error(p->s.diag, at, "%%%s is defined twice", name);
    while (scan_peek(&p->s, "%") || (n_in && scan_peek(&p->s, ","))) {
        if (n_in && !scan_expect(&p->s, ","))
            return false;
        FtcLoc place = scan_here(&p->s);
        ARENA_GROW(p->s.arena, in, n_in, cap);
        if (!(in[n_in++] = read_operand(p)))
            return false;
        if (is_update(in[n_in - 1]))
            return ftc_error(p->s.diag, place, "%%%s is an update, which nothing reads", in[n_in - 1]->name);
    }
    if (op_info[op].inputs >= 0 && op_info[op].inputs != n_in)
        return ftc_error(p->s.diag, at, "'%s' takes %d operands, not %d", op_info[op].name, op_info[op].inputs, n_in);
    if (op_info[op].inputs < 0 && !n_in)
        return ftc_error(p->s.diag, at, "'%s' needs an operand", op_info[op].name);
    if (!read_attrs(p, op, &a) || !scan_expect(&p->s, ":") || !read_type(p, &type))
        return false;
    g->grad_of = NULL;
    if (scan_accept(&p->s, "grad ") && (!scan_expect(&p->s, "%") || !(g->grad_of = scan_word(&p->s, NAME_CHARS, "a name"))))
        return false;
    int64_t group = 0, stage = 0, packs = 0;
    if (scan_accept(&p->s, "in ") &&
        (!scan_int(&p->s, 1, 1 << 20, &group) || (scan_accept(&p->s, ".") && !scan_int(&p->s, 1, 1 << 20, &stage))))
        return false;
    FtcLoc packed = scan_here(&p->s);
    if (scan_accept(&p->s, "packs ") && !scan_int(&p->s, 1, PACKS_LEFT | PACKS_RIGHT | PACKS_SPLIT | PACKS_KEPT, &packs))
        return false;
    Loc *place = NEW(p->s.arena, Loc);
    place->at = at;
    const Loc *loc = NULL;
    if (scan_accept(&p->s, "@") && !read_loc(p, &loc))
        return false;
    /* type errors point into this text; the node keeps its own places */
    g->loc = place;
    Node *n = graph_add(g, op, n_in, in, &a, &type);
    if (g->failed)
        return false;
    n->loc = loc;
    n->group = (int)group;
    n->stage = (int)stage;
    n->packs = op == OP_dot ? (int)packs : 0;
    if (n->packs & PACKS_SPLIT && (!(n->packs & PACKS_RIGHT) || n->in[0]->type.elem != F32 || n->in[1]->type.elem != F32))
        return ftc_error(p->s.diag, packed, "only a packed right operand is split (packs 6), and only where both are f32");
    if (n->packs & PACKS_KEPT && !(n->packs & PACKS_RIGHT))
        return ftc_error(p->s.diag, packed, "only a packed right operand's panels are kept (packs 10)");
    if (!type_equal(&n->type, &type)) {
        char is[160], should[160];
        return ftc_error(p->s.diag, at, "%%%s has type %s, not %s", name, type_name(&n->type, should), type_name(&type, is));
    }
    n->name = name;
    define(p, name, n);
    if ((op == OP_weight || op == OP_state || op == OP_input) && !take_storage(p, n, at))
        return false;
    if (is_update(n)) {
        const Node *before = in[0]->aux;
        if (before)
            return ftc_error(p->s.diag, at, "%%%s is updated twice, by %%%s too", in[0]->name, before->name);
        in[0]->aux = n;
    }
    return true;
}

static bool read_return(Parser *p)
{
    while (!scan_peek(&p->s, "}")) {
        if (p->g->n_outputs && !scan_expect(&p->s, ","))
            return false;
        const char *name = scan_word(&p->s, NAME_CHARS, "an output's name");
        Node *n = name && scan_expect(&p->s, "=") ? read_operand(p) : NULL;
        if (!n)
            return false;
        graph_output(p->g, name, n);
    }
    return true;
}

static bool read_graph(Parser *p)
{
    if (!scan_expect(&p->s, "graph") || !scan_expect(&p->s, "@"))
        return false;
    const char *name = scan_word(&p->s, NAME_CHARS, "the graph's name");
    if (!name || !scan_expect(&p->s, "{"))
        return false;
    p->g->name = name;
    for (;;) {
        if (scan_accept(&p->s, "return"))
            return read_return(p) && scan_expect(&p->s, "}");
        FtcLoc at = scan_here(&p->s);
        Region region = p->g->region;
        if (scan_accept(&p->s, "backward:"))
            region = REGION_BACKWARD;
        else if (scan_accept(&p->s, "update:"))
            region = REGION_UPDATE;
        else if (!read_node(p))
            return false;
        if (region < p->g->region)
            return ftc_error(p->s.diag, at, "the regions come in the order forward, backward, update");
        p->g->region = region;
    }
}

Graph *graph_parse(Arena *arena, const char *file, const char *text, size_t len, FtcDiag *d)
{
    Parser p = { .s = scan_open(arena, file, text, len, d), .g = graph_new(arena, "", d) };
    if (!read_graph(&p))
        return NULL;
    if (!scan_at_end(&p.s)) {
        ftc_error(d, scan_here(&p.s), "text behind the end of the graph");
        return NULL;
    }
    /* names were taken as written: start the table of names over from them */
    Graph *g = graph_copy(p.g, arena);
    g->diag = d;
    g->region = p.g->region;
    return g;
}
