/* The result sheet: what a terminal shows, that JSON comes back, and that the page is whole, escaped and needs no network.
 * Numbers are scikit-learn's, SciPy's or worked out by hand; test_metrics_reference.c has many more. */
#include "tests/support/testing.h"

#include "runtime/core/files.h"
#include "runtime/core/json.h"
#include "runtime/train/sheet.h"

#include <math.h>

/* What f writes; free() it. */
static char *written(const Sheet *s, void (*f)(const Sheet *, FILE *))
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    f(s, out);
    fclose(out);
    return text;
}

static const float four_logits[] = { 0, 0, 1, 1, 0, 2, 2, 0 };
static const int32_t four_labels[] = { 0, 1, 1, 1 };
static const Scored four = {
    .task = FTC_SINGLE_LABEL, .n = 4, .classes = 2, .scores = four_logits, .labels = four_labels, .positive = 1
};

static void text_reads_well(void **state)
{
    (void)state;
    const char *labels[] = { "a rather long name of a class indeed", "\xE8\x89\xAF\xE3\x81\x84" };
    Sheet *s = sheet_new(&(SheetSource){ .scored = &four, .labels = labels });
    char *text = written(s, sheet_print);
    static const char *const parts[] = {
        "rows 4   loss 0.9100   accuracy 50.00 %   balanced accuracy 66.67 %\n\n",
        "\nmetric                           value        95 % interval   baseline\n",
        "\naccuracy                        0.5000     0.1500    0.8500     0.7500\n", /* SciPy's wilson of 2 of 4 */
        "\nF1 of '\xE8\x89\xAF\xE3\x81\x84'                    0.5000 ",
        "\nbaseline: always '\xE8\x89\xAF\xE3\x81\x84'\nintervals: Wilson's of accuracy, else a bootstrap of 1000 resamples of "
        "the rows\n",
        "\nclass                         precision   recall       F1   support\n"
        "a rather long name of a cla\xE2\x80\xA6     0.3333   1.0000   0.5000         1\n"
        "\xE8\x89\xAF\xE3\x81\x84                             1.0000   0.3333   0.5000         3\n"
        "macro average                    0.6667   0.6667   0.5000         4\n"
        "weighted average                 0.8333   0.5000   0.5000         4\n"
        "\n"
        "confusion matrix (a row is a true class, a column what was predicted)\n"
        "                              a rather \xE2\x80\xA6        \xE8\x89\xAF\xE3\x81\x84\n"
        "a rather long name of a cla\xE2\x80\xA6           1           0\n"
        "\xE8\x89\xAF\xE3\x81\x84                                   2           1\n",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(text, parts[i]))
            fail_msg("there is no\n%s\nin\n%s", parts[i], text);
    free(text);
    sheet_free(s);
}

enum { MANY = 77 };

static void many_classes_fit_a_terminal(void **state)
{
    (void)state;
    static float logits[MANY * 3 * MANY];
    static int32_t labels[MANY * 3];
    char *names[MANY];
    for (int i = 0; i < MANY; i++) {
        names[i] = malloc(64);
        snprintf(names[i], 64, "intent_number_%d_with_a_name\nand_so_on", i);
    }
    for (int i = 0; i < MANY * 3; i++) {
        labels[i] = i % MANY;
        logits[i * MANY + (i < MANY && i % 2 ? 5 : i % MANY)] = 1; /* half the classes lose a row to class 5 */
    }
    Scored scored = { .task = FTC_SINGLE_LABEL,
                      .n = MANY * 3,
                      .classes = MANY,
                      .scores = logits,
                      .labels = labels,
                      .positive = -1 };
    Sheet *s = sheet_new(&(SheetSource){ .scored = &scored, .labels = (const char *const *)names });
    char *text = written(s, sheet_print);
    int lines = 0, numbers = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++)
        assert_true(strlen(line) <= 100);
    for (int k = 0; k < METRIC_KINDS; k++)
        numbers += sheet_shows(s, (MetricKind)k);
    assert_int_equal(numbers, 9);
    assert_int_equal(lines, 1 + 1 + numbers + 2 + 1 + MANY + 2 + 2 + 10);
    free(text);
    for (int i = 0; i < MANY; i++)
        free(names[i]);
    sheet_free(s);
}

