/* The layer library: each layer of schema.def is a function that calls the builder.
 *
 * In:  x, f32[T, width]: one vector a token, all rows of the batch end to end.  Out: the same with the layer's width.
 * No layer sees padding: work on tokens runs on T rows, attention on each row's own n(r) tokens. */
#include "compiler/build/builder.h"

#include <math.h>
#include <string.h>

/* ---- parameters, numbers -------------------------------------------------------------------------------------------- */

const char *param_path(Builder *b, const char *name, const char *part)
{
    return arena_printf(b->arena, part ? "%s%s.%s" : "%s%s", b->prefix, name, part);
}

Node *parameter(Builder *b, const char *name, ParamRole role, bool head, int rank, Dim d0, Dim d1)
{
    Forward *f = b->out;
    if (f->n_weights == b->cap_weights) {
        int cap = b->cap_weights ? 2 * b->cap_weights : 64;
        FtcWeight *weights = NEW_ARRAY(b->arena, FtcWeight, cap);
        Node **nodes = NEW_ARRAY(b->arena, Node *, cap);
        if (f->n_weights) {
            memcpy(weights, f->weights, sizeof *weights * (size_t)f->n_weights);
            memcpy(nodes, f->nodes, sizeof *nodes * (size_t)f->n_weights);
        }
        f->weights = weights;
        f->nodes = nodes;
        b->cap_weights = cap;
    }
    Type t = { .elem = F32, .rank = rank, .dim = { d0, d1 } };
    FtcWeight *w = &f->weights[f->n_weights];
    *w = (FtcWeight){ .name = name, .rank = rank, .dim = { d0, d1 }, .decay = role == PARAM_WEIGHT, .head = head };
    w->init = role == PARAM_WEIGHT ? FTC_INIT_NORMAL : role == PARAM_NORM ? FTC_INIT_ONES : FTC_INIT_ZEROS;
    w->init_scale = role == PARAM_WEIGHT ? (float)b->spec->model.init_std : 0;
    return f->nodes[f->n_weights++] = weight(b->g, name, t);
}

Node *real(Builder *b, double value)
{
    for (int i = 0; i < b->n_numbers; i++)
        if (b->number[i]->a.value == value)
            return b->number[i];
    const char *scope = b->g->scope;
    b->g->scope = NULL;
    Node *n = constant(b->g, value, F32);
    b->g->scope = scope;
    if (b->n_numbers < (int)(sizeof b->number / sizeof *b->number))
        b->number[b->n_numbers++] = n;
    return n;
}

Node *call(Builder *b, Node *n, const char *name)
{
    if (strcmp(n->name, name))
        graph_rename(b->g, n, name);
    return n;
}

/* Names a value that a reader of the graph will look for: "layers.3.attention.scores". */
static Node *call_part(Builder *b, Node *n, const char *part)
{
    return call(b, n, arena_printf(b->arena, "%s.%s", b->g->scope, part));
}

/* ---- composites ---------------------------------------------------------------------------------------------------- */

/* x [..., in] . weight [out, in] + bias [out] */
Node *linear(Builder *b, Node *x, const char *path, Dim in, Dim out, bool bias, bool head)
{
    Graph *g = b->g;
    const char *scope = g->scope;
    g->scope = path;
    Node *w = parameter(b, arena_printf(b->arena, "%s.weight", path), PARAM_WEIGHT, head, 2, out, in);
    Node *y = dot(g, x, w, 0, -1, 1);
    if (bias)
        y = add(g, y, parameter(b, arena_printf(b->arena, "%s.bias", path), PARAM_BIAS, head, 1, out, 0));
    g->scope = scope;
    return call(b, y, path);
}

/* Subtracting the maximum keeps exp in range and changes no gradient. */
static Node *shifted(Builder *b, Node *x) { return sub(b->g, x, stop_gradient(b->g, amax(b->g, x, -1))); }

Node *softmax(Builder *b, Node *x)
{
    Node *e = map1(b->g, OP_exp, shifted(b, x));
    return divide(b->g, e, sum(b->g, e, -1));
}

Node *log_softmax(Builder *b, Node *x)
{
    Node *z = shifted(b, x);
    return sub(b->g, z, map1(b->g, OP_log, sum(b->g, map1(b->g, OP_exp, z), -1)));
}

/* x / 2 * (1 + t) */
static Node *gate_half(Builder *b, Node *x, Node *t)
{
    return mul(b->g, mul(b->g, x, real(b, 0.5)), add(b->g, t, real(b, 1)));
}

