/* Tables as rows of tokens; see dataset.h.  (Opening them: dataset_open.c.) */
#include "runtime/train/dataset.h"

#include "runtime/core/mem.h"
#include "runtime/text/vocab_learn.h"

#include <stdlib.h>
#include <string.h>

/* ----- labels ----- */

bool too_many_labels(const Dataset *s, int64_t row, FtcDiag *d)
{
    return ftc_error(d, dataset_label_loc(s, row), "the column '%s' has more than %d different labels; is it the right "
                     "one? (data.label names it)", csv_column_name(s->csv, s->label), LABELS_MAX);
}

bool labels_collect(Labels *l, const Dataset *s, FtcDiag *d)
{
    Bytes scratch = { 0 };
    bool ok = true;
    *l = (Labels){ 0 };
    for (int64_t i = 0; ok && i < s->n; i++) {
        Slice label = dataset_label(s, i, &scratch);
        ok = labels_add(l, label) || too_many_labels(s, i, d);
    }
    bytes_free(&scratch);
    return ok;
}

bool unknown_label(const Dataset *s, int64_t row, Slice label, const char *const *labels, int32_t n, const char *whose, FtcDiag *d)
{
    char list[320];
    labels_text(labels, n, list, sizeof list);
    return ftc_error(d, dataset_label_loc(s, row), "the label '%.*s' of record %lld is none %s: %s", SLICE_ARG(label),
                     (long long)dataset_record(s, row) + 1, whose, list);
}

bool dataset_number(Dataset *s, const char *const *labels, int32_t n, const char *whose, FtcDiag *d)
{
    int32_t *number = xcalloc((size_t)s->n, sizeof *number);
    LabelIndex index = label_index_new(labels, n);
    Bytes scratch = { 0 };
    bool ok = true;
    for (int64_t i = 0; ok && i < s->n; i++) {
        Slice label = dataset_label(s, i, &scratch);
        number[i] = label_index_find(&index, label);
        if (number[i] < 0)
            ok = unknown_label(s, i, label, labels, n, whose, d);
    }
    bytes_free(&scratch);
    label_index_free(&index);
    free((void *)s->examples.labels);
    s->examples.labels = ok ? number : NULL;
    if (!ok)
        free(number);
    return ok;
}

bool dataset_check_classes(const Dataset *s, FtcDiag *d)
{
    const int32_t *number = s->examples.labels;
    for (int64_t i = 1; i < s->n; i++)
        if (number[i] != number[0])
            return true;
    Bytes scratch = { 0 };
    Slice label = dataset_label(s, 0, &scratch);
    ftc_error(d, FTC_FILE(csv_name(s->csv)), "all %lld records have the label '%.*s'; training takes at least two classes",
              (long long)s->n, SLICE_ARG(label));
    bytes_free(&scratch);
    return false;
}

/* ----- texts ----- */

enum { LEARNERS = 4 }; /* each has words of its own to keep, so that more of them are faster but take memory */

typedef struct {
    const Dataset *set;
    int64_t n;                        /* learners */
    VocabLearner *learner[LEARNERS];
} Learning;

static void learn_part(void *arg, int64_t part, int thread)
{
    Learning *job = arg;
    const Dataset *s = job->set;
    Bytes scratch = { 0 };
    (void)thread;
    for (int64_t i = s->n * part / job->n; i < s->n * (part + 1) / job->n; i++)
        for (int k = 0; k < 2 && s->text[k].n; k++)
            vocab_learner_add(job->learner[part], dataset_text(s, i, k, &scratch));
    bytes_free(&scratch);
}

Tokenizer *dataset_learn_tokenizer(const Dataset *s, bool lowercase, int32_t cap, Pool *pool, FtcDiag *d)
{
    Learning job = { .set = s, .n = pool_threads(pool) < LEARNERS ? pool_threads(pool) : LEARNERS };
    for (int i = 0; i < job.n; i++)
        job.learner[i] = vocab_learner_new(lowercase);
    pool_run(pool, job.n, learn_part, &job);
    for (int i = 1; i < job.n; i++)
        vocab_learner_merge(job.learner[0], job.learner[i]);
    Tokenizer *t = vocab_learner_finish(job.learner[0], cap, d);
    for (int i = 0; i < job.n; i++)
        vocab_learner_free(job.learner[i]);
    return t;
}

enum { BLOCK = 256, BLOCKS_A_ROUND = 64 }; /* rows of a piece of work; pieces between which ids are gathered */

typedef struct {
    TokenScratch *scratch;
    Bytes a, b;
} Worker;

typedef struct {
    const Dataset *set;
    int max_length;
    Worker *worker;                /* [threads] */
    int64_t first_row;             /* of this round */
    TokenIds ids[BLOCKS_A_ROUND];
    int64_t cut[BLOCKS_A_ROUND];
    int64_t *start;                /* [rows + 1]: start[i + 1] is the length of row i, until they are summed up */
    int32_t *first;                /* [rows], for pairs */
} Job;

