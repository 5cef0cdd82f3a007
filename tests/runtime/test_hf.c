/* Hugging Face folders: config.json and weights, in and out. */
#include "tests/support/testing.h"

#include "runtime/core/files.h"
#include "runtime/core/json.h"
#include "runtime/text/bytes.h"
#include "runtime/weights/hf.h"
#include "runtime/weights/safetensors.h"
#include "runtime/weights/weights.h"

static FtcDiag *d;

static int setup(void **state)
{
    (void)state;
    d = ftc_diag_new(NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ftc_diag_free(d);
    return 0;
}

static void put(const char *folder, const char *name, const char *text)
{
    char *path = path_join(folder, name);
    assert_true(file_write(path, text, strlen(text), d));
    free(path);
}

static void take_away(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    assert_int_equal(remove(path), 0);
    free(path);
}

static void assert_says(const char *word)
{
    if (!strstr(ftc_diag_last(d), word))
        fail_msg("expected '%s' in '%s'", word, ftc_diag_last(d));
}

/* ----- names ----- */

static void names_of_both_families(void **state)
{
    (void)state;
    static const struct {
        HfFamily family;
        const char *ours, *theirs;
    } cases[] = {
        { HF_BERT, "embeddings.token.weight", "bert.embeddings.word_embeddings.weight" },
        { HF_BERT, "embeddings.norm.bias", "bert.embeddings.LayerNorm.bias" },
        { HF_BERT, "layers.0.attention.query.weight", "bert.encoder.layer.0.attention.self.query.weight" },
        { HF_BERT, "layers.11.attention_norm.bias", "bert.encoder.layer.11.attention.output.LayerNorm.bias" },
        { HF_BERT, "layers.123.ffn.down.bias", "bert.encoder.layer.123.output.dense.bias" },
        { HF_BERT, "pooler.weight", "bert.pooler.dense.weight" },
        { HF_BERT, "classifier.bias", "classifier.bias" },
        { HF_DISTILBERT, "layers.5.attention.output.weight", "distilbert.transformer.layer.5.attention.out_lin.weight" },
        { HF_DISTILBERT, "layers.5.ffn_norm.bias", "distilbert.transformer.layer.5.output_layer_norm.bias" },
        { HF_DISTILBERT, "pooler.bias", "pre_classifier.bias" },
        { HF_DISTILBERT, "embeddings.segment.weight", NULL },
        { HF_BERT, "embeddings.token.bias", NULL },
        { HF_BERT, "embeddings.token", NULL },
        { HF_BERT, "layers.attention.query.weight", NULL },
        { HF_BERT, "layers.07.attention.query.weight", NULL },
        { HF_BERT, "layers.-1.attention.query.weight", NULL },
        { HF_BERT, "layers.99999999999999999999.attention.query.weight", NULL },
        { HF_BERT, "layers.0.ffn.gate.weight", NULL },
        { HF_BERT, "", NULL },
        { HF_NONE, "pooler.weight", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name = hf_weight_name(cases[i].family, cases[i].ours);
        if (cases[i].theirs)
            assert_string_equal(name, cases[i].theirs);
        else
            assert_null(name);
        free(name);
    }
}

/* Their counts for a classifier with two layers, from transformers' state_dict(). */
static void families_are_complete(void **state)
{
    (void)state;
    static const int counts[HF_FAMILIES] = { [HF_BERT] = 5 + 2 * 16 + 4, [HF_DISTILBERT] = 4 + 2 * 16 + 4 };
    for (int f = HF_BERT; f < HF_FAMILIES; f++) {
        int n = 0;
        for (char *ours; (ours = hf_expected_weight(f, 2, n)) != NULL; n++) {
            char *theirs = hf_weight_name(f, ours);
            assert_non_null(theirs);
            free(theirs);
            free(ours);
        }
        assert_int_equal(n, counts[f]);
    }
}

/* ----- config.json ----- */

static const char bert_config[] =
    "{\"architectures\": [\"BertForSequenceClassification\"], \"model_type\": \"bert\", \"vocab_size\": 20,"
    " \"hidden_size\": 4, \"num_hidden_layers\": 2, \"num_attention_heads\": 2, \"intermediate_size\": 6,"
    " \"max_position_embeddings\": 16, \"type_vocab_size\": 2, \"layer_norm_eps\": 1e-5, \"hidden_act\": \"gelu_new\","
    " \"hidden_dropout_prob\": 0.25, \"attention_probs_dropout_prob\": 0, \"classifier_dropout\": null, \"pad_token_id\": 1,"
    " \"initializer_range\": 0.5, \"id2label\": {\"1\": \"yes\", \"0\": \"no\", \"2\": \"it's \\\"so\\\"\"},"
    " \"problem_type\": \"single_label_classification\", \"something_new\": [1]}";

static bool load_config(const char *text, HfConfig *c)
{
    const char *folder = temp_folder();
    put(folder, "config.json", text);
    return hf_config_load(folder, c, d);
}

static void reads_bert_config(void **state)
{
    (void)state;
    HfConfig c;
    assert_true(load_config(bert_config, &c));
    assert_int_equal(c.family, HF_BERT);
    assert_int_equal(c.vocab_size, 20);
    assert_int_equal(c.hidden, 4);
    assert_int_equal(c.layers, 2);
    assert_int_equal(c.heads, 2);
    assert_int_equal(c.intermediate, 6);
    assert_int_equal(c.max_positions, 16);
    assert_int_equal(c.type_vocab, 2);
    assert_true(c.layer_norm_eps == 1e-5);
    assert_string_equal(c.activation, "gelu_new");
    assert_true(c.dropout == 0.25);
    assert_true(c.attention_dropout == 0);
    assert_true(c.classifier_dropout == 0.25); /* as the hidden one */
    assert_true(c.initializer_range == 0.5);
    assert_int_equal(c.pad_token_id, 1);
    assert_true(c.is_classifier);
    assert_string_equal(c.problem_type, "single_label_classification");
    assert_int_equal(c.n_labels, 3);
    assert_string_equal(c.labels[0], "no");
    assert_string_equal(c.labels[1], "yes");
    assert_string_equal(c.labels[2], "it's \"so\"");
    hf_config_free(&c);
}

static void reads_distilbert_config(void **state)
{
    (void)state;
    HfConfig c;
    assert_true(load_config("{\"architectures\": [\"DistilBertForMaskedLM\"], \"model_type\": \"distilbert\", \"dim\": 64,"
                            " \"n_layers\": 3, \"n_heads\": 4, \"hidden_dim\": 128, \"activation\": \"relu\", \"dropout\": 0.3,"
                            " \"attention_dropout\": 0.4, \"vocab_size\": 99}", &c));
    assert_int_equal(c.family, HF_DISTILBERT);
    assert_int_equal(c.hidden, 64);
    assert_int_equal(c.layers, 3);
    assert_int_equal(c.heads, 4);
    assert_int_equal(c.intermediate, 128);
    assert_int_equal(c.type_vocab, 0);
    assert_string_equal(c.activation, "relu");
    assert_true(c.dropout == 0.3);
    assert_true(c.attention_dropout == 0.4);
    assert_true(c.classifier_dropout == 0.2);
    assert_false(c.is_classifier);
    assert_null(c.labels);
    assert_null(c.problem_type);
    hf_config_free(&c);
}

static void fills_in_what_transformers_would(void **state)
{
    (void)state;
    HfConfig c;
    assert_true(load_config("{\"architectures\": [\"BertForSequenceClassification\"]}", &c)); /* old: no model_type */
    assert_int_equal(c.family, HF_BERT);
    assert_int_equal(c.hidden, 768);
    assert_int_equal(c.layers, 12);
    assert_int_equal(c.vocab_size, 30522);
    assert_true(c.layer_norm_eps == 1e-12);
    assert_int_equal(c.n_labels, 2);
    assert_string_equal(c.labels[1], "LABEL_1");
    hf_config_free(&c);
    assert_true(load_config("{\"architectures\": [\"DistilBertModel\"]}", &c));
    assert_int_equal(c.family, HF_DISTILBERT);
    assert_int_equal(c.layers, 6);
    hf_config_free(&c);
}

static void refuses_bad_configs(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "", "JSON" },
        { "[]", "object" },
        { "{}", "model_type" },
        { "{\"model_type\": \"gpt2\"}", "it knows: bert, distilbert" },
        { "{\"model_type\": \"gpt2\", \"architectures\": [\"BertModel\"]}", "gpt2" },
        { "{\"model_type\": 3}", "'model_type' must be a string" },
        { "{\"model_type\": \"bert\", \"hidden_size\": \"768\"}", "'hidden_size' must be a whole number" },
        { "{\"model_type\": \"bert\", \"hidden_size\": 0}", "'hidden_size' is 0" },
        { "{\"model_type\": \"bert\", \"vocab_size\": 4294967296}", "'vocab_size'" },
        { "{\"model_type\": \"bert\", \"num_attention_heads\": 7}", "no multiple of 'num_attention_heads'" },
        { "{\"model_type\": \"bert\", \"hidden_dropout_prob\": 1.5}", "'hidden_dropout_prob' is 1.5" },
        { "{\"model_type\": \"bert\", \"hidden_act\": {}}", "'hidden_act' must be a string" },
        { "{\"model_type\": \"bert\", \"position_embedding_type\": \"relative_key\"}", "relative_key" },
        { "{\"model_type\": \"bert\", \"is_decoder\": true}", "is_decoder" },
        { "{\"model_type\": \"bert\", \"architectures\": [\"BertForSequenceClassification\"], \"id2label\": {}}", "empty" },
        { "{\"model_type\": \"bert\", \"architectures\": [\"BertForSequenceClassification\"], \"num_labels\": 100001}",
          "between 1 and 100000" },
        { "{\"model_type\": \"bert\", \"architectures\": [\"BertForSequenceClassification\"], \"id2label\": {\"0\": \"a\", "
          "\"2\": \"b\"}}", "none with the number 1" },
        { "{\"model_type\": \"bert\", \"architectures\": [\"BertForSequenceClassification\"], \"id2label\": {\"0\": 1}}", "no string" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        HfConfig c;
        int before = ftc_diag_errors(d);
        if (load_config(cases[i][0], &c))
            fail_msg("was accepted: %s", cases[i][0]);
        assert_true(ftc_diag_errors(d) > before);
        assert_says(cases[i][1]);
    }
    HfConfig c;
    assert_false(hf_config_load(temp_folder(), &c, d));
    assert_says("No such file");
    assert_false(hf_config_load("/dev/null", &c, d));
    assert_says("no folder");
}

/* ----- weights ----- */

enum { VOCAB = 20, HIDDEN = 4, INNER = 6, LAYERS = 2, CLASSES = 3 };

typedef struct {
    Weight *w;
    int n;
} Model;

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && !strcmp(name + n - m, end);
}

