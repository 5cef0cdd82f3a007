/* Opening tables of texts: columns, texts and labels as they are asked for, records that take part.  See dataset.h. */
#include "runtime/train/dataset.h"

#include "runtime/core/files.h"
#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>

/* ----- columns ----- */

bool dataset_need_column(const Csv *csv, const char *name, const char *key, int *column, FtcDiag *d)
{
    *column = csv_need_column(csv, name, d);
    if (*column < 0 && csv_columns(csv) == 1)
        ftc_note(d, FTC_NOWHERE, "the table has one column only; 'data.separator' says what separates its fields: comma, tab, "
                 "semicolon or pipe");
    else if (*column < 0)
        ftc_note(d, FTC_NOWHERE, "'%s' says which column it is: -D %s=NAME", key, key);
    return *column >= 0;
}

static bool need_flags(Dataset *s, const DatasetColumns *columns, FtcDiag *d)
{
    s->n_flags = columns->n_flags;
    s->flag = xcalloc((size_t)columns->n_flags, sizeof *s->flag);
    bool ok = true;
    for (int32_t i = 0; ok && i < columns->n_flags; i++)
        ok = dataset_need_column(s->csv, columns->flag[i], "data.label", &s->flag[i], d);
    return ok;
}

/* "a" or, where no column has that for its name, "a + b". */
static bool need_text(const Dataset *s, const char *name, TextColumns *text, FtcDiag *d)
{
    static const char plus[] = " + ";
    *text = (TextColumns){ 0 };
    if (!name)
        return true;
    const char *next = csv_find_column(s->csv, name) < 0 ? strstr(name, plus) : NULL;
    for (bool ok = true; ok;) {
        if (text->n == TEXT_PARTS)
            return ftc_error(d, FTC_FILE(csv_name(s->csv)), "'%s' would join more than %d columns to a text", name, TEXT_PARTS);
        char *part = next ? xstrndup(name, (size_t)(next - name)) : xstrdup(name);
        ok = dataset_need_column(s->csv, part, "data.text", &text->column[text->n++], d);
        free(part);
        if (!ok || !next)
            return ok;
        name = next + strlen(plus);
        next = strstr(name, plus);
    }
    return false;
}

static bool need_columns(Dataset *s, const DatasetColumns *columns, FtcDiag *d)
{
    for (int k = 0; k < 2; k++)
        if (!need_text(s, columns->text[k], &s->text[k], d))
            return false;
    if (!need_flags(s, columns, d) || (columns->weight && !dataset_need_column(s->csv, columns->weight, "data.weight", &s->weight, d)))
        return false;
    if (!columns->label)
        return true;
    if (!dataset_need_column(s->csv, columns->label, "data.label", &s->label, d))
        return false;
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < s->text[k].n; i++)
            if (s->text[k].column[i] == s->label)
                return ftc_error(d, csv_record_loc(s->csv, -1), "the column '%s' can't be text and label at once", columns->label);
    return true;
}

/* ----- texts and labels ----- */

static Slice record_text(const Dataset *s, int64_t record, const TextColumns *text, Bytes *scratch)
{
    if (text->n == 1)
        return csv_field(s->csv, record, text->column[0], scratch);
    scratch->n = 0;
    for (int i = 0; i < text->n; i++) {
        size_t before = scratch->n, blank = before > 0;
        if (blank)
            bytes_put(scratch, ' ');
        csv_add_field(s->csv, record, text->column[i], scratch);
        if (scratch->n == before + blank)
            scratch->n = before;
    }
    return bytes_slice(scratch);
}

Slice dataset_text(const Dataset *s, int64_t row, int which, Bytes *scratch)
{
    return record_text(s, dataset_record(s, row), &s->text[which], scratch);
}

static int by_code(const void *a, const void *b) { return strcmp(((const MappedLabel *)a)->code, ((const MappedLabel *)b)->code); }

