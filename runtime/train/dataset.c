/* Tables as rows of tokens; see dataset.h. */
#include "runtime/train/dataset.h"

#include "runtime/core/mem.h"
#include "runtime/text/vocab_learn.h"

#include <stdlib.h>
#include <string.h>

/* ----- opening ----- */

static bool has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && !strcmp(path + n - m, suffix);
}

static bool need_column(const Csv *csv, const char *name, const char *key, int *column, FtcDiag *d)
{
    *column = name ? csv_need_column(csv, name, d) : -1;
    if (name && *column < 0)
        ftc_note(d, FTC_NOWHERE, "'%s' says which column it is: -D %s=NAME", key, key);
    return !name || *column >= 0;
}

static bool need_flags(Dataset *s, const DatasetColumns *columns, FtcDiag *d)
{
    s->n_flags = columns->n_flags;
    s->flag = xcalloc((size_t)columns->n_flags, sizeof *s->flag);
    bool ok = true;
    for (int32_t i = 0; ok && i < columns->n_flags; i++)
        ok = need_column(s->csv, columns->flag[i], "data.label", &s->flag[i], d);
    return ok;
}

bool dataset_open(Dataset *s, const char *path, const DatasetColumns *columns, FtcDiag *d)
{
    *s = (Dataset){ .text = { -1, -1 }, .label = -1, .weight = -1 };
    CsvOptions options = { .separator = has_suffix(path, ".tsv") ? '\t' : ',', .limit = columns->limit };
    s->csv = csv_open(path, &options, d);
    if (s->csv && csv_records(s->csv) == 0)
        return ftc_error(d, FTC_FILE(csv_name(s->csv)), "has a header but no records");
    s->n = s->csv ? csv_records(s->csv) : 0;
    return s->csv && need_column(s->csv, columns->text[0], "data.text", &s->text[0], d) &&
           need_column(s->csv, columns->text[1], "data.text", &s->text[1], d) &&
           need_column(s->csv, columns->label, "data.label", &s->label, d) && need_flags(s, columns, d) &&
           need_column(s->csv, columns->weight, "data.weight", &s->weight, d);
}

void dataset_part(Dataset *part, const Dataset *whole, int64_t *row, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        row[i] = dataset_record(whole, row[i]);
    *part = (Dataset){ .csv = whole->csv, .part = true, .text = { whole->text[0], whole->text[1] }, .label = whole->label,
                       .weight = -1, .n_flags = whole->n_flags, .n = n, .record = row };
    part->flag = xcalloc((size_t)whole->n_flags, sizeof *part->flag);
    for (int32_t i = 0; i < whole->n_flags; i++)
        part->flag[i] = whole->flag[i];
}

void dataset_keep(Dataset *s, int64_t *row, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        row[i] = dataset_record(s, row[i]);
    free((void *)s->record);
    s->record = row;
    s->n = n;
}

void dataset_close(Dataset *s)
{
    if (!s->part)
        csv_close(s->csv);
    free((void *)s->record);
    free(s->uncut);
    free((void *)s->examples.ids);
    free((void *)s->examples.start);
    free((void *)s->examples.first);
    free((void *)s->examples.labels);
    free((void *)s->examples.targets);
    free((void *)s->examples.weights);
    free(s->flag);
    *s = (Dataset){ .text = { -1, -1 }, .label = -1, .weight = -1 };
}

/* ----- labels ----- */

Slice dataset_label(const Dataset *s, int64_t row, Bytes *scratch)
{
    return csv_field(s->csv, dataset_record(s, row), s->label, scratch);
}

FtcLoc dataset_label_loc(const Dataset *s, int64_t row) { return csv_field_loc(s->csv, dataset_record(s, row), s->label); }

static bool empty_label(const Dataset *s, int64_t row, FtcDiag *d)
{
    return ftc_error(d, dataset_label_loc(s, row), "record %lld has no label in the column '%s'; give it one or take the record "
                     "out", (long long)dataset_record(s, row) + 1, csv_column_name(s->csv, s->label));
}

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
        if (label.n == 0)
            ok = empty_label(s, i, d);
        else if (!labels_add(l, label))
            ok = too_many_labels(s, i, d);
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
            ok = label.n ? unknown_label(s, i, label, labels, n, whose, d) : empty_label(s, i, d);
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

