/* Batches without padding; see batch.h. */
#include "runtime/train/batch.h"

#include "runtime/core/mem.h"
#include "runtime/core/random.h"
#include "runtime/train/sampling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct Batcher {
    const Examples *x;
    int64_t batch;
    bool shuffle;
    uint64_t seed;
    BatchSize most;
    int64_t rows;           /* of an epoch */
    int64_t *order;         /* [rows]; NULL: the table's */
    int64_t at;             /* rows of the epoch already given out */
    int32_t *ids, *types;   /* [most.tokens] */
    int32_t *row_start;     /* [most.rows + 1] */
    int32_t *labels;        /* [most.rows] */
    int64_t *record;        /* [most.rows] */
    float *targets;         /* [most.rows, x->classes], where the rows have such */
    float *weights;         /* [most.rows], the same */
    float *encoded;         /* [most.rows, width], where the rows have such */
};

static int64_t row_length(const Examples *x, int64_t i) { return x->start[i + 1] - x->start[i]; }

static long long record_number(const Examples *x, int64_t i) { return (long long)(x->record ? x->record[i] : i) + 1; }

bool examples_check(const Examples *x, const FtcModel *model, int64_t classes, int64_t vocab, FtcDiag *d)
{
    for (int64_t i = 0; i < x->n; i++) {
        int64_t n = row_length(x, i), first = x->first ? x->first[i] : n;
        if (n < 1 || n > model->data.max_length)
            return ftc_error(d, FTC_NOWHERE, "record %lld has %lld tokens; the model takes 1 to %d", record_number(x, i),
                             (long long)n, model->data.max_length);
        if (first < 0 || first > n || (first < n && model->data.segments == 1))
            return ftc_error(d, FTC_NOWHERE, "record %lld is a pair of texts, but the model has one segment only",
                             record_number(x, i));
        for (int64_t t = x->start[i]; t < x->start[i + 1]; t++)
            if (examples_id(x, t) < 0 || examples_id(x, t) >= vocab)
                return ftc_error(d, FTC_NOWHERE, "record %lld has the token id %d, but the model's vocabulary has %lld entries",
                                 record_number(x, i), examples_id(x, t), (long long)vocab);
        if (x->labels && (x->labels[i] < 0 || x->labels[i] >= classes))
            return ftc_error(d, FTC_NOWHERE, "record %lld has the class number %d, but the model has %lld classes",
                             record_number(x, i), x->labels[i], (long long)classes);
        for (int32_t c = 0; x->targets && c < x->classes; c++)
            if (!isfinite(x->targets[i * x->classes + c]))
                return ftc_error(d, FTC_NOWHERE, "record %lld has a target that is no finite number", record_number(x, i));
    }
    return !x->targets || x->classes == classes ||
           ftc_error(d, FTC_NOWHERE, "the records have %d targets each, but the model has %lld classes", x->classes, (long long)classes);
}

/* ----- the largest batch ----- */

/* The tokens of the longest rows together. */
static int64_t longest_rows(const Examples *x, int64_t rows, int64_t longest)
{
    int64_t *count = xcalloc((size_t)longest + 1, sizeof *count), sum = 0; /* of rows, by length */
    for (int64_t i = 0; i < x->n; i++)
        count[row_length(x, i)]++;
    for (int64_t length = longest; rows > 0; length--) {
        int64_t taken = count[length] < rows ? count[length] : rows;
        sum += taken * length;
        rows -= taken;
    }
    free(count);
    return sum;
}

static BatchSize most_of(const Examples *x, int64_t rows, int64_t batch, bool shuffle)
{
    BatchSize most = { .rows = batch < rows ? batch : rows };
    for (int64_t i = 0; i < x->n; i++)
        most.longest = row_length(x, i) > most.longest ? row_length(x, i) : most.longest;
    if (x->sampling != FTC_SAMPLING_NONE) {
        most.tokens = most.rows * most.longest;
        return most;
    }
    if (shuffle) {
        most.tokens = longest_rows(x, most.rows, most.longest);
        return most;
    }
    for (int64_t i = 0; i < x->n; i += batch) {
        int64_t end = x->n - i < batch ? x->n : i + batch, tokens = x->start[end] - x->start[i];
        most.tokens = tokens > most.tokens ? tokens : most.tokens;
    }
    return most;
}

/* ----- batches ----- */

