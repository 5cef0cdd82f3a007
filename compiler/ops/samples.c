/* Small graphs to test each op on: every type rule's cases, flat and ragged, with sizes the test binds (primes and 1).
 * The output is "y".  An input's name says which numbers to draw for it:
 *   real     both signs, off zero and off each other (no kinks)       positive  above zero
 *   int      small, with repeats                                      bool      0 or 1
 *   index7   0..6; indexB, indexV: below that symbol                  seed, step, row   any */
#include "compiler/ops/ops.h"

#define FLAT  type_of(F32, 2, DIM_T, (Dim)5)
#define ROWS  type_of(F32, 2, DIM_B, (Dim)3)
#define CUBE  type_of(F32, 3, DIM_T, (Dim)2, (Dim)3)
#define HEADS type_of(F32, 4, DIM_B, (Dim)2, DIM_N, (Dim)3)
#define PAIRS type_of(F32, 4, DIM_B, (Dim)2, DIM_N, DIM_N)
#define TABLE type_of(F32, 2, DIM_V, (Dim)7)
#define VEC5  type_of(F32, 1, (Dim)5)

SampleFn *const op_samples[N_OPS] = {
#define MAP(name, inputs, traits, infer, grad, samples, ...) [OP_##name] = samples,
#define OP(name, inputs, class, infer, grad, eval, lower, samples, ...) [OP_##name] = samples,
#include "compiler/ir/ops.def"
};

/* An input whose name starts with what to draw for it. */
static Node *draw(Graph *g, const char *kind, Type t)
{
    return input(g, arena_printf(g->arena, "%s.%d", kind, g->n), t);
}

static bool done(Graph *g, Node *y)
{
    graph_output(g, "y", y);
    return true;
}

bool sample_none(Graph *g, Op op, int which)
{
    (void)g, (void)op, (void)which;
    return false;
}

/* one or two operands of a given kind and of the shapes that broadcasting allows */
static bool map_sample(Graph *g, Op op, int which, const char *kind_a, const char *kind_b, Elem e)
{
    struct { Type a, b; } shapes[] = {
        { FLAT, FLAT }, { FLAT, VEC5 }, { type_of(F32, 2, DIM_T, (Dim)1), FLAT }, { PAIRS, type_of(F32, 4, DIM_B, (Dim)2, DIM_N, (Dim)1) },
        { scalar_type(F32), TABLE }, { type_of(F32, 2, DIM_T, (Dim)17), type_of(F32, 2, DIM_T, (Dim)17) },
        { ROWS, type_of(F32, 2, DIM_B, (Dim)1) }, { type_of(F32, 1, DIM_C), type_of(F32, 2, DIM_B, DIM_C) },
    };
    if (which >= (int)(sizeof shapes / sizeof *shapes))
        return false;
    shapes[which].a.elem = shapes[which].b.elem = e;
    Node *a = draw(g, kind_a, shapes[which].a);
    if (op_info[op].inputs == 1)
        return done(g, map1(g, op, a));
    return done(g, map2(g, op, a, draw(g, kind_b, shapes[which].b)));
}

bool sample_pairs(Graph *g, Op op, int which)
{
    if (which < 100 && map_sample(g, op, which, "real", "real", F32))
        return true;
    static const int first_int = 8;
    return map_sample(g, op, which - first_int, "int", "int", I32) && which - first_int < 3;
}

bool sample_reals(Graph *g, Op op, int which)
{
    if (op != OP_cast)
        return map_sample(g, op, which, "real", NULL, F32);
    switch (which) {
    case 0: return done(g, cast(g, draw(g, "int", type_of(I32, 2, DIM_T, (Dim)5)), F32));
    case 1: return done(g, cast(g, draw(g, "real", FLAT), I32));
    case 2: return done(g, cast(g, draw(g, "bool", type_of(BOOL, 2, DIM_T, (Dim)5)), F32));
    case 3: return done(g, cast(g, draw(g, "bool", type_of(BOOL, 1, DIM_B)), I32));
    default: return false;
    }
}

bool sample_ratios(Graph *g, Op op, int which) { return map_sample(g, op, which, "real", "positive", F32); }
bool sample_positive(Graph *g, Op op, int which) { return map_sample(g, op, which, "positive", "positive", F32); }
bool sample_ints(Graph *g, Op op, int which) { return map_sample(g, op, which, "int", "int", I32); }
bool sample_bools(Graph *g, Op op, int which) { return map_sample(g, op, which, "bool", "bool", BOOL); }

bool sample_choices(Graph *g, Op op, int which)
{
    (void)op;
    Node *c = draw(g, "bool", type_of(BOOL, 2, DIM_T, (Dim)(which == 1 ? 1 : 5)));
    if (which > 2)
        return false;
    Node *a = draw(g, "real", which == 2 ? VEC5 : FLAT);
    return done(g, select_(g, c, a, which ? constant(g, 0.25, F32) : draw(g, "real", FLAT)));
}

