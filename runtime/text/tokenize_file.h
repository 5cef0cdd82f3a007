/* Tokenizing whole files: what `ftc tokenize` does.
 *
 * In:  a file of texts: .csv or .tsv (a column), .jsonl (an object a line: "text", or "a" and perhaps "b"),
 *      anything else and "-" (standard input): a text a line.
 * Out: one line for each text, in order: its ids, or its tokens, separated by blanks. */
#ifndef FTC_TOKENIZE_FILE_H
#define FTC_TOKENIZE_FILE_H

#include "ftc/diag.h"
#include "runtime/text/tokenizer.h"

typedef struct {
    const char *column;    /* of a table; NULL: "text" */
    const char *column_b;  /* for pairs; NULL: none */
    int max_length;        /* 0: no limit */
    bool tokens;           /* print tokens, not ids */
    int threads;           /* 0: all cores */
} TokenizeOptions;

/* False after an error, in the file or in writing to `out`. */
bool tokenize_file(const Tokenizer *t, const char *path, const TokenizeOptions *options, FILE *out, FtcDiag *d);

#endif
