/* Tables: any bytes, with each separator and encoding.  What was read and is written again reads as the same. */
#include "tests/fuzz/fuzzing.h"

#include "runtime/text/csv.h"

static void ask_all(const Csv *c)
{
    for (int i = 0; i < csv_columns(c); i++)
        csv_find_column(c, csv_column_name(c, i));
    for (int64_t r = -1; r < csv_records(c); r++)
        csv_record(c, r);
    if (csv_records(c) > 0 && csv_columns(c) > 0) {
        csv_record_loc(c, csv_records(c) - 1);
        csv_field_loc(c, csv_records(c) - 1, csv_columns(c) - 1);
    }
}

/* Record -1 is the header. */
static void write_record(const Csv *c, int64_t record, Bytes *out)
{
    Bytes scratch = { 0 };
    for (int i = 0; i < csv_columns(c); i++) {
        Slice field = record < 0 ? slice_of(csv_column_name(c, i)) : csv_field(c, record, i, &scratch);
        if (i)
            bytes_put(out, csv_separator(c));
        if (csv_columns(c) == 1 && !field.n)
            bytes_add(out, "\"\"", 2); /* a blank line would be passed over */
        csv_put_field(out, field, csv_separator(c));
    }
    bytes_put(out, '\n');
    bytes_free(&scratch);
}

static void same_tables(const Csv *a, const Csv *b)
{
    Bytes s = { 0 }, t = { 0 };
    must(b && csv_columns(a) == csv_columns(b) && csv_records(a) == csv_records(b), "a written table has the same shape");
    for (int64_t r = 0; r < csv_records(a); r++)
        for (int i = 0; i < csv_columns(a); i++)
            must(slice_equal(csv_field(a, r, i, &s), csv_field(b, r, i, &t)), "a written field reads as the same");
    bytes_free(&s);
    bytes_free(&t);
}

static void check(const uint8_t *data, size_t size, CsvSeparator separator, TextEncoding encoding)
{
    FtcDiag *d = quiet_diag();
    CsvOptions options = { .separator = separator, .encoding = encoding };
    Csv *c = csv_open(input_file(data, size), &options, d);
    must(c || ftc_diag_errors(d), "a refusal comes with an error");
    if (c) {
        ask_all(c);
        csv_need_column(c, "label", d);
    }
    /* fields are found by counting: asking a wide table for all of them takes too long */
    if (c && csv_columns(c) < 200) {
        static const CsvSeparator of[128] = { [','] = CSV_COMMA, ['\t'] = CSV_TAB, [';'] = CSV_SEMICOLON, ['|'] = CSV_PIPE };
        Bytes text = { 0 };
        for (int64_t r = -1; r < csv_records(c); r++)
            write_record(c, r, &text);
        options = (CsvOptions){ .separator = of[(unsigned char)csv_separator(c)] };
        Csv *again = csv_open(input_file((uint8_t *)text.p, text.n), &options, d);
        same_tables(c, again);
        csv_close(again);
        bytes_free(&text);
    }
    csv_close(c);
    ftc_diag_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (CsvSeparator s = CSV_AUTO; s < CSV_SEPARATORS; s++)
        check(data, size, s, TEXT_UTF8);
    check(data, size, CSV_AUTO, TEXT_LATIN1);
    check(data, size, CSV_AUTO, TEXT_CP1252);
    return 0;
}