Tokenizer *dataset_learn_tokenizer(const Dataset *s, bool lowercase, int32_t cap, FtcDiag *d)
{
    VocabLearner *l = vocab_learner_new(lowercase);
    Bytes scratch = { 0 };
    for (int64_t i = 0; i < s->n; i++)
        for (int k = 0; k < 2 && s->text[k] >= 0; k++)
            vocab_learner_add(l, csv_field(s->csv, dataset_record(s, i), s->text[k], &scratch));
    Tokenizer *t = vocab_learner_finish(l, cap, d);
    bytes_free(&scratch);
    vocab_learner_free(l);
    return t;
}

enum { BLOCK = 256 }; /* records of a piece of work */

typedef struct {
    TokenScratch *scratch;
    Bytes a, b;
} Worker;

typedef struct {
    const Dataset *set;
    int max_length;
    Worker *worker;   /* [threads] */
    TokenIds *ids;    /* [blocks] */
    int64_t *cut;     /* [blocks] */
    int64_t *start;   /* [records + 1]: start[i + 1] is the length of row i, until they are summed up */
    int32_t *first;   /* [records], for pairs */
} Job;

static void tokenize_block(void *arg, int64_t block, int thread)
{
    Job *job = arg;
    const Dataset *s = job->set;
    Worker *w = &job->worker[thread];
    bool pair = s->text[1] >= 0;
    int64_t i = block * BLOCK, end = i + BLOCK < s->n ? i + BLOCK : s->n;
    for (; i < end; i++) {
        int64_t record = dataset_record(s, i);
        Slice a = csv_field(s->csv, record, s->text[0], &w->a), b = { 0 };
        if (pair)
            b = csv_field(s->csv, record, s->text[1], &w->b);
        Encoded e = tokenizer_encode(w->scratch, a, pair ? &b : NULL, job->max_length, &job->ids[block]);
        job->start[i + 1] = e.tokens;
        s->uncut[i] = e.uncut;
        job->cut[block] += e.uncut > e.tokens;
        if (pair)
            job->first[i] = e.first;
    }
}

/* The blocks' ids into one array. */
static bool join_blocks(Dataset *s, Job *job, int64_t blocks)
{
    int64_t n = s->n, total = 0;
    for (int64_t i = 0; i < n; i++)
        total = job->start[i + 1] += total;
    int32_t *ids = try_alloc((size_t)total, sizeof *ids, 64), *at = ids;
    for (int64_t b = 0; b < blocks; b++) {
        if (ids) {
            memcpy(at, job->ids[b].v, job->ids[b].n * sizeof *at);
            at += job->ids[b].n;
        }
        free(job->ids[b].v);
        s->cut += job->cut[b];
    }
    s->examples.n = n;
    s->examples.ids = ids;
    s->examples.start = job->start;
    s->examples.first = job->first;
    s->examples.record = s->record;
    return ids != NULL;
}

bool dataset_tokenize(Dataset *s, const Tokenizer *t, int max_length, Pool *pool, FtcDiag *d)
{
    int threads = pool_threads(pool);
    int64_t n = s->n, blocks = (n + BLOCK - 1) / BLOCK;
    Job job = { .set = s, .max_length = max_length, .worker = xcalloc((size_t)threads, sizeof *job.worker),
                .ids = xcalloc((size_t)blocks, sizeof *job.ids), .cut = xcalloc((size_t)blocks, sizeof *job.cut),
                .start = xcalloc((size_t)n + 1, sizeof *job.start),
                .first = s->text[1] >= 0 ? xcalloc((size_t)n, sizeof *job.first) : NULL };
    free(s->uncut);
    s->uncut = xcalloc((size_t)n, sizeof *s->uncut);
    for (int i = 0; i < threads; i++)
        job.worker[i].scratch = token_scratch_new(t);
    pool_run(pool, blocks, tokenize_block, &job);
    for (int i = 0; i < threads; i++) {
        token_scratch_free(job.worker[i].scratch);
        bytes_free(&job.worker[i].a);
        bytes_free(&job.worker[i].b);
    }
    s->cut = 0;
    bool ok = join_blocks(s, &job, blocks);
    free(job.worker);
    free(job.ids);
    free(job.cut);
    return ok || ftc_error(d, FTC_FILE(csv_name(s->csv)), "no memory for the tokens of %lld records", (long long)n);
}
