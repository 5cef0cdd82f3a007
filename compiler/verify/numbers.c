/* Sizes and numbers for graphs; see numbers.h. */
#include "compiler/verify/numbers.h"

#include "compiler/ops/ops.h"
#include "ftc/step.h"

#include <string.h>

Sizes *sizes_of(Sizes *s, int rows, const int *lengths, int64_t classes, int64_t vocabulary, uint32_t seed)
{
    memset(s, 0, sizeof *s);
    for (int r = 0; r < rows; r++) {
        s->row_start[r + 1] = s->row_start[r] + lengths[r];
        if (lengths[r] > s->b.sym[FTC_L])
            s->b.sym[FTC_L] = lengths[r];
    }
    s->b.sym[FTC_T] = s->row_start[rows];
    s->b.sym[FTC_B] = rows;
    s->b.sym[FTC_C] = classes;
    s->b.sym[FTC_V] = vocabulary;
    s->b.sym[FTC_U] = (vocabulary + 1) / 2;
    s->b.row_start = s->row_start;
    s->seed = seed;
    return s;
}

double uniform(uint32_t seed, uint32_t stream, uint32_t i) { return (rand_bits16(seed, stream, 7, i, 0) + 0.5) / 65536; }

uint32_t stream_of(const char *name)
{
    uint32_t h = 2166136261u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 16777619u;
    return h;
}

double direction(const Node *leaf, int64_t i)
{
    double u = uniform(11, stream_of(leaf->a.name), (uint32_t)i);
    return u < 0.5 ? -0.25 - 1.5 * u : 1.75 - 1.5 * u;
}

/* ---- what the graph says of a leaf ---------------------------------------------------------------------------------------- */

static bool is_view(const Node *n) { return op_info[n->op].class == CLASS_SHAPE && n->op != OP_concat; }

/* Does n read leaf, through views, as operand k? */
static bool reads(const Node *n, int k, const Node *leaf)
{
    const Node *x = k < n->n_in ? n->in[k] : NULL;
    while (x && x != leaf && is_view(x))
        x = x->in[0];
    return x == leaf;
}

/* What an index must stay below; 0: the leaf is none. */
static int64_t index_bound(const Graph *g, const Node *leaf, const Binding *b)
{
    int64_t least = 0;
    EACH_NODE(n, g) {
        Dim d = 0;
        if (n->op == OP_gather && reads(n, 1, leaf))
            d = n->in[0]->type.dim[0];
        if (n->op == OP_scatter_add && reads(n, 0, leaf))
            d = n->a.dim;
        int64_t size = d < 0 && d != DIM_N ? b->sym[symbol_index(d)] : d;
        if (size > 0 && (!least || size < least))
            least = size;
    }
    return least;
}

static bool must_be_positive(const Graph *g, const Node *leaf)
{
    EACH_NODE(n, g)
        if ((n->op == OP_div && reads(n, 1, leaf)) ||
            ((n->op == OP_log || n->op == OP_sqrt || n->op == OP_rsqrt) && reads(n, 0, leaf)))
            return true;
    return false;
}

/* ---- filling --------------------------------------------------------------------------------------------------------------- */

/* What the runtime gives as one number, some steps into a training; pending is 1: what waits for decay has been brought up to date. */
static const struct {
    const char *name;
    double value;
} scalars[] = { { "lr", 1e-3 }, { "weight_decay", 0.01 }, { "beta1", 0.9 }, { "beta2", 0.999 }, { "eps", 1e-8 }, { "correction1", 0.19 },
                { "correction2", 0.001999 }, { "momentum", 0.9 }, { "clip_norm", 1 }, { "label_smoothing", 0.1 }, { "seed", 42 },
                { "step", 1 }, { "known", 11 }, { "pending", 1 }, { "first_token", 7 }, { "first_row", 2 }, { "keep", 1 },
                { "cost_before", 1.5 }, { "parts_before", 2 } };

static bool begins(const char *name, const char *with) { return !strncmp(name, with, strlen(with)); }

