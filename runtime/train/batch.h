/* Rows of tokens into batches without padding.
 *
 * In:  all rows of a data set, in one array; how many make a batch, and in which order they come.
 * Out: per epoch, every row exactly once, or those that were drawn (sampling.h), `batch` rows at a time; the last batch has what is
 *      left.
 * An epoch's order is a function of (seed, epoch) and nothing else. */
#ifndef FTC_BATCH_H
#define FTC_BATCH_H

#include "ftc/model.h"

/* Row i is ids[start[i] .. start[i + 1]), at least one; or short_ids, for a vocabulary of up to 65536: half the memory, which is
 * most of what a large table takes. */
typedef struct {
    int64_t n;
    const int32_t *ids;
    const uint16_t *short_ids;  /* NULL: ids */
    const int64_t *start;   /* [n+1] */
    const int32_t *first;   /* [n] how many of a row's tokens belong to segment 0, the others to 1; NULL: all */
    const int32_t *labels;  /* [n] NULL: none */
    const float *targets;   /* [n, classes] in place of labels; NULL: none */
    int32_t classes;        /* of targets */
    const float *weights;   /* [n] how much each row counts; NULL: alike */
    FtcSampling sampling;   /* which rows an epoch has (sampling.h); needs labels */
    const int64_t *record;  /* [n] for messages, from 0; NULL: the row's own number */
    const float *encoded;   /* [n, width] what the model's encode program says of each row; NULL: not known */
    int64_t width;
} Examples;

static inline int32_t examples_id(const Examples *x, int64_t i) { return x->short_ids ? x->short_ids[i] : x->ids[i]; }

/* Whether the model can take all rows: ids below vocab, labels below classes, finite targets, lengths up to max_length, segments.
 * Whatever goes into a batch must have passed this once, since compiled code checks nothing. */
bool examples_check(const Examples *x, const FtcModel *model, int64_t classes, int64_t vocab, FtcDiag *d);

typedef struct {
    int64_t tokens, rows, longest;
} BatchSize;

typedef struct Batcher Batcher;

/* The rows are borrowed.  NULL after an error: no rows, or batches beyond what can be counted. */
Batcher *batcher_new(const Examples *x, int64_t batch, bool shuffle, uint64_t seed, FtcDiag *d);
void batcher_free(Batcher *b);

/* What no batch of any epoch exceeds: exact in file order, else that of the longest rows together, or of the longest one again and
 * again where rows are repeated. */
BatchSize batcher_most(const Batcher *b);
int64_t batcher_steps(const Batcher *b); /* batches an epoch */

/* Starts an epoch (0, 1, ...) at its first batch. */
void batcher_begin(Batcher *b, int64_t epoch);

int64_t batcher_left(const Batcher *b); /* rows of the epoch */

/* Passes over so many batches of the epoch. */
void batcher_skip(Batcher *b, int64_t batches);

/* The next batch, valid until the next call; false at the epoch's end. */
bool batcher_next(Batcher *b, FtcBatch *batch);

#endif
