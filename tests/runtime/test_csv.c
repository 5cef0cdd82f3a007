/* Tables: the csv-spectrum suite, values and places of what is odd but right, exact errors of what is wrong, and
 * random bytes. */
#include "runtime/core/files.h"
#include "runtime/text/csv.h"
#include "tests/support/testing.h"

#include <jansson.h>
#include <unistd.h>

/* --- helpers ----------------------------------------------------------------------------------------- */

/* Writes `size` bytes to a fresh file. */
static const char *file_with(const void *data, size_t size)
{
    static char path[128];
    static const char *folder;
    static int count;
    if (!folder)
        folder = strdup(temp_folder());
    snprintf(path, sizeof path, "%s/%d.csv", folder, count++ % 4);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    fclose(f);
    return path;
}

static Csv *open_text(const char *text, const CsvOptions *options)
{
    FtcDiag *d = ftc_diag_new(stderr);
    Csv *c = csv_open(file_with(text, strlen(text)), options, d);
    assert_non_null(c);
    ftc_diag_free(d);
    return c;
}

static void check_value(const Csv *c, int64_t record, int column, const char *want)
{
    Bytes scratch = { 0 };
    Slice value = csv_field(c, record, column, &scratch);
    if (!slice_equal(value, slice_of(want)))
        fail_msg("record %lld, column %d: '%.*s', not '%s'", (long long)record, column, SLICE_ARG(value), want);
    bytes_free(&scratch);
}

/* Opening `size` bytes fails with this message: "LINE:COL: error: TEXT", without the file's name. */
static void check_error_n(const char *data, size_t size, const char *want)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    FtcDiag *d = ftc_diag_new(out);
    const char *path = file_with(data, size);
    assert_null(csv_open(path, NULL, d));
    assert_int_equal(ftc_diag_errors(d), 1);
    ftc_diag_free(d);
    fclose(out);
    assert_memory_equal(text, path, strlen(path));
    text[strcspn(text, "\n")] = '\0';
    assert_string_equal(text + strlen(path) + 1, want);
    free(text);
}

static void check_error(const char *data, const char *want) { check_error_n(data, strlen(data), want); }

/* --- right ------------------------------------------------------------------------------------------- */

static void equals_csv_spectrum(void **state)
{
    (void)state;
    static const char *const names[] = { "comma_in_quotes", "empty",   "empty_crlf",    "escaped_quotes",      "json",
                                         "newlines",        "newlines_crlf", "quotes_and_newlines", "simple", "simple_crlf",
                                         "utf8" };
    shared_path("suites/csv_spectrum"); /* skip before anything is allocated */
    FtcDiag *d = ftc_diag_new(stderr);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[100];
        snprintf(path, sizeof path, "suites/csv_spectrum/csvs/%s.csv", names[i]);
        Csv *c = csv_open(shared_path(path), NULL, d);
        assert_non_null(c);
        snprintf(path, sizeof path, "suites/csv_spectrum/json/%s.json", names[i]);
        json_t *want = json_load_file(shared_path(path), 0, NULL);
        assert_int_equal(csv_records(c), json_array_size(want));
        for (size_t r = 0; r < json_array_size(want); r++) {
            const char *key;
            json_t *value;
            assert_int_equal(csv_columns(c), json_object_size(json_array_get(want, r)));
            json_object_foreach(json_array_get(want, r), key, value)
                check_value(c, (int64_t)r, csv_need_column(c, key, d), json_string_value(value));
        }
        json_decref(want);
        csv_close(c);
    }
    ftc_diag_free(d);
}

