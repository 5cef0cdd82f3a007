/* Whole lowered programs as native code, held to the evaluator: every op's samples with their gradients, and random ragged graphs;
 * one kernel an op and fused, simplified and rematerialised or not, scalar, AVX2 and the host's best.
 * FTC_SEEDS=N runs N random graphs. */
#include "tests/support/testing.h"

#include "compiler/codegen/codegen.h"
#include "compiler/passes/passes.h"
#include "tests/support/random_graph.h"
#include "tests/support/run_program.h"

/* Runs every call's pieces in order, last piece first, with arena and scratch full of NaN. */
static void run_native(void *ctx, const Program *p, void **bufs, const int64_t *sym)
{
    FtcDiag *diag = ftc_diag_new(stderr);
    Jit *jit = jit_new(ctx, diag);
    assert_non_null(jit);
    FtcKernelFn **fn = calloc((size_t)p->n_kernels, sizeof *fn);
    assert_true(jit_compile(jit, p->kernels, p->n_kernels, fn));
    void **mine = calloc((size_t)p->n_bufs, sizeof *mine);
    for (int i = 0; i < p->n_bufs; i++) {
        if (bufs[i])
            continue;
        size_t size = (size_t)poly_eval_symbols(p->bufs[i].size, sym) * elem_size(p->bufs[i].elem);
        bufs[i] = mine[i] = memset(malloc(size + 64), 0xFF, size + 64);
    }
    for (int i = 0; i < p->n_calls; i++) {
        const Call *c = &p->calls[i];
        const Kernel *k = p->kernels[c->kernel];
        void *args[64], *scratch[64] = { NULL };
        for (int j = 0; j < k->n_params; j++)
            if (k->params[j].mode != PARAM_SCRATCH)
                args[j] = bufs[c->bufs[j]];
            else {
                size_t size = (size_t)poly_eval_symbols(k->params[j].size, sym) * 4 + 64;
                args[j] = scratch[j] = memset(malloc(size), 0xFF, size);
            }
        FtcKernelArgs a = { args, sym, c->imms };
        for (int64_t piece = kernel_pieces(k, sym) - 1; piece >= 0; piece--)
            fn[c->kernel](&a, piece);
        for (int j = 0; j < k->n_params; j++)
            free(scratch[j]);
    }
    for (int i = 0; i < p->n_bufs; i++)
        if (mine[i]) {
            free(mine[i]);
            bufs[i] = NULL;
        }
    free(mine);
    free(fn);
    jit_free(jit);
    ftc_diag_free(diag);
}

static bool sample_with_gradients(Graph *g, Op op, int which)
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

static const struct {
    int level, bits;
} ways[] = { { 0, 0 }, { 2, 32 }, { 2, 256 }, { 2, 0 } };

/* All samples of an op side by side would be one big program; one at a time keeps a failure small. */
static void test_every_op(void **state)
{
    (void)state;
    FtcDiag *diag = ftc_diag_new(stderr);
    Sizes sizes[2];
    sizes_of(&sizes[0], 3, (int[]){ 4, 1, 19 }, 3, 11, 1);
    sizes_of(&sizes[1], 1, (int[]){ 1 }, 77, 1, 2);
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        CodegenOptions o = { .level = ways[way].level, .vector_bits = ways[way].bits, .no_cache = true };
        FtcDiag *quiet = ftc_diag_new(NULL);
        bool can = codegen_check_options(&o, quiet);
        ftc_diag_free(quiet);
        if (!can)
            continue;
        for (Op op = 0; op < N_OPS; op++)
            for (int which = 0;; which++) {
                Arena *arena = arena_new();
                Graph *g = graph_new(arena, "sample", diag);
                if (!sample_with_gradients(g, op, which)) {
                    arena_free(arena);
                    break;
                }
                graph_dce(g);
                pass_fuse(g, ways[way].level > 0);
                Program *p = lower_graph(g, arena);
                char what[96];
                snprintf(what, sizeof what, "%s, sample %d, -O%d, %d bits", op_info[op].name, which, ways[way].level, ways[way].bits);
                for (int s = 0; s < 2; s++)
                    check_program(what, g, p, &sizes[s], run_native, &o);
                arena_free(arena);
            }
    }
    ftc_diag_free(diag);
}

static void check_random(uint32_t seed, CodegenOptions *o, bool passes)
{
    Arena *arena = arena_new();
    FtcDiag *diag = ftc_diag_new(stderr);
    Graph *plain = random_graph(arena, diag, seed, 14 + (int)(seed % 23));
    assert_false(plain->failed);
    graph_verify(plain);
    Graph *g = graph_copy(plain, arena);
    if (passes) {
        pass_simplify(g);
        pass_remat(g);
    }
    pass_fuse(g, o->level > 0);
    graph_verify(g);
    Program *p = lower_graph(g, arena);
    pass_plan(p, true);
    Sizes sizes;
    int lengths[5] = { 1 + (int)(seed % 7), 1, 2 + (int)(seed % 31), 5, 1 + (int)(seed % 3) };
    sizes_of(&sizes, 1 + (int)(seed % 5), lengths, 2 + seed % 5, 4, seed);
    char what[96];
    snprintf(what, sizeof what, "random graph, seed %u, -O%d, %d bits%s", seed, o->level, o->vector_bits, passes ? ", all passes" : "");
    check_program(what, plain, p, &sizes, run_native, o);
    arena_free(arena);
    ftc_diag_free(diag);
}

static void test_random_graphs(void **state)
{
    (void)state;
    const char *seeds = getenv("FTC_SEEDS");
    uint32_t n = seeds ? (uint32_t)atoi(seeds) : 24;
    for (uint32_t seed = 1; seed <= n; seed++) {
        size_t way = seed % (sizeof ways / sizeof *ways);
        CodegenOptions o = { .level = ways[way].level, .vector_bits = ways[way].bits, .no_cache = true };
        FtcDiag *quiet = ftc_diag_new(NULL);
        bool can = codegen_check_options(&o, quiet);
        ftc_diag_free(quiet);
        if (can)
            check_random(seed, &o, seed / 4 % 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_op), cmocka_unit_test(test_random_graphs) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