bool sample_reductions(Graph *g, Op op, int which)
{
    static const struct { int n, axes[3]; } cases[] = {
        { 1, { 1 } }, { 1, { 0 } }, { 2, { 0, 1 } }, { 1, { 2 } }, { 1, { 3 } }, { 2, { 1, 2 } }, { 1, { 1 } }, { 1, { 1 } }, { 2, { 1, 3 } },
        { 1, { 0 } }, { 1, { 0 } }, { 2, { 0, 1 } },
    };
    Type types[] = { FLAT, FLAT, FLAT, CUBE, PAIRS, CUBE, type_of(F32, 2, DIM_T, (Dim)67), type_of(F32, 3, DIM_B, DIM_N, (Dim)5), PAIRS,
                     type_of(F32, 2, DIM_T, (Dim)1), type_of(F32, 1, DIM_B), type_of(F32, 2, (Dim)1, (Dim)1) };
    if (which >= (int)(sizeof types / sizeof *types))
        return false;
    Node *x = draw(g, "real", types[which]);
    int n = cases[which].n;
    return done(g, graph_add(g, op, 1, &x, &(Attrs){ .n_axes = n, .axes = { cases[which].axes[0], cases[which].axes[1] } }, NULL));
}

bool sample_reshapes(Graph *g, Op op, int which)
{
    (void)op;
    switch (which) {
    case 0: return done(g, reshape(g, draw(g, "real", type_of(F32, 2, DIM_T, (Dim)6)), CUBE));
    case 1: return done(g, reshape(g, draw(g, "real", CUBE), type_of(F32, 2, DIM_T, (Dim)6)));
    case 2: return done(g, reshape(g, draw(g, "real", type_of(F32, 2, DIM_T, (Dim)1)), type_of(F32, 1, DIM_T)));
    case 3: return done(g, reshape(g, draw(g, "real", type_of(F32, 3, DIM_T, (Dim)4, (Dim)3)), type_of(F32, 3, DIM_T, (Dim)6, (Dim)2)));
    default: return false;
    }
}

bool sample_transposes(Graph *g, Op op, int which)
{
    (void)op;
    switch (which) {
    case 0: return done(g, transpose(g, draw(g, "real", FLAT), 2, (int[]){ 1, 0 }));
    case 1: return done(g, transpose(g, draw(g, "real", CUBE), 3, (int[]){ 2, 0, 1 }));
    case 2: return done(g, transpose(g, draw(g, "real", HEADS), 4, (int[]){ 0, 2, 1, 3 }));
    case 3: return done(g, swap_last(g, draw(g, "real", PAIRS)));
    default: return false;
    }
}

bool sample_broadcasts(Graph *g, Op op, int which)
{
    (void)op;
    switch (which) {
    case 0: return done(g, broadcast(g, draw(g, "real", type_of(F32, 2, DIM_T, (Dim)1)), FLAT));
    case 1: return done(g, broadcast(g, draw(g, "real", VEC5), FLAT));
    case 2: return done(g, broadcast(g, draw(g, "real", type_of(F32, 4, DIM_B, (Dim)2, DIM_N, (Dim)1)), PAIRS));
    case 3: return done(g, broadcast(g, draw(g, "real", scalar_type(F32)), ROWS));
    default: return false;
    }
}

bool sample_slices(Graph *g, Op op, int which)
{
    (void)op;
    switch (which) {
    case 0: return done(g, slice(g, draw(g, "real", FLAT), 1, 1, 4));
    case 1: return done(g, slice(g, draw(g, "real", CUBE), 1, 0, 1));
    case 2: return done(g, slice(g, draw(g, "real", HEADS), 3, 2, 3));
    default: return false;
    }
}

bool sample_concats(Graph *g, Op op, int which)
{
    (void)op;
    Node *a = draw(g, "real", FLAT), *b = draw(g, "real", type_of(F32, 2, DIM_T, (Dim)2)), *c = draw(g, "real", FLAT);
    switch (which) {
    case 0: return done(g, concat(g, 3, (Node *[]){ a, b, c }, 1));
    case 1: return done(g, concat(g, 1, &a, 1));
    default: return false;
    }
}

bool sample_views(Graph *g, Op op, int which)
{
    return which == 0 && done(g, map1(g, op, draw(g, "real", FLAT)));
}

bool sample_splits(Graph *g, Op op, int which)
{
    Node *x = draw(g, "real", CUBE), *s = split(g, x);
    if (op == OP_split)
        return which == 0 && done(g, s);
    return which == 0 && done(g, join(g, mul(g, s, s)));
}