Batcher *batcher_new(const Examples *x, int64_t batch, bool shuffle, uint64_t seed, FtcDiag *d)
{
    if (x->n == 0) {
        ftc_error(d, FTC_NOWHERE, "there are no rows to make batches of");
        return NULL;
    }
    Batcher *b = xcalloc(1, sizeof *b);
    int64_t of_epoch = sampling_rows(x);
    bool ordered = shuffle || x->sampling != FTC_SAMPLING_NONE;
    *b = (Batcher){ .x = x, .batch = batch, .shuffle = shuffle, .seed = seed, .rows = of_epoch,
                    .most = most_of(x, of_epoch, batch, shuffle) };
    size_t rows = (size_t)b->most.rows, tokens = (size_t)b->most.tokens;
    if (b->most.tokens < INT32_MAX && b->most.rows < INT32_MAX) {
        b->ids = try_alloc(tokens, sizeof *b->ids, 64);
        b->types = try_alloc(tokens, sizeof *b->types, 64);
        b->row_start = try_alloc(rows + 1, sizeof *b->row_start, 64);
        b->labels = try_alloc(rows, sizeof *b->labels, 64);
        b->record = try_alloc(rows, sizeof *b->record, 64);
        b->order = ordered ? try_alloc((size_t)of_epoch, sizeof *b->order, 64) : NULL;
        b->targets = x->targets ? try_alloc(rows, (size_t)x->classes * sizeof *b->targets, 64) : NULL;
        b->weights = x->weights ? try_alloc(rows, sizeof *b->weights, 64) : NULL;
        b->encoded = x->encoded ? try_alloc(rows, (size_t)x->width * sizeof *b->encoded, 64) : NULL;
    }
    if (b->ids && b->types && b->row_start && b->labels && b->record && (b->order || !ordered) && (b->targets || !x->targets) &&
        (b->weights || !x->weights) && (b->encoded || !x->encoded)) {
        batcher_begin(b, 0);
        return b;
    }
    ftc_error(d, FTC_NOWHERE, "batches of %lld rows and up to %lld tokens are too large; make train.batch smaller",
              (long long)b->most.rows, (long long)b->most.tokens);
    batcher_free(b);
    return NULL;
}

void batcher_free(Batcher *b)
{
    if (!b)
        return;
    free(b->order);
    free(b->ids);
    free(b->types);
    free(b->row_start);
    free(b->labels);
    free(b->record);
    free(b->targets);
    free(b->weights);
    free(b->encoded);
    free(b);
}

BatchSize batcher_most(const Batcher *b) { return b->most; }
int64_t batcher_steps(const Batcher *b) { return (b->rows + b->batch - 1) / b->batch; }

int64_t batcher_left(const Batcher *b) { return b->rows - b->at; }

void batcher_begin(Batcher *b, int64_t epoch)
{
    b->at = 0;
    if (b->order)
        sampling_draw(b->x, b->seed, epoch, b->order);
    if (b->shuffle)
        random_shuffle(b->seed, random_stream(RANDOM_SHUFFLE, (uint32_t)epoch), b->order, b->rows);
}

void batcher_skip(Batcher *b, int64_t batches)
{
    int64_t left = b->rows - b->at, rows = batches * b->batch;
    b->at += rows < left ? rows : left;
}

static void put_row(Batcher *b, int32_t k, int64_t row)
{
    const Examples *x = b->x;
    int32_t at = b->row_start[k], n = (int32_t)row_length(x, row), first = x->first ? x->first[row] : n;
    for (int32_t i = 0; i < n; i++) {
        b->ids[at + i] = examples_id(x, x->start[row] + i);
        b->types[at + i] = i >= first;
    }
    b->row_start[k + 1] = at + n;
    b->labels[k] = x->labels ? x->labels[row] : 0;
    b->record[k] = x->record ? x->record[row] : row;
    if (x->targets)
        memcpy(b->targets + (int64_t)k * x->classes, x->targets + row * x->classes, (size_t)x->classes * sizeof *b->targets);
    if (x->weights)
        b->weights[k] = x->weights[row];
    if (x->encoded)
        memcpy(b->encoded + k * x->width, x->encoded + row * x->width, (size_t)x->width * sizeof *b->encoded);
}

bool batcher_next(Batcher *b, FtcBatch *batch)
{
    int64_t left = b->rows - b->at;
    if (left == 0)
        return false;
    int32_t rows = (int32_t)(left < b->batch ? left : b->batch), longest = 0;
    b->row_start[0] = 0;
    for (int32_t k = 0; k < rows; k++) {
        put_row(b, k, b->order ? b->order[b->at + k] : b->at + k);
        int32_t n = b->row_start[k + 1] - b->row_start[k];
        longest = n > longest ? n : longest;
    }
    b->at += rows;
    *batch = (FtcBatch){ .rows = rows, .tokens = b->row_start[rows], .longest = longest, .ids = b->ids, .types = b->types,
                         .row_start = b->row_start, .labels = b->x->labels ? b->labels : NULL, .record = b->record,
                         .encoded = b->encoded, .targets = b->targets, .row_weights = b->weights };
    return true;
}