static int64_t count_of(const Weight *w) { return w->dims[0] * (w->rank > 1 ? w->dims[1] : 1); }

static void set_shape(Weight *w)
{
    const char *name = w->name;
    int64_t rows = HIDDEN, columns = HIDDEN;
    if (strstr(name, "token"))
        rows = VOCAB;
    else if (strstr(name, "position"))
        rows = 16;
    else if (strstr(name, "segment"))
        rows = 2;
    else if (strstr(name, "ffn.up"))
        rows = INNER;
    else if (strstr(name, "ffn.down"))
        columns = INNER;
    else if (strstr(name, "classifier"))
        rows = CLASSES;
    w->rank = ends_in(name, ".bias") || strstr(name, "norm") ? 1 : 2;
    w->dims[0] = rows;
    w->dims[1] = w->rank == 2 ? columns : 0;
}

/* All weights of a classifier; the values differ by seed. */
static Model make_model(HfFamily f, int seed)
{
    Model m = { NULL, 0 };
    for (char *name; (name = hf_expected_weight(f, LAYERS, m.n)) != NULL;) {
        m.w = realloc(m.w, (size_t)(m.n + 1) * sizeof *m.w);
        Weight *w = &m.w[m.n++];
        *w = (Weight){ .name = name };
        set_shape(w);
        w->may_be_missing = strstr(name, "pooler") || strstr(name, "classifier");
        w->data = malloc((size_t)count_of(w) * sizeof *w->data);
        for (int64_t k = 0; k < count_of(w); k++)
            w->data[k] = (float)(seed * 1000 + m.n * 100 + k);
    }
    return m;
}

