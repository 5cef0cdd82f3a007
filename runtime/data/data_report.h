/* What someone should know of their tables before a model learns from them.
 *
 * In:  the tables of train and, if there are any, of dev and test, their labels numbered; later, when they are tokenized, again.
 * Out: numbers: rows, classes, lengths, repeats; and warnings with a place in the table, for what makes results worth less:
 *
 *        cut-texts        data.max_length cuts texts
 *        duplicate-texts  rows repeat a text of the same label (if more than one in twenty does, unless it was asked for)
 *        label-conflict   a text has different labels in two rows (numbers may differ)
 *        leakage          rows of dev or test have a text that train has too
 *        near-labels      two labels differ only in case or white space
 *
 * The first few of a kind are shown, then their number.  Texts are compared as text_index.h says.  The time is a few hash look-ups
 * a row. */
#ifndef FTC_DATA_REPORT_H
#define FTC_DATA_REPORT_H

#include "runtime/data/split.h"
#include "runtime/train/dataset.h"

typedef struct {
    const Dataset *part[N_PARTS];   /* NULL: there is none; train there is always */
    const char *const *labels;      /* [n_labels] the classes */
    int32_t n_labels;
    int max_length;
} ReportInput;

typedef struct {
    const char *name, *file;        /* "train"; the table's */
    int64_t rows;
    int64_t *count;                 /* [n_labels] rows that have each; NULL: there are no classes, or they are not known */
    int64_t repeats, conflicts;     /* rows with the text of an earlier one, and its label, or another one */
    int64_t known;                  /* rows with a text that train has; -1: these are train's */
    int64_t cut;                    /* texts that max_length cuts */
    int32_t half, most, longest;    /* 50 % and 95 % of the texts have up to so many tokens, all up to so many; uncut;
                                       0: not known */
} PartReport;

typedef struct {
    PartReport part[N_PARTS];       /* rows 0: there is none */
    const char *const *labels;
    int32_t n_labels;
    int max_length;
} DataReport;

/* Looks at everything but lengths, and warns; before the texts are tokenized, which may end them.  What `in` points to is
 * borrowed. */
void data_report(DataReport *r, const ReportInput *in, FtcDiag *d);

/* The lengths, once all tables are tokenized. */
void data_report_lengths(DataReport *r, const ReportInput *in);

void data_report_free(DataReport *r);

/* Warns of texts that max_length cut, at the longest of them; once a table is tokenized. */
void data_warn_cut(const Dataset *s, int max_length, FtcDiag *d);

/* The numbers: a table with a column for each part; or what fits on two lines. */
void data_report_print(const DataReport *r, FILE *out);
void data_report_line(const DataReport *r, FILE *out);

#endif
