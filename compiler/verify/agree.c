/* Graphs against graphs, gradients against differences; see agree.h. */
#include "compiler/verify/agree.h"

#include "compiler/grad/grad.h"
#include "compiler/ops/ops.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ---- graphs ---------------------------------------------------------------------------------------------------------------- */

static bool tensors_agree(const Tensor *x, const Tensor *y, Mismatch *m)
{
    if (x->n != y->n)
        return false;
    for (int64_t i = 0; i < x->n; i++) {
        double slack = (x->e[i] + y->e[i]) * DBL_EPSILON * 4 + 1e-300; /* their bounds, in the precision that they have here */
        if (x->v[i] == y->v[i] || (isnan(x->v[i]) && isnan(y->v[i])) || fabs(x->v[i] - y->v[i]) <= slack)
            continue;
        *m = (Mismatch){ NULL, i, y->v[i], x->v[i], slack };
        return false;
    }
    return true;
}

/* graph_eval, but what is a number made of constants alone, and so may be a constant behind a pass, is rounded as that one is. */
static Tensor **eval_rounded(const Graph *g, const Binding *b, Numbers *numbers, Arena *a)
{
    Tensor **value = NEW_ARRAY(a, Tensor *, g->n + 1);
    bool *folds = NEW_ARRAY(a, bool, g->n + 1);
    EACH_NODE(n, g) {
        Tensor **in = NEW_ARRAY(a, Tensor *, n->n_in + 1), *y = value[n->id] = tensor_new(a, n->type, b);
        folds[n->id] = n->op == OP_const || (op_info[n->op].class == CLASS_MAP && !n->type.rank);
        for (int i = 0; i < n->n_in; i++) {
            in[i] = value[n->in[i]->id];
            folds[n->id] &= folds[n->in[i]->id];
        }
        if (n->op == OP_input || n->op == OP_weight || n->op == OP_state)
            fill_numbers(numbers, n, y);
        else
            op_eval[n->op](n, y, in);
        if (folds[n->id] && n->op != OP_const && n->type.elem == F32)
            y->v[0] = (float)y->v[0];
    }
    return value;
}

static const Node *update_of(const Graph *g, const Node *like)
{
    EACH_NODE(n, g)
        if (n->op == like->op && !strcmp(updated(n), updated(like)))
            return n;
    return NULL;
}

bool graphs_agree(const Graph *before, const Graph *after, const Sizes *s, Mismatch *m)
{
    Arena *a = arena_new();
    Numbers numbers = { .sizes = s, .graph = before };
    Tensor **x = eval_rounded(before, &s->b, &numbers, a), **y = eval_rounded(after, &s->b, &numbers, a);
    *m = (Mismatch){ .what = NULL };
    for (int i = 0; i < before->n_outputs && !m->what; i++) {
        const Node *b = before->outputs[i].node, *n = graph_find_output(after, before->outputs[i].name);
        if (n && type_equal(&n->type, &b->type) && !tensors_agree(x[b->id], y[n->id], m))
            m->what = before->outputs[i].name;
    }
    EACH_NODE(b, before) {
        const Node *n = is_update(b) && !m->what ? update_of(after, b) : NULL;
        if (n && !tensors_agree(x[b->id], y[n->id], m))
            m->what = updated(b);
    }
    arena_free(a);
    return !m->what;
}

/* ---- gradients ----------------------------------------------------------------------------------------------------------- */

static bool is_float_leaf(const Node *n) { return (n->op == OP_weight || n->op == OP_input) && n->type.elem == F32; }

/* The sum of the elements, each with a weight of its own: a derivative of the plain sum may vanish. */
static Node *weighted_sum(Graph *g, Node *y, const char *name)
{
    static const int all[MAX_RANK] = { 0, 1, 2, 3, 4, 5 };
    Node *w = mul(g, y, input(g, arena_printf(g->arena, "weight.of.%s", name), y->type));
    return y->type.rank ? reshape(g, sum_axes(g, w, y->type.rank, all), scalar_type(F32)) : w;
}

Gradients add_gradients(Graph *g)
{
    Gradients d = { .loss = graph_find_output(g, "loss") };
    int cap = 0;
    EACH_NODE(n, g)
        cap += is_float_leaf(n);
    d.wrt = NEW_ARRAY(g->arena, Node *, cap + 1);
    d.dx = NEW_ARRAY(g->arena, Node *, cap + 1);
    EACH_NODE(n, g)
        if (is_float_leaf(n))
            d.wrt[d.n++] = n;
    if (!d.loss || d.loss->type.rank || d.loss->type.elem != F32) {
        d.loss = NULL;
        for (int i = 0, n = g->n_outputs; i < n; i++)
            if (g->outputs[i].node->type.elem == F32) {
                Node *part = weighted_sum(g, g->outputs[i].node, g->outputs[i].name);
                d.loss = d.loss ? add(g, d.loss, part) : part;
            }
    }
    if (!d.loss || is_float_leaf(d.loss))
        d.n = 0;
    if (d.n) {
        graph_grad(g, d.loss, d.n, d.wrt, d.dx);
        graph_output(g, "loss.of.all", d.loss);
        graph_renumber(g);
    }
    return d;
}