static void free_model(Model m)
{
    for (int i = 0; i < m.n; i++) {
        free((char *)m.w[i].name);
        free(m.w[i].data);
    }
    free(m.w);
}

static void assert_same_values(Model a, Model b)
{
    assert_int_equal(a.n, b.n);
    for (int i = 0; i < a.n; i++)
        assert_memory_equal(a.w[i].data, b.w[i].data, (size_t)count_of(&a.w[i]) * 4);
}

static HfConfig config_of(HfFamily f, char **labels)
{
    return (HfConfig){ .family = f, .vocab_size = VOCAB, .hidden = HIDDEN, .layers = LAYERS, .heads = 2, .intermediate = INNER,
                       .max_positions = 16, .type_vocab = f == HF_BERT ? 2 : 0, .layer_norm_eps = 1e-12, .activation = "gelu",
                       .dropout = 0.1, .attention_dropout = 0.2, .classifier_dropout = 0.3, .initializer_range = 0.02,
                       .is_classifier = true, .labels = labels, .n_labels = CLASSES };
}

static void saved_models_come_back(void **state)
{
    (void)state;
    char *labels[] = { "a", "b \"c\"", "\xC3\xA9" };
    for (int f = HF_BERT; f < HF_FAMILIES; f++) {
        const char *folder = temp_folder();
        HfConfig c = config_of(f, labels), back;
        Model m = make_model(f, 1), other = make_model(f, 2);
        WeightsReport report;
        assert_true(weights_save(folder, &c, m.w, m.n, d));
        assert_true(weights_load(folder, f, other.w, other.n, &report, d));
        assert_int_equal(report.n_missing, 0);
        assert_int_equal(report.n_unused, 0);
        weights_report_free(&report);
        assert_same_values(m, other);

        assert_true(hf_config_load(folder, &back, d));
        assert_int_equal(back.family, f);
        assert_int_equal(back.vocab_size, VOCAB);
        assert_int_equal(back.hidden, HIDDEN);
        assert_int_equal(back.layers, LAYERS);
        assert_int_equal(back.heads, 2);
        assert_int_equal(back.intermediate, INNER);
        assert_int_equal(back.max_positions, 16);
        assert_int_equal(back.type_vocab, c.type_vocab);
        assert_true(back.layer_norm_eps == 1e-12);
        assert_true(back.dropout == 0.1);
        assert_true(back.attention_dropout == 0.2);
        assert_true(back.classifier_dropout == 0.3);
        assert_string_equal(back.activation, "gelu");
        assert_string_equal(back.problem_type, "single_label_classification");
        assert_true(back.is_classifier);
        assert_int_equal(back.n_labels, CLASSES);
        for (int i = 0; i < CLASSES; i++)
            assert_string_equal(back.labels[i], labels[i]);
        hf_config_free(&back);

        char *path = path_join(folder, "model.safetensors");
        Safetensors *s = safetensors_open(path, d);
        assert_string_equal(safetensors_metadata(s, "format"), "pt");
        assert_non_null(safetensors_find(s, f == HF_BERT ? "bert.encoder.layer.1.output.LayerNorm.weight" : "pre_classifier.bias"));
        safetensors_close(s);
        free(path);
        free_model(m);
        free_model(other);
    }
}