Node *activation(Builder *b, Activation a, Node *x)
{
    Graph *g = b->g;
    switch (a) {
    case ACT_GELU:
        return gate_half(b, x, map1(g, OP_erf, mul(g, x, real(b, sqrt(0.5)))));
    case ACT_GELU_NEW: {
        Node *cube = mul(g, mul(g, x, x), mul(g, x, real(b, 0.044715)));
        return gate_half(b, x, map1(g, OP_tanh, mul(g, add(g, x, cube), real(b, sqrt(2 / acos(-1))))));
    }
    case ACT_RELU: { /* a maximum would halve the gradient at 0, and hide a NaN if the compare were x > 0 */
        Node *zero = real(b, 0);
        return select_(g, map2(g, OP_le, x, zero), zero, x);
    }
    case ACT_SILU: /* sigmoid(x) = (1 + tanh(x / 2)) / 2, which never overflows */
        return gate_half(b, x, map1(g, OP_tanh, mul(g, x, real(b, 0.5))));
    case ACT_TANH:
        return map1(g, OP_tanh, x);
    }
    ftc_bug("activation %d", (int)a);
}

/* Which run-time rate this is; makes its threshold and scale at first use. */
static int rate_index(Builder *b, double rate)
{
    Forward *f = b->out;
    Graph *g = b->g;
    for (int k = 0; k < f->n_rates; k++)
        if (f->rates[k] == rate)
            return k;
    int k = f->n_rates++;
    if (k == b->cap_rates) {
        int cap = k ? 2 * k : 8;
        double *rates = NEW_ARRAY(b->arena, double, cap);
        Node **keep = NEW_ARRAY(b->arena, Node *, cap), **scale = NEW_ARRAY(b->arena, Node *, cap);
        for (int i = 0; i < k; i++) {
            rates[i] = f->rates[i];
            keep[i] = b->keep[i];
            scale[i] = b->scale[i];
        }
        f->rates = rates;
        b->keep = keep;
        b->scale = scale;
        b->cap_rates = cap;
    }
    const char *scope = g->scope;
    g->scope = arena_printf(b->arena, "dropout.%d", k);
    f->rates[k] = rate;
    Node *share = sub(g, real(b, 1), input(g, g->scope, scalar_type(F32)));
    b->keep[k] = cast(g, mul(g, share, real(b, 65536)), I32);
    b->scale[k] = divide(g, real(b, 1), share);
    g->scope = scope;
    return k;
}

/* row_ids: one i32 for each vector of x.  What is kept is decided by 16 random bits, a function of (seed, step, site, row,
 * column) alone. */
Node *dropout(Builder *b, Node *x, double rate, Node *row_ids)
{
    Graph *g = b->g;
    if (!b->training || rate == 0)
        return x;
    int k = rate_index(b, rate);
    Node *bits = rand_bits(g, ++b->sites, row_ids, b->seed, b->step, x->type.dim[x->type.rank - 1]);
    return select_(g, map2(g, OP_lt, bits, b->keep[k]), mul(g, x, b->scale[k]), real(b, 0));
}

static Node *mean_last(Builder *b, Node *x)
{
    return mul(b->g, sum(b->g, x, -1), real(b, 1.0 / (double)x->type.dim[x->type.rank - 1]));
}

/* x / sqrt(mean(x^2) + eps) * weight */
static Node *normalise(Builder *b, const Layer *l, Node *x)
{
    Graph *g = b->g;
    Node *square = call_part(b, mean_last(b, mul(g, x, x)), "mean_square");
    Node *root = map1(g, OP_rsqrt, add(g, square, real(b, l->eps)));
    return mul(g, mul(g, x, root), parameter(b, param_path(b, l->name, "weight"), PARAM_NORM, false, 1, l->width_in, 0));
}

/* ---- layers -------------------------------------------------------------------------------------------------------- */

static Node *build_token_embedding(Builder *b, const Layer *l, Node *x)
{
    (void)x;
    return gather(b->g, parameter(b, param_path(b, l->name, "weight"), PARAM_WEIGHT, false, 2, DIM_V, l->size), b->ids);
}

static Node *add_row(Builder *b, const Layer *l, Node *x, Node *index)
{
    Node *table = parameter(b, param_path(b, l->name, "weight"), PARAM_WEIGHT, false, 2, l->count, l->width_in);
    return add(b->g, x, gather(b->g, table, index));
}

static Node *build_position_embedding(Builder *b, const Layer *l, Node *x)
{
    Type of_rows = { .elem = I32, .rank = 2, .dim = { DIM_B, DIM_N } };
    return add_row(b, l, x, join(b->g, iota(b->g, of_rows, 1)));
}

static Node *build_segment_embedding(Builder *b, const Layer *l, Node *x) { return add_row(b, l, x, b->types); }

static Node *build_layer_norm(Builder *b, const Layer *l, Node *x)
{
    Node *mean = call_part(b, mean_last(b, x), "mean");
    Node *y = normalise(b, l, call_part(b, sub(b->g, x, mean), "centred"));
    if (l->bias)
        y = add(b->g, y, parameter(b, param_path(b, l->name, "bias"), PARAM_BIAS, false, 1, l->width_in, 0));
    return y;
}