static int find_code(const void *label, const void *of)
{
    const Slice *a = label;
    const char *code = ((const MappedLabel *)of)->code;
    int order = strncmp(a->p, code, a->n);
    return order ? order : code[a->n] ? -1 : 0;
}

/* What a label is called; its p is NULL where the map lacks it. */
static Slice record_label(const Dataset *s, int64_t record, Bytes *scratch)
{
    Slice label = csv_field(s->csv, record, s->label, scratch);
    if (!s->n_map)
        return label;
    const MappedLabel *m = bsearch(&label, s->map, (size_t)s->n_map, sizeof *s->map, find_code);
    return m ? slice_of(m->name) : (Slice){ 0 };
}

Slice dataset_label(const Dataset *s, int64_t row, Bytes *scratch) { return record_label(s, dataset_record(s, row), scratch); }

FtcLoc dataset_text_loc(const Dataset *s, int64_t row) { return csv_field_loc(s->csv, dataset_record(s, row), s->text[0].column[0]); }

FtcLoc dataset_label_loc(const Dataset *s, int64_t row) { return csv_field_loc(s->csv, dataset_record(s, row), s->label); }

/* ----- records that take part ----- */

typedef enum { TAKES_PART, NO_LABEL, NO_TEXT, NO_SECOND_TEXT, UNMAPPED } RecordState;

static bool is_blank(Slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] != ' ' && (text.p[i] < '\t' || text.p[i] > '\r'))
            return false;
    return true;
}

static RecordState record_state(const Dataset *s, int64_t record, const DatasetColumns *columns, Bytes *scratch)
{
    if (s->label >= 0 && !columns->unlabelled && csv_field(s->csv, record, s->label, scratch).n == 0)
        return NO_LABEL;
    for (int k = 0; k < 2 && s->text[k].n; k++)
        if (is_blank(record_text(s, record, &s->text[k], scratch)))
            return NO_TEXT + k;
    return s->n_map && !record_label(s, record, scratch).p ? UNMAPPED : TAKES_PART;
}

static bool refuse(const Dataset *s, int64_t record, RecordState state, const DatasetColumns *columns, FtcDiag *d)
{
    long long number = (long long)record + 1;
    if (state == UNMAPPED) {
        Bytes scratch = { 0 };
        Slice label = csv_field(s->csv, record, s->label, &scratch);
        ftc_error(d, csv_field_loc(s->csv, record, s->label), "the label '%.*s' of record %lld is no code of data.label_map; add it "
                  "there, or leave such records out: -D data.unmapped=drop", SLICE_ARG(label), number);
        bytes_free(&scratch);
        return false;
    }
    int column = state == NO_LABEL ? s->label : s->text[state - NO_TEXT].column[0];
    return ftc_error(d, csv_field_loc(s->csv, record, column), "record %lld has no %s in the column '%s'; give it one, or leave such "
                     "records out: -D data.missing=drop", number, state == NO_LABEL ? "label" : "text",
                     state == NO_LABEL ? columns->label : columns->text[state - NO_TEXT]);
}

/* Which records were left out, the first of them and how many. */
typedef struct {
    int64_t first, n;
} Dropped;

static void note_dropped(const Dataset *s, const Dropped *x, const char *what, FtcDiag *d)
{
    if (x->n)
        ftc_note(d, csv_record_loc(s->csv, x->first), "%lld of %lld records have %s and are left out; this is the first", (long long)x->n,
                 (long long)csv_records(s->csv), what);
}

