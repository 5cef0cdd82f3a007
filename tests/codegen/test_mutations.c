/* ftc verify notices: each gradient rule, and each rewrite of the passes, spoiled one at a time (ir/mutate.h), is caught, and shown by a
 * graph of at most ten values, which fails again when it is given back, and doesn't where nothing is spoiled. */
#include "tests/support/testing.h"

#include "compiler/api/verify.h"
#include "compiler/ir/mutate.h"
#include "compiler/ops/ops.h"
#include "runtime/core/files.h"

enum { MOST_VALUES = 10 };

static bool verify(const char *input, bool is_graph, const char *output, VerifyReport *r)
{
    FtcDiag *quiet = ftc_diag_new(NULL);
    VerifyJob j = { .input = input, .is_graph = is_graph, .output = output, .pipeline = { .level = 2, .off = "," },
                    .codegen = { .level = 2, .no_cache = true } };
    bool ok = verify_run(&j, r, quiet);
    if (!ok)
        fail_msg("%s: %s", input, ftc_diag_last(quiet));
    ftc_diag_free(quiet);
    return r->failure.kind == FAIL_NONE;
}

/* The rule, spoiled, shows on the input, and then on what verify made of it. */
static void expect_caught(const char *rule, const char *input, bool is_graph)
{
    static const char *folder;
    if (!folder)
        folder = temp_folder();
    char small[256], smaller[256];
    snprintf(small, sizeof small, "%s/small.ftir", folder);
    snprintf(smaller, sizeof smaller, "%s/smaller.ftir", folder);
    VerifyReport r, again;
    mutate(rule);
    if (verify(input, is_graph, small, &r))
        fail_msg("%s is spoiled, and %s passes", rule, input);
    if (r.nodes > MOST_VALUES)
        fail_msg("%s: %s is reduced to %d values only (%s)", rule, input, r.nodes, r.failure.message);
    if (verify(small, true, smaller, &again))
        fail_msg("%s: what %s was reduced to passes", rule, input);
    mutate(NULL);
    if (!verify(small, true, smaller, &again))
        fail_msg("%s: what %s was reduced to fails without it: %s", rule, input, again.failure.message);
}

static char *write_graph(const char *text)
{
    static char path[256];
    if (!*path)
        snprintf(path, sizeof path, "%s/sample.ftir", temp_folder());
    FtcDiag *d = ftc_diag_new(stderr);
    assert_true(file_write(path, text, strlen(text), d));
    ftc_diag_free(d);
    return path;
}

/* ---- gradients ----------------------------------------------------------------------------------------------------------- */

static bool has_gradient(const Graph *g)
{
    bool reads = false;
    EACH_NODE(n, g)
        reads |= n->op == OP_input && n->type.elem == F32;
    return reads && graph_find_output(g, "y")->type.elem == F32;
}

/* The first sample of the op that has a gradient, as a graph of its own; false where there is none. */
static bool write_sample(Op op, char **path)
{
    bool found = false;
    for (int which = 0; !found; which++) {
        Arena *a = arena_new();
        FtcDiag *d = ftc_diag_new(stderr);
        Graph *g = graph_new(a, "sample", d);
        bool more = op_samples[op](g, op, which);
        found = more && has_gradient(g);
        if (found) {
            char *text = graph_text(g);
            *path = write_graph(text);
            free(text);
        }
        ftc_diag_free(d);
        arena_free(a);
        if (!more)
            break;
    }
    return found;
}

static void test_gradients(void **state)
{
    (void)state;
    for (Op op = 0; op < N_OPS; op++) {
        char rule[64], *path = NULL;
        snprintf(rule, sizeof rule, "grad:%s", op_info[op].name);
        if (op_info[op].grad == grad_none)
            continue;
        if (op == OP_cast) /* of its samples none is differentiable */
            path = write_graph("graph @g { %x = input {name=\"x\"} : f32[T,3] %y = cast %x : f32[T,3] return y=%y }");
        else
            assert_true(write_sample(op, &path));
        mutate(NULL);
        expect_caught(rule, path, true);
    }
}

/* Those that a model has are found in the model. */
static void test_gradients_in_a_model(void **state)
{
    (void)state;
    static const char *const rules[] = { "grad:dot", "grad:exp", "grad:erf", "grad:rsqrt", "grad:div", "grad:gather", "grad:split",
                                         "grad:select", "grad:join" };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        expect_caught(rules[i], source_path("models/tiny_cls.yaml"), false);
}

