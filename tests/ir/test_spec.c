/* The spec: shipped models, defaults, settings, what -E prints, and hostile bytes. */
#include "compiler/spec/schema.h"
#include "runtime/core/files.h"
#include "tests/support/testing.h"

#include <dirent.h>
#include <glob.h>
#include <unistd.h>

static Arena *arena;
static FtcDiag *diag; /* to standard error: a test that passes says nothing */

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    diag = ftc_diag_new(stderr);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ftc_diag_free(diag);
    arena_free(arena);
    return 0;
}

static Spec *load_text(const char *text)
{
    return spec_load(arena, &(SpecSource){ .file = "test.yaml", .text = text, .len = strlen(text) }, diag);
}

static Spec *load_with(const char *text, const SpecSetting *base, int n_base, const SpecSetting *over, int n_over)
{
    return spec_load(arena, &(SpecSource){ .file = text ? "test.yaml" : NULL, .text = text, .len = text ? strlen(text) : 0,
                                           .base = base, .n_base = n_base, .over = over, .n_over = n_over }, diag);
}

static Spec *load_model(const char *name)
{
    Spec *s = spec_load(arena, &(SpecSource){ .file = source_path(arena_printf(arena, "models/%s", name)) }, diag);
    assert_non_null(s);
    return s;
}

static char *printed(const Spec *s)
{
    char *text;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    spec_print(s, f);
    fclose(f);
    char *copy = arena_strdup(arena, text);
    free(text);
    return copy;
}

static SpecSetting define(const char *arg)
{
    SpecSetting s;
    assert_true(spec_setting_parse(arena, arg, &s, diag));
    return s;
}

/* ---- models ---- */

static void bert_base_is_as_published(void **state)
{
    (void)state;
    Spec *s = load_model("bert_base_cls.yaml");
    const SpecEncoder *e = &s->model.encoder;
    assert_string_equal(e->type, "bert");
    assert_int_equal(e->width, 768);
    assert_int_equal(e->max_positions, 512);
    assert_int_equal(e->segments, 2);
    assert_int_equal(e->layers.n, 6);
    const Layer *repeat = &e->layers.v[5];
    assert_int_equal(repeat->kind, LAYER_repeat);
    assert_int_equal(repeat->count, 12);
    assert_string_equal(repeat->name, "layers");
    const Layer *residual = &repeat->body.v[0];
    assert_int_equal(residual->kind, LAYER_residual);
    assert_int_equal(residual->body.v[0].heads, 12);
    assert_string_equal(residual->body.v[0].name, "attention");
    assert_true(repeat->body.v[1].eps == 1e-12);
    const Layer *up = &repeat->body.v[2].body.v[0];
    assert_int_equal(up->width_in, 768);
    assert_int_equal(up->width_out, 3072);
    assert_string_equal(up->name, "ffn.up");
    assert_int_equal(s->model.head.activation, ACT_TANH);
    assert_true(s->optimizer.lr == 2e-5);
}

static void distilbert_head_is_relu(void **state)
{
    (void)state;
    Spec *s = load_model("distilbert_cls.yaml");
    assert_int_equal(s->model.head.activation, ACT_RELU);
    assert_true(s->model.head.dropout == 0.2);
    assert_int_equal(s->model.encoder.segments, 0);
    assert_null(spec_param(s, "segments"));
    assert_string_equal(spec_param(s, "hidden")->text, "768");
}

static void default_spec_is_the_defaults(void **state)
{
    (void)state;
    Spec *none = load_with(NULL, NULL, 0, NULL, 0);
    Spec *empty = load_text("{}");
    assert_non_null(none);
    assert_non_null(empty);
    assert_string_equal(printed(none), printed(empty));
    assert_string_equal(printed(none), printed(load_model("bert_cls.yaml")));
    assert_int_equal(none->model.encoder.width, 256);
    assert_true(spec_given(none, "train.batch"));
    assert_false(spec_given(none, "train.eval_batch"));
    assert_string_equal(spec_loc(none, "train.batch").file, "bert_cls.yaml");
}