static Node *build_rms_norm(Builder *b, const Layer *l, Node *x) { return normalise(b, l, x); }

static Node *build_linear(Builder *b, const Layer *l, Node *x)
{
    return linear(b, x, param_path(b, l->name, NULL), l->width_in, l->size, l->bias, false);
}

/* [T, heads * d] -> [r:B, heads, n(r), d] */
static Node *split_heads(Builder *b, Node *x, int64_t heads)
{
    Type t = { .elem = F32, .rank = 3, .dim = { DIM_T, heads, x->type.dim[1] / heads } };
    return transpose(b->g, split(b->g, reshape(b->g, x, t)), 4, (int[]){ 0, 2, 1, 3 });
}

/* A number for each (token, head): [r:B, heads, n(r)]. */
static Node *head_rows(Builder *b, int64_t heads)
{
    Graph *g = b->g;
    Type apart = { .elem = I32, .rank = 3, .dim = { DIM_B, 1, DIM_N } }, column = { .elem = I32, .rank = 2, .dim = { heads, 1 } };
    Node *token = reshape(g, split(g, b->token), apart);
    return add(g, mul(g, token, constant(g, (double)heads, I32)), iota(g, column, 0));
}

static Node *build_attention(Builder *b, const Layer *l, Node *x)
{
    static const char *const part[] = { "query", "key", "value" };
    Graph *g = b->g;
    Node *qkv[3];
    int64_t d = l->width_in / l->heads;
    for (int i = 0; i < 3; i++)
        qkv[i] = split_heads(b, linear(b, x, param_path(b, l->name, part[i]), l->width_in, l->width_in, l->bias, false), l->heads);
    Node *scores = mul(g, dot(g, qkv[0], qkv[1], 2, 3, 3), real(b, 1 / sqrt((double)d))); /* [r:B, heads, n(r), n(r)] */
    Node *share = call_part(b, softmax(b, call_part(b, scores, "scores")), "share");
    if (b->training && l->rate > 0)
        share = dropout(b, share, l->rate, head_rows(b, l->heads));
    Node *y = transpose(g, dot(g, share, qkv[2], 2, 3, 2), 4, (int[]){ 0, 2, 1, 3 });
    y = reshape(g, join(g, y), x->type);
    return linear(b, call_part(b, y, "mixed"), param_path(b, l->name, "output"), l->width_in, l->width_in, l->bias, false);
}

static Node *build_activation(Builder *b, const Layer *l, Node *x) { return activation(b, (Activation)l->activation, x); }

static Node *build_gated_ffn(Builder *b, const Layer *l, Node *x)
{
    Node *gate = linear(b, x, param_path(b, l->name, "gate"), l->width_in, l->size, l->bias, false);
    Node *up = linear(b, x, param_path(b, l->name, "up"), l->width_in, l->size, l->bias, false);
    Node *y = mul(b->g, activation(b, (Activation)l->activation, gate), up);
    return linear(b, y, param_path(b, l->name, "down"), l->size, l->width_in, l->bias, false);
}

static Node *build_dropout(Builder *b, const Layer *l, Node *x) { return dropout(b, x, l->rate, b->token); }

static Node *build_residual(Builder *b, const Layer *l, Node *x)
{
    Node *y = build_layers(b, &l->body, x);
    b->g->loc = l->loc;
    return add(b->g, x, y);
}

static Node *build_repeat(Builder *b, const Layer *l, Node *x)
{
    const char *prefix = b->prefix;
    for (int64_t i = 0; i < l->count; i++) {
        b->prefix = arena_printf(b->arena, "%s%s.%lld.", prefix, l->name, (long long)i);
        x = build_layers(b, &l->body, x);
    }
    b->prefix = prefix;
    return x;
}

static Node *(*const build_layer[N_LAYERS])(Builder *, const Layer *, Node *) = {
#define LAYER(name, main, doc) [LAYER_##name] = build_##name,
#include "compiler/spec/schema.def"
};

Node *build_layers(Builder *b, const LayerList *list, Node *x)
{
    const char *scope = b->g->scope;
    for (int i = 0; i < list->n; i++) {
        const Layer *l = &list->v[i];
        static const char *const plain[] = { [LAYER_activation] = "activation", [LAYER_dropout] = "dropout",
                                             [LAYER_residual] = "residual" };
        const char *path = param_path(b, l->name ? l->name : plain[l->kind], NULL);
        b->g->loc = l->loc;
        b->g->scope = path;
        Node *y = build_layer[l->kind](b, l, x);
        x = y == x || l->kind == LAYER_repeat ? y : call(b, y, path);
    }
    b->g->scope = scope;
    return x;
}
