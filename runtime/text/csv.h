/* Tables: comma-separated values as RFC 4180 says, and as files in the wild have them.
 *
 * In:  a text file whose first record names the columns. Fields are separated by commas, tabs, semicolons or pipes. Lines end
 *      in LF, CRLF or CR; a byte order mark and blank lines are skipped. A field in quotes may hold separators, line ends
 *      and doubled quotes; a quote inside an unquoted field is data.
 * Out: fields by record and column.
 *
 * The file is checked once, on opening, and stays in memory as it is, with 8 bytes a record beside it; fields
 * are found anew when they are asked for. A Csv doesn't change but by csv_forget: threads may share it. */
#ifndef FTC_CSV_H
#define FTC_CSV_H

#include "ftc/diag.h"
#include "runtime/text/bytes.h"
#include "runtime/text/slice.h"
#include "runtime/text/textfile.h"

#include <stdint.h>

enum {
    CSV_MAX_COLUMNS = 10000,
    CSV_MAX_FIELD = 16 << 20, /* bytes; what is longer comes from a quote that isn't closed */
};

typedef struct Csv Csv;

/* In the order of the words of data.separator.  CSV_AUTO: found, see csv_open. */
typedef enum { CSV_AUTO, CSV_COMMA, CSV_TAB, CSV_SEMICOLON, CSV_PIPE, CSV_SEPARATORS } CsvSeparator;

typedef struct {
    CsvSeparator separator;
    TextEncoding encoding;
    int64_t limit;          /* only the first so many records; 0: all */
} CsvOptions;

/* Opens a table ("-": standard input); options may be NULL.  NULL after an error: the file can't be read, isn't of that
 * encoding, has a NUL byte, no record, two columns of one name, a record with more or fewer fields than the header, a
 * quote that isn't closed, text behind a closed one, or more columns or a longer field than the limits.
 *
 * A separator that isn't given is a tab in a file whose name ends in .tsv.  Else it is the one that parts the header and
 * gives each of the first hundred records as many fields as the header; where none does, one that parts the header alone.
 * Where that may be several, or none, it is the comma. */
Csv *csv_open(const char *path, const CsvOptions *options, FtcDiag *d);
void csv_close(Csv *c);

int csv_columns(const Csv *c);
const char *csv_column_name(const Csv *c, int column);
int csv_find_column(const Csv *c, const char *name);              /* -1 if there is none */
int csv_need_column(const Csv *c, const char *name, FtcDiag *d);  /* as above, with an error that lists the columns */

int64_t csv_records(const Csv *c);

/* A field's value. It points into the file, or into `scratch` (emptied first) where doubled quotes had to be
 * undone. */
Slice csv_field(const Csv *c, int64_t record, int column, Bytes *scratch);

/* Appends a field's value. */
void csv_add_field(const Csv *c, int64_t record, int column, Bytes *out);

/* The text of a whole record as the file has it, without its line end; record -1 is the header. */
Slice csv_record(const Csv *c, int64_t record);

/* Gives back the memory of the records before this one.  From then on, no field of theirs may be asked for, nor the header's text;
 * of their places, only the file is known.  Not while other threads ask. */
void csv_forget(Csv *c, int64_t record);

/* For messages: where a record (a field of it) is.  Records count from 0 here, from 1 in messages. */
FtcLoc csv_record_loc(const Csv *c, int64_t record);
FtcLoc csv_field_loc(const Csv *c, int64_t record, int column);

const char *csv_name(const Csv *c);
char csv_separator(const Csv *c);

/* Appends a field, in quotes if it needs them.  Separators and line ends are the caller's. */
void csv_put_field(Bytes *out, Slice field, char separator);

#endif
