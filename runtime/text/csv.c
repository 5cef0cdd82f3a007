/* Reading and writing tables; see csv.h. */
#include "runtime/text/csv.h"

#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/core/nearest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct Csv {
    TextFile file;
    const char *end;       /* of the file's text */
    CsvSeparator separator;
    char part;             /* the character it is */
    bool stops[256];       /* bytes that an unquoted field ends at; a NUL does, behind the text */
    char **column;
    int n_columns, cap_columns;
    size_t header;         /* offset in the file, as those of the records */
    size_t *record;
    int64_t n_records, cap_records;
};

/* One field as it stands in the file. */
typedef struct {
    const char *begin;     /* with its quotes */
    Slice text;            /* without them */
    bool doubled;          /* has doubled quotes to undo */
} Field;

typedef enum { FIELD_FINE, FIELD_UNCLOSED, FIELD_TAIL } FieldState;

static inline bool ends_record(const Csv *c, const char *p) { return p == c->end || *p == '\n' || *p == '\r'; }

static const struct {
    char c;
    const char *name;
} separators[CSV_SEPARATORS] = {
    [CSV_COMMA] = { ',', "comma" }, [CSV_TAB] = { '\t', "tab" }, [CSV_SEMICOLON] = { ';', "semicolon" }, [CSV_PIPE] = { '|', "pipe" },
};

/* Reads the field at *at and leaves *at behind it: on a separator, a line end or the end of the file.
 * FIELD_TAIL: on what follows the closing quote. */
static FieldState scan_field(const Csv *c, const char **at, Field *f)
{
    const char *p = *at;
    *f = (Field){ .begin = p };
    if (*p != '"') {
        while (!c->stops[(unsigned char)*p])
            p++;
        f->text = (Slice){ f->begin, (size_t)(p - f->begin) };
        *at = p;
        return FIELD_FINE;
    }
    for (p++; (p = memchr(p, '"', (size_t)(c->end - p))); p += 2) {
        if (p + 1 < c->end && p[1] == '"') {
            f->doubled = true;
            continue;
        }
        f->text = (Slice){ f->begin + 1, (size_t)(p - f->begin - 1) };
        *at = p + 1;
        return ends_record(c, p + 1) || p[1] == c->part ? FIELD_FINE : FIELD_TAIL;
    }
    *at = c->end;
    return FIELD_UNCLOSED;
}

/* Past the line end at p, if there is one, and the blank lines behind it. */
static const char *skip_line_ends(const Csv *c, const char *p)
{
    while (p < c->end && ends_record(c, p))
        p++;
    return p;
}

/* Appends a field's text, doubled quotes undone. */
static void add_undoubled(const Field *f, Bytes *out)
{
    bytes_reserve(out, f->text.n);
    for (size_t i = 0; i < f->text.n; i++) {
        out->p[out->n++] = f->text.p[i];
        i += f->text.p[i] == '"';
    }
}

/* The value of a field, doubled quotes undone. */
static Slice field_value(const Field *f, Bytes *scratch)
{
    if (!f->doubled)
        return f->text;
    scratch->n = 0;
    add_undoubled(f, scratch);
    return bytes_slice(scratch);
}

/* --- opening ----------------------------------------------------------------------------------------- */

static FtcLoc loc_of(const Csv *c, const char *begin, const char *end)
{
    return textfile_loc(&c->file, (size_t)(begin - c->file.text), (size_t)(end - c->file.text));
}

/* As scan_field, with an error where the field is wrong; record 0 is the header. */
static bool check_field(const Csv *c, const char **at, Field *f, int64_t record, FtcDiag *d)
{
    FieldState state = scan_field(c, at, f);
    bool is_long = *at - f->begin > CSV_MAX_FIELD;
    if (state == FIELD_FINE && !is_long)
        return true;
    char what[40] = "the header";
    if (record > 0)
        snprintf(what, sizeof what, "record %lld", (long long)record);
    if (state == FIELD_UNCLOSED)
        return ftc_error(d, loc_of(c, f->begin, f->begin), "the quote that opens here, in %s, is never closed", what);
    if (is_long)
        return ftc_error(d, loc_of(c, f->begin, f->begin), "the field that begins here, in %s, has more than %d MiB%s", what,
                         CSV_MAX_FIELD >> 20, *f->begin == '"' ? "; is the quote closed where it should be?" : "");
    return ftc_error(d, loc_of(c, *at, *at),
                     "text behind the closing quote of a field in %s; a quote inside a quoted field is written twice", what);
}