/* Writes a model with its names spelled otherwise, without the weights whose name has `skip` in it (NULL: all
 * are written), plus one tensor more. */
typedef enum { BARE = 1, OLD = 2 } Spelling;

static void write_spelled(const char *folder, const char *file, Model m, int spelling, const char *skip, const Tensor *extra)
{
    Tensor *t = calloc((size_t)m.n + 1, sizeof *t);
    int n = 0;
    for (int i = 0; i < m.n; i++) {
        char *name = hf_weight_name(HF_BERT, m.w[i].name), *spelled = malloc(strlen(name) + 8);
        strcpy(spelled, spelling & BARE && !strncmp(name, "bert.", 5) ? name + 5 : name);
        char *norm = strstr(spelled, "LayerNorm.");
        if (norm && spelling & OLD)
            strcpy(norm, strstr(name, ".weight") ? "LayerNorm.gamma" : "LayerNorm.beta");
        free(name);
        if (skip && strstr(m.w[i].name, skip)) {
            free(spelled);
            continue;
        }
        t[n++] = (Tensor){ .name = spelled, .dtype = DTYPE_F32, .rank = m.w[i].rank, .dims = m.w[i].dims, .data = m.w[i].data };
    }
    if (extra)
        t[n] = *extra;
    char *path = path_join(folder, file);
    assert_true(safetensors_write(path, t, n + (extra != NULL), d));
    free(path);
    for (int i = 0; i < n; i++)
        free((char *)t[i].name);
    free(t);
}

