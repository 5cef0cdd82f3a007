/* Random small graphs over flat and ragged values, with gradients: differential tests run them through every path.
 * The same seed makes the same graph.  Values stay of moderate size, so that bounds stay meaningful. */
#ifndef FTC_RANDOM_GRAPH_H
#define FTC_RANDOM_GRAPH_H

#include "compiler/grad/grad.h"
#include "compiler/kernel/lower.h"
#include "tests/support/graph_inputs.h"

typedef struct {
    Graph *g;
    uint32_t seed, drawn;
    Node *pool[128];
    int n;
} RandomGraph;

static inline int draw_below(RandomGraph *r, int n) { return (int)(rand_bits16(r->seed, 99, 0, r->drawn++, 0) % (uint32_t)n); }

static inline Node *keep_value(RandomGraph *r, Node *n)
{
    if (r->n < 128)
        r->pool[r->n++] = n;
    return n;
}

static inline Node *pick(RandomGraph *r) { return r->pool[draw_below(r, r->n)]; }

/* another value that broadcasts with x to x's own type; x itself where there is none */
static inline Node *partner(RandomGraph *r, const Node *x)
{
    for (int tries = 0; tries < 12; tries++) {
        Node *y = pick(r);
        bool fits = y->type.rank <= x->type.rank;
        for (int i = 0; fits && i < y->type.rank; i++) {
            Dim have = y->type.dim[i], want = x->type.dim[x->type.rank - y->type.rank + i];
            fits = have == want || have == 1;
        }
        if (fits)
            return y;
    }
    return (Node *)x;
}

static inline Node *one(Graph *g) { return constant(g, 1, F32); }

static inline void random_op(RandomGraph *r)
{
    Graph *g = r->g;
    Node *x = pick(r), *y = partner(r, x);
    switch (draw_below(r, 16)) {
    case 0: keep_value(r, add(g, x, y)); break;
    case 1: keep_value(r, sub(g, x, y)); break;
    case 2: keep_value(r, mul(g, x, map1(g, OP_tanh, y))); break;
    case 3: keep_value(r, divide(g, x, add(g, mul(g, y, y), one(g)))); break;
    case 4: keep_value(r, map1(g, OP_tanh, x)); break;
    case 5: keep_value(r, map1(g, OP_erf, x)); break;
    case 6: keep_value(r, map1(g, OP_exp, map1(g, OP_neg, mul(g, x, x)))); break;
    case 7: keep_value(r, mul(g, x, map1(g, OP_rsqrt, add(g, mul(g, y, y), one(g))))); break;
    case 8: case 9: /* reduce one axis */
        if (x->type.rank) {
            int axis = draw_below(r, x->type.rank);
            if (!(axis == 0 && type_ragged(&x->type)))
                keep_value(r, map1(g, OP_tanh, sum(g, x, axis)));
        }
        break;
    case 10: /* softmax over the last axis */
        if (x->type.rank) {
            Node *e = map1(g, OP_exp, sub(g, x, stop_gradient(g, amax(g, x, -1))));
            keep_value(r, divide(g, e, sum(g, e, -1)));
        }
        break;
    case 11: /* a projection of tokens */
        if (x->type.rank == 2 && x->type.dim[1] > 1)
            keep_value(r, map1(g, OP_tanh, dot(g, x, input(g, arena_printf(g->arena, "real.w%d", g->n), type_of(F32, 2, (Dim)6, x->type.dim[1])), 0, 1, 1)));
        break;
    case 12: /* attention over heads of the tokens' vectors */
        if (x->type.rank == 2 && x->type.dim[0] == DIM_T && x->type.dim[1] == 6) {
            Node *h = transpose(g, split(g, reshape(g, x, type_of(F32, 3, DIM_T, (Dim)2, (Dim)3))), 4, (int[]){ 0, 2, 1, 3 });
            Node *s = keep_value(r, map1(g, OP_tanh, dot(g, h, h, 2, 3, 3)));
            Node *mixed = transpose(g, dot(g, s, h, 2, 3, 2), 4, (int[]){ 0, 2, 1, 3 });
            keep_value(r, map1(g, OP_tanh, reshape(g, join(g, mixed), x->type)));
        }
        break;
    case 13: /* the first token of each row; then back */
        if (x->type.dim[0] == DIM_T && x->type.rank == 2)
            keep_value(r, gather(g, x, input(g, arena_printf(g->arena, "indexT.%d", g->n), type_of(I32, 1, DIM_B))));
        break;
    case 14: /* dropout-like mask */
        if (x->type.rank == 2 && x->type.dim[0] == DIM_T) {
            Node *bits = rand_bits(g, 1 + g->n, iota(g, type_of(I32, 1, DIM_T), 0), input(g, "seed", scalar_type(I32)),
                                   input(g, "step", scalar_type(I32)), x->type.dim[1]);
            keep_value(r, select_(g, map2(g, OP_lt, bits, constant(g, 50000, I32)), mul(g, x, constant(g, 1.25, F32)), constant(g, 0, F32)));
        }
        break;
    default: /* mean over the row, back to its tokens */
        if (x->type.rank == 2 && x->type.dim[0] == DIM_T) {
            Node *rows = split(g, x), *total = map1(g, OP_tanh, sum(g, rows, 1));
            keep_value(r, join(g, mul(g, rows, total)));
        }
    }
}