static bool read_header(Csv *c, const char **at, FtcDiag *d)
{
    const char *p = skip_line_ends(c, *at);
    Bytes scratch = { 0 };
    bool ok = false;
    c->header = (size_t)(p - c->file.text);
    for (;; p++) {
        Field f;
        if (!check_field(c, &p, &f, 0, d))
            goto done;
        Slice name = field_value(&f, &scratch);
        for (int i = 0; i < c->n_columns; i++)
            if (slice_equal(slice_of(c->column[i]), name)) {
                ftc_error(d, loc_of(c, f.begin, p), "columns %d and %d have the same name, '%.*s'", i + 1, c->n_columns + 1,
                          SLICE_ARG(name));
                goto done;
            }
        if (c->n_columns == CSV_MAX_COLUMNS) {
            ftc_error(d, loc_of(c, f.begin, p), "the header has more than %d columns; is this a table, and does a %s separate its "
                      "fields?", CSV_MAX_COLUMNS, separators[c->separator].name);
            goto done;
        }
        GROW(c->column, c->n_columns, c->cap_columns);
        c->column[c->n_columns++] = xstrndup(name.p, name.n);
        if (ends_record(c, p))
            break;
    }
    *at = skip_line_ends(c, p);
    ok = *at < c->end || ftc_error(d, FTC_FILE(c->file.name), "has a header but no records");
done:
    bytes_free(&scratch);
    return ok;
}

static bool read_record(Csv *c, const char **at, FtcDiag *d)
{
    const char *begin = *at, *p = begin;
    int64_t record = c->n_records + 1;
    int n = 0;
    for (;; p++) {
        Field f;
        if (!check_field(c, &p, &f, record, d))
            return false;
        if (++n > c->n_columns)
            return ftc_error(d, loc_of(c, f.begin, p),
                             "record %lld has more fields than the header, which has %d; a text with a %s in it must stand in "
                             "quotes", (long long)record, c->n_columns, separators[c->separator].name);
        if (ends_record(c, p))
            break;
    }
    if (n < c->n_columns)
        return ftc_error(d, loc_of(c, begin, begin), "record %lld has %d field%s, the header has %d", (long long)record, n,
                         n == 1 ? "" : "s", c->n_columns);
    GROW(c->record, c->n_records, c->cap_records);
    c->record[c->n_records++] = (size_t)(begin - c->file.text);
    *at = skip_line_ends(c, p);
    return true;
}

/* --- the separator ----------------------------------------------------------------------------------- */

/* The fields of the record at *at, which is left where the next one begins; 0 where one of them is wrong. */
static int64_t count_fields(const Csv *c, const char **at)
{
    for (int64_t n = 1;; n++, ++*at) {
        Field f;
        if (scan_field(c, at, &f) != FIELD_FINE)
            return 0;
        if (ends_record(c, *at)) {
            *at = skip_line_ends(c, *at);
            return n;
        }
    }
}

static void set_separator(Csv *c, CsvSeparator s)
{
    c->separator = s;
    c->part = separators[s].c;
    memset(c->stops, 0, sizeof c->stops);
    c->stops['\0'] = c->stops['\n'] = c->stops['\r'] = c->stops[(unsigned char)c->part] = true;
}

/* Whether the separator that is set parts the header; *fits: and all of the first records alike. */
static bool parts_header(const Csv *c, bool *fits)
{
    enum { RECORDS = 100 };
    const char *p = skip_line_ends(c, c->file.text + c->file.start);
    int64_t columns = count_fields(c, &p);
    *fits = columns > 1;
    for (int i = 0; *fits && i < RECORDS && p < c->end; i++)
        *fits = count_fields(c, &p) == columns;
    return columns > 1;
}

/* See csv_open. */
static CsvSeparator find_separator(Csv *c)
{
    if (path_ends_with(c->file.name, ".tsv"))
        return CSV_TAB;
    CsvSeparator part[CSV_SEPARATORS], fit[CSV_SEPARATORS];
    int n_part = 0, n_fit = 0;
    for (CsvSeparator s = CSV_COMMA; s < CSV_SEPARATORS; s++) {
        bool fits;
        set_separator(c, s);
        if (parts_header(c, &fits))
            part[n_part++] = s;
        if (fits)
            fit[n_fit++] = s;
    }
    return n_fit == 1 ? fit[0] : n_fit == 0 && n_part == 1 ? part[0] : CSV_COMMA;
}

Csv *csv_open(const char *path, const CsvOptions *options, FtcDiag *d)
{
    Csv *c = xcalloc(1, sizeof *c);
    int64_t limit = options && options->limit > 0 ? options->limit : INT64_MAX;
    if (!textfile_read(&c->file, path, options ? options->encoding : TEXT_UTF8, d))
        goto fail;
    c->end = c->file.text + c->file.size;
    set_separator(c, options && options->separator != CSV_AUTO ? options->separator : find_separator(c));
    const char *p = c->file.text + c->file.start;
    if (skip_line_ends(c, p) == c->end) {
        ftc_error(d, FTC_FILE(c->file.name), "is empty");
        goto fail;
    }
    if (!read_header(c, &p, d))
        goto fail;
    while (p < c->end && c->n_records < limit)
        if (!read_record(c, &p, d))
            goto fail;
    return c;
fail:
    csv_close(c);
    return NULL;
}

