/* A table of texts as rows of tokens.
 *
 * In:  a table (csv.h), which of its columns hold the text, or the two texts of a pair, and the label; a tokenizer.
 * Out: Examples (batch.h): one row of ids for each record, in the table's order, with the numbers of the labels.
 * The idea: opening finds all that is wrong with the table's form before any work is done; labels are numbered and texts
 * tokenized when their turn comes, the latter on all threads. */
#ifndef FTC_DATASET_H
#define FTC_DATASET_H

#include "runtime/core/pool.h"
#include "runtime/text/csv.h"
#include "runtime/text/tokenizer.h"
#include "runtime/train/batch.h"
#include "runtime/train/labels.h"

typedef struct {
    const char *text[2];     /* columns; text[1] is NULL where the texts are no pairs */
    const char *label;       /* column; NULL where labels don't matter */
    const char *const *flag; /* [n_flags] columns of 0 and 1, one a label, in place of `label` */
    int32_t n_flags;
    const char *weight;      /* column; NULL: rows count alike */
    int64_t limit;           /* only so many records; 0: all */
} DatasetColumns;

typedef struct {
    Csv *csv;
    bool part;               /* rows of a table that belongs to another Dataset */
    int text[2], label, weight; /* column numbers; -1: none */
    int *flag;               /* [n_flags] column numbers */
    int32_t n_flags;
    int64_t n;               /* rows */
    const int64_t *record;   /* [n] which record of the table a row is; NULL: row i is record i */
    Examples examples;       /* rows from dataset_tokenize on, labels from dataset_number, targets from targets.h on */
    int32_t *uncut;          /* [n] each row's tokens if max_length cut none; from dataset_tokenize on */
    int64_t cut;             /* rows that max_length made shorter */
} Dataset;

/* False after an error: the table can't be read (csv.h) or lacks a column.  A name that ends in .tsv has tabs between its
 * fields.  dataset_close in any case. */
bool dataset_open(Dataset *s, const char *path, const DatasetColumns *columns, FtcDiag *d);
void dataset_close(Dataset *s);

/* Some rows of a table, in this order: as a Dataset of its own, which is used no longer than `whole`; or as all that is left.
 * Both take row[n] over; labels and tokens are made anew behind them. */
void dataset_part(Dataset *part, const Dataset *whole, int64_t *row, int64_t n);
void dataset_keep(Dataset *s, int64_t *row, int64_t n);

/* The record of the table that a row is. */
static inline int64_t dataset_record(const Dataset *s, int64_t row) { return s->record ? s->record[row] : row; }

/* A row's label as it stands in the table, and where, for messages. */
Slice dataset_label(const Dataset *s, int64_t row, Bytes *scratch);
FtcLoc dataset_label_loc(const Dataset *s, int64_t row);

/* The different labels of the table, in byte order; labels_free in any case.  An error is: a record without a label, or
 * more than LABELS_MAX. */
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
Tokenizer *dataset_learn_tokenizer(const Dataset *s, bool lowercase, int32_t cap, FtcDiag *d);

/* Fills in the rows, of at most max_length tokens.  False where there is no memory for them. */
bool dataset_tokenize(Dataset *s, const Tokenizer *t, int max_length, Pool *pool, FtcDiag *d);

#endif