/* Of the used entries of a vocabulary each comes once. */
static int64_t used_entry(const Sizes *s, int64_t i)
{
    int64_t v = s->b.sym[FTC_V], by = 7;
    while (v % by == 0)
        by += by == 7 ? 4 : 2; /* has no factor in common with v where v is small, as it is here */
    return (by * i + 3) % v;
}

static int64_t place_of(const Sizes *s, int64_t token)
{
    return (int64_t)(uniform(s->seed, stream_of("place"), (uint32_t)token) * (double)s->b.sym[FTC_U]);
}

/* The first token of the batch whose entry is at this place; 0 where there is none. */
static int64_t first_token(const Sizes *s, int64_t place)
{
    for (int64_t t = 0; t < s->b.sym[FTC_T]; t++)
        if (place_of(s, t) == place)
            return t;
    return 0;
}

/* Of an entry of the vocabulary that no batch has used, the optimizer knows nothing. */
static bool is_unused_state(const Sizes *s, const Node *n, const Tensor *t, int64_t i)
{
    if (n->op != OP_state || !n->type.rank || n->type.dim[0] != DIM_V)
        return false;
    int64_t row = i / (t->n / s->b.sym[FTC_V]), k = 0;
    while (k < s->b.sym[FTC_U] && used_entry(s, k) != row)
        k++;
    return k == s->b.sym[FTC_U];
}

static double integer(const Sizes *s, const char *name, int64_t i, double u, int64_t bound)
{
    if (!strcmp(name, "row_start"))
        return s->row_start[i];
    if (!strcmp(name, "used"))
        return (double)used_entry(s, i);
    if (!strcmp(name, "place"))
        return (double)place_of(s, i);
    if (!strcmp(name, "first_of"))
        return (double)first_token(s, i);
    if (!strcmp(name, "first"))
        return (double)first_token(s, place_of(s, i));
    if (!strcmp(name, "ids"))
        return (double)used_entry(s, place_of(s, i));
    if (!strcmp(name, "labels"))
        bound = s->b.sym[FTC_C];
    return (double)(int64_t)(u * (double)(bound ? bound : 4));
}

static double real(const char *name, double u, bool positive)
{
    if (begins(name, "dropout."))
        return 0.1 + 0.1 * (name[8] & 1);
    if (begins(name, "v:"))
        return 0.001 + 0.01 * u;
    if (!strcmp(name, "targets"))
        return u < 0.4;
    if (!strcmp(name, "class_weights") || !strcmp(name, "row_weights") || positive)
        return 0.5 + u;
    return 0.6 * (u - 0.5);
}

static const double *scalar_of(const Node *n)
{
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars && !n->type.rank; i++)
        if (!strcmp(n->a.name, scalars[i].name))
            return &scalars[i].value;
    return NULL;
}

static bool same_leaf(const Node *x, const Node *y) { return x->op == y->op && x->a.name && !strcmp(x->a.name, y->a.name); }

void fill_numbers(void *ctx, const Node *n, Tensor *t)
{
    const Numbers *numbers = ctx;
    const Sizes *s = numbers->sizes;
    const char *name = n->a.name;
    const double *scalar = scalar_of(n);
    bool is_real = n->type.elem == F32 || n->type.elem == BF16, moved = numbers->along && same_leaf(n, numbers->along);
    const Node *known = NULL;
    EACH_NODE(x, numbers->graph)
        if (same_leaf(x, n))
            known = x;
    int64_t bound = known && n->type.elem == I32 ? index_bound(numbers->graph, known, &s->b) : 0;
    bool positive = known && is_real && must_be_positive(numbers->graph, known);
    uint32_t stream = stream_of(name);
    for (int64_t i = 0; i < t->n; i++) {
        double u = uniform(s->seed, stream, (uint32_t)i);
        double v = scalar                 ? *scalar
                   : n->type.elem == BOOL ? u < 0.5
                   : is_real              ? real(name, u, positive)
                                          : integer(s, name, i, u, bound);
        if (n->type.elem == BF16) /* 1/256 steps of small numbers are exact */
            v = (double)(int)(v * 256) / 256;
        t->v[i] = is_unused_state(s, n, t, i) ? 0 : is_real ? (double)(float)v : v;
        if (moved)
            t->v[i] += numbers->step * direction(n, i);
    }
}
