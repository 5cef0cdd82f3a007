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
    Csv *c = open_text("a\tb\n1,5\t\"2\t3\"\n4\t5\nbroken", &(CsvOptions){ .separator = CSV_TAB, .limit = 2 });
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
                "4:6: error: record 2 has more fields than the header, which has 2; a text with a comma in it must stand in quotes");
    check_error("a,b\n1,2\nx,\"y\n\n3,4\n", "3:3: error: the quote that opens here, in record 2, is never closed");
    check_error("a,\"b\n1,2\n", "1:3: error: the quote that opens here, in the header, is never closed");
    check_error("a,b\n\"1\"x,2\n", "2:4: error: text behind the closing quote of a field in record 1; a quote inside a quoted "
                                   "field is written twice");
    check_error("a,b,a\n1,2,3\n", "1:5: error: columns 1 and 3 have the same name, 'a'");
    check_error("\xEF\xBB\xBF" "a,b,a\n1,2,3\n", "1:5: error: columns 1 and 3 have the same name, 'a'");
    check_error_n("a,b\n1,\0\n", 8, "2:3: error: byte 6 is a NUL: this is no text file, or it is damaged");
    check_error("a,b\n1,2\n\xC3\xA9,caf\xE9\n",
                "3:7: error: byte 14 (0xE9) is not valid UTF-8; the file may be in cp1252 or latin1 (the same, as far as it "
                "goes): say so with -D data.encoding=cp1252, or convert it with iconv");
    check_error("a,b\n1,2\n\x93x\x94,2\n",
                "3:1: error: byte 8 (0x93) is not valid UTF-8; the file may be in cp1252: say so with -D data.encoding=cp1252, or "
                "convert it with iconv");
    check_error("a,b\n1,\x81\n", "2:3: error: byte 6 (0x81) is not valid UTF-8, nor does cp1252 or latin1 fit: the file is damaged, or "
                                  "in an encoding to convert it from first: iconv -f ENCODING -t UTF-8");
    check_error("a,\xC3\xA9\n1,\xC3\xA4\n2,\xE9\n", "3:3: error: byte 12 (0xE9) is not valid UTF-8, though most of the file is: it is "
                                                   "damaged here, or made of parts in two encodings");
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

/* The separator that is found, or -1 where the table is wrong then. */
static int found_separator(const char *text)
{
    FtcDiag *d = ftc_diag_new(NULL);
    Csv *c = csv_open(file_with(text, strlen(text)), NULL, d);
    int separator = c ? csv_separator(c) : -1;
    csv_close(c);
    ftc_diag_free(d);
    return separator;
}

static void finds_the_separator(void **state)
{
    (void)state;
    assert_int_equal(found_separator("text,label\na|b;c\td,x\n"), ',');
    assert_int_equal(found_separator("text;label\na, b, c;x\nd, e;y\n"), ';');
    assert_int_equal(found_separator("text\tlabel\na, b; c\tx\n"), '\t');
    assert_int_equal(found_separator("text|label\n\"a|b\"|x\n"), '|');
    assert_int_equal(found_separator("\xEF\xBB\xBF\n\"a,b\";label\n1;2\n"), ';'); /* that of quotes is none */
    assert_int_equal(found_separator("text, long;label\na;x\n"), ';');           /* parts the header, but not the records */
    assert_int_equal(found_separator("a,b;c,d\n1,2;3,4\n"), ',');                 /* either would do */
    assert_int_equal(found_separator("a|b\tc|d\n1|2\t3|4\n"), ',');              /* so the comma, and one column */
    assert_int_equal(found_separator("text\nno; separator | at all\n"), ',');
    assert_int_equal(found_separator("text\nHello, world\n"), -1);
    assert_int_equal(found_separator("text;label\na;x\nb;y;z\n"), -1);            /* a wrong record doesn't change the separator */
    assert_int_equal(found_separator("text;label\n\"a;x\n"), -1);

    /* said by the name, or outright */
    char path[160];
    snprintf(path, sizeof path, "%s/t.tsv", temp_folder());
    FtcDiag *d = ftc_diag_new(NULL);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("a,b\n1,2\n", f);
    fclose(f);
    Csv *c = csv_open(path, NULL, d);
    assert_int_equal(csv_columns(c), 1);
    csv_close(c);
    c = csv_open(path, &(CsvOptions){ .separator = CSV_COMMA }, d);
    assert_int_equal(csv_columns(c), 2);
    csv_close(c);
    ftc_diag_free(d);
}