/* ---- passes -------------------------------------------------------------------------------------------------------------- */

#define X "%x = input {name=\"x\"} : f32[T,4] "
#define W "%w = weight {name=\"w\"} : f32[4,4] "
#define ROWS "%row_start = input {name=\"row_start\"} : i32[B] "
#define Q "%q = input {name=\"q\"} : f32[r:B,2,n(r),3] "

static const struct {
    const char *rule, *graph;
} rewrites[] = {
    { "simplify:same_type", X "%r = reshape %x : f32[T,4] %y = exp %r : f32[T,4] return y=%y" },
    { "simplify:reshapes", X "%r = reshape %x : f32[T,2,2] %s = reshape %r : f32[T,1,4] %y = exp %s : f32[T,1,4] return y=%y" },
    { "simplify:transposes", "%x = input {name=\"x\"} : f32[2,3,4] %r = transpose %x {axes=1:2:0} : f32[3,4,2] "
                             "%s = transpose %r {axes=1:0:2} : f32[4,3,2] %y = exp %s : f32[4,3,2] return y=%y" },
    { "simplify:no_transpose", X "%r = transpose %x {axes=0:1} : f32[T,4] %y = exp %r : f32[T,4] return y=%y" },
    { "simplify:split", "%x = input {name=\"x\"} : f32[r:B,n(r),4] %j = join %x : f32[T,4] %s = split %j : f32[r:B,n(r),4] "
                        "%y = exp %s : f32[r:B,n(r),4] return y=%y" },
    { "simplify:join", X "%s = split %x : f32[r:B,n(r),4] %j = join %s : f32[T,4] %y = exp %j : f32[T,4] return y=%y" },
    { "simplify:stop_gradient", X "%s = stop_gradient %x : f32[T,4] backward: %y = exp %s : f32[T,4] return y=%y" },
    { "simplify:broadcast", X "%c = input {name=\"c\"} : f32[4] %b = broadcast %c : f32[T,4] %y = mul %x, %b : f32[T,4] return y=%y" },
    { "simplify:one_times", X "%c = const {value=1} : f32[] %m = mul %c, %x : f32[T,4] %y = exp %m : f32[T,4] return y=%y" },
    { "simplify:times_one", X "%c = const {value=1} : f32[] %m = div %x, %c : f32[T,4] %y = exp %m : f32[T,4] return y=%y" },
    { "simplify:minus_zero", X "%c = const {value=0} : f32[] %m = sub %x, %c : f32[T,4] %y = exp %m : f32[T,4] return y=%y" },
    { "simplify:select", X "%b = input {name=\"b\"} : bool[T,4] %m = select %b, %x, %x : f32[T,4] %y = exp %m : f32[T,4] return y=%y" },
    { "simplify:cast", X "%c = cast %x : f32[T,4] %y = exp %c : f32[T,4] return y=%y" },
    { "simplify:fold", X "%a = const {value=2} : f32[] %b = const {value=3} : f32[] %c = add %a, %b : f32[] %y = mul %x, %c : f32[T,4] "
                       "return y=%y" },
    { "simplify:equal", X "%a = const {value=2} : f32[] %b = const {value=3} : f32[] %c = mul %x, %a : f32[T,4] "
                        "%y = sub %c, %b : f32[T,4] return y=%y" },
    { "demand:first_token", ROWS "%i = iota {axis=0} : i32[T] %f = cast %i : f32[T] %y = gather %f, %row_start : f32[B] return y=%y" },
    { "demand:rebuild", ROWS X "%e = exp %x : f32[T,4] %y = gather %e, %row_start : f32[B,4] return y=%y" },
    { "demand:pick", ROWS X "%e = exp %x : f32[T,4] %y = gather %e, %row_start : f32[B,4] return y=%y" },
    { "demand:pick_ragged", ROWS X "%s = split %x : f32[r:B,n(r),4] %e = exp %s : f32[r:B,n(r),4] %z = sum %e {axes=1} : f32[B,1,4] "
                            "%m = neg %e : f32[r:B,n(r),4] %j = join %m : f32[T,4] %y = gather %j, %row_start : f32[B,4] return y=%y, z=%z" },
    { "remat:clone", X "%e = exp %x : f32[T,4] backward: %y = mul %e, %x : f32[T,4] return y=%y" },
    { "remat:site", "%seed = input {name=\"seed\"} : i32[] %step = input {name=\"step\"} : i32[] %row = iota {axis=0} : i32[T] "
                    "%bits = rand %row, %seed, %step {site=1, columns=4} : i32[T,4] %f = cast %bits : f32[T,4] "
                    "backward: %y = neg %f : f32[T,4] return y=%y" },
    { "fuse:aligned", "%x = input {name=\"x\"} : f32[4,4] %e = exp %x : f32[4,4] %t = transpose %e {axes=1:0} : f32[4,4] "
                      "%y = sub %e, %t : f32[4,4] return y=%y" },
    { "fuse:waits", X W "%e = exp %x : f32[T,4] %d = dot %e, %w {batch=0, ca=1, cb=1} : f32[T,4] %y = sub %d, %e : f32[T,4] return y=%y" },
    { "fuse:between", X W "%a = dot %x, %w {batch=0, ca=1, cb=1} : f32[T,4] %g = dot %a, %x {batch=0, ca=0, cb=0} : f32[4,4] "
                      "%b = dot %x, %g {batch=0, ca=1, cb=0} : f32[T,4] %y = sub %a, %b : f32[T,4] return y=%y" },
    { "fuse:take_in", X "%e = exp %x : f32[T,4] %s = sum %e {axes=0} : f32[1,4] %y = mul %e, %s : f32[T,4] return y=%y" },
    { "fuse:updates", "%v = weight {name=\"v\"} : f32[4] %x = input {name=\"x\"} : f32[4] update: %n = sub %v, %x : f32[4] "
                      "%u = update %v, %n {name=\"v\"} : f32[4] %y = sum %v {axes=0} : f32[1] return y=%y" },
    { "chain:outer", "%q = input {name=\"q\"} : f32[B,2,2,3] %k = input {name=\"k\"} : f32[r:B,2,n(r),3] "
                     "%s = dot %q, %k {batch=2, ca=3, cb=3} : f32[r:B,2,2,n(r)] %t = transpose %s {axes=0:2:1:3} : f32[r:B,2,2,n(r)] "
                     "%y = exp %t : f32[r:B,2,2,n(r)] return y=%y" },
    { "chain:sums", X W "%d = dot %x, %w {batch=0, ca=1, cb=1} : f32[T,4] %s = sum %d {axes=0} : f32[1,4] %y = mul %d, %s : f32[T,4] return y=%y" },
    { "chain:batch", "%q = input {name=\"q\"} : f32[B,2,3] %k = input {name=\"k\"} : f32[r:B,n(r),3] "
                     "%s = dot %q, %k {batch=1, ca=2, cb=2} : f32[r:B,2,n(r)] %y = exp %s : f32[r:B,2,n(r)] return y=%y" },
    { "chain:reductions", Q "%s = dot %q, %q {batch=2, ca=3, cb=3} : f32[r:B,2,n(r),n(r)] %y = sum %s {axes=2} : f32[r:B,2,1,n(r)] return y=%y" },
    { "pack:depth", "%a = input {name=\"a\"} : f32[B,3] %w = weight {name=\"w\"} : f32[5,3] "
                    "%y = dot %a, %w {batch=0, ca=1, cb=1} : f32[B,5] return y=%y" },
    { "plan:last", ROWS X W "%c = input {name=\"c\"} : f32[4] %g = gather %x, %row_start : f32[B,4] "
                   "%d = dot %g, %w {batch=0, ca=1, cb=1} : f32[B,4] %y = add %d, %c : f32[B,4] return y=%y" },
};

static void test_rewrites(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rewrites / sizeof *rewrites; i++) {
        char text[1200];
        VerifyReport r;
        snprintf(text, sizeof text, "graph @g { %s }", rewrites[i].graph);
        const char *path = write_graph(text);
        mutate(NULL);
        if (!verify(path, true, NULL, &r))
            fail_msg("%s: the graph fails as it is: %s", rewrites[i].rule, r.failure.message);
        expect_caught(rewrites[i].rule, path, true);
    }
}

static void test_rewrites_in_a_model(void **state)
{
    (void)state;
    static const char *const rules[] = { "demand:rebuild", "remat:clone", "simplify:broadcast", "plan:last", "fuse:take_in", "keep:update" };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        expect_caught(rules[i], source_path("models/tiny_cls.yaml"), false);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_gradients), cmocka_unit_test(test_gradients_in_a_model),
                                        cmocka_unit_test(test_rewrites), cmocka_unit_test(test_rewrites_in_a_model) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
