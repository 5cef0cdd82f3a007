/* The end record of a run, progress lines, and what happens on a full disk. */
#include "tests/support/testing.h"

#include "tests/support/class_metrics.h"

#include "runtime/core/json.h"
#include "runtime/train/log.h"

#include <math.h>
#include <unistd.h>

static json_t *end_record(const RunSummary *s)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    summary_write(s, out);
    fclose(out);
    assert_int_equal(text[size - 1], '\n');
    assert_ptr_equal(memchr(text, '\n', size), text + size - 1); /* one line */
    json_t *end = json_loadb(text, size, 0, NULL);
    assert_non_null(end);
    free(text);
    return end;
}

static double number(const json_t *end, const char *key)
{
    assert_true(json_is_number(json_object_get(end, key)));
    return json_number_value(json_object_get(end, key));
}

static void end_has_all_keys(void **state)
{
    (void)state;
    static const float logits[] = { 0, 0, 1, 1, 0, 2, 2, 0 };
    Metrics *m = class_metrics(logits, (int32_t[]){ 0, 1, 1, 1 }, 4, 2);
    RunSummary s = { .steps = 7, .train_s = 1.5, .encode_s = 0.5, .compile_s = 0.25, .eval_s = 2, .predict_s = NAN, .total_s = 4,
                     .tokens_per_s = 800.5, .seed = 42, .eval = m, .labels = (const char *[]){ "no", "y\"es" }, .n_labels = 2,
                     .weights_sha256 = "abc" };
    json_t *end = end_record(&s);
    assert_int_equal(json_object_size(end), 23);
    assert_string_equal(json_string_value(json_object_get(end, "event")), "end");
    assert_true(number(end, "steps") == 7 && number(end, "train_s") == 1.5 && number(end, "encode_s") == 0.5);
    assert_true(number(end, "compile_s") == 0.25 && number(end, "eval_s") == 2 && number(end, "total_s") == 4);
    assert_true(number(end, "tokens_per_s") == 800.5);
    assert_true(json_is_null(json_object_get(end, "predict_s")));
    assert_true(number(end, "peak_rss_mib") > 1 && number(end, "seed") == 42);
    assert_true(number(end, "accuracy") == 0.5 && number(end, "macro_f1") == 0.5 && number(end, "weighted_f1") == 0.5);
    assert_true(fabs(number(end, "balanced_accuracy") - 2.0 / 3) < 1e-15 && fabs(number(end, "eval_loss") - 0.910037595801459) < 1e-15);
    const json_t *second = json_array_get(json_object_get(end, "per_class"), 1);
    assert_string_equal(json_string_value(json_object_get(second, "label")), "y\"es");
    assert_true(number(second, "precision") == 1 && fabs(number(second, "recall") - 1.0 / 3) < 1e-15 && number(second, "f1") == 0.5 &&
                number(second, "support") == 3);
    const json_t *row = json_array_get(json_object_get(end, "confusion"), 1);
    assert_int_equal(json_integer_value(json_array_get(row, 0)), 2);
    assert_int_equal(json_array_size(json_object_get(end, "labels")), 2);
    assert_string_equal(json_string_value(json_object_get(end, "weights_sha256")), "abc");
    json_decref(end);

    s.eval = NULL;
    end = end_record(&s);
    static const char *const absent[] = { "accuracy", "eval_loss", "macro_f1", "weighted_f1", "balanced_accuracy", "micro_f1",
                                          "pearson", "spearman", "per_class", "confusion" };
    assert_int_equal(json_object_size(end), 23);
    for (int i = 0; i < 10; i++)
        assert_true(json_is_null(json_object_get(end, absent[i])));
    json_decref(end);
    metrics_free(m);
}

static void plain_progress_is_a_line_a_tenth(void **state)
{
    (void)state;
    char text[4096];
    FILE *out = tmpfile();
    Progress *p = progress_new(out, 200);
    for (int64_t i = 1; i <= 200; i++)
        progress_step(p, &(StepRecord){ .step = i, .epoch = 1, .loss = i <= 100 ? 2 : 1, .lr = 5e-5, .tokens = 100, .ms = 50 });
    progress_rows(p, "evaluating", 1, 2); /* terminals only */
    progress_free(p);
    rewind(out);
    text[fread(text, 1, sizeof text - 1, out)] = '\0';
    fclose(out);
    int lines = 0;
    for (char *c = text; *c; c++) {
        lines += *c == '\n';
        assert_true(*c != '\r' && *c != '\033');
    }
    assert_int_equal(lines, 10);
    static const char first[] = "step 20/200  loss 2.0000  lr 5e-05  2000 tokens/s  9 s left\n";
    assert_memory_equal(text, first, strlen(first));
    assert_non_null(strstr(text, "step 200/200  loss 1.0059  lr 5e-05  2000 tokens/s  0 s left\n")); /* 1 + .95^100 (1 - .95^100) / (1 - .95^200) */

    /* a slow run speaks at least each half minute */
    out = tmpfile();
    p = progress_new(out, 1000);
    for (int64_t i = 1; i <= 10; i++)
        progress_step(p, &(StepRecord){ .step = i, .epoch = 1, .loss = 2, .lr = 5e-5, .tokens = 100, .ms = 16000 });
    progress_free(p);
    rewind(out);
    text[fread(text, 1, sizeof text - 1, out)] = '\0';
    fclose(out);
    assert_memory_equal(text, "step 2/1000 ", 12);
    assert_non_null(strstr(text, "\nstep 10/1000  loss 2.0000  lr 5e-05  6 tokens/s  4:24:00 left\n"));
    progress_step(NULL, NULL); /* quiet */
}

static void times_are_for_people(void **state)
{
    (void)state;
    char text[24];
    assert_string_equal(progress_time(0.4, text), "0 s");
    assert_string_equal(progress_time(59.6, text), "1:00");
    assert_string_equal(progress_time(3599, text), "59:59");
    assert_string_equal(progress_time(7389, text), "2:03:09");
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    assert_null(log_open("/no/such/folder/log.jsonl", d));
    assert_int_equal(ftc_diag_errors(d), 1);
    if (access("/dev/full", W_OK) == 0) {
        Log *log = log_open("/dev/full", d);
        log_step(log, &(StepRecord){ .step = 1 });
        assert_false(log_close(log, d));
        assert_non_null(strstr(ftc_diag_last(d), "No space left"));
    }
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(end_has_all_keys),
        cmocka_unit_test(plain_progress_is_a_line_a_tenth),
        cmocka_unit_test(times_are_for_people),
        cmocka_unit_test(a_full_disk_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
