/* Whole models against what PyTorch and `transformers` computed; make_reference.py and make_tasks_reference.py recorded it in
 * reference/.
 *
 * Each record names its texts by rows of public data sets and its weights by a formula, so that a folder of BERT-base is made here in
 * a second, to the bit.  The real MiniLM encoder is looked for in $FTC_MINILM and where the quickstart puts it. */
#include "compiler/support/arena.h"
#include "runtime/core/files.h"
#include "runtime/core/json.h"
#include "runtime/text/csv.h"
#include "runtime/weights/safetensors.h"
#include "tests/support/testing.h"

#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_ARGS = 64, MAX_RANK = 4 };

static FtcDiag *diag;
static json_t *record_loaded;
static Arena *arena; /* names and small things of all tests */

/* ----- small helpers ----- */

/* Lasts until the next one is loaded. */
static const json_t *load_record(const char *name)
{
    static const char folder[] = "tests/models/reference";
    json_decref(record_loaded);
    record_loaded = json_read_file(source_path(arena_printf(arena, "%s/%s.json", folder, name)), diag);
    assert_non_null(record_loaded);
    return record_loaded;
}

static const json_t *get(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    if (!v)
        fail_msg("the record has no '%s'", key);
    return v;
}

static int64_t get_int(const json_t *object, const char *key) { return (int64_t)json_integer_value(get(object, key)); }
static const char *get_string(const json_t *object, const char *key) { return json_string_value(get(object, key)); }

static const char *in(const char *folder, const char *name) { return arena_printf(arena, "%s/%s", folder, name); }
static const char *new_folder(void) { return arena_strdup(arena, temp_folder()); }

