/* The update: clipping by global norm, then SGD or AdamW, as PyTorch computes them.
 *
 * In:  a graph with the gradient of every weight.  Out: the update region: new values of weights and states. */
#include "compiler/build/build.h"

#include <string.h>

typedef struct {
    Graph *g;
    Arena *arena;
    const Spec *spec;
    Node *lr, *decay_factor, *weight_decay;         /* 1 - lr * weight_decay */
    Node *beta1, *beta2, *rest1, *rest2, *eps;      /* rest: 1 - beta */
    Node *rate, *root2;                             /* lr / correction1, sqrt(correction2) */
    Node *momentum, *clip;
} Update;

static Node *scalar(Update *u, const char *name) { return input(u->g, name, scalar_type(F32)); }

static Node *named(Update *u, Node *n, const char *name)
{
    graph_rename(u->g, n, name);
    return n;
}

/* The length of all gradients as one vector. */
static Node *global_norm(Update *u, int n, Node *const *grads)
{
    Graph *g = u->g;
    int axes[MAX_RANK] = { 0, 1, 2, 3, 4, 5 };
    Node *all = NULL;
    for (int i = 0; i < n; i++) {
        if (!grads[i])
            continue;
        Node *square = mul(g, grads[i], grads[i]);
        if (square->type.rank)
            square = reshape(g, sum_axes(g, square, square->type.rank, axes), scalar_type(F32));
        all = all ? add(g, all, square) : square;
    }
    return named(u, map1(g, OP_sqrt, all), "grad_norm");
}

/* min(1, clip_norm / (norm + 1e-6)) */
static Node *clip_factor(Update *u, Node *norm)
{
    Graph *g = u->g;
    Node *room = divide(g, scalar(u, "clip_norm"), add(g, norm, constant(g, 1e-6, F32)));
    return named(u, minimum(g, room, constant(g, 1, F32)), "clip");
}

static void make_scalars(Update *u, bool any_decay)
{
    Graph *g = u->g;
    const Spec *s = u->spec;
    bool adamw = s->optimizer.type == OPT_ADAMW;
    u->lr = scalar(u, "lr");
    if (any_decay)
        u->weight_decay = scalar(u, "weight_decay");
    if (adamw) {
        Node *one = constant(g, 1, F32);
        if (any_decay)
            u->decay_factor = sub(g, one, mul(g, u->lr, u->weight_decay));
        u->beta1 = scalar(u, "beta1");
        u->beta2 = scalar(u, "beta2");
        u->eps = scalar(u, "eps");
        u->rest1 = sub(g, one, u->beta1);
        u->rest2 = sub(g, one, u->beta2);
        u->rate = divide(g, u->lr, scalar(u, "correction1"));
        u->root2 = map1(g, OP_sqrt, scalar(u, "correction2"));
    } else if (s->optimizer.momentum > 0)
        u->momentum = scalar(u, "momentum");
}

/* A weight or state and its value: the whole of it, or its rows in use. */
typedef struct {
    Node *whole, *value;
    bool by_rows;
} Target;

static Target weight_of(Update *u, Node *w, const FtcWeight *info)
{
    return (Target){ w, info->by_rows ? used_rows(u->g, w, info->decay) : w, info->by_rows };
}

static Target state_of(Update *u, const char *kind, const Target *w)
{
    Node *s = state(u->g, arena_printf(u->arena, "%s:%s", kind, w->whole->a.name), w->whole->type);
    return (Target){ s, w->by_rows ? used_rows(u->g, s, false) : s, w->by_rows };
}

static void store(Update *u, const Target *t, Node *value)
{
    if (t->by_rows)
        update_rows(u->g, t->whole, used(u->g), value);
    else
        update(u->g, t->whole, value);
}

/* w <- w * (1 - lr * decay);  m <- b1 * m + (1 - b1) * d;  v <- b2 * v + (1 - b2) * d^2;
 * w <- w - lr / c1 * m / (sqrt(v) / sqrt(c2) + eps)               (Loshchilov, Hutter: Decoupled weight decay, 2019) */