static void printed_specs_read_back(void **state)
{
    (void)state;
    static const char *const more[] = {
        "data: {text: [a, 'b c'], label: \"y\\n\", labels: [yes, no, \"0\", 'a\"b\\', \"\\x07\\u2028é\"]}",
        "data: {text: [a + b, c], label_map: {0: no, \"~\": 'y', a b: 'x: y'}, separator: tab, encoding: cp1252, missing: drop, unmapped: drop}",
        "data: {labels: [yes, no]}\nloss: {class_weights: {no: 1.5, yes: 0.1}, label_smoothing: 0.05}",
        "loss: {class_weights: [1, 2, 0.3333333333333333]}\noptimizer: {clip_norm: none, schedule: {warmup: 17}}",
        "loss: {class_weights: balanced}\noptimizer: {type: sgd, momentum: 0.9, nesterov: true, lr: 0.1}",
        "model: {encoder: [token_embedding: 8, layer_norm, repeat: {count: 2, layers: [residual: [gated_ffn: 12], rms_norm]}]}",
        "model: {head: {pooler: false, pool: mean}, encoder: [token_embedding: 8, linear: {size: 8, bias: false}]}",
        "train: {max_steps: 10, seed: 4294967295}",
        "data: {label: [a, \"b\"], threshold: {a: 0.25, b: 1}, weight: w}\nloss: {type: binary_cross_entropy}",
        "data: {label_separator: '|', threshold: tuned}\nloss: {type: binary_cross_entropy, class_weights: balanced}",
        "data: {labels: [a, b], threshold: [0.31, 0.7]}\nloss: {type: binary_cross_entropy}",
        "loss: {type: focal, gamma: 0.5}\ntrain: {sampling: under}",
        "loss: {type: mse}",
    };
    glob_t files;
    assert_int_equal(glob(source_path("models/*.yaml"), 0, NULL, &files), 0);
    assert_int_equal(glob(source_path("tests/models/*.yaml"), GLOB_APPEND, NULL, &files), 0);
    assert_true(files.gl_pathc >= 7);
    for (size_t i = 0; i < files.gl_pathc + sizeof more / sizeof *more; i++) {
        Spec *s = i < files.gl_pathc ? spec_load(arena, &(SpecSource){ .file = files.gl_pathv[i] }, diag)
                                     : load_text(more[i - files.gl_pathc]);
        assert_non_null(s);
        char *first = printed(s);
        Spec *again = load_text(first);
        assert_non_null(again);
        assert_string_equal(first, printed(again));
        assert_int_equal(s->model.encoder.n_layers, again->model.encoder.n_layers);
        assert_int_equal(s->data.labels.n, again->data.labels.n);
        for (int j = 0; j < s->data.labels.n; j++)
            assert_string_equal(s->data.labels.v[j], again->data.labels.v[j]);
        assert_true(s->optimizer.lr == again->optimizer.lr);
        assert_true(s->optimizer.schedule.warmup.share == again->optimizer.schedule.warmup.share);
        assert_int_equal(s->optimizer.schedule.warmup.steps, again->optimizer.schedule.warmup.steps);
    }
    globfree(&files);
}

/* A path in a spec starts from the spec, one of a flag from where ftc was started. */
static void label_maps_come_from_files(void **state)
{
    (void)state;
    const char *file = source_path("tests/errors/spec.yaml"), *text = "data: {label_map: maps/three.tsv}";
    SpecSetting over = { "data.label_map", "{yes: 1}", FTC_FILE("-D") };
    Spec *s = spec_load(arena, &(SpecSource){ .file = file, .text = text, .len = strlen(text) }, diag);
    assert_non_null(s);
    const SpecLabelMap *m = &s->data.label_map;
    assert_int_equal(m->n, 3);
    assert_string_equal(m->code[0], "0");
    assert_string_equal(m->name[0], "negative");
    assert_string_equal(m->code[2], "2");
    assert_string_equal(m->name[2], "negative");
    assert_non_null(strstr(printed(s), "label_map: {\"0\": negative, \"1\": positive, \"2\": negative}\n"));

    s = spec_load(arena, &(SpecSource){ .file = file, .text = text, .len = strlen(text), .over = &over, .n_over = 1 }, diag);
    assert_non_null(s);
    assert_int_equal(s->data.label_map.n, 1);
    over.value = source_path("tests/errors/maps/three.tsv");
    s = spec_load(arena, &(SpecSource){ .file = file, .text = text, .len = strlen(text), .over = &over, .n_over = 1 }, diag);
    assert_non_null(s);
    assert_int_equal(s->data.label_map.n, 3);
}

/* ---- settings ---- */

