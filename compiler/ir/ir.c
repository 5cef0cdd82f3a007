/* Types, graphs and the builder.  In: builder calls.  Out: nodes with inferred types, named and placed; see ir.h.
 * A builder call that breaks a type rule reports it once, marks the graph as failed and answers a stand-in, so that
 * the caller can go on and check g->failed at the end. */
#include "compiler/ir/ir.h"

#include "compiler/ops/ops.h"

#include <stdlib.h>
#include <string.h>

/* ---- types ---------------------------------------------------------------------------------------------------- */

Type type_from(Elem elem, int rank, const Dim *dim)
{
    Type t = { .elem = elem, .rank = rank };
    memcpy(t.dim, dim, sizeof *dim * (size_t)rank);
    return t;
}

Type scalar_type(Elem elem) { return (Type){ .elem = elem }; }

bool type_equal(const Type *a, const Type *b)
{
    if (a->elem != b->elem || a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

bool type_ragged(const Type *t)
{
    for (int i = 0; i < t->rank; i++)
        if (t->dim[i] == DIM_N)
            return true;
    return false;
}

size_t elem_size(Elem e)
{
    static const size_t size[] = { [F32] = 4, [BF16] = 2, [I32] = 4, [BOOL] = 1 };
    return size[e];
}

const char *region_name(Region r)
{
    static const char *const name[] = { "forward", "backward", "update" };
    return name[r];
}

const char *elem_name(Elem e)
{
    static const char *const name[] = { [F32] = "f32", [BF16] = "bf16", [I32] = "i32", [BOOL] = "bool" };
    return name[e];
}

const char *dim_name(Dim d, char buf[24])
{
    static const char *const symbol[] = { "T", "B", "L", "C", "V", "U", "P", "n(r)" };
    if (d < 0)
        return symbol[-d - 1];
    snprintf(buf, 24, "%lld", (long long)d);
    return buf;
}

const char *type_name(const Type *t, char buf[160])
{
    char d[24], *end = stpcpy(stpcpy(buf, elem_name(t->elem)), "[");
    for (int i = 0; i < t->rank; i++) {
        end = stpcpy(end, i ? "," : type_ragged(t) ? "r:" : "");
        end = stpcpy(end, dim_name(t->dim[i], d));
    }
    stpcpy(end, "]");
    return buf;
}

/* ---- names ---------------------------------------------------------------------------------------------------- */

static const char *unique_name(Graph *g, const char *want) { return names_take(&g->names, g->arena, want, ".", 1); }

/* ---- graphs --------------------------------------------------------------------------------------------------- */

const OpInfo op_info[N_OPS] = {
#define MAP(name, inputs, traits, infer, grad, samples, rule, doc) { #name, inputs, CLASS_MAP, traits, infer, grad, rule, doc },
#define OP(name, inputs, class, infer, grad, eval, lower, samples, rule, doc) { #name, inputs, CLASS_##class, 0, infer, grad, rule, doc },
#include "compiler/ir/ops.def"
};

Graph *graph_new(Arena *arena, const char *name, FtcDiag *diag)
{
    Graph *g = NEW(arena, Graph);
    g->arena = arena;
    g->name = name;
    g->diag = diag;
    return g;
}

static void link_node(Graph *g, Node *n)
{
    if (g->before) {
        n->next = g->before;
        n->prev = g->before->prev;
        n->next->prev = n;
        *(n->prev ? &n->prev->next : &g->first) = n;
    } else {
        n->prev = g->last;
        *(g->last ? &g->last->next : &g->first) = n;
        g->last = n;
    }
}

static const char *default_name(Graph *g, const Node *n)
{
    const char *base = n->a.name ? n->a.name : op_info[n->op].name;
    if (is_update(n) && n->a.name) /* text gives its own */
        base = arena_join(g->arena, n->a.name, ".new", "");
    if (n->a.name || !g->scope)
        return base;
    return arena_join(g->arena, g->scope, ".", base);
}

Node *graph_add(Graph *g, Op op, int n_in, Node **in, const Attrs *a, const Type *type)
{
    Node *n = NEW(g->arena, Node);
    n->op = op;
    n->n_in = n_in;
    n->in = NEW_ARRAY(g->arena, Node *, n_in);
    for (int i = 0; i < n_in; i++)
        n->in[i] = in[i];
    if (a)
        n->a = *a;
    if (type)
        n->type = *type;
    n->loc = g->loc;
    n->grad_of = g->grad_of;
    n->region = g->region;
    n->name = op_info[op].name;
    if (!g->failed && !op_info[op].infer(n, g->diag))
        g->failed = true;
    if (g->failed) /* a stand-in that later calls can look at */
        n->type = type ? *type : n_in ? in[0]->type : scalar_type(F32);
    n->id = g->n++;
    n->name = unique_name(g, default_name(g, n));
    link_node(g, n);
    return n;
}

void graph_output(Graph *g, const char *name, Node *n)
{
    ARENA_GROW(g->arena, g->outputs, g->n_outputs, g->cap_outputs);
    g->outputs[g->n_outputs++] = (Output){ name, n };
}

Node *graph_find_output(const Graph *g, const char *name)
{
    for (int i = 0; i < g->n_outputs; i++)
        if (!strcmp(g->outputs[i].name, name))
            return g->outputs[i].node;
    return NULL;
}

void graph_rename(Graph *g, Node *n, const char *name) { n->name = unique_name(g, name); }

void graph_remove(Graph *g, Node *n)
{
    *(n->prev ? &n->prev->next : &g->first) = n->next;
    *(n->next ? &n->next->prev : &g->last) = n->prev;
}

void graph_replace_uses(Graph *g, Node *old, Node *with)
{
    EACH_NODE(n, g)
        for (int i = 0; i < n->n_in; i++)
            if (n->in[i] == old)
                n->in[i] = with;
    for (int i = 0; i < g->n_outputs; i++)
        if (g->outputs[i].node == old)
            g->outputs[i].node = with;
}

void graph_renumber(Graph *g)
{
    g->n = 0;
    EACH_NODE(n, g)
        n->id = g->n++;
}

void graph_count_uses(Graph *g)
{
    EACH_NODE(n, g)
        n->uses = is_update(n);
    EACH_NODE(n, g)
        for (int i = 0; i < n->n_in; i++)
            n->in[i]->uses++;
    for (int i = 0; i < g->n_outputs; i++)
        g->outputs[i].node->uses++;
}

void graph_dce(Graph *g)
{
    graph_count_uses(g);
    for (Node *n = g->last, *prev; n; n = prev) {
        prev = n->prev;
        if (n->uses)
            continue;
        for (int i = 0; i < n->n_in; i++)
            n->in[i]->uses--;
        graph_remove(g, n);
    }
    graph_renumber(g);
}

Graph *graph_copy(const Graph *g, Arena *arena)
{
    Graph *copy = graph_new(arena, g->name, g->diag);
    Node **map = NEW_ARRAY(arena, Node *, g->n ? g->n : 1);
    int next = 0;
    EACH_NODE(n, g)
        n->id < g->n ? (void)0 : ftc_bug("graph_copy: %%%s is not numbered", n->name);
    EACH_NODE(n, g) {
        Node *c = NEW(arena, Node);
        *c = *n;
        c->in = NEW_ARRAY(arena, Node *, n->n_in);
        for (int i = 0; i < n->n_in; i++)
            c->in[i] = map[n->in[i]->id];
        map[n->id] = c;
        c->aux = NULL;
        c->id = next++;
        names_add(&copy->names, arena, c->name);
        link_node(copy, c);
    }
    copy->n = next;
    for (int i = 0; i < g->n_outputs; i++)
        graph_output(copy, g->outputs[i].name, map[g->outputs[i].node->id]);
    copy->failed = g->failed;
    return copy;
}

/* ---- builder -------------------------------------------------------------------------------------------------- */

static Node *node1(Graph *g, Op op, Node *a) { return graph_add(g, op, 1, &a, NULL, NULL); }
static Node *node2(Graph *g, Op op, Node *a, Node *b) { return graph_add(g, op, 2, (Node *[]){ a, b }, NULL, NULL); }

Node *add(Graph *g, Node *a, Node *b) { return node2(g, OP_add, a, b); }
Node *sub(Graph *g, Node *a, Node *b) { return node2(g, OP_sub, a, b); }
Node *mul(Graph *g, Node *a, Node *b) { return node2(g, OP_mul, a, b); }
Node *divide(Graph *g, Node *a, Node *b) { return node2(g, OP_div, a, b); }
Node *maximum(Graph *g, Node *a, Node *b) { return node2(g, OP_max, a, b); }
Node *minimum(Graph *g, Node *a, Node *b) { return node2(g, OP_min, a, b); }
Node *map1(Graph *g, Op op, Node *a) { return node1(g, op, a); }
Node *map2(Graph *g, Op op, Node *a, Node *b) { return node2(g, op, a, b); }
Node *select_(Graph *g, Node *c, Node *a, Node *b) { return graph_add(g, OP_select, 3, (Node *[]){ c, a, b }, NULL, NULL); }

Node *cast(Graph *g, Node *a, Elem to)
{
    Type t = a->type;
    t.elem = to;
    return graph_add(g, OP_cast, 1, &a, NULL, &t);
}

static Node *named(Graph *g, Op op, const char *name, Type t)
{
    return graph_add(g, op, 0, NULL, &(Attrs){ .name = arena_strdup(g->arena, name) }, &t);
}

Node *input(Graph *g, const char *name, Type t) { return named(g, OP_input, name, t); }
Node *weight(Graph *g, const char *name, Type t) { return named(g, OP_weight, name, t); }
Node *state(Graph *g, const char *name, Type t) { return named(g, OP_state, name, t); }

static Node *constant_of(Graph *g, double value, const Type *t)
{
    return graph_add(g, OP_const, 0, NULL, &(Attrs){ .value = value }, t);
}

Node *constant(Graph *g, double value, Elem e)
{
    Type t = scalar_type(e);
    return constant_of(g, value, &t);
}

Node *zeros(Graph *g, const Type *t) { return constant_of(g, 0, t); }

Node *update(Graph *g, Node *target, Node *value)
{
    return graph_add(g, OP_update, 2, (Node *[]){ target, value }, &(Attrs){ .name = target->a.name }, NULL);
}

Node *update_rows(Graph *g, Node *target, Node *rows, Node *value)
{
    return graph_add(g, OP_update_rows, 3, (Node *[]){ target, rows, value }, &(Attrs){ .name = target->a.name }, NULL);
}

Node *stop_gradient(Graph *g, Node *a) { return node1(g, OP_stop_gradient, a); }

static int from_end(const Node *a, int axis) { return axis < 0 ? axis + a->type.rank : axis; }

static Node *reduce(Graph *g, Op op, Node *a, int n_axes, const int *axes)
{
    Attrs at = { .n_axes = n_axes };
    for (int i = 0; i < n_axes; i++)
        at.axes[i] = from_end(a, axes[i]);
    return graph_add(g, op, 1, &a, &at, NULL);
}

Node *sum(Graph *g, Node *a, int axis) { return reduce(g, OP_sum, a, 1, &axis); }
Node *sum_axes(Graph *g, Node *a, int n_axes, const int *axes) { return reduce(g, OP_sum, a, n_axes, axes); }
Node *amax(Graph *g, Node *a, int axis) { return reduce(g, OP_amax, a, 1, &axis); }

static Node *retyped(Graph *g, Op op, Node *a, Type t)
{
    t.elem = a->type.elem;
    return graph_add(g, op, 1, &a, NULL, &t);
}

Node *reshape(Graph *g, Node *a, Type t) { return retyped(g, OP_reshape, a, t); }
Node *broadcast(Graph *g, Node *a, Type t) { return retyped(g, OP_broadcast, a, t); }

Node *transpose(Graph *g, Node *a, int n, const int *perm)
{
    Attrs at = { .n_axes = n };
    memcpy(at.axes, perm, sizeof *perm * (size_t)n);
    return graph_add(g, OP_transpose, 1, &a, &at, NULL);
}

Node *swap_last(Graph *g, Node *a)
{
    int perm[MAX_RANK], r = a->type.rank;
    for (int i = 0; i < r; i++)
        perm[i] = i;
    if (r >= 2) {
        perm[r - 1] = r - 2;
        perm[r - 2] = r - 1;
    }
    return transpose(g, a, r, perm);
}

Node *slice(Graph *g, Node *a, int axis, int64_t begin, int64_t end)
{
    return graph_add(g, OP_slice, 1, &a, &(Attrs){ .axes = { from_end(a, axis) }, .begin = begin, .end = end }, NULL);
}

Node *concat(Graph *g, int n, Node **parts, int axis)
{
    return graph_add(g, OP_concat, n, parts, &(Attrs){ .axes = { from_end(parts[0], axis) } }, NULL);
}

Node *split(Graph *g, Node *a) { return node1(g, OP_split, a); }
Node *join(Graph *g, Node *a) { return node1(g, OP_join, a); }

Node *dot(Graph *g, Node *a, Node *b, int batch, int ca, int cb)
{
    Attrs at = { .batch = batch, .ca = from_end(a, ca), .cb = from_end(b, cb) };
    return graph_add(g, OP_dot, 2, (Node *[]){ a, b }, &at, NULL);
}

Node *iota(Graph *g, Type t, int axis)
{
    t.elem = I32;
    return graph_add(g, OP_iota, 0, NULL, &(Attrs){ .axes = { axis } }, &t);
}

Node *gather(Graph *g, Node *table, Node *index) { return node2(g, OP_gather, table, index); }

Node *scatter_add(Graph *g, Node *index, Node *values, Dim rows)
{
    return graph_add(g, OP_scatter_add, 2, (Node *[]){ index, values }, &(Attrs){ .dim = rows }, NULL);
}

Node *rand_bits(Graph *g, int site, Node *row, Node *seed, Node *step, Dim columns)
{
    return graph_add(g, OP_rand, 3, (Node *[]){ row, seed, step }, &(Attrs){ .site = site, .dim = columns }, NULL);
}