static void adamw(Update *u, Target w, Node *d, bool decay)
{
    Graph *g = u->g;
    Target m = state_of(u, "m", &w), v = state_of(u, "v", &w);
    Node *m_new = add(g, mul(g, m.value, u->beta1), mul(g, d, u->rest1));
    Node *v_new = add(g, mul(g, v.value, u->beta2), mul(g, mul(g, d, d), u->rest2));
    Node *root = add(g, divide(g, map1(g, OP_sqrt, v_new), u->root2), u->eps);
    Node *from = decay ? mul(g, w.value, u->decay_factor) : w.value;
    Node *w_new = sub(g, from, divide(g, mul(g, m_new, u->rate), root));
    store(u, &m, m_new);
    store(u, &v, v_new);
    store(u, &w, w_new);
}

/* d <- d + decay * w;  m <- momentum * m + d;  w <- w - lr * m, or with Nesterov's look ahead lr * (d + momentum * m) */
static void sgd(Update *u, Target w, Node *d, bool decay)
{
    Graph *g = u->g;
    if (decay)
        d = add(g, d, mul(g, w.value, u->weight_decay));
    if (u->momentum) {
        Target m = state_of(u, "m", &w);
        Node *m_new = add(g, mul(g, m.value, u->momentum), d);
        store(u, &m, m_new);
        d = u->spec->optimizer.nesterov ? add(g, d, mul(g, m_new, u->momentum)) : m_new;
    }
    store(u, &w, sub(g, w.value, mul(g, d, u->lr)));
}

/* The gradient of w's value. */
static Node *own_grad(Graph *g, const Target *w, Node *d) { return w->by_rows ? used_rows_grad(g, d) : d; }

/* a <- keep * a + d, for all batches of a step but the last */
static void accumulate(Update *u, const Forward *f, Node *const *grads)
{
    Node *keep = scalar(u, "keep");
    for (int i = 0; i < f->n_weights; i++) {
        if (f->weights[i].frozen)
            continue;
        u->g->scope = arena_printf(u->arena, "accumulate.%s", f->weights[i].name);
        Target w = weight_of(u, f->nodes[i], &f->weights[i]), a = state_of(u, "a", &w);
        store(u, &a, add(u->g, mul(u->g, a.value, keep), own_grad(u->g, &w, grads[i])));
    }
}

/* The gradients of the whole step: those of the last batch, whose mean is over all rows already, and of those before. */
static Node **whole_gradients(Update *u, const Forward *f, Node *const *grads)
{
    Graph *g = u->g;
    Node **whole = NEW_ARRAY(u->arena, Node *, f->n_weights), *share = divide(g, scalar(u, "keep"), f->parts);
    for (int i = 0; i < f->n_weights; i++) {
        if (f->weights[i].frozen)
            continue;
        Target w = weight_of(u, f->nodes[i], &f->weights[i]), a = state_of(u, "a", &w);
        whole[i] = named(u, add(g, own_grad(g, &w, grads[i]), mul(g, a.value, share)), arena_printf(u->arena, "whole.%s", f->nodes[i]->name));
    }
    return whole;
}

void build_update(Graph *g, const Spec *spec, const Forward *f, Node *const *grads)
{
    Loc *loc = NEW(g->arena, Loc);
    loc->at = spec_loc(spec, "optimizer.type");
    Update u = { .g = g, .arena = g->arena, .spec = spec };
    bool any_decay = false;
    g->loc = loc;
    g->scope = "update";
    g->grad_of = NULL;
    g->region = REGION_UPDATE;
    if (f->part == BATCH_BEFORE_LAST) {
        accumulate(&u, f, grads);
        g->loc = NULL;
        g->scope = NULL;
        return;
    }
    if (f->part == BATCH_IS_LAST)
        grads = whole_gradients(&u, f, grads);
    for (int i = 0; i < f->n_weights; i++)
        any_decay |= f->weights[i].decay && !f->weights[i].frozen;
    Node *norm = global_norm(&u, f->n_weights, grads);
    graph_output(g, "grad_norm", norm);
    if (spec->optimizer.clip_norm > 0)
        u.clip = clip_factor(&u, norm);
    make_scalars(&u, any_decay);
    for (int i = 0; i < f->n_weights; i++) {
        if (f->weights[i].frozen)
            continue;
        g->scope = arena_printf(g->arena, "update.%s", f->weights[i].name);
        Target w = weight_of(&u, f->nodes[i], &f->weights[i]);
        Node *d = f->part == BATCH_IS_LAST ? grads[i] : own_grad(g, &w, grads[i]);
        (spec->optimizer.type == OPT_ADAMW ? adamw : sgd)(&u, w, u.clip ? mul(g, d, u.clip) : d, f->weights[i].decay);
    }
    g->loc = NULL;
    g->scope = NULL;
}
