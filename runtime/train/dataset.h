/* A table of texts as rows of tokens.
 *
 * In:  a table (csv.h), which of its columns hold the text, or the two texts of a pair, and the label; a tokenizer.
 * Out: Examples (batch.h): one row of ids for each record, in the table's order, with the numbers of the labels.
 * The idea: opening finds all that is wrong with the table's form before any work is done, and which records are to be left
 * out; labels are numbered and texts tokenized when their turn comes, the latter on all threads.
 *
 * A row is a record that takes part; messages name the record, which counts all that the table has. */
#ifndef FTC_DATASET_H
#define FTC_DATASET_H

#include "runtime/core/pool.h"
#include "runtime/text/csv.h"
#include "runtime/text/tokenizer.h"
#include "runtime/train/batch.h"
#include "runtime/train/labels.h"

#define TEXT_PARTS 8 /* columns that may be joined to a text */

/* What the labels of a table stand for: a class's name instead of its code.  Two codes may have one name. */
typedef struct {
    int n;                    /* 0: labels are names already */
    const char *const *code, *const *name;
} LabelMap;

typedef struct {
    const char *text[2];      /* columns; text[1] is NULL where the texts are no pairs.  "a + b" joins the columns a and b, with
                                 a blank between; empty fields are skipped */
    const char *label;        /* column; NULL where labels don't matter */
    const char *const *flag;  /* [n_flags] columns of 0 and 1, one a label, in place of `label` */
    int32_t n_flags;
    bool unlabelled;          /* a row may have no label: there can be any number of them */
    const char *weight;       /* column; NULL: rows count alike */
    CsvOptions table;         /* how the table is written, and how much of it to read */
    bool drop_missing;        /* leave records without a text or a label out, where labels matter; else they are errors */
    LabelMap map;             /* borrowed, as long as the Dataset is open */
    bool drop_unmapped;       /* leave records out whose label the map lacks; else they are errors */
} DatasetColumns;

typedef struct {
    int n, column[TEXT_PARTS];
} TextColumns;

typedef struct {
    const char *code, *name;
} MappedLabel;

typedef struct {
    Csv *csv;
    bool part;                /* rows of a table that belongs to another Dataset */
    TextColumns text[2];      /* n is 0 where there is none */
    int label, weight;        /* column numbers; -1: none */
    int *flag;                /* [n_flags] column numbers */
    int32_t n_flags;
    MappedLabel *map;         /* [n_map], by code */
    int n_map;
    bool texts_end;           /* whoever tokenizes this gives back the memory of the texts: csv_forget */
    int64_t n;                /* rows */
    const int64_t *record;    /* [n] which record of the table a row is; NULL: row i is record i */
    Examples examples;        /* rows from dataset_tokenize on, labels from dataset_number, targets from targets.h on */
    int32_t *uncut;           /* [n] each row's tokens if max_length cut none; from dataset_tokenize on */
    int64_t cut;              /* rows that max_length made shorter */
    int64_t longest;          /* the row that has the most tokens uncut, and where its text is */
    FtcLoc longest_at;
} Dataset;

/* False after an error: the table can't be read (csv.h), lacks a column, or has a record without a text, a label, or a label
 * that the map has; notes say how many records are left out.  dataset_close in any case. */
bool dataset_open(Dataset *s, const char *path, const DatasetColumns *columns, FtcDiag *d);
void dataset_close(Dataset *s);

/* Some rows of a table, in this order: as a Dataset of its own, which is used no longer than `whole`; or as all that is left.
 * Both take row[n] over; labels and tokens are made anew behind them. */
void dataset_part(Dataset *part, const Dataset *whole, int64_t *row, int64_t n);
void dataset_keep(Dataset *s, int64_t *row, int64_t n);

/* Finds a column that the spec's `key` names; a note behind the error says how to name another. */
bool dataset_need_column(const Csv *csv, const char *name, const char *key, int *column, FtcDiag *d);

/* Writes the rows as a table of the same form: the header, then their records as they stand. */
bool dataset_write(const Dataset *s, const char *path, FtcDiag *d);

/* The record of the table that a row is. */
static inline int64_t dataset_record(const Dataset *s, int64_t row) { return s->record ? s->record[row] : row; }

/* A row's text, the first or second of a pair, and its label, by name.  They point into the table, or into `scratch`. */
Slice dataset_text(const Dataset *s, int64_t row, int which, Bytes *scratch);
Slice dataset_label(const Dataset *s, int64_t row, Bytes *scratch);

/* Where a row's text, the first of a pair, and its label are, for messages. */
FtcLoc dataset_text_loc(const Dataset *s, int64_t row);
FtcLoc dataset_label_loc(const Dataset *s, int64_t row);

/* The different labels of the table, in byte order; labels_free in any case.  An error is: more than LABELS_MAX. */
bool labels_collect(Labels *l, const Dataset *s, FtcDiag *d);

/* Gives each row the number of its label; none, after an error.  An error is: a label that is none of these; `whose` says whose
 * labels they are, such as "of the training table". */
bool dataset_number(Dataset *s, const char *const *labels, int32_t n, const char *whose, FtcDiag *d);

/* False after an error: training rows that all have one label. */
bool dataset_check_classes(const Dataset *s, FtcDiag *d);

/* Errors at a label of a row: there are more than LABELS_MAX; it is none of these. */
bool too_many_labels(const Dataset *s, int64_t row, FtcDiag *d);
bool unknown_label(const Dataset *s, int64_t row, Slice label, const char *const *labels, int32_t n, const char *whose, FtcDiag *d);

/* A tokenizer of at most `cap` tokens learned from the texts; NULL after an error. */
Tokenizer *dataset_learn_tokenizer(const Dataset *s, bool lowercase, int32_t cap, Pool *pool, FtcDiag *d);

/* Fills in the rows, of at most max_length tokens.  False where there is no memory for them. */
bool dataset_tokenize(Dataset *s, const Tokenizer *t, int max_length, Pool *pool, FtcDiag *d);

#endif