static void tokenize_block(void *arg, int64_t block, int thread)
{
    Job *job = arg;
    const Dataset *s = job->set;
    Worker *w = &job->worker[thread];
    bool pair = s->text[1].n > 0;
    int64_t i = job->first_row + block * BLOCK, end = i + BLOCK < s->n ? i + BLOCK : s->n;
    job->ids[block].n = 0;
    for (job->cut[block] = 0; i < end; i++) {
        Slice a = dataset_text(s, i, 0, &w->a), b = { 0 };
        if (pair)
            b = dataset_text(s, i, 1, &w->b);
        Encoded e = tokenizer_encode(w->scratch, a, pair ? &b : NULL, job->max_length, &job->ids[block]);
        job->start[i + 1] = e.tokens;
        s->uncut[i] = e.uncut;
        job->cut[block] += e.uncut > e.tokens;
        if (pair)
            job->first[i] = e.first;
    }
}

/* All ids, one row behind the other; as Examples has them, in one of two sizes.  Large arrays grow where they are, without a second
 * copy beside them. */
typedef struct {
    void *v;
    size_t n, cap, size;
} Gathered;

static bool gather(Gathered *all, const TokenIds *ids)
{
    if (all->cap - all->n < ids->n) {
        size_t cap = all->cap + all->cap / 4 + ids->n;
        void *v = cap < SIZE_MAX / sizeof *ids->v ? realloc(all->v, cap * all->size) : NULL;
        if (!v)
            return false;
        all->v = v;
        all->cap = cap;
    }
    if (all->size == sizeof *ids->v)
        memcpy((int32_t *)all->v + all->n, ids->v, ids->n * all->size);
    else
        for (size_t i = 0; i < ids->n; i++)
            ((uint16_t *)all->v)[all->n + i] = (uint16_t)ids->v[i];
    all->n += ids->n;
    return true;
}

/* Its place is found now: what is tokenized may be forgotten. */
static void find_longest(Dataset *s, int64_t from, int64_t to)
{
    int64_t longest = s->longest;
    for (int64_t i = from; i < to; i++)
        longest = s->uncut[i] > s->uncut[longest] ? i : longest;
    if (longest != s->longest || from == 0)
        s->longest_at = dataset_text_loc(s, longest);
    s->longest = longest;
}

static bool tokenize_rounds(Dataset *s, Job *job, Pool *pool, Gathered *all)
{
    int64_t n = s->n;
    for (job->first_row = 0; job->first_row < n; job->first_row += BLOCK * BLOCKS_A_ROUND) {
        int64_t blocks = (n - job->first_row + BLOCK - 1) / BLOCK;
        blocks = blocks < BLOCKS_A_ROUND ? blocks : BLOCKS_A_ROUND;
        pool_run(pool, blocks, tokenize_block, job);
        for (int64_t b = 0; b < blocks; b++) {
            s->cut += job->cut[b];
            if (!gather(all, &job->ids[b]))
                return false;
        }
        int64_t next = job->first_row + BLOCK * BLOCKS_A_ROUND;
        find_longest(s, job->first_row, next < n ? next : n);
        if (s->texts_end)
            csv_forget(s->csv, next < n ? dataset_record(s, next) : csv_records(s->csv));
    }
    for (int64_t i = 0; i < n; i++)
        job->start[i + 1] += job->start[i];
    return true;
}

bool dataset_tokenize(Dataset *s, const Tokenizer *t, int max_length, Pool *pool, FtcDiag *d)
{
    int threads = pool_threads(pool);
    bool pair = s->text[1].n > 0;
    Job job = { .set = s, .max_length = max_length, .worker = xcalloc((size_t)threads, sizeof *job.worker),
                .start = xcalloc((size_t)s->n + 1, sizeof *job.start),
                .first = pair ? xcalloc((size_t)s->n, sizeof *job.first) : NULL };
    free(s->uncut);
    s->uncut = xcalloc((size_t)s->n, sizeof *s->uncut);
    for (int i = 0; i < threads; i++)
        job.worker[i].scratch = token_scratch_new(t);
    bool is_short = tokenizer_size(t) <= UINT16_MAX + 1;
    Gathered all = { .size = is_short ? sizeof(uint16_t) : sizeof(int32_t) };
    s->cut = s->longest = 0;
    bool ok = tokenize_rounds(s, &job, pool, &all);
    for (int i = 0; i < threads; i++) {
        token_scratch_free(job.worker[i].scratch);
        bytes_free(&job.worker[i].a);
        bytes_free(&job.worker[i].b);
    }
    for (int i = 0; i < BLOCKS_A_ROUND; i++)
        free(job.ids[i].v);
    free(job.worker);
    s->examples.n = s->n;
    s->examples.ids = is_short ? NULL : all.v;
    s->examples.short_ids = is_short ? all.v : NULL;
    s->examples.start = job.start;
    s->examples.first = job.first;
    s->examples.record = s->record;
    return ok || ftc_error(d, FTC_FILE(csv_name(s->csv)), "no memory for the tokens of %lld records", (long long)s->n);
}