static void understands_all_spellings(void **state)
{
    (void)state;
    for (int spelling = 0; spelling < 4; spelling++) {
        const char *folder = temp_folder();
        Model m = make_model(HF_BERT, 3), got = make_model(HF_BERT, 4);
        write_spelled(folder, "model.safetensors", m, spelling, NULL, NULL);
        assert_true(weights_load(folder, HF_BERT, got.w, got.n, NULL, d));
        assert_same_values(m, got);
        free_model(m);
        free_model(got);
    }
}

static void names_new_and_unused_weights(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    Model m = make_model(HF_BERT, 5), got = make_model(HF_BERT, 6);
    int64_t ids[] = { 0, 1, 2 }, dims[] = { 1, 3 };
    Tensor buffer = { .name = "embeddings.position_ids", .dtype = DTYPE_I64, .rank = 2, .dims = dims, .data = ids };
    write_spelled(folder, "model.safetensors", m, BARE, "classifier", &buffer);
    WeightsReport report;
    assert_true(weights_load(folder, HF_BERT, got.w, got.n, &report, d));
    assert_int_equal(report.n_unused, 0); /* position_ids are no weights */
    assert_int_equal(report.n_missing, 2);
    assert_string_equal(report.missing[0], "classifier.weight");
    assert_string_equal(report.missing[1], "classifier.bias");
    assert_false(got.w[got.n - 1].loaded);
    assert_true(got.w[0].loaded);
    assert_true(got.w[got.n - 1].data[0] == 6000 + got.n * 100); /* left as it was */
    weights_report_free(&report);

    /* An encoder without a pooler is asked for: the file's pooler is left over. */
    assert_true(weights_load(folder, HF_BERT, got.w, got.n - 4, &report, d));
    assert_int_equal(report.n_missing, 0);
    assert_int_equal(report.n_unused, 2);
    assert_string_equal(report.unused[0], "pooler.dense.bias");
    weights_report_free(&report);
    free_model(m);
    free_model(got);
}

static void missing_encoder_weights_are_errors(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    Model m = make_model(HF_BERT, 7);
    WeightsReport report;
    write_spelled(folder, "model.safetensors", m, 0, "layers.1.ffn.down", NULL);
    assert_false(weights_load(folder, HF_BERT, m.w, m.n, &report, d));
    weights_report_free(&report);
    assert_says("'bert.encoder.layer.1.output.dense.weight' (and 1 more)");
    free_model(m);
}