static void later_settings_win(void **state)
{
    (void)state;
    SpecSetting over[] = { define("optimizer.lr=1e-3"), define("train.batch=8"), define("optimizer.lr=2e-3"),
                           define("model.encoder.layers=2"), define("optimizer.betas=[0.8, 0.9]") };
    Spec *s = load_with("optimizer: {lr: 1}\ntrain: {epochs: 7}", NULL, 0, over, 5);
    assert_non_null(s);
    assert_true(s->optimizer.lr == 2e-3);
    assert_int_equal(s->train.batch, 8);
    assert_int_equal(s->train.epochs, 7);
    assert_int_equal(s->model.encoder.layers.v[5].count, 2);
    assert_true(s->optimizer.betas[0] == 0.8);
    assert_string_equal(spec_loc(s, "optimizer.lr").file, "-D optimizer.lr=2e-3");
    assert_string_equal(spec_loc(s, "model.encoder.layers").file, "-D model.encoder.layers=2");
    assert_int_equal(spec_loc(s, "train.epochs").line, 2);
    assert_int_equal(spec_loc(s, "train.epochs").col, 17);
    assert_int_equal(spec_loc(s, "optimizer.eps").line, 1); /* the group */
    assert_string_equal(spec_loc(s, "loss.type").file, "test.yaml");
    assert_int_equal(spec_loc(s, "loss.type").line, 0);
}

static void settings_put_out_of_action_what_belonged_to_the_old_value(void **state)
{
    (void)state;
    const char *text = "optimizer: {type: adamw, betas: [0.9, 0.99]}";
    SpecSetting over[] = { define("optimizer.type=sgd"), define("optimizer.eps=1e-6") };
    Spec *s = load_with(text, NULL, 0, over, 1);
    assert_non_null(s);
    assert_int_equal(s->optimizer.type, OPT_SGD);
    assert_null(strstr(printed(s), "betas"));
    assert_null(load_with(text, NULL, 0, over, 2)); /* both from the command line: one of them is a mistake */
    assert_string_equal(ftc_diag_last(diag), "'eps' counts only where 'optimizer.type' is adamw");
}

static void labels_stay_as_written(void **state)
{
    (void)state;
    SpecSetting over[] = { define("loss.class_weights.v1.5=3"), define("data.weight=[x]") };
    Spec *s = load_with("data: {labels: [no, yes, 0, v1.5, ~]}\nloss: {class_weights: {no: 1, yes: 2, 0: 4}}", NULL, 0, over, 2);
    assert_non_null(s);
    assert_string_equal(s->data.labels.v[0], "no");
    assert_string_equal(s->data.labels.v[2], "0");
    assert_string_equal(s->data.labels.v[4], "~");
    assert_string_equal(s->data.weight, "[x]");
    const SpecWeights *w = &s->loss.class_weights;
    assert_int_equal(w->kind, WEIGHTS_BY_LABEL);
    assert_int_equal(w->n, 4);
    assert_string_equal(w->label[1], "yes");
    assert_string_equal(w->label[3], "v1.5");
    assert_true(w->weight[3] == 3);
}

static const SpecSetting minilm[] = {
    { "model.encoder.type", "bert", { "m/config.json", 0, 0, 0 } },
    { "model.encoder.layers", "6", { "m/config.json", 0, 0, 0 } },
    { "model.encoder.hidden", "384", { "m/config.json", 0, 0, 0 } },
    { "model.encoder.heads", "12", { "m/config.json", 0, 0, 0 } },
    { "model.encoder.intermediate", "1536", { "m/config.json", 0, 0, 0 } },
    { "model.encoder.norm_eps", "1e-12", { "m/config.json", 0, 0, 0 } },
    { "model.encoder.dropout", "0.1", { "m/config.json", 0, 0, 0 } },
};
enum { N_MINILM = sizeof minilm / sizeof *minilm };

static void base_alone_gives_the_architecture(void **state)
{
    (void)state;
    Spec *s = load_with(NULL, minilm, N_MINILM, NULL, 0);
    assert_non_null(s);
    assert_int_equal(s->model.encoder.width, 384);
    assert_string_equal(spec_param(s, "layers")->text, "6");
    assert_true(s->optimizer.lr == 5e-5);
}

static void base_fills_what_the_spec_leaves_out(void **state)
{
    (void)state;
    SpecSetting over[] = { define("model.encoder.norm_eps=0.000000000001") };
    Spec *s = load_with("model: {encoder: {dropout: 0, hidden: 384}}", minilm, N_MINILM, over, 1);
    assert_non_null(s);
    assert_string_equal(spec_param(s, "layers")->text, "6");
    assert_string_equal(spec_param(s, "dropout")->text, "0");
    assert_string_equal(spec_param(s, "intermediate")->text, "1536");
}

static void default_length_fits_the_positions(void **state)
{
    (void)state;
    assert_int_equal(load_text("model: {encoder: {max_positions: 40}}")->data.max_length, 40);
    assert_int_equal(load_text("{}")->data.max_length, 128);
}