/* Every byte, and what Python's codecs make of it: bytes([b]).decode('cp1252').encode('utf-8'). */
static void reads_other_encodings(void **state)
{
    (void)state;
    char text[8] = "a\n?x?\n";
    static const char *const windows[32] = { /* 0x80 to 0x9F */
        "\xE2\x82\xAC", NULL, "\xE2\x80\x9A", "\xC6\x92", "\xE2\x80\x9E", "\xE2\x80\xA6", "\xE2\x80\xA0", "\xE2\x80\xA1",
        "\xCB\x86", "\xE2\x80\xB0", "\xC5\xA0", "\xE2\x80\xB9", "\xC5\x92", NULL, "\xC5\xBD", NULL,
        NULL, "\xE2\x80\x98", "\xE2\x80\x99", "\xE2\x80\x9C", "\xE2\x80\x9D", "\xE2\x80\xA2", "\xE2\x80\x93", "\xE2\x80\x94",
        "\xCB\x9C", "\xE2\x84\xA2", "\xC5\xA1", "\xE2\x80\xBA", "\xC5\x93", NULL, "\xC5\xBE", "\xC5\xB8",
    };
    FtcDiag *d = ftc_diag_new(NULL);
    for (int byte = 0x80; byte < 0x100; byte++)
        for (TextEncoding e = TEXT_LATIN1; e <= TEXT_CP1252; e++) {
            char latin1[3] = { (char)(0xC0 | byte >> 6), (char)(0x80 | (byte & 0x3F)) }, want[16];
            const char *one = e == TEXT_CP1252 && byte < 0xA0 ? windows[byte - 0x80] : latin1;
            text[2] = text[4] = (char)byte;
            Csv *c = csv_open(file_with(text, 6), &(CsvOptions){ .encoding = e }, d);
            if (!one) {
                assert_null(c);
                snprintf(want, sizeof want, "byte 2 (0x%02X)", byte);
                assert_non_null(strstr(ftc_diag_last(d), want));
                continue;
            }
            snprintf(want, sizeof want, "%sx%s", one, one);
            assert_non_null(c);
            check_value(c, 0, 0, want);
            FtcLoc at = csv_field_loc(c, 0, 0); /* in bytes of the file */
            assert_int_equal(at.line, 2);
            assert_int_equal(at.end_col, 4);
            csv_close(c);
        }
    assert_int_equal(ftc_diag_warnings(d), 0);

    csv_close(csv_open(file_with("a\n\xC3\xA9\n", 5), &(CsvOptions){ .encoding = TEXT_LATIN1 }, d));
    assert_int_equal(ftc_diag_warnings(d), 1); /* it was UTF-8 all the time */
    ftc_diag_free(d);
}

/* A caret below the right character of a line in Latin-1, which is shown in UTF-8. */
static void shows_lines_in_other_encodings(void **state)
{
    (void)state;
    static const char table[] = "a,b\n\xE9\xE9,1\n\xE9t\xE9,1,\xFC\xFC\n";
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    FtcDiag *d = ftc_diag_new(out);
    assert_null(csv_open(file_with(table, strlen(table)), &(CsvOptions){ .encoding = TEXT_LATIN1 }, d));
    ftc_diag_free(d);
    fclose(out);
    assert_non_null(strstr(text, ".csv:3:7: error: record 2 has more fields"));
    assert_string_equal(strchr(text, '\n') + 1, "    3 | \xC3\xA9t\xC3\xA9,1,\xC3\xBC\xC3\xBC\n      |       ^~\n");
    free(text);
}

/* The memory of what was read goes, in whole pages; places of the rest stay. */
static void forgets_what_is_done(void **state)
{
    (void)state;
    enum { RECORDS = 20000, LEFT = 12345 };
    Bytes text = { 0 };
    char line[64];
    bytes_add(&text, "a,b\n", 4);
    for (int i = 0; i < RECORDS; i++)
        bytes_add(&text, line, (size_t)snprintf(line, sizeof line, "\"%d\n\",x%d\n", i, i));
    FtcDiag *d = ftc_diag_new(NULL);
    Csv *c = csv_open(file_with(text.p, text.n), NULL, d);
    assert_non_null(c);
    csv_forget(c, 100);
    csv_forget(c, LEFT);
    csv_forget(c, LEFT - 1); /* already done */
    for (int i = LEFT; i < RECORDS; i += 100) {
        snprintf(line, sizeof line, "x%d", i);
        check_value(c, i, 1, line);
        FtcLoc at = csv_field_loc(c, i, 1);
        assert_int_equal(at.line, 3 + 2 * i); /* a quoted line end is in the first field */
        assert_int_equal(csv_record_loc(c, i).line, 2 + 2 * i);
    }
    assert_int_equal(csv_field_loc(c, LEFT - 1, 1).line, 0);
    assert_string_equal(csv_record_loc(c, 0).file, csv_name(c));
    assert_string_equal(csv_column_name(c, 1), "b");
    assert_int_equal(csv_need_column(c, "c", d), -1);
    csv_forget(c, RECORDS);
    assert_int_equal(csv_records(c), RECORDS);
    csv_close(c);
    bytes_free(&text);
    ftc_diag_free(d);
}

/* What no table has, named before it takes memory or time. */
static void has_limits(void **state)
{
    (void)state;
    Bytes text = { 0 };
    for (int i = 0; i <= CSV_MAX_COLUMNS; i++) {
        char name[16];
        bytes_add(&text, name, (size_t)snprintf(name, sizeof name, "%s%d", i ? "," : "", i));
    }
    FtcDiag *d = ftc_diag_new(NULL);
    assert_null(csv_open(file_with(text.p, text.n), NULL, d));
    assert_non_null(strstr(ftc_diag_last(d), "the header has more than 10000 columns"));

    text.n = 0;
    bytes_add(&text, "a\n\"", 3);
    for (int i = 0; i <= CSV_MAX_FIELD; i++)
        bytes_put(&text, i % 80 ? 'x' : '\n');
    bytes_add(&text, "\"\n", 2);
    assert_null(csv_open(file_with(text.p, text.n), NULL, d));
    assert_non_null(strstr(ftc_diag_last(d), "the field that begins here, in record 1, has more than 16 MiB; is the quote closed"));
    bytes_free(&text);
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
        cmocka_unit_test(finds_the_separator),
        cmocka_unit_test(reads_other_encodings),
        cmocka_unit_test(shows_lines_in_other_encodings),
        cmocka_unit_test(forgets_what_is_done),
        cmocka_unit_test(has_limits),
        cmocka_unit_test(survives_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
