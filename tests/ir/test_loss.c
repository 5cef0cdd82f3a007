/* Losses and their gradients, against what PyTorch computed in double (make_losses.py, reference/losses.json). */
#include "compiler/build/build.h"
#include "compiler/grad/grad.h"
#include "compiler/ir/eval.h"
#include "runtime/core/json.h"
#include "tests/support/testing.h"

#include <math.h>

enum { ROWS = 6, MOST_CLASSES = 4 };

typedef struct {
    const json_t *record, *of; /* the file, the case */
    int classes;
} Case;

static const json_t *get(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    if (!v)
        fail_msg("the record has no '%s'", key);
    return v;
}

static double number(const json_t *object, const char *key, int64_t i) { return json_number_value(json_array_get(get(object, key), (size_t)i)); }

/* One token a row, whose vector begins with the logits; the classifier picks them out. */
static void fill(void *ctx, const Node *n, Tensor *t)
{
    const Case *k = ctx;
    const char *name = n->a.name;
    for (int64_t i = 0; i < t->n; i++) {
        int64_t row = i / MOST_CLASSES, column = i % MOST_CLASSES;
        if (!strcmp(name, "ids") || !strcmp(name, "row_start"))
            t->v[i] = (double)i;
        else if (!strcmp(name, "labels") || !strcmp(name, "targets"))
            t->v[i] = number(k->of, "answers", i);
        else if (!strcmp(name, "row_weights") || !strcmp(name, "class_weights"))
            t->v[i] = number(k->record, name, i);
        else if (!strcmp(name, "embeddings.token.weight"))
            t->v[i] = column < k->classes ? number(k->of, "logits", row * k->classes + column) : 0;
        else if (!strcmp(name, "classifier.weight"))
            t->v[i] = row == column;
        else if (!strcmp(name, "classifier.bias"))
            t->v[i] = 0;
        else
            fail_msg("no value for '%s'", name);
    }
}

static void check_close(const Case *k, const char *what, int64_t i, double got, double want)
{
    if (!(fabs(got - want) <= 1e-9 * (1 + fabs(want))))
        fail_msg("%s: %s %d is %.12g, not %.12g", json_string_value(get(k->of, "name")), what, (int)i, got, want);
}

static void check_case(Case *k, Arena *arena, FtcDiag *d)
{
    SpecSetting set[8];
    int n = 0;
    size_t i;
    const json_t *setting;
    json_array_foreach(get(k->of, "settings"), i, setting)
        assert_true(spec_setting_parse(arena, json_string_value(setting), &set[n++], d));
    static const char text[] = "model: {head: {pooler: false, dropout: 0}, encoder: [token_embedding: 4]}";
    Spec *s = spec_load(arena, &(SpecSource){ .file = "t.yaml", .text = text, .len = strlen(text), .over = set, .n_over = n }, d);
    assert_non_null(s);
    Forward *f = build_forward(s, &(BuildOptions){ .training = true, .labels = true }, arena, d);
    assert_non_null(f);
    Graph *g = f->graph;
    Node *logits = graph_find_output(g, "logits"), *loss = graph_find_output(g, "loss"), *dx;
    graph_grad(g, loss, 1, &logits, &dx);
    graph_verify(g);
    graph_renumber(g);

    static const int32_t row_start[ROWS + 1] = { 0, 1, 2, 3, 4, 5, 6 };
    const Binding bind = { { ROWS, ROWS, 1, k->classes, ROWS }, row_start };
    Tensor **values = graph_eval(g, &bind, fill, k, arena);
    check_close(k, "loss", 0, values[loss->id]->v[0], json_number_value(get(k->of, "loss")));
    for (int64_t j = 0; j < ROWS * k->classes; j++)
        check_close(k, "gradient", j, values[dx->id]->v[j], number(k->of, "gradient", j));
}

static void losses_are_pytorchs(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(stderr);
    json_t *record = json_read_file(source_path("tests/ir/reference/losses.json"), d);
    assert_non_null(record);
    size_t i;
    const json_t *of;
    json_array_foreach(get(record, "cases"), i, of) {
        Arena *arena = arena_new();
        Case k = { record, of, (int)json_array_size(get(of, "logits")) / ROWS };
        check_case(&k, arena, d);
        arena_free(arena);
    }
    assert_int_equal(i, 14);
    json_decref(record);
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(losses_are_pytorchs) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