static double number(const json_t *object, const char *key) { return json_number_value(json_object_get(object, key)); }

/* A table with texts that would break a page, and a history. */
static void with_page(void (*check)(const Sheet *s, const char *table))
{
    char *path = path_join(temp_folder(), "rows.csv");
    FtcDiag *d = ftc_diag_new(stderr);
    static const char table[] =
        "text,label\nfine,<b>\n\"a \"\"quoted\"\"\n<script>alert(1)</script> & more\",x\n\ngone,x\nlast,x\n";
    assert_true(file_write(path, table, sizeof table - 1, d));
    Dataset rows;
    assert_true(dataset_open(&rows, path, &(DatasetColumns){ .text = { "text" }, .label = "label" }, d));
    History h = { .best = 0 };
    for (int i = 0; i < 9; i++)
        history_add_step(&h, &(StepRecord){ .step = i + 1, .epoch = i / 3 + 1, .loss = 1.0 / (i + 1) });
    for (int i = 0; i < 3; i++) {
        EpochRecord e = { .epoch = i + 1, .step = 3 * (i + 1), .train_loss = 1 };
        for (int k = 0; k < METRIC_KINDS; k++)
            e.dev[k] = metric_info[k].tasks & 1 ? 0.5 + i * 0.1 : (double)NAN;
        history_add_epoch(&h, &e);
    }
    Sheet *s = sheet_new(&(SheetSource){ .scored = &four, .labels = (const char *[]){ "<b>", "x" }, .table = &rows, .history = &h,
                                         .model = "m<i>", .table_name = path, .version = "1", .train_s = 2, .eval_s = 0.5,
                                         .tokens_per_s = 1000, .seed = 42 });
    check(s, path);
    sheet_free(s);
    history_free(&h);
    dataset_close(&rows);
    ftc_diag_free(d);
    free(path);
}

static void check_json(const Sheet *s, const char *table)
{
    FtcDiag *d = ftc_diag_new(stderr);
    char *text = written(s, sheet_write_json);
    json_t *all = json_read_text(text, strlen(text), "report.json", d), *metrics = json_object_get(all, "metrics");
    assert_non_null(all);
    assert_int_equal(json_integer_value(json_object_get(all, "rows")), 4);
    assert_string_equal(json_string_value(json_object_get(all, "positive")), "x");
    assert_string_equal(json_string_value(json_object_get(all, "table")), table);
    assert_true(number(json_object_get(metrics, "accuracy"), "value") == 0.5);
    assert_true(number(json_object_get(metrics, "accuracy"), "baseline") == 0.75);
    assert_true(fabs(number(json_object_get(metrics, "accuracy"), "low") - 0.15003898915214955) < 1e-12);
    assert_true(number(json_object_get(metrics, "f1"), "value") == 0.5);
    assert_null(json_object_get(metrics, "pearson"));
    json_t *worst = json_object_get(all, "worst"), *first = json_array_get(worst, 0), *second = json_array_get(worst, 1);
    assert_int_equal(json_array_size(worst), 2); /* rows 4 (by 2 logits) and 2 (by none: the first of a tie) */
    assert_string_equal(json_string_value(json_object_get(first, "text")), "last");
    assert_int_equal(json_integer_value(json_object_get(first, "line")), 7);
    assert_string_equal(json_string_value(json_object_get(second, "text")), "a \"quoted\"\n<script>alert(1)</script> & more");
    assert_int_equal(json_integer_value(json_object_get(second, "line")), 3);
    assert_string_equal(json_string_value(json_object_get(second, "predicted")), "<b>");
    assert_int_equal(json_array_size(json_object_get(json_object_get(all, "history"), "evaluations")), 3);
    assert_true(number(all, "rows_per_s") == 8);
    json_decref(all);
    free(text);
    ftc_diag_free(d);
}