static void reads_quotes_line_ends_and_marks(void **state)
{
    (void)state;
    Csv *c = open_text("\xEF\xBB\xBFtext,\"the \"\"label\"\"\"\r\n"
                       "5\" of snow,\"a\r\nb\"\r"      /* a bare quote is data; CR alone ends a record too */
                       "\n\n"
                       "\"\",\r\n"
                       "\"say \"\"no\"\"\",\"\"\"\"\n"
                       " \"x\" ,y", NULL);
    assert_int_equal(csv_columns(c), 2);
    assert_string_equal(csv_column_name(c, 0), "text");
    assert_string_equal(csv_column_name(c, 1), "the \"label\"");
    assert_int_equal(csv_find_column(c, "label"), -1);
    assert_int_equal(csv_records(c), 4);
    check_value(c, 0, 0, "5\" of snow");
    check_value(c, 0, 1, "a\r\nb");
    check_value(c, 1, 0, "");
    check_value(c, 1, 1, "");
    check_value(c, 2, 0, "say \"no\"");
    check_value(c, 2, 1, "\"");
    check_value(c, 3, 0, " \"x\" ");
    check_value(c, 3, 1, "y");
    assert_true(slice_equal(csv_record(c, 2), slice_of("\"say \"\"no\"\"\",\"\"\"\"")));
    assert_true(slice_equal(csv_record(c, -1), slice_of("text,\"the \"\"label\"\"\"")));
    FtcLoc at = csv_field_loc(c, 2, 1);
    assert_int_equal(at.line, 6);
    assert_int_equal(at.col, 14);
    assert_int_equal(at.end_col, 18);
    at = csv_field_loc(c, 0, 1); /* goes on in the next line: to the end of this one */
    assert_int_equal(at.line, 2);
    assert_int_equal(at.col, 12);
    assert_int_equal(at.end_col, 15);
    csv_close(c);
}

static void keeps_to_options(void **state)
{
    (void)state;
    Csv *c = open_text("a\tb\n1,5\t\"2\t3\"\n4\t5\nbroken", &(CsvOptions){ .separator = '\t', .limit = 2 });
    assert_int_equal(csv_records(c), 2);
    check_value(c, 0, 0, "1,5");
    check_value(c, 0, 1, "2\t3");
    check_value(c, 1, 1, "5");
    csv_close(c);
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    static const char *const values[] = { "plain", "", "a,b", "\"", "line\nend", "cr\rhere", " spaces ", "\u4e2d" };
    Bytes out = { 0 };
    csv_put_field(&out, slice_of("x"), ',');
    for (size_t i = 0; i < 8; i++) {
        bytes_add(&out, i ? "\n" : ",y\n", i ? 1 : 3);
        csv_put_field(&out, slice_of(values[i]), ',');
        bytes_put(&out, ',');
        csv_put_field(&out, slice_of(values[7 - i]), ',');
    }
    bytes_put(&out, '\0');
    Csv *c = open_text(out.p, NULL);
    assert_int_equal(csv_records(c), 8);
    for (int i = 0; i < 8; i++) {
        check_value(c, i, 0, values[i]);
        check_value(c, i, 1, values[7 - i]);
    }
    csv_close(c);
    bytes_free(&out);
}

/* --- wrong ------------------------------------------------------------------------------------------- */

static void names_the_place_of_errors(void **state)
{
    (void)state;
    check_error("", " error: is empty");
    check_error("\xEF\xBB\xBF", " error: is empty");
    check_error("\n\r\n", " error: is empty");
    check_error("text,label\n", " error: has a header but no records");
    check_error("a,b\n1,2\n\"x\ny\",2\n3\n", "5:1: error: record 3 has 1 field, the header has 2");
    check_error("a,b\n1,2\n\"x\ny\",2,33\n3\n",
                "4:6: error: record 2 has more fields than the header, which has 2; a text with a ',' in it must stand in quotes");
    check_error("a,b\n1,2\nx,\"y\n\n3,4\n", "3:3: error: the quote that opens here, in record 2, is never closed");
    check_error("a,\"b\n1,2\n", "1:3: error: the quote that opens here, in the header, is never closed");
    check_error("a,b\n\"1\"x,2\n", "2:4: error: text behind the closing quote of a field in record 1; a quote inside a quoted "
                                   "field is written twice");
    check_error("a,b,a\n1,2,3\n", "1:5: error: columns 1 and 3 have the same name, 'a'");
    check_error("\xEF\xBB\xBF" "a,b,a\n1,2,3\n", "1:5: error: columns 1 and 3 have the same name, 'a'");
    check_error_n("a,b\n1,\0\n", 8, "2:3: error: byte 6 is a NUL: this is no text file, or it is damaged");
    check_error("a,b\n1,2\n\xC3\xA9,caf\xE9\n",
                "3:7: error: byte 14 (0xE9) is not valid UTF-8: the file is in another encoding or damaged; from Windows-1252, "
                "convert it first: iconv -f WINDOWS-1252 -t UTF-8");
    check_error("\xFF\xFE" "a", " error: is UTF-16, not UTF-8; convert it first: iconv -f UTF-16 -t UTF-8");
}

