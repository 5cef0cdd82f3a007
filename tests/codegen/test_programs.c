/* Whole lowered programs as native code, held to the evaluator: every op's samples with their gradients, and random ragged graphs;
 * one kernel an op and fused, simplified and rematerialised or not, scalar, AVX2 and the host's best.
 * FTC_SEEDS=N runs N random graphs. */
#include "tests/support/testing.h"

#include "compiler/codegen/codegen.h"
#include "compiler/passes/passes.h"
#include "tests/support/random_graph.h"
#include "tests/support/run_native.h"

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