void csv_close(Csv *c)
{
    if (!c)
        return;
    for (int i = 0; i < c->n_columns; i++)
        free(c->column[i]);
    free(c->column);
    free(c->record);
    textfile_free(&c->file);
    free(c);
}

/* --- asking ------------------------------------------------------------------------------------------ */

int csv_columns(const Csv *c) { return c->n_columns; }
const char *csv_column_name(const Csv *c, int column) { return c->column[column]; }
int64_t csv_records(const Csv *c) { return c->n_records; }
const char *csv_name(const Csv *c) { return c->file.name; }
char csv_separator(const Csv *c) { return c->part; }

int csv_find_column(const Csv *c, const char *name)
{
    for (int i = 0; i < c->n_columns; i++)
        if (!strcmp(c->column[i], name))
            return i;
    return -1;
}

int csv_need_column(const Csv *c, const char *name, FtcDiag *d)
{
    int column = csv_find_column(c, name);
    if (column >= 0)
        return column;
    Bytes list = { 0 };
    for (int i = 0; i < c->n_columns && i < 20; i++) {
        Slice there = slice_of(c->column[i]);
        bytes_add(&list, i ? ", '" : "'", i ? 3 : 1);
        bytes_add(&list, there.p, there.n < 60 ? there.n : 60);
        bytes_put(&list, '\'');
    }
    if (c->n_columns > 20)
        bytes_add(&list, ", ...", 5);
    const char *near = nearest_word(name, (const char *const *)c->column, c->n_columns);
    ftc_error(d, csv_record_loc(c, -1), "there is no column '%s'%s%s%s; the table has %.*s", name,
              near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "", (int)list.n, list.p);
    bytes_free(&list);
    return -1;
}

static size_t offset_of(const Csv *c, int64_t record)
{
    assert(record >= -1 && record < c->n_records);
    return record < 0 ? c->header : c->record[record];
}

static const char *start_of(const Csv *c, int64_t record)
{
    size_t at = offset_of(c, record);
    assert(at >= c->file.forgotten);
    return c->file.text + at;
}

/* Finds a field of a checked record; returns where it ends. */
static const char *find_field(const Csv *c, int64_t record, int column, Field *f)
{
    const char *p = start_of(c, record);
    assert(column >= 0 && column < c->n_columns);
    for (int i = 0;; i++, p++) {
        scan_field(c, &p, f);
        if (i == column)
            return p;
    }
}

Slice csv_field(const Csv *c, int64_t record, int column, Bytes *scratch)
{
    Field f;
    find_field(c, record, column, &f);
    return field_value(&f, scratch);
}

void csv_add_field(const Csv *c, int64_t record, int column, Bytes *out)
{
    Field f;
    find_field(c, record, column, &f);
    if (f.doubled)
        add_undoubled(&f, out);
    else
        bytes_add(out, f.text.p, f.text.n);
}

Slice csv_record(const Csv *c, int64_t record)
{
    Field f;
    const char *begin = start_of(c, record), *end = find_field(c, record, c->n_columns - 1, &f);
    return (Slice){ begin, (size_t)(end - begin) };
}

void csv_forget(Csv *c, int64_t record) { textfile_forget(&c->file, record < c->n_records ? c->record[record] : c->file.size); }

FtcLoc csv_record_loc(const Csv *c, int64_t record)
{
    if (offset_of(c, record) < c->file.forgotten)
        return FTC_FILE(c->file.name);
    Slice text = csv_record(c, record);
    return loc_of(c, text.p, text.p + text.n);
}

FtcLoc csv_field_loc(const Csv *c, int64_t record, int column)
{
    Field f;
    if (offset_of(c, record) < c->file.forgotten)
        return FTC_FILE(c->file.name);
    const char *end = find_field(c, record, column, &f);
    return loc_of(c, f.begin, end);
}

/* --- writing ----------------------------------------------------------------------------------------- */

void csv_put_field(Bytes *out, Slice field, char separator)
{
    bool plain = field.n < 3 || memcmp(field.p, "\xEF\xBB\xBF", 3); /* at a file's start it would be taken for its mark */
    for (size_t i = 0; i < field.n && plain; i++)
        plain = field.p[i] != separator && field.p[i] != '"' && field.p[i] != '\n' && field.p[i] != '\r';
    if (plain) {
        bytes_add(out, field.p, field.n);
        return;
    }
    bytes_put(out, '"');
    for (size_t i = 0; i < field.n; i++) {
        if (field.p[i] == '"')
            bytes_put(out, '"');
        bytes_put(out, field.p[i]);
    }
    bytes_put(out, '"');
}