bool sample_dots(Graph *g, Op op, int which)
{
    (void)op;
    static const Dim K = 13;
#define X(...) draw(g, "real", type_of(F32, __VA_ARGS__))
    switch (which) {
    case 0: return done(g, dot(g, X(2, DIM_T, K), X(2, (Dim)7, K), 0, 1, 1));     /* linear, Hugging Face's layout */
    case 1: return done(g, dot(g, X(2, DIM_T, K), X(2, K, (Dim)7), 0, 1, 0));
    case 2: return done(g, dot(g, X(2, DIM_T, K), X(2, DIM_T, (Dim)7), 0, 0, 0)); /* weight gradient */
    case 3: return done(g, dot(g, X(2, K, DIM_T), X(2, DIM_T, (Dim)5), 0, 1, 0));
    case 4: return done(g, dot(g, X(4, DIM_B, (Dim)2, DIM_N, K), X(4, DIM_B, (Dim)2, DIM_N, K), 2, 3, 3)); /* scores */
    case 5: return done(g, dot(g, X(4, DIM_B, (Dim)2, DIM_N, DIM_N), X(4, DIM_B, (Dim)2, DIM_N, K), 2, 3, 2));
    case 6: return done(g, dot(g, X(3, DIM_B, (Dim)2, K), X(4, DIM_B, (Dim)2, DIM_N, K), 2, 2, 3)); /* one query a row */
    case 7: return done(g, dot(g, X(2, DIM_B, K), X(2, DIM_C, K), 0, 1, 1));
    case 8: return done(g, dot(g, X(2, DIM_T, K), X(1, K), 0, 1, 0));
    case 9: return done(g, dot(g, X(1, K), X(2, K, (Dim)7), 0, 0, 0));
    case 10: return done(g, dot(g, X(1, K), X(1, K), 0, 0, 0));
    case 11: /* operands seen through views */
        return done(g, dot(g, transpose(g, split(g, X(3, DIM_T, (Dim)2, K)), 4, (int[]){ 0, 2, 1, 3 }),
                           transpose(g, split(g, X(3, DIM_T, (Dim)2, K)), 4, (int[]){ 0, 2, 1, 3 }), 2, 3, 3));
    case 12: /* a depth of 1, and neighbours that lie apart */
        return done(g, dot(g, X(4, DIM_B, (Dim)2, DIM_N, (Dim)1),
                           transpose(g, split(g, X(3, DIM_T, (Dim)2, (Dim)1)), 4, (int[]){ 0, 2, 1, 3 }), 2, 3, 3));
    case 13: return done(g, dot(g, broadcast(g, X(2, (Dim)1, (Dim)1), type_of(F32, 2, DIM_B, K)), X(2, K, (Dim)7), 0, 1, 0));
    case 14: return done(g, dot(g, broadcast(g, X(2, DIM_T, (Dim)1), type_of(F32, 2, DIM_T, K)), X(2, K, (Dim)7), 0, 1, 0));
    default: return false;
    }
#undef X
}

bool sample_iotas(Graph *g, Op op, int which)
{
    (void)op;
    switch (which) {
    case 0: return done(g, iota(g, type_of(I32, 1, DIM_T), 0));
    case 1: return done(g, iota(g, type_of(I32, 2, DIM_B, DIM_C), 1));
    case 2: return done(g, join(g, iota(g, type_of(I32, 2, DIM_B, DIM_N), 1)));
    case 3: return done(g, iota(g, type_of(I32, 3, DIM_B, (Dim)3, DIM_N), 1));
    default: return false;
    }
}

bool sample_gathers(Graph *g, Op op, int which)
{
    (void)op;
    switch (which) {
    case 0: return done(g, gather(g, draw(g, "real", TABLE), draw(g, "indexV", type_of(I32, 1, DIM_T))));
    case 1: return done(g, gather(g, draw(g, "real", FLAT), draw(g, "indexT", type_of(I32, 1, DIM_B))));
    case 2: return done(g, gather(g, draw(g, "real", type_of(F32, 1, DIM_C)), draw(g, "indexC", type_of(I32, 1, DIM_B))));
    case 3: return done(g, gather(g, draw(g, "real", type_of(F32, 3, (Dim)4, (Dim)2, (Dim)3)), draw(g, "index4", type_of(I32, 2, DIM_B, (Dim)2))));
    default: return false;
    }
}

bool sample_scatters(Graph *g, Op op, int which)
{
    (void)op;
    switch (which) {
    case 0: return done(g, scatter_add(g, draw(g, "indexV", type_of(I32, 1, DIM_T)), draw(g, "real", FLAT), DIM_V));
    case 1: return done(g, scatter_add(g, draw(g, "indexT", type_of(I32, 1, DIM_B)), draw(g, "real", ROWS), DIM_T));
    case 2: return done(g, scatter_add(g, draw(g, "index4", type_of(I32, 1, DIM_B)), draw(g, "real", type_of(F32, 1, DIM_B)), 4));
    default: return false;
    }
}

bool sample_rands(Graph *g, Op op, int which)
{
    (void)op;
    Node *seed = draw(g, "seed", scalar_type(I32)), *step = draw(g, "step", scalar_type(I32));
    switch (which) {
    case 0: return done(g, rand_bits(g, 1, draw(g, "row", type_of(I32, 1, DIM_T)), seed, step, 384));
    case 1: return done(g, rand_bits(g, 2, draw(g, "row", type_of(I32, 1, DIM_B)), seed, step, 37));
    case 2: return done(g, rand_bits(g, 3, draw(g, "row", type_of(I32, 3, DIM_B, (Dim)2, DIM_N)), seed, step, DIM_N));
    default: return false;
    }
}