/* Finds the rows.  False after an error: a record that should not be left out, or no rows. */
static bool find_rows(Dataset *s, const DatasetColumns *columns, FtcDiag *d)
{
    int64_t n = csv_records(s->csv);
    int64_t *record = NULL; /* from the first that is left out on */
    Dropped missing = { 0 }, unmapped = { 0 };
    Bytes scratch = { 0 };
    bool ok = true;
    s->n = 0;
    for (int64_t i = 0; ok && i < n; i++) {
        RecordState state = record_state(s, i, columns, &scratch);
        if (state == TAKES_PART) {
            if (record)
                record[s->n] = i;
            s->n++;
            continue;
        }
        Dropped *x = state == UNMAPPED ? &unmapped : &missing;
        ok = (state == UNMAPPED ? columns->drop_unmapped : columns->drop_missing) || refuse(s, i, state, columns, d);
        if (x->n++ == 0)
            x->first = i;
        if (ok && !record) {
            record = xcalloc((size_t)n, sizeof *record);
            for (int64_t k = 0; k < i; k++)
                record[k] = k;
        }
    }
    bytes_free(&scratch);
    s->record = record;
    if (!ok)
        return false;
    note_dropped(s, &missing, "no text or no label (data.missing)", d);
    note_dropped(s, &unmapped, "a label that data.label_map lacks (data.unmapped)", d);
    return s->n || ftc_error(d, FTC_FILE(csv_name(s->csv)), "all of its records are left out");
}

/* ----- opening ----- */

static void copy_map(Dataset *s, const LabelMap *map)
{
    s->n_map = map->n;
    s->map = xcalloc((size_t)map->n, sizeof *s->map);
    for (int i = 0; i < map->n; i++)
        s->map[i] = (MappedLabel){ map->code[i], map->name[i] };
    qsort(s->map, (size_t)map->n, sizeof *s->map, by_code);
}

bool dataset_open(Dataset *s, const char *path, const DatasetColumns *columns, FtcDiag *d)
{
    *s = (Dataset){ .label = -1, .weight = -1, .csv = csv_open(path, &columns->table, d) };
    if (!s->csv)
        return false;
    s->n = csv_records(s->csv);
    if (s->n == 0)
        return ftc_error(d, FTC_FILE(csv_name(s->csv)), "has a header but no records");
    copy_map(s, &columns->map);
    return need_columns(s, columns, d) && ((!columns->label && !columns->n_flags) || find_rows(s, columns, d));
}

void dataset_part(Dataset *part, const Dataset *whole, int64_t *row, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        row[i] = dataset_record(whole, row[i]);
    *part = (Dataset){ .csv = whole->csv, .part = true, .text = { whole->text[0], whole->text[1] }, .label = whole->label,
                       .weight = -1, .n_flags = whole->n_flags, .n_map = whole->n_map, .n = n, .record = row };
    part->flag = xcalloc((size_t)whole->n_flags, sizeof *part->flag);
    for (int32_t i = 0; i < whole->n_flags; i++)
        part->flag[i] = whole->flag[i];
    part->map = xcalloc((size_t)whole->n_map, sizeof *part->map);
    for (int i = 0; i < whole->n_map; i++)
        part->map[i] = whole->map[i];
}

bool dataset_write(const Dataset *s, const char *path, FtcDiag *d)
{
    FileWriter *w = file_create(path, d);
    for (int64_t i = -1; w && i < s->n; i++) {
        Slice text = csv_record(s->csv, i < 0 ? -1 : dataset_record(s, i));
        file_put(w, text.p, text.n);
        file_put(w, "\n", 1);
    }
    return w && file_commit(w);
}

void dataset_keep(Dataset *s, int64_t *row, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        row[i] = dataset_record(s, row[i]);
    free((void *)s->record);
    s->record = row;
    s->n = n;
}

void dataset_close(Dataset *s)
{
    if (!s->part)
        csv_close(s->csv);
    free(s->map);
    free(s->flag);
    free(s->uncut);
    free((void *)s->record);
    free((void *)s->examples.ids);
    free((void *)s->examples.short_ids);
    free((void *)s->examples.start);
    free((void *)s->examples.first);
    free((void *)s->examples.labels);
    free((void *)s->examples.targets);
    free((void *)s->examples.weights);
    *s = (Dataset){ .label = -1, .weight = -1 };
}
