/* Lowering: every op's samples and their gradient graphs, one kernel an op and fused, run in the kernel interpreter and held to
 * the evaluator. */
#include "tests/support/testing.h"

#include "compiler/passes/passes.h"
#include "tests/support/random_graph.h"
#include "tests/support/run_program.h"

static void check_op(Op op, bool whole, Sizes *sizes)
{
    FtcDiag *diag = ftc_diag_new(stderr);
    for (int which = 0;; which++) {
        Arena *arena = arena_new();
        Graph *g = graph_new(arena, "sample", diag);
        if (!sample_with_gradients(g, op, which)) {
            arena_free(arena);
            break;
        }
        graph_dce(g);
        pass_fuse(g, whole);
        graph_verify(g);
        Program *p = lower_graph(g, arena);
        char what[64];
        snprintf(what, sizeof what, "%s, sample %d%s", op_info[op].name, which, whole ? ", fused" : "");
        check_program(what, g, p, sizes, run_interpreter, NULL);
        arena_free(arena);
    }
    ftc_diag_free(diag);
}

static void check_all(bool whole)
{
    Sizes sizes;
    for (Op op = 0; op < N_OPS; op++) {
        check_op(op, whole, sizes_of(&sizes, 3, (int[]){ 4, 1, 7 }, 3, 11, 1));
        check_op(op, whole, sizes_of(&sizes, 1, (int[]){ 1 }, 2, 1, 2));
        check_op(op, whole, sizes_of(&sizes, 2, (int[]){ 131, 17 }, 77, 5, 3));
    }
}

static void test_one_kernel_an_op(void **state) { (void)state; check_all(false); }
static void test_fused(void **state) { (void)state; check_all(true); }

/* %m's region is that of %i and takes in %f's; then %k, which reads %i, comes after %j as well, as %f does: %n, which reads %k, can't
 * be computed where %j is. */
static void test_merged_regions_wait(void **state)
{
    (void)state;
    static const char text[] = "graph @g {\n"
        "  %a = weight {name=\"a\"} : f32[4,4]\n  %b = weight {name=\"b\"} : f32[4,4]\n  %w = weight {name=\"w\"} : f32[4,4]\n"
        "  %i = exp %a : f32[4,4]\n"
        "  %k = dot %i, %w {batch=0, ca=1, cb=0} : f32[4,4]\n"
        "  %j = exp %b : f32[4,4]\n"
        "  %d = dot %j, %w {batch=0, ca=1, cb=0} : f32[4,4]\n"
        "  %f = neg %d : f32[4,4]\n"
        "  %m = add %i, %f : f32[4,4]\n"
        "  %n = add %j, %k : f32[4,4]\n"
        "  return m=%m, n=%n\n}\n";
    Arena *arena = arena_new();
    FtcDiag *diag = ftc_diag_new(stderr);
    Graph *g = graph_parse(arena, "case", text, sizeof text - 1, diag);
    assert_non_null(g);
    pass_fuse(g, true);
    Sizes sizes;
    check_program("merged regions", g, lower_graph(g, arena), sizes_of(&sizes, 1, (int[]){ 1 }, 2, 1, 2), run_interpreter, NULL);
    ftc_diag_free(diag);
    arena_free(arena);
}

/* %c and %u, whose transpose is taken back, have a weight whose rows lie as those of a panel do; %r and %t have its columns, and %h and
 * %i what has to be paired.
 * Their copies round %w, so that nothing computes %bw; but an output reads %cast as well, and %late's copy is made after its update. */
