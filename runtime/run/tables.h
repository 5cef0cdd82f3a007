/* The tables of a run or of `ftc data`, as the recipe has them. */
#ifndef FTC_RUN_TABLES_H
#define FTC_RUN_TABLES_H

#include "runtime/run/classifier.h"
#include "runtime/data/data_report.h"
#include "runtime/train/dataset.h"

typedef enum {
    TABLE_TEXTS,      /* to predict: labels don't matter */
    TABLE_ROWS,       /* to deal out: the same, with a limit */
    TABLE_LABELLED,   /* to evaluate on */
    TABLE_TRAINING,   /* also with weights, and a limit */
} TableUse;

/* dataset_open, with the recipe's columns; fine where there is no path. */
bool table_open(Dataset *s, const Recipe *r, const char *path, TableUse use, FtcDiag *d);

/* Whether each of dev and test comes from one place only: from a table of its own (a path), or from data.split. */
bool tables_check(const Recipe *r, const char *dev, const char *eval, FtcDiag *d);

/* Deals out the rows of the training table as data.split says: train keeps its part.  Nothing where that says nothing.  The other
 * two are closed after use before train is; what becomes of the rows is noted. */
bool tables_split(const Recipe *r, Dataset *train, Dataset *dev, Dataset *eval, FtcDiag *d);

/* Reads what should come out for each row: its class, labels, or number.  Classes are the classifier's, or where it has none yet,
 * those of the training table.  All tables are looked at, whatever is wrong with one; it is left without. */
bool tables_number(Classifier *c, Dataset *train, Dataset *dev, Dataset *eval);

/* What data_report reads: tables that are open, the classifier's labels. */
ReportInput tables_report_input(const Classifier *c, const Dataset *train, const Dataset *dev, const Dataset *eval);

/* A tokenizer learned from the table's texts, where the classifier has none yet; false after an error. */
bool table_tokenizer(Classifier *c, const Dataset *s, Pool *pool, FtcDiag *d);

#endif
