/* Which rows of a table have the same text.
 *
 * In:  a table, row by row; one of its columns, or its texts.
 * Out: for each row the first one with the same text.  White space counts as one blank wherever it stands, and not at
 *      all at the ends: tables that went through other programs differ in it.
 * The idea: a hash table of row numbers, 8 bytes each with a part of the hash; texts stay where they are and are compared there. */
#ifndef FTC_TEXT_INDEX_H
#define FTC_TEXT_INDEX_H

#include "runtime/train/dataset.h"

typedef struct TextIndex TextIndex;

/* Over a column of the table or, -1, its texts, both of a pair.  The table is borrowed; it may have up to 2^32 - 2 rows. */
TextIndex *text_index_new(const Dataset *s, int column);
void text_index_free(TextIndex *t);

/* The first row added with the text of this one; -1: there was none, and now this one is. */
int64_t text_index_add(TextIndex *t, int64_t row);

/* The first row added with the text of a row of another table; -1: there is none. */
int64_t text_index_find(TextIndex *t, const Dataset *other, int64_t row);

#endif