static void warmup_is_a_share_or_steps(void **state)
{
    (void)state;
    assert_int_equal(spec_warmup_steps(load_text("optimizer: {schedule: {warmup: 0.1}}"), 59), 5);
    assert_int_equal(spec_warmup_steps(load_text("optimizer: {schedule: {warmup: 1}}"), 59), 1);
    assert_int_equal(spec_warmup_steps(load_text("optimizer: {schedule: {warmup: 0}}"), 59), 0);
    assert_int_equal(spec_warmup_steps(load_text("optimizer: {schedule: {warmup: 100}}"), 59), 100);
}

static void places_point_into_both_files(void **state)
{
    (void)state;
    Spec *s = load_text("model:\n  encoder:\n    type: bert\n    heads: 8\n");
    const Loc *l = s->model.encoder.layers.v[0].loc;
    assert_string_equal(l->at.file, "layers/bert.yaml");
    assert_true(l->at.line > 10);
    assert_string_equal(l->up->at.file, "test.yaml");
    assert_int_equal(l->up->at.line, 3);
    assert_int_equal(l->up->at.col, 11);
    assert_null(l->up->up);
}

/* ---- places ---- */

static void places_count_bytes(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF" "data: {label: \"Gr\xC3\xB6\xC3\x9F" "e\", text: t}\r\n# \xE2\x82\xAC\nloss: {type: cross_entropy}\n";
    Tree *t = tree_parse(arena, "t", text, sizeof text - 1, diag);
    assert_non_null(t);
    TreeItem *label = tree_find(tree_find(t, "data")->value, "label");
    assert_int_equal(label->at.col, 3 + 8);
    assert_int_equal(label->at.end_col, 3 + 13);
    TreeItem *column = tree_find(tree_find(t, "data")->value, "text");
    assert_int_equal(column->at.col, 3 + 8 + 7 + 9 + 2);
    assert_int_equal(column->value->at.end_col - column->value->at.col, 1);
    TreeItem *loss = tree_find(t, "loss");
    assert_int_equal(loss->at.line, 3);
    assert_int_equal(loss->at.col, 1);
}

/* ---- hostile bytes: a Spec or a diagnostic, never a crash ---- */

static void feed(const char *text, size_t len)
{
    Arena *a = arena_new();
    FtcDiag *d = ftc_diag_new(NULL);
    char *copy = malloc(len + 1); /* so that ASan sees a read past the end */
    memcpy(copy, text, len);
    Spec *s = spec_load(a, &(SpecSource){ .file = "f.yaml", .text = copy, .len = len }, d);
    assert_true(s ? ftc_diag_errors(d) == 0 : ftc_diag_errors(d) > 0);
    ftc_diag_free(d);
    arena_free(a);
    free(copy);
}

static void feed_folder(const char *folder, int depth, int *count)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.')
            continue;
        char *path = path_join(folder, e->d_name);
        size_t len;
        char *text;
        if (path_is_folder(path)) {
            if (depth < 4)
                feed_folder(path, depth + 1, count);
        } else if (strstr(e->d_name, ".yaml") && (text = file_read(path, 1 << 20, &len, diag))) {
            feed(text, len);
            ++*count;
            free(text);
        }
        free(path);
    }
    closedir(dir);
}

static void yaml_suite_ends_in_a_spec_or_a_message(void **state)
{
    (void)state;
    int count = 0;
    feed_folder(shared_path("suites/yaml_test_suite"), 0, &count);
    assert_true(count > 300);
}

/* What libyaml takes and the suite holds for wrong: comments without a blank before them, odd line folds and the like. */
static const char *const taken_all_the_same[] = { "9C9N", "9JBA", "CVW2", "DK95/01", "G5U8", "MUS6/00",
                                                  "QB6E", "S98Z", "SU5Z", "X4QW", "Y79Y/003", "YJV2" };