static void refuses_every_kind_of_bad_utf8(void **state)
{
    (void)state;
    static const char *const bad[] = { "\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82",
                                       "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF" };
    FtcDiag *d = ftc_diag_new(NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[32];
        snprintf(text, sizeof text, "a\n12345678%s\n", bad[i]);
        assert_null(csv_open(file_with(text, strlen(text)), NULL, d));
        assert_non_null(strstr(ftc_diag_last(d), "byte 10 "));
    }
    const char *good = "a\n\xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBD \xF0\x90\x80\x80 \xF4\x8F\xBF\xBF\n";
    csv_close(open_text(good, NULL));
    ftc_diag_free(d);
}

static void names_missing_files_and_columns(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    assert_null(csv_open("/no/such.csv", NULL, d));
    assert_non_null(strstr(ftc_diag_last(d), "No such file"));
    assert_null(csv_open(temp_folder(), NULL, d));
    Csv *c = open_text("text,label\n1,2\n", NULL);
    assert_int_equal(csv_need_column(c, "Label", d), -1);
    assert_non_null(strstr(ftc_diag_last(d), "there is no column 'Label' (did you mean 'label'?); the table has 'text', 'label'"));
    assert_int_equal(csv_need_column(c, "sentiment", d), -1);
    assert_non_null(strstr(ftc_diag_last(d), "there is no column 'sentiment'; the table has"));
    csv_close(c);
    ftc_diag_free(d);
}

/* Whatever the bytes, opening ends, and what it lets pass can be read. */
static void survives_random_bytes(void **state)
{
    (void)state;
    static const char alphabet[] = "ab\"\"\n\n\r,,;\xC3\xA9\xEF\xBB\xBF\xFF"; /* the first 6: one column, often right */
    FtcDiag *d = ftc_diag_new(NULL);
    Bytes scratch = { 0 };
    uint32_t seed = 1;
    int opened = 0;
    for (int round = 0; round < 4000; round++) {
        char data[48];
        size_t size = (size_t)(round % 48);
        for (size_t i = 0; i < size; i++) {
            seed = seed * 1664525 + 1013904223;
            data[i] = round % 3 ? alphabet[(seed >> 16) % (round % 3 == 1 ? 6 : sizeof alphabet)] : (char)(seed >> 24);
        }
        Csv *c = csv_open(file_with(data, size), &(CsvOptions){ .limit = round % 5 }, d);
        for (int64_t r = 0; c && r < csv_records(c); r++)
            for (int k = 0; k < csv_columns(c); k++) {
                Slice value = csv_field(c, r, k, &scratch), record = csv_record(c, r);
                assert_true(value.n <= record.n);
                opened++;
            }
        csv_close(c);
    }
    assert_true(opened > 300);
    bytes_free(&scratch);
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_csv_spectrum),
        cmocka_unit_test(reads_quotes_line_ends_and_marks),
        cmocka_unit_test(keeps_to_options),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(names_the_place_of_errors),
        cmocka_unit_test(refuses_every_kind_of_bad_utf8),
        cmocka_unit_test(names_missing_files_and_columns),
        cmocka_unit_test(survives_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
