/* Tables alone, without a model: what `ftc data` does.
 *
 * split     the records of a table, as they stand in it and under its header, in train, dev and test.csv (.tsv) of a folder, as the
 *           spec's data.split deals them out
 * describe  what training from these tables would say of them first (data_report.h), and its numbers */
#ifndef FTC_DATA_H
#define FTC_DATA_H

#include "compiler/api/spec_model.h"

#include <stdio.h>

typedef struct {
    ClassifierSource source;        /* for the spec; describe: for the tokenizer, too */
    const char *table, *dev, *eval; /* dev and eval for describe; NULL: none */
    const char *output;             /* split: the folder */
    bool force;                     /* it may exist, and then its files of these names are replaced */
    int threads;                    /* 0: all cores */
} DataJob;

/* False after an error. */
bool data_split(const DataJob *job, FtcDiag *d);
bool data_describe(const DataJob *job, FILE *out, FtcDiag *d);

#endif
