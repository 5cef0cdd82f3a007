/* Tokenizing files; see tokenize_file.h. Texts are taken in blocks, which threads turn into text of their own;
 * blocks are written in order. */
#include "runtime/text/tokenize_file.h"

#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/core/pool.h"
#include "runtime/text/csv.h"
#include "runtime/text/textfile.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* --- texts of a file --------------------------------------------------------------------------------- */

/* Where a text of a .txt or .jsonl file stands: in `from` at `a`; its second half, if there is one, right behind. */
typedef struct {
    size_t at, n_a, n_b;
    bool pair;
} TextAt;

typedef struct {
    Csv *csv;
    int column, column_b;      /* column_b: -1 for none */
    TextFile file;
    Bytes decoded;             /* the strings of a .jsonl file */
    const char *from;
    TextAt *text;
    int64_t n, cap;
} Texts;

static bool open_table(Texts *x, const char *path, const TokenizeOptions *o, FtcDiag *d)
{
    x->csv = csv_open(path, NULL, d);
    if (!x->csv)
        return false;
    x->column = csv_need_column(x->csv, o->column ? o->column : "text", d);
    x->column_b = o->column_b ? csv_need_column(x->csv, o->column_b, d) : -1;
    x->n = csv_records(x->csv);
    return x->column >= 0 && (!o->column_b || x->column_b >= 0);
}

static void add_text(Texts *x, TextAt text)
{
    GROW(x->text, x->n, x->cap);
    x->text[x->n++] = text;
}

/* A line of a .jsonl file. */
static bool add_json(Texts *x, const char *line, size_t n, FtcDiag *d)
{
    size_t begin = (size_t)(line - x->file.text);
    json_error_t error;
    json_t *object = json_loadb(line, n, JSON_ALLOW_NUL, &error);
    if (!object) {
        size_t at = begin + (error.position > 0 && (size_t)error.position <= n ? (size_t)error.position - 1 : 0);
        return ftc_error(d, textfile_loc(&x->file, at, at), "this line is not JSON: %s", error.text);
    }
    json_t *a = json_object_get(object, "text"), *b = NULL;
    if (!a) {
        a = json_object_get(object, "a");
        b = json_object_get(object, "b");
    }
    bool ok = json_is_string(a) && (!b || json_is_string(b));
    if (ok) {
        add_text(x, (TextAt){ x->decoded.n, json_string_length(a), json_string_length(b), b != NULL });
        bytes_add(&x->decoded, json_string_value(a), json_string_length(a));
        bytes_add(&x->decoded, json_string_value(b), json_string_length(b));
    } else
        ftc_error(d, textfile_loc(&x->file, begin, begin), "this line has no string under the key 'text', or 'a' and 'b'");
    json_decref(object);
    return ok;
}

static bool open_lines(Texts *x, const char *path, FtcDiag *d)
{
    if (!textfile_read(&x->file, path, TEXT_UTF8, d))
        return false;
    bool json = path_ends_with(path, ".jsonl");
    const char *p = x->file.text + x->file.start, *end = x->file.text + x->file.size;
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop = nl ? nl : end;
        size_t n = (size_t)(stop - p);
        if (n > 0 && p[n - 1] == '\r')
            n--;
        if (!json)
            add_text(x, (TextAt){ .at = (size_t)(p - x->file.text), .n_a = n });
        else if (n > 0 && !add_json(x, p, n, d))
            return false;
        p = nl ? nl + 1 : end;
    }
    x->from = json ? x->decoded.p : x->file.text;
    return true;
}

static bool open_texts(Texts *x, const char *path, const TokenizeOptions *o, FtcDiag *d)
{
    *x = (Texts){ 0 };
    return path_ends_with(path, ".csv") || path_ends_with(path, ".tsv") ? open_table(x, path, o, d) : open_lines(x, path, d);
}

static void close_texts(Texts *x)
{
    csv_close(x->csv);
    textfile_free(&x->file);
    bytes_free(&x->decoded);
    free(x->text);
}

/* --- lines of ids ------------------------------------------------------------------------------------ */

typedef struct {
    TokenScratch *scratch;
    TokenIds ids;
    Bytes a, b;
} Worker;