static void json_comes_back(void **state)
{
    (void)state;
    with_page(check_json);
}

/* Every tag that is opened is closed, in order. */
static void check_tags(const char *page)
{
    char open[64][16];
    int depth = 0;
    for (const char *at = strchr(page, '<'); at; at = strchr(at + 1, '<')) {
        char name[16] = "";
        const char *end = strchr(at, '>');
        assert_non_null(end);
        sscanf(at + 1, "%15[a-zA-Z0-9/!]", name);
        if (name[0] == '!' || !strcmp(name, "meta") || end[-1] == '/')
            continue;
        if (name[0] != '/') {
            assert_true(depth < 64);
            strcpy(open[depth++], name);
        } else if (depth == 0 || strcmp(open[--depth], name + 1))
            fail_msg("</%s> closes <%s> at %.60s", name + 1, open[depth], at);
    }
    assert_int_equal(depth, 0);
}

static void check_page(const Sheet *s, const char *table)
{
    (void)table;
    char *page = written(s, sheet_write_html);
    check_tags(page);
    static const char *const absent[] = { "http", "src=", "href=", "url(", "@import", "<script", "<b>x", "<i>", "nan", "inf\"" };
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (strstr(page, absent[i]))
            fail_msg("there is '%s' in the page: %.80s", absent[i], strstr(page, absent[i]));
    static const char *const there[] = { "prefers-color-scheme:dark",
                                         "a &quot;quoted&quot;\n&lt;script&gt;alert(1)&lt;/script&gt; &amp; more",
                                         "m&lt;i&gt;",
                                         "aria-label=\"Loss by training step\"",
                                         "aria-label=\"Metrics of the dev table",
                                         "aria-label=\"Confusion matrix",
                                         "aria-label=\"Reliability",
                                         "aria-label=\"Precision by recall",
                                         "chosen: step 3",
                                         "<td class=\"n\">7</td>",
                                         "tokens/s" };
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        if (!strstr(page, there[i]))
            fail_msg("there is no '%s' in the page", there[i]);
    free(page);
}

static void page_is_whole(void **state)
{
    (void)state;
    with_page(check_page);
}

static void other_tasks_have_pages(void **state)
{
    (void)state;
    static const float scores[] = { 2, -1, 0.5f, -2, 3, -0.25f }, targets[] = { 1, 0, 0, 0, 1, 1 },
                       numbers[] = { 1, 2, 3, 4, 5, 6 };
    const Scored of[] = {
        { .task = FTC_MULTI_LABEL, .n = 3, .classes = 2, .scores = scores, .targets = targets, .positive = -1 },
        { .task = FTC_REGRESSION, .n = 6, .classes = 1, .scores = scores, .targets = numbers, .positive = -1 },
    };
    for (int i = 0; i < 2; i++) {
        Sheet *s = sheet_new(&(SheetSource){ .scored = &of[i],
                                             .labels = (const char *[]){ "one", "two" },
                                             .train_s = NAN,
                                             .eval_s = NAN,
                                             .tokens_per_s = NAN });
        char *page = written(s, sheet_write_html), *text = written(s, sheet_print), *json = written(s, sheet_write_json);
        check_tags(page);
        assert_null(strstr(page, "nan"));
        assert_non_null(strstr(page, i ? "aria-label=\"Predicted by true number\"" : "aria-label=\"Precision by recall\""));
        assert_non_null(strstr(text, i ? "\nPearson " : "\nhamming loss "));
        FtcDiag *d = ftc_diag_new(stderr);
        json_t *all = json_read_text(json, strlen(json), "report.json", d);
        assert_int_equal(json_array_size(json_object_get(all, "worst")), i ? 6 : 2);
        json_decref(all);
        ftc_diag_free(d);
        free(page);
        free(text);
        free(json);
        sheet_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_reads_well), cmocka_unit_test(many_classes_fit_a_terminal), cmocka_unit_test(json_comes_back),
        cmocka_unit_test(page_is_whole),   cmocka_unit_test(other_tasks_have_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
