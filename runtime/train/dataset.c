/* Tables as rows of tokens; see dataset.h. */
#include "runtime/train/dataset.h"

#include "runtime/core/mem.h"
#include "runtime/text/vocab_learn.h"

#include <stdlib.h>
#include <string.h>

/* ----- opening ----- */

static bool need_column(const Csv *csv, const char *name, const char *key, int *column, FtcDiag *d)
{
    *column = name ? csv_need_column(csv, name, d) : -1;
    if (name && *column < 0 && csv_columns(csv) == 1)
        ftc_note(d, FTC_NOWHERE, "the table has one column only; 'data.separator' says what separates its fields: comma, tab, "
                 "semicolon or pipe");
    else if (name && *column < 0)
        ftc_note(d, FTC_NOWHERE, "'%s' says which column it is: -D %s=NAME", key, key);
    return !name || *column >= 0;
}

bool dataset_open(Dataset *s, const char *path, const DatasetColumns *columns, FtcDiag *d)
{
    *s = (Dataset){ .text = { -1, -1 }, .label = -1 };
    s->csv = csv_open(path, &columns->table, d);
    if (s->csv && csv_records(s->csv) == 0)
        return ftc_error(d, FTC_FILE(csv_name(s->csv)), "has a header but no records");
    return s->csv && need_column(s->csv, columns->text[0], "data.text", &s->text[0], d) &&
           need_column(s->csv, columns->text[1], "data.text", &s->text[1], d) &&
           need_column(s->csv, columns->label, "data.label", &s->label, d);
}

void dataset_close(Dataset *s)
{
    csv_close(s->csv);
    free((void *)s->examples.ids);
    free((void *)s->examples.start);
    free((void *)s->examples.first);
    free((void *)s->examples.labels);
    *s = (Dataset){ .text = { -1, -1 }, .label = -1 };
}

/* ----- labels ----- */

/* As strcmp, between a piece of text and a string. */
static int compare_label(Slice a, const char *b)
{
    size_t n = strlen(b);
    int order = a.n && n ? memcmp(a.p, b, a.n < n ? a.n : n) : 0;
    return order ? order : (a.n > n) - (a.n < n);
}

/* Where `label` is among the sorted labels, or would be inserted. */
static int32_t find_label(char *const *sorted, int32_t n, Slice label, bool *found)
{
    int32_t from = 0;
    *found = false;
    while (n > 0) {
        int32_t half = n / 2;
        int order = compare_label(label, sorted[from + half]);
        if (order == 0) {
            *found = true;
            return from + half;
        }
        if (order > 0) {
            from += half + 1;
            n -= half + 1;
        } else
            n = half;
    }
    return from;
}

static bool empty_label(const Dataset *s, int64_t record, FtcDiag *d)
{
    return ftc_error(d, csv_field_loc(s->csv, record, s->label), "record %lld has no label in the column '%s'; give it one or "
                     "take the record out", (long long)record + 1, csv_column_name(s->csv, s->label));
}

bool labels_collect(Labels *l, const Dataset *s, FtcDiag *d)
{
    Bytes scratch = { 0 };
    int32_t cap = 0;
    bool ok = true;
    *l = (Labels){ 0 };
    for (int64_t i = 0; ok && i < csv_records(s->csv); i++) {
        Slice label = csv_field(s->csv, i, s->label, &scratch);
        bool found;
        int32_t at = find_label(l->v, l->n, label, &found);
        if (label.n == 0)
            ok = empty_label(s, i, d);
        if (!ok || found)
            continue;
        if (l->n == LABELS_MAX) {
            ok = ftc_error(d, csv_field_loc(s->csv, i, s->label), "the column '%s' has more than %d different labels; is it the "
                           "right one? (data.label names it)", csv_column_name(s->csv, s->label), LABELS_MAX);
            continue;
        }
        GROW(l->v, l->n, cap);
        memmove(l->v + at + 1, l->v + at, (size_t)(l->n - at) * sizeof *l->v);
        l->v[at] = xstrndup(label.p, label.n);
        l->n++;
    }
    bytes_free(&scratch);
    return ok;
}

void labels_free(Labels *l)
{
    for (int32_t i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l->v);
    *l = (Labels){ 0 };
}

typedef struct {
    const char *label;
    int32_t number;
} Numbered;

static int by_label(const void *a, const void *b) { return strcmp(((const Numbered *)a)->label, ((const Numbered *)b)->label); }