static void wrong_shapes_and_types_are_errors(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    Model m = make_model(HF_BERT, 8);
    static const char name[] = "bert.encoder.layer.0.output.dense.weight";
    static const float data[24];
    int64_t swapped[] = { INNER, HIDDEN }, flat[] = { 24 }, right[] = { HIDDEN, INNER }, deep[] = { HIDDEN, INNER, 1 };
    Tensor extra = { .name = name, .dtype = DTYPE_F32, .rank = 2, .dims = swapped, .data = data };
    write_spelled(folder, "model.safetensors", m, 0, "layers.0.ffn.down.weight", &extra);
    assert_false(weights_load(folder, HF_BERT, m.w, m.n, NULL, d));
    assert_says("'bert.encoder.layer.0.output.dense.weight' has the shape [6,4], but the model's 'layers.0.ffn.down.weight' needs [4,6]");
    extra.rank = 1;
    extra.dims = flat;
    write_spelled(folder, "model.safetensors", m, 0, "layers.0.ffn.down.weight", &extra);
    assert_false(weights_load(folder, HF_BERT, m.w, m.n, NULL, d));
    assert_says("[24]");
    extra.rank = 3;
    extra.dims = deep;
    write_spelled(folder, "model.safetensors", m, 0, "layers.0.ffn.down.weight", &extra);
    assert_false(weights_load(folder, HF_BERT, m.w, m.n, NULL, d));
    assert_says("[4,6,1]");
    extra = (Tensor){ .name = name, .dtype = DTYPE_I32, .rank = 2, .dims = right, .data = data };
    write_spelled(folder, "model.safetensors", m, 0, "layers.0.ffn.down.weight", &extra);
    assert_false(weights_load(folder, HF_BERT, m.w, m.n, NULL, d));
    assert_says("type I32");
    extra.dtype = DTYPE_F16;
    write_spelled(folder, "model.safetensors", m, 0, "layers.0.ffn.down.weight", &extra);
    assert_true(weights_load(folder, HF_BERT, m.w, m.n, NULL, d));
    free_model(m);
}

static void weights_in_other_files(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    Model m = make_model(HF_BERT, 9), got = make_model(HF_BERT, 10);
    assert_false(weights_load(folder, HF_BERT, got.w, got.n, NULL, d));
    assert_says("no model.safetensors");
    put(folder, "pytorch_model.bin", "x");
    assert_false(weights_load(folder, HF_BERT, got.w, got.n, NULL, d));
    assert_says("convert it once with");

    static const char index[] = "{\"weight_map\": {\"bert.embeddings.word_embeddings.weight\": \"model-1.safetensors\","
                                "\"pooler\": \"model-2.safetensors\", \"x\": \"model-1.safetensors\"}}";
    put(folder, "model.safetensors.index.json", index);
    write_spelled(folder, "model-1.safetensors", m, 0, "ffn", NULL);
    assert_false(weights_load(folder, HF_BERT, got.w, got.n, NULL, d)); /* a part is missing */
    Model ffn = { malloc((size_t)m.n * sizeof *m.w), 0 };
    for (int i = 0; i < m.n; i++)
        if (strstr(m.w[i].name, "ffn"))
            ffn.w[ffn.n++] = m.w[i];
    write_spelled(folder, "model-2.safetensors", ffn, 0, NULL, NULL);
    assert_true(weights_load(folder, HF_BERT, got.w, got.n, NULL, d));
    assert_same_values(m, got);
    free(ffn.w);
    free_model(m);
    free_model(got);
}

/* One file by ever other names: each would be opened. */
static void too_many_parts_are_refused(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    Model m = make_model(HF_BERT, 11);
    write_spelled(folder, "m", m, 0, NULL, NULL);
    Bytes index = { 0 };
    bytes_add(&index, "{\"weight_map\": {", 16);
    for (int i = 0; i <= 1000; i++) {
        char text[64];
        size_t n = (size_t)snprintf(text, sizeof text, "%s\"%d\": \".", i ? ", " : "", i);
        bytes_add(&index, text, n);
        for (int k = 0; k <= i; k++)
            bytes_put(&index, '/');
        bytes_add(&index, "m\"", 2);
    }
    bytes_add(&index, "}}", 3);
    put(folder, "model.safetensors.index.json", index.p);
    assert_false(weights_load(folder, HF_BERT, m.w, m.n, NULL, d));
    assert_says("names more than 1000 files, the limit");
    bytes_free(&index);
    free_model(m);
}