Gradients find_gradients(const Graph *g)
{
    Gradients d = { .loss = graph_find_output(g, "loss"), .wrt = NEW_ARRAY(g->arena, Node *, g->n),
                    .dx = NEW_ARRAY(g->arena, Node *, g->n) };
    EACH_NODE(u, g) {
        if (!is_update(u) || u->in[0]->op != OP_weight || !d.loss)
            continue;
        const char *name = arena_printf(g->arena, "d.%s", updated(u));
        EACH_NODE(n, g)
            if (!strcmp(n->name, name)) {
                d.wrt[d.n] = u->in[0];
                d.dx[d.n++] = n;
            }
    }
    return d;
}

/* Of a table that is trained by rows the gradient has those of the tokens' ids; NULL: it is that of the whole. */
static const Tensor *rows_of_grad(const Graph *g, Tensor *const *value, const Node *leaf)
{
    const Tensor *ids = NULL;
    bool by_rows = false;
    EACH_NODE(n, g) {
        by_rows |= n->op == OP_update_rows && n->in[0] == leaf;
        if (n->op == OP_input && !strcmp(n->a.name, "ids"))
            ids = value[n->id];
    }
    return by_rows ? ids : NULL;
}

static double dot_with_direction(const Node *leaf, const Tensor *d, const Tensor *rows, double *size)
{
    double sum = 0;
    int64_t width = rows && rows->n ? d->n / rows->n : 1;
    *size = 0;
    for (int64_t i = 0; i < d->n; i++) {
        int64_t at = rows ? (int64_t)rows->v[i / width] * width + i % width : i;
        sum += d->v[i] * direction(leaf, at);
        *size += fabs(d->v[i] * direction(leaf, at));
    }
    return sum;
}

/* The loss alone, with what gradients stop at as inputs that keep the values they have. */
static Graph *loss_graph(const Graph *g, const Node *loss, Tensor *const *value, Arena *a)
{
    Graph *only = graph_copy(g, a);
    Node *copy = NULL;
    EACH_NODE(n, only) { /* still numbered as g's */
        if (n->id == loss->id)
            copy = n;
        if (is_update(n))
            graph_remove(only, n);
        if (n->op != OP_stop_gradient)
            continue;
        n->op = OP_input;
        n->n_in = 0;
        n->a = (Attrs){ .name = n->name };
        n->aux = value[n->id];
    }
    only->n_outputs = 0;
    graph_output(only, "loss", copy);
    graph_dce(only);
    return only;
}

static void fill_moved(void *numbers, const Node *n, Tensor *t)
{
    const Tensor *kept = n->aux;
    if (kept)
        memcpy(t->v, kept->v, sizeof *t->v * (size_t)t->n);
    else
        fill_numbers(numbers, n, t);
}

static double loss_at(const Graph *only, Numbers *numbers, double step)
{
    Arena *a = arena_new();
    numbers->step = step;
    double v = graph_eval(only, &numbers->sizes->b, fill_moved, numbers, a)[only->outputs[0].node->id]->v[0];
    arena_free(a);
    return v;
}

/* The error of a derivative in units of what is allowed; smaller steps are tried where a kink may lie between. */
static double derivative_error(const Graph *only, Numbers *numbers, double have, double size, Mismatch *m)
{
    static const double steps[] = { 1e-5, 1e-6, 1e-4 };
    double least = INFINITY;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !(least <= 1); i++) {
        double h = steps[i], up = loss_at(only, numbers, h), down = loss_at(only, numbers, -h), want = (up - down) / (2 * h);
        double slack = 1e-6 * (size + fabs(want)) + 1e-15 * (fabs(up) + 1) / h, ratio = fabs(have - want) / slack;
        if (ratio < least || isinf(least)) {
            least = isnan(ratio) ? INFINITY : ratio;
            *m = (Mismatch){ numbers->along->a.name, -1, have, want, slack };
        }
        if (isnan(up) && isnan(have)) /* nothing can be said of it */
            return 0;
    }
    return least;
}

bool gradients_hold(const Graph *g, const Gradients *d, const Sizes *s, Mismatch *m, ToldFn *told, void *ctx)
{
    *m = (Mismatch){ .what = NULL };
    if (!d->n)
        return true;
    Arena *a = arena_new();
    Numbers numbers = { .sizes = s, .graph = g };
    Tensor **value = graph_eval(g, &s->b, fill_numbers, &numbers, a);
    Graph *only = loss_graph(g, d->loss, value, a);
    bool ok = true;
    for (int i = 0; i < d->n && ok; i++) {
        Mismatch here;
        double size, have = dot_with_direction(d->wrt[i], value[d->dx[i]->id], rows_of_grad(g, value, d->wrt[i]), &size);
        numbers.along = d->wrt[i];
        double ratio = derivative_error(only, &numbers, have, size, &here);
        if (told)
            told(ctx, d->wrt[i], ratio);
        if (!(ratio <= 1)) {
            *m = here;
            ok = false;
        }
    }
    arena_free(a);
    return ok;
}