static const char *minilm_folder(void)
{
    const char *given = getenv("FTC_MINILM"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    const char *shares = data && *data ? data : in(home ? home : "", ".local/share");
    const char *path = given ? given : in(shares, "ftc/models/minilm-l6");
    if (!path_is_file(in(path, "model.safetensors"))) {
        printf("skipped: no MiniLM encoder in %s; examples/quickstart.sh fetches it, or set FTC_MINILM\n", path);
        skip();
    }
    return path;
}

typedef struct {
    int n;
    const char *v[MAX_ARGS];
} Args;

static void add(Args *a, const char *arg)
{
    assert_true(a->n + 1 < MAX_ARGS);
    a->v[a->n++] = arg;
}

static void define(Args *a, const char *setting)
{
    add(a, "-D");
    add(a, setting);
}

/* Runs ftc; what it says goes into a file, which is shown if it fails. */
static void run_ftc(const Args *a)
{
    const char *said = in(temp_folder(), "said");
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (!freopen(said, "w", stderr) || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
            _exit(126);
        execv(FTC_PROGRAM, (char *const *)a->v);
        _exit(127);
    }
    int status;
    assert_true(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    size_t size;
    char *text = file_read(said, 1 << 20, &size, diag);
    fail_msg("ftc ended with status %#x:\n%s", (unsigned)status, text ? text : "");
}

/* ----- a folder from a record ----- */

/* `formula` of make_reference.py. */
static float element(uint64_t tensor, uint64_t i, double centre, double scale)
{
    uint64_t z = ((tensor << 32) + i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return (float)(centre + scale * ((double)((int64_t)(z >> 40) - (1 << 23)) * 0x1p-23));
}

/* A tensor of the record's list, and the sum of its bits. */
static Tensor make_tensor(const json_t *row, uint64_t number, uint64_t *bits)
{
    const json_t *shape = json_array_get(row, 1);
    int rank = (int)json_array_size(shape);
    int64_t *dims = NEW_ARRAY(arena, int64_t, MAX_RANK), size = 1;
    assert_true(rank <= MAX_RANK);
    for (int i = 0; i < rank; i++)
        size *= dims[i] = (int64_t)json_integer_value(json_array_get(shape, (size_t)i));
    double centre = json_number_value(json_array_get(row, 2)), scale = json_number_value(json_array_get(row, 3));
    float *data = malloc((size_t)size * sizeof *data);
    assert_non_null(data);
    for (int64_t i = 0; i < size; i++) {
        uint32_t word;
        data[i] = element(number, (uint64_t)i, centre, scale);
        memcpy(&word, &data[i], sizeof word);
        *bits += word;
    }
    return (Tensor){ json_string_value(json_array_get(row, 0)), DTYPE_F32, rank, dims, data, (size_t)size * sizeof *data };
}

static void copy_file(const char *from, const char *to)
{
    size_t size;
    char *text = file_read(from, JSON_FILE_LIMIT, &size, diag);
    assert_non_null(text);
    assert_true(file_write(to, text, size, diag));
    free(text);
}

/* A Hugging Face classifier folder: config.json as transformers wrote it, the weights, a vocabulary. */
static const char *make_folder(const json_t *record)
{
    const char *folder = new_folder(), *base = json_string_value(get(record, "base"));
    const json_t *list = get(record, "weights");
    const char *encoder = base ? minilm_folder() : NULL;
    Safetensors *s = encoder ? safetensors_open(in(encoder, "model.safetensors"), diag) : NULL;
    assert_true(!encoder || s);
    int n_base = s ? safetensors_count(s) : 0, n = (int)json_array_size(list);
    Tensor *t = NEW_ARRAY(arena, Tensor, n_base + n);
    uint64_t bits = 0;
    for (int i = 0; i < n_base; i++)
        t[i] = *safetensors_at(s, i);
    for (int i = 0; i < n; i++)
        t[n_base + i] = make_tensor(json_array_get(list, (size_t)i), (uint64_t)i, &bits);
    assert_int_equal((int64_t)(bits % ((uint64_t)1 << 53)), get_int(record, "weight_bits"));
    assert_true(safetensors_write(in(folder, "model.safetensors"), t, n_base + n, diag));
    for (int i = n_base; i < n_base + n; i++)
        free((void *)t[i].data);
    if (s)
        safetensors_close(s);
    assert_int_equal(json_dump_file(get(record, "config"), in(folder, "config.json"), JSON_INDENT(2)), 0);
    copy_file(encoder ? in(encoder, "vocab.txt") : shared_path("vocabs/bert-base-uncased/vocab.txt"), in(folder, "vocab.txt"));
    return folder;
}

/* ----- logits ----- */

static const char *data_file(const char *set, const char *file)
{
    return arena_strdup(arena, shared_path(arena_printf(arena, "data/%s/%s", set, file)));
}

/* The record's texts, or its pairs, as a table; how many there are. */
static int64_t write_texts(const json_t *record, bool pairs, const char *path)
{
    Bytes out = { 0 }, scratch = { 0 };
    int64_t rows = 0;
    size_t i;
    const json_t *range;
    bytes_add(&out, pairs ? "text_a,text_b\n" : "text\n", pairs ? 14 : 5);
    json_array_foreach(get(record, "rows"), i, range) {
        const char *file = data_file(json_string_value(json_array_get(range, 0)), "test.csv");
        int64_t first = (int64_t)json_integer_value(json_array_get(range, 1));
        int64_t count = (int64_t)json_integer_value(json_array_get(range, 2));
        Csv *c = csv_open(file, NULL, diag);
        assert_non_null(c);
        int a = csv_find_column(c, pairs ? "text_a" : "text"), b = csv_find_column(c, "text_b");
        for (int64_t r = first; r < first + count && a >= 0; r++, rows++) {
            csv_put_field(&out, csv_field(c, r, a, &scratch), ',');
            if (pairs) {
                bytes_put(&out, ',');
                csv_put_field(&out, csv_field(c, r, b, &scratch), ',');
            }
            bytes_put(&out, '\n');
        }
        csv_close(c);
    }
    assert_true(file_write(path, out.p, out.n, diag));
    bytes_free(&out);
    bytes_free(&scratch);
    return rows;
}

/* The largest difference of the predictions' logits from the record's, whose first row is number `from`. */
static double compare_logits(const json_t *record, const char *predictions, int64_t from, int64_t rows)
{
    Csv *c = csv_open(predictions, NULL, diag);
    assert_non_null(c);
    assert_int_equal(csv_records(c), rows);
    const json_t *labels = get(get(record, "config"), "id2label");
    Bytes scratch = { 0 };
    double worst = 0;
    for (size_t k = 0; k < json_object_size(labels); k++) {
        const char *label = get_string(labels, arena_printf(arena, "%zu", k));
        int at = csv_need_column(c, arena_printf(arena, "logit_%s", label), diag);
        assert_true(at >= 0);
        for (int64_t r = 0; r < rows; r++) {
            Slice field = csv_field(c, r, at, &scratch);
            char text[64];
            snprintf(text, sizeof text, "%.*s", SLICE_ARG(field));
            double wanted = json_number_value(json_array_get(json_array_get(get(record, "logits"), (size_t)(from + r)), k));
            double off = fabs(strtod(text, NULL) - wanted);
            worst = off > worst || isnan(off) ? off : worst;
        }
    }
    csv_close(c);
    bytes_free(&scratch);
    return worst;
}

static void check_logits(const char *name)
{
    const json_t *record = load_record(name);
    const json_t *settings = get(get(record, "made_by"), "settings");
    const char *folder = make_folder(record);
    int64_t done = 0;
    double worst = 0;
    for (int pairs = 0; pairs < 2; pairs++) {
        const char *table = in(folder, "texts.csv"), *predictions = in(folder, "predictions.csv");
        int64_t rows = write_texts(record, pairs, table);
        Args a = { 0 };
        add(&a, "ftc"), add(&a, "run"), add(&a, folder);
        add(&a, "--predict"), add(&a, table), add(&a, "--logits"), add(&a, "--predictions"), add(&a, predictions);
        define(&a, arena_printf(arena, "data.max_length=%lld", (long long)get_int(settings, "max_length")));
        if (pairs)
            define(&a, "data.text=[text_a,text_b]");
        run_ftc(&a);
        double off = compare_logits(record, predictions, done, rows);
        worst = off > worst || isnan(off) ? off : worst;
        done += rows;
    }
    assert_int_equal(done, json_array_size(get(record, "logits")));
    printf("%s: largest difference %.2g on %lld texts; float32 in PyTorch has %.2g\n", name, worst, (long long)done,
           json_number_value(get(record, "float32_differs_by")));
    assert_true(worst < 1e-5); /* a few times what float32 itself is off by */
    folder_remove(folder); /* BERT-base takes 420 MB */
}

static void minilm_logits(void **state) { (void)state; check_logits("minilm_logits"); }
static void distilbert_logits(void **state) { (void)state; check_logits("distilbert_logits"); }
static void bert_base_logits(void **state) { (void)state; check_logits("bert_base_logits"); }

/* ----- losses ----- */

/* The largest relative difference of a log's losses from the recorded ones, step by step. */
static double compare_losses(const json_t *losses, const char *log)
{
    FILE *f = fopen(log, "r");
    assert_non_null(f);
    char *line = NULL;
    size_t room = 0, steps = 0;
    double worst = 0;
    while (getline(&line, &room, f) > 0) {
        json_t *step = json_loads(line, 0, NULL);
        assert_non_null(step);
        if (json_object_get(step, "step")) {
            assert_int_equal(get_int(step, "step"), (int64_t)++steps);
            double wanted = json_number_value(json_array_get(losses, steps - 1));
            double off = fabs(json_number_value(get(step, "loss")) / wanted - 1);
            worst = off > worst || isnan(off) ? off : worst;
        }
        json_decref(step);
    }
    assert_int_equal(steps, json_array_size(losses));
    free(line);
    fclose(f);
    return worst;
}

/* Trains as `record` and `run` say; what to start from is in `a`. */
static void check_run(const char *name, const json_t *record, const json_t *run, Args a, double bound)
{
    const char *out = new_folder();
    const char *log = in(out, "log.jsonl");
    add(&a, "--train"), add(&a, data_file(get_string(record, "data"), "train.csv")), add(&a, "--no-shuffle");
    define(&a, arena_printf(arena, "data.limit=%lld", (long long)get_int(record, "limit")));
    define(&a, arena_printf(arena, "train.batch=%lld", (long long)get_int(record, "batch")));
    define(&a, arena_printf(arena, "train.epochs=%lld", (long long)get_int(record, "epochs")));
    add(&a, "-o"), add(&a, in(out, "model")), add(&a, "--log"), add(&a, log);
    run_ftc(&a);
    double worst = compare_losses(get(run, "losses"), log);
    printf("%s, %s: losses of %zu steps differ by %.2g of themselves\n", name, get_string(run, "name"),
           json_array_size(get(run, "losses")), worst);
    assert_true(worst < bound);
    folder_remove(out);
}

/* Small models under each optimizer, schedule and loss; the record is exact, so the bound is float32's own noise. */
static void check_losses(const char *name)
{
    const json_t *record = load_record(name);
    const char *folder = make_folder(record);
    const json_t *run, *setting;
    size_t i, j;
    const char *lr = arena_printf(arena, "optimizer.lr=%g", json_number_value(get(record, "lr")));
    json_array_foreach(get(record, "runs"), i, run) {
        Args a = { 0 };
        add(&a, "ftc"), add(&a, "run"), add(&a, folder);
        define(&a, lr);
        if (!strcmp(get_string(record, "data"), "mrpc"))
            define(&a, "data.text=[text_a,text_b]");
        json_array_foreach(get(run, "ftc"), j, setting)
            define(&a, json_string_value(setting));
        check_run(name, record, run, a, 2e-6);
    }
}

static void bert_losses(void **state) { (void)state; check_losses("bert_losses"); }
static void pair_losses(void **state) { (void)state; check_losses("bert_pairs_losses"); }
static void label_losses(void **state) { (void)state; check_losses("bert_labels_losses"); }
static void number_losses(void **state) { (void)state; check_losses("bert_number_losses"); }
static void distilbert_losses(void **state) { (void)state; check_losses("distilbert_losses"); }

/* Fine-tuning the real encoder, 50 steps from a head of zeros, beside PyTorch in float32. */
static void minilm_losses(void **state)
{
    (void)state;
    const json_t *record = load_record("minilm_losses");
    const char *encoder = minilm_folder();
    const json_t *run;
    size_t i;
    json_array_foreach(get(record, "runs"), i, run) {
        Args a = { 0 };
        add(&a, "ftc"), add(&a, "run"), add(&a, source_path("models/minilm_cls.yaml")), add(&a, "--init"), add(&a, encoder);
        define(&a, arena_printf(arena, "optimizer.lr=%g", json_number_value(get(run, "lr"))));
        define(&a, "model.encoder.dropout=0"), define(&a, "model.encoder.attention_dropout=0");
        define(&a, "model.head.dropout=0"), define(&a, "model.head.init=zeros");
        check_run("minilm_losses", record, run, a, 1e-3);
        if (!getenv("FTC_FULL"))
            break;
    }
}

static int setup(void **state)
{
    (void)state;
    diag = ftc_diag_new(stderr);
    arena = arena_new();
    return setenv("XDG_CACHE_HOME", temp_folder(), 1);
}

static int teardown(void **state)
{
    (void)state;
    ftc_diag_free(diag);
    json_decref(record_loaded);
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bert_losses),
        cmocka_unit_test(pair_losses),
        cmocka_unit_test(label_losses),
        cmocka_unit_test(number_losses),
        cmocka_unit_test(distilbert_losses),
        cmocka_unit_test(minilm_logits),
        cmocka_unit_test(distilbert_logits),
        cmocka_unit_test(bert_base_logits),
        cmocka_unit_test(minilm_losses),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