static void no_path_leaves_the_folder(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    char *inner = path_join(folder, "model"), index[512];
    Model m = make_model(HF_BERT, 11);
    assert_true(folder_make(inner, d));
    write_spelled(folder, "outside.safetensors", m, 0, NULL, NULL);
    char *absolute = path_join(folder, "outside.safetensors");
    const char *const names[] = { "../outside.safetensors", absolute, "x/../../outside.safetensors", "", "..", "a\\u0000b" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(index, sizeof index, "{\"weight_map\": {\"a\": \"%s\"}}", names[i]);
        put(inner, "model.safetensors.index.json", index);
        assert_false(weights_load(inner, HF_BERT, m.w, m.n, NULL, d));
        assert_says(strstr(names[i], "\\u") ? "no string" : "outside the model's folder");
    }
    put(inner, "model.safetensors.index.json", "{\"weight_map\": {\"a\": 1}}");
    assert_false(weights_load(inner, HF_BERT, m.w, m.n, NULL, d));
    put(inner, "model.safetensors.index.json", "{\"weight_map\": []}");
    assert_false(weights_load(inner, HF_BERT, m.w, m.n, NULL, d));
    assert_says("weight_map");
    take_away(inner, "model.safetensors.index.json");
    put(inner, "model.safetensors", "not one");
    assert_false(weights_load(inner, HF_BERT, m.w, m.n, NULL, d));
    free(absolute);
    free(inner);
    free_model(m);
}

static void own_names_without_a_family(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    Model m = make_model(HF_BERT, 12), got = make_model(HF_BERT, 13);
    assert_true(weights_save(folder, NULL, m.w, m.n, d));
    assert_true(weights_load(folder, HF_NONE, got.w, got.n, NULL, d));
    assert_same_values(m, got);
    char *config = path_join(folder, "config.json");
    assert_false(path_is_file(config));
    free(config);
    free_model(m);
    free_model(got);
}

static void knows_what_fits_a_family(void **state)
{
    (void)state;
    char why[200];
    Model m = make_model(HF_BERT, 14), distil = make_model(HF_DISTILBERT, 14);
    assert_true(weights_fit(HF_BERT, LAYERS, m.w, m.n, why, sizeof why));
    assert_true(weights_fit(HF_DISTILBERT, LAYERS, distil.w, distil.n, why, sizeof why));
    assert_false(weights_fit(HF_BERT, LAYERS, m.w, m.n - 1, why, sizeof why));
    assert_string_equal(why, "'classifier.bias' is missing");
    assert_false(weights_fit(HF_DISTILBERT, LAYERS, m.w, m.n, why, sizeof why));
    assert_string_equal(why, "'embeddings.segment.weight' has no place in it");
    assert_false(weights_fit(HF_BERT, LAYERS + 1, m.w, m.n, why, sizeof why));
    assert_false(weights_fit(HF_BERT, LAYERS - 1, m.w, m.n, why, sizeof why));
    free_model(m);
    free_model(distil);
}

/* The digest was made by Python's hashlib and struct from the description in weights.h. */
static void digest_of_the_weights(void **state)
{
    (void)state;
    float a[] = { 1, -2, 0.5f, 3, 4, 5 }, b[] = { 0.25f };
    Weight w[] = { { .name = "b.weight", .rank = 2, .dims = { 2, 3 }, .data = a },
                   { .name = "a.bias", .rank = 1, .dims = { 1 }, .data = b } };
    Weight reversed[] = { w[1], w[0] };
    char hex[65], other[65];
    weights_sha256(w, 2, hex);
    assert_string_equal(hex, "04bf6224f95ce83be6f3b3c59b119876c679e485265bd712c77cb7d1489c18ef");
    weights_sha256(reversed, 2, other);
    assert_string_equal(hex, other);
    a[5] = 6;
    weights_sha256(w, 2, other);
    assert_string_not_equal(hex, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_both_families),
        cmocka_unit_test(families_are_complete),
        cmocka_unit_test(reads_bert_config),
        cmocka_unit_test(reads_distilbert_config),
        cmocka_unit_test(fills_in_what_transformers_would),
        cmocka_unit_test(refuses_bad_configs),
        cmocka_unit_test(saved_models_come_back),
        cmocka_unit_test(understands_all_spellings),
        cmocka_unit_test(names_new_and_unused_weights),
        cmocka_unit_test(missing_encoder_weights_are_errors),
        cmocka_unit_test(wrong_shapes_and_types_are_errors),
        cmocka_unit_test(weights_in_other_files),
        cmocka_unit_test(too_many_parts_are_refused),
        cmocka_unit_test(no_path_leaves_the_folder),
        cmocka_unit_test(own_names_without_a_family),
        cmocka_unit_test(knows_what_fits_a_family),
        cmocka_unit_test(digest_of_the_weights),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