enum { BLOCK = 256, BLOCKS_A_ROUND = 64 };

typedef struct {
    const Tokenizer *t;
    const TokenizeOptions *options;
    const Texts *texts;
    int64_t first;                   /* text of this round */
    Worker *worker;                  /* [threads] */
    Bytes out[BLOCKS_A_ROUND];
} Job;

static void put_number(Bytes *out, int32_t number)
{
    char digits[10];
    int n = 0;
    do
        digits[n++] = (char)('0' + number % 10);
    while (number /= 10);
    bytes_reserve(out, sizeof digits);
    while (n > 0)
        out->p[out->n++] = digits[--n];
}

static void tokenize_text(const Job *job, int64_t i, Worker *w, Bytes *out)
{
    const Texts *x = job->texts;
    Slice a, b = { "", 0 };
    bool pair;
    if (x->csv) {
        pair = x->column_b >= 0;
        a = csv_field(x->csv, i, x->column, &w->a);
        if (pair)
            b = csv_field(x->csv, i, x->column_b, &w->b);
    } else {
        const TextAt *text = &x->text[i];
        pair = text->pair;
        a = (Slice){ text->n_a ? x->from + text->at : "", text->n_a };
        if (text->n_b)
            b = (Slice){ x->from + text->at + text->n_a, text->n_b };
    }
    w->ids.n = 0;
    tokenizer_encode(w->scratch, a, pair ? &b : NULL, job->options->max_length, &w->ids);
    for (size_t k = 0; k < w->ids.n; k++) {
        if (k)
            bytes_put(out, ' ');
        if (job->options->tokens) {
            Slice token = tokenizer_token(job->t, w->ids.v[k]);
            bytes_add(out, token.p, token.n);
        } else
            put_number(out, w->ids.v[k]);
    }
    bytes_put(out, '\n');
}

static void tokenize_block(void *arg, int64_t block, int thread)
{
    Job *job = arg;
    Bytes *out = &job->out[block];
    int64_t i = job->first + block * BLOCK, end = i + BLOCK < job->texts->n ? i + BLOCK : job->texts->n;
    for (out->n = 0; i < end; i++)
        tokenize_text(job, i, &job->worker[thread], out);
}

static bool write_texts(Job *job, Pool *pool, FILE *out, FtcDiag *d)
{
    bool ok = true;
    for (; ok && job->first < job->texts->n; job->first += BLOCK * BLOCKS_A_ROUND) {
        int64_t blocks = (job->texts->n - job->first + BLOCK - 1) / BLOCK;
        blocks = blocks < BLOCKS_A_ROUND ? blocks : BLOCKS_A_ROUND;
        pool_run(pool, blocks, tokenize_block, job);
        for (int64_t i = 0; ok && i < blocks; i++)
            ok = fwrite(job->out[i].p, 1, job->out[i].n, out) == job->out[i].n;
    }
    if (!ok || fflush(out))
        return ftc_error(d, FTC_NOWHERE, "can't write the ids: %s", strerror(errno));
    return true;
}

bool tokenize_file(const Tokenizer *t, const char *path, const TokenizeOptions *options, FILE *out, FtcDiag *d)
{
    Texts texts;
    bool ok = open_texts(&texts, path, options, d);
    if (ok) {
        Pool *pool = pool_new(options->threads);
        int threads = pool_threads(pool);
        Job job = { .t = t, .options = options, .texts = &texts };
        job.worker = xcalloc((size_t)threads, sizeof *job.worker);
        for (int i = 0; i < threads; i++)
            job.worker[i].scratch = token_scratch_new(t);
        ok = write_texts(&job, pool, out, d);
        pool_free(pool);
        for (int i = 0; i < threads; i++) {
            token_scratch_free(job.worker[i].scratch);
            free(job.worker[i].ids.v);
            bytes_free(&job.worker[i].a);
            bytes_free(&job.worker[i].b);
        }
        for (int i = 0; i < BLOCKS_A_ROUND; i++)
            bytes_free(&job.out[i]);
        free(job.worker);
    }
    close_texts(&texts);
    return ok;
}
