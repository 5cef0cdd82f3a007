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

typedef struct {
    const char *text[2];     /* columns; text[1] is NULL where the texts are no pairs */
    const char *label;       /* column; NULL where labels don't matter */
    CsvOptions table;        /* how the table is written, and how much of it to read */
} DatasetColumns;

typedef struct {
    Csv *csv;
    int text[2], label;      /* column numbers; -1: none */
    Examples examples;       /* rows from dataset_tokenize on, labels from dataset_number on */
    int64_t cut;             /* rows that max_length made shorter */
} Dataset;

/* False after an error: the table can't be read (csv.h) or lacks a column.  dataset_close in any case. */
bool dataset_open(Dataset *s, const char *path, const DatasetColumns *columns, FtcDiag *d);
void dataset_close(Dataset *s);

/* No table with more classes is taken for one. */
#define LABELS_MAX 10000

typedef struct {
    char **v;
    int32_t n;
} Labels;

/* The different labels of the table, in byte order; labels_free in any case.  An error is: a record without a label, or
 * more than LABELS_MAX. */
bool labels_collect(Labels *l, const Dataset *s, FtcDiag *d);
void labels_free(Labels *l);

/* Gives each row the number of its label.  An error is: a label that is none of these; `whose` says whose labels they are,
 * such as "of the training table". */
bool dataset_number(Dataset *s, const char *const *labels, int32_t n, const char *whose, FtcDiag *d);

/* False after an error: training rows that all have one label. */
bool dataset_check_classes(const Dataset *s, FtcDiag *d);

/* A tokenizer of at most `cap` tokens learned from the texts; NULL after an error. */
Tokenizer *dataset_learn_tokenizer(const Dataset *s, bool lowercase, int32_t cap, FtcDiag *d);

/* Fills in the rows, of at most max_length tokens.  False where there is no memory for them. */
bool dataset_tokenize(Dataset *s, const Tokenizer *t, int max_length, Pool *pool, FtcDiag *d);

#endif