static void test_packs(void **state)
{
    (void)state;
    static const char text[] = "graph @g {\n"
        "  %x = input {name=\"x\"} : f32[T,32]\n  %w = weight {name=\"w\"} : f32[32,32]\n  %v = transpose %w {axes=1:0} : f32[32,32]\n"
        "  %bx = cast %x : bf16[T,32]\n  %bw = cast %w : bf16[32,32]\n"
        "  %c = dot %x, %w {batch=0, ca=1, cb=0} : f32[T,32]\n"
        "  %r = dot %x, %w {batch=0, ca=1, cb=1} : f32[T,32]\n"
        "  %t = dot %x, %v {batch=0, ca=1, cb=0} : f32[T,32]\n"
        "  %u = dot %x, %v {batch=0, ca=1, cb=1} : f32[T,32]\n"
        "  %h = dot %bx, %bw {batch=0, ca=1, cb=0} : f32[T,32]\n"
        "  %i = dot %bx, %bw {batch=0, ca=1, cb=1} : f32[T,32]\n"
        "  %s = dot %x, %x {batch=0, ca=0, cb=0} : f32[32,32]\n"
        "  %o = weight {name=\"o\"} : f32[32,32]\n  %cast = cast %o : bf16[32,32]\n  %wide = cast %cast : f32[32,32]\n"
        "  %k = dot %bx, %cast {batch=0, ca=1, cb=0} : f32[T,32]\n"
        "  %l = weight {name=\"l\"} : f32[32,32]\n  %late = cast %l : bf16[32,32]\n  %new = update %l, %s {name=\"l\"} : f32[32,32]\n"
        "  %m = dot %bx, %late {batch=0, ca=1, cb=0} : f32[T,32]\n"
        "  return c=%c, r=%r, t=%t, u=%u, h=%h, s=%s, i=%i, k=%k, m=%m, wide=%wide\n}\n";
    static const int packs[] = { 2, 2, 2, 2, 2, 3, 2, 2, 2, 0 };
    Arena *arena = arena_new();
    FtcDiag *diag = ftc_diag_new(stderr);
    Graph *g = graph_parse(arena, "case", text, sizeof text - 1, diag);
    assert_non_null(g);
    pass_fuse(g, true);
    pass_pack(g);
    for (int i = 0; i < g->n_outputs; i++)
        assert_int_equal(g->outputs[i].node->packs, packs[i]);
    EACH_NODE(n, g)
        if (n->type.elem == BF16)
            assert_int_equal(n->group == 0, !strcmp(n->name, "bw"));
    Sizes sizes;
    check_program("packs", g, lower_graph(g, arena), sizes_of(&sizes, 2, (int[]){ 5, 30 }, 2, 1, 2), run_interpreter, NULL);
    ftc_diag_free(diag);
    arena_free(arena);
}

/* Where matrix registers will be, packed f32 is split, but for what %n has: few columns; and %r, of a weight and of an activation
 * that %d's chain packs, are held to the evaluator. */
static void test_splits(void **state)
{
    (void)state;
    static const char text[] = "graph @g {\n"
        "  %x = input {name=\"x\"} : f32[T,256]\n  %w = weight {name=\"w\"} : f32[256,256]\n  %f = weight {name=\"f\"} : f32[256,8]\n"
        "  %r = dot %x, %w {batch=0, ca=1, cb=1} : f32[T,256]\n"
        "  %n = dot %x, %f {batch=0, ca=1, cb=0} : f32[T,8]\n"
        "  %e = exp %r : f32[T,256]\n"
        "  %d = dot %x, %e {batch=0, ca=0, cb=0} : f32[256,256]\n"
        "  return r=%r, n=%n, d=%d\n}\n";
    static const int packs[] = { PACKS_RIGHT | PACKS_SPLIT, PACKS_RIGHT, PACKS_RIGHT | PACKS_SPLIT };
    Arena *arena = arena_new();
    FtcDiag *diag = ftc_diag_new(stderr);
    Graph *g = graph_parse(arena, "case", text, sizeof text - 1, diag);
    assert_non_null(g);
    pass_fuse(g, true);
    pass_chain(g);
    pass_pack(g);
    pass_split(g);
    for (int i = 0; i < g->n_outputs; i++)
        assert_int_equal(g->outputs[i].node->packs, packs[i]);
    Sizes sizes;
    check_program("splits", g, lower_graph(g, arena), sizes_of(&sizes, 2, (int[]){ 5, 30 }, 2, 1, 2), run_interpreter, NULL);
    ftc_diag_free(diag);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_one_kernel_an_op), cmocka_unit_test(test_fused),
                                        cmocka_unit_test(test_merged_regions_wait), cmocka_unit_test(test_packs),
                                        cmocka_unit_test(test_splits) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