static bool unknown_label(const Dataset *s, int64_t record, Slice label, const char *const *labels, int32_t n, const char *whose,
                          FtcDiag *d)
{
    char list[320] = "";
    for (int32_t c = 0; c < n; c++) {
        size_t used = strlen(list);
        if (used + strlen(labels[c]) + 12 > sizeof list) {
            strcat(list, ", ...");
            break;
        }
        snprintf(list + used, sizeof list - used, "%s'%s'", c ? ", " : "", labels[c]);
    }
    return ftc_error(d, csv_field_loc(s->csv, record, s->label), "the label '%.*s' of record %lld is none %s: %s",
                     SLICE_ARG(label), (long long)record + 1, whose, list);
}

bool dataset_number(Dataset *s, const char *const *labels, int32_t n, const char *whose, FtcDiag *d)
{
    int64_t records = csv_records(s->csv);
    int32_t *number = xcalloc((size_t)records, sizeof *number);
    Numbered *sorted = xcalloc((size_t)n, sizeof *sorted);
    char **keys = xcalloc((size_t)n, sizeof *keys);
    Bytes scratch = { 0 };
    bool ok = true;
    for (int32_t c = 0; c < n; c++)
        sorted[c] = (Numbered){ labels[c], c };
    qsort(sorted, (size_t)n, sizeof *sorted, by_label);
    for (int32_t c = 0; c < n; c++)
        keys[c] = (char *)sorted[c].label;
    for (int64_t i = 0; ok && i < records; i++) {
        Slice label = csv_field(s->csv, i, s->label, &scratch);
        bool found;
        int32_t at = find_label(keys, n, label, &found);
        if (found)
            number[i] = sorted[at].number;
        else
            ok = label.n ? unknown_label(s, i, label, labels, n, whose, d) : empty_label(s, i, d);
    }
    bytes_free(&scratch);
    free(keys);
    free(sorted);
    free((void *)s->examples.labels);
    s->examples.labels = number;
    return ok;
}

bool dataset_check_classes(const Dataset *s, FtcDiag *d)
{
    const int32_t *number = s->examples.labels;
    for (int64_t i = 1; i < csv_records(s->csv); i++)
        if (number[i] != number[0])
            return true;
    Bytes scratch = { 0 };
    Slice label = csv_field(s->csv, 0, s->label, &scratch);
    ftc_error(d, FTC_FILE(csv_name(s->csv)), "all %lld records have the label '%.*s'; training takes at least two classes",
              (long long)csv_records(s->csv), SLICE_ARG(label));
    bytes_free(&scratch);
    return false;
}

/* ----- texts ----- */

Tokenizer *dataset_learn_tokenizer(const Dataset *s, bool lowercase, int32_t cap, FtcDiag *d)
{
    VocabLearner *l = vocab_learner_new(lowercase);
    Bytes scratch = { 0 };
    for (int64_t i = 0; i < csv_records(s->csv); i++)
        for (int k = 0; k < 2 && s->text[k] >= 0; k++)
            vocab_learner_add(l, csv_field(s->csv, i, s->text[k], &scratch));
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
    int64_t i = block * BLOCK, end = i + BLOCK < csv_records(s->csv) ? i + BLOCK : csv_records(s->csv);
    for (; i < end; i++) {
        Slice a = csv_field(s->csv, i, s->text[0], &w->a), b = { 0 };
        if (pair)
            b = csv_field(s->csv, i, s->text[1], &w->b);
        Encoded e = tokenizer_encode(w->scratch, a, pair ? &b : NULL, job->max_length, &job->ids[block]);
        job->start[i + 1] = e.tokens;
        job->cut[block] += e.uncut > e.tokens;
        if (pair)
            job->first[i] = e.first;
    }
}

/* The blocks' ids into one array. */
static bool join_blocks(Dataset *s, Job *job, int64_t blocks)
{
    int64_t n = csv_records(s->csv), total = 0;
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
    s->examples = (Examples){ .n = n, .ids = ids, .start = job->start, .first = job->first, .labels = s->examples.labels };
    return ids != NULL;
}

bool dataset_tokenize(Dataset *s, const Tokenizer *t, int max_length, Pool *pool, FtcDiag *d)
{
    int threads = pool_threads(pool);
    int64_t n = csv_records(s->csv), blocks = (n + BLOCK - 1) / BLOCK;
    Job job = { .set = s, .max_length = max_length, .worker = xcalloc((size_t)threads, sizeof *job.worker),
                .ids = xcalloc((size_t)blocks, sizeof *job.ids), .cut = xcalloc((size_t)blocks, sizeof *job.cut),
                .start = xcalloc((size_t)n + 1, sizeof *job.start),
                .first = s->text[1] >= 0 ? xcalloc((size_t)n, sizeof *job.first) : NULL };
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