/* sample `which` of op with its gradients as outputs too; false if there is none */
static inline bool sample_with_gradients(Graph *g, Op op, int which)
{
    if (!op_samples[op](g, op, which))
        return false;
    Node *y = graph_find_output(g, "y"), *wrt[8], *dx[8];
    if (y->type.elem != F32)
        return true;
    int n = 0, all[MAX_RANK] = { 0, 1, 2, 3, 4, 5 };
    EACH_NODE(x, g)
        if (x->op == OP_input && x->type.elem == F32)
            wrt[n++] = x;
    Node *weighted = mul(g, y, input(g, "real.w", y->type));
    Node *total = y->type.rank ? sum_axes(g, weighted, y->type.rank, all) : weighted;
    graph_grad(g, reshape(g, total, scalar_type(F32)), n, wrt, dx);
    for (int i = 0; i < n; i++)
        if (op_lower[dx[i]->op] != lower_none)
            graph_output(g, arena_printf(g->arena, "d%d", i), dx[i]);
    return true;
}

/* A graph of about `ops` ops; outputs y0.. and the gradients of their weighted sum. */
static inline Graph *random_graph(Arena *arena, FtcDiag *diag, uint32_t seed, int ops)
{
    RandomGraph r = { .g = graph_new(arena, "random", diag), .seed = seed };
    Graph *g = r.g;
    keep_value(&r, input(g, "real.a", type_of(F32, 2, DIM_T, (Dim)6)));
    keep_value(&r, input(g, "real.b", type_of(F32, 2, DIM_T, (Dim)6)));
    keep_value(&r, input(g, "real.c", type_of(F32, 1, (Dim)6)));
    keep_value(&r, input(g, "real.d", type_of(F32, 2, DIM_B, (Dim)6)));
    keep_value(&r, input(g, "real.e", type_of(F32, 4, DIM_B, (Dim)2, DIM_N, DIM_N)));
    keep_value(&r, input(g, "real.f", type_of(F32, 2, DIM_B, DIM_C)));
    int n_wrt = r.n < 8 ? r.n : 8;
    Node *wrt[8], *dx[8];
    memcpy(wrt, r.pool, sizeof *wrt * (size_t)n_wrt);
    for (int i = 0; i < ops; i++)
        random_op(&r);
    int all[MAX_RANK] = { 0, 1, 2, 3, 4, 5 };
    Node *loss = constant(g, 0, F32);
    for (int i = r.n > 4 ? r.n - 4 : 0; i < r.n; i++) {
        Node *y = r.pool[i];
        graph_output(g, arena_printf(arena, "y%d", i), op_lower[y->op] == lower_none ? mul(g, y, one(g)) : y);
        Node *weighted = mul(g, y, input(g, arena_printf(arena, "real.weight%d", i), y->type));
        loss = add(g, loss, y->type.rank ? reshape(g, sum_axes(g, weighted, y->type.rank, all), scalar_type(F32)) : weighted);
    }
    graph_output(g, "loss", loss);
    graph_grad(g, loss, n_wrt, wrt, dx);
    for (int i = 0; i < n_wrt; i++)
        graph_output(g, arena_printf(arena, "d%d", i), dx[i]);
    graph_dce(g);
    return g;
}

#endif