/* A case of the suite is a folder with the text in in.yaml and, where that is wrong, a file named error. */
static void yaml_suite_tells_right_from_wrong(void **state)
{
    (void)state;
    int right = 0, wrong = 0;
    glob_t files;
    char pattern[4096];
    snprintf(pattern, sizeof pattern, "%s/*/in.yaml", shared_path("suites/yaml_test_suite"));
    assert_int_equal(glob(pattern, 0, NULL, &files), 0);
    snprintf(pattern, sizeof pattern, "%s/*/*/in.yaml", shared_path("suites/yaml_test_suite"));
    assert_int_equal(glob(pattern, GLOB_APPEND, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        char *folder = strdup(files.gl_pathv[i]);
        *strrchr(folder, '/') = '\0';
        char *error = path_join(folder, "error");
        Arena *a = arena_new();
        FtcDiag *d = ftc_diag_new(NULL);
        size_t len;
        char *text = file_read(files.gl_pathv[i], 1 << 20, &len, diag);
        bool taken = tree_parse(a, "in.yaml", text, len, d) != NULL, is_wrong = path_is_file(error), listed = false;
        for (size_t k = 0; k < sizeof taken_all_the_same / sizeof *taken_all_the_same; k++)
            listed |= strlen(folder) > strlen(taken_all_the_same[k]) &&
                      !strcmp(folder + strlen(folder) - strlen(taken_all_the_same[k]), taken_all_the_same[k]);
        if (is_wrong && taken != listed)
            fail_msg("%s: %s", folder, taken ? "was taken" : ftc_diag_last(d));
        right += !is_wrong && taken;
        wrong += is_wrong && !taken;
        free(text);
        ftc_diag_free(d);
        arena_free(a);
        free(error);
        free(folder);
    }
    globfree(&files);
    /* of 308 right ones, the rest use what specs have no use for (anchors, tags, ...), or libyaml doesn't know it */
    assert_int_equal(right, 177);
    assert_int_equal(wrong, 82);
}

static void mutated_specs_end_in_a_spec_or_a_message(void **state)
{
    (void)state;
    static const char bytes[] = "\0\n\t :-{}[]\"'&*!|>%@`,#?$~0x\xFF\xC3\xE2";
    uint64_t rng = 1;
    glob_t files;
    assert_int_equal(glob(source_path("models/*.yaml"), 0, NULL, &files), 0);
    assert_int_equal(glob(source_path("models/layers/*.yaml"), GLOB_APPEND, NULL, &files), 0);
    for (size_t f = 0; f < files.gl_pathc; f++) {
        size_t len;
        char *text = file_read(files.gl_pathv[f], 1 << 20, &len, diag);
        assert_non_null(text);
        for (int round = 0; round < 100; round++) {
            char copy[8192];
            size_t n = len < sizeof copy ? len : sizeof copy;
            memcpy(copy, text, n);
            for (int edits = 1 + round % 4; edits; edits--) {
                rng = rng * 6364136223846793005u + 1442695040888963407u;
                copy[(rng >> 33) % n] = bytes[(rng >> 20) % (sizeof bytes - 1)];
            }
            feed(copy, round % 5 ? n : (rng >> 33) % n);
        }
        free(text);
    }
    globfree(&files);
}

static void large_texts_are_refused_quickly(void **state)
{
    (void)state;
    size_t len = (size_t)1 << 20;
    char *text = malloc(len + 2);
    for (int kind = 0; kind < 5; kind++) {
        static const char *const unit[] = { "[", "{a: ", "- ", "a: 1\n", "x" };
        for (size_t i = 0, n = strlen(unit[kind]); i < len; i++)
            text[i] = unit[kind][i % n];
        feed(text, len);
    }
    memset(text, 'x', len + 1);
    feed(text, len + 1);
    for (size_t i = 0; i + 8 <= len; i += 8) { /* many different keys */
        char key[16];
        snprintf(key, sizeof key, "%06zx:\n", i / 8);
        memcpy(text + i, key, 8);
    }
    feed(text, len);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bert_base_is_as_published),
        cmocka_unit_test(distilbert_head_is_relu),
        cmocka_unit_test(default_spec_is_the_defaults),
        cmocka_unit_test(printed_specs_read_back),
        cmocka_unit_test(label_maps_come_from_files),
        cmocka_unit_test(later_settings_win),
        cmocka_unit_test(settings_put_out_of_action_what_belonged_to_the_old_value),
        cmocka_unit_test(labels_stay_as_written),
        cmocka_unit_test(base_alone_gives_the_architecture),
        cmocka_unit_test(base_fills_what_the_spec_leaves_out),
        cmocka_unit_test(default_length_fits_the_positions),
        cmocka_unit_test(warmup_is_a_share_or_steps),
        cmocka_unit_test(places_point_into_both_files),
        cmocka_unit_test(places_count_bytes),
        cmocka_unit_test(yaml_suite_ends_in_a_spec_or_a_message),
        cmocka_unit_test(yaml_suite_tells_right_from_wrong),
        cmocka_unit_test(mutated_specs_end_in_a_spec_or_a_message),
        cmocka_unit_test(large_texts_are_refused_quickly),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
