/* Splitting a table: its rows dealt out to train, dev and test.
 *
 * In:  an opened table, and how to split it (split.h).
 * Out: the table with its training rows only, and the two other parts, which borrow it; or an error with a way out.
 *
 * Classes are those of the label's column, as texts in byte order.  A hash is the first 8 bytes, the highest first, of SHA-256 of
 * the column's text (of two columns', a byte 0x1F between them).  Groups are numbered in the order of their first rows; their names
 * are compared as text_index.h says. */
#ifndef FTC_SPLIT_TABLE_H
#define FTC_SPLIT_TABLE_H

#include "runtime/data/split.h"
#include "runtime/train/dataset.h"

typedef struct {
    SplitShares shares;
    bool stratify;
    const char *group;       /* a column, or NULL: rows stand for themselves */
    bool hash;               /* split by hash, */
    const char *by;          /* of this column; NULL: of the text's */
    FtcLoc at;               /* where that was asked for */
} TableSplit;

/* dev and test are closed Datasets before; a part without a share stays one.  dataset_close in any case, the table last. */
bool split_table(Dataset *table, Dataset *dev, Dataset *test, const TableSplit *how, FtcDiag *d);

#endif
