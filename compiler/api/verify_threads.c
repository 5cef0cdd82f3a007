/* Some training steps on several numbers of threads: the weights have the same bits.  In: a compiled model with native code.  Out:
 * whether they have. */
#include "compiler/api/verify_model.h"

#include "runtime/core/mem.h"
#include "runtime/train/exec.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 5, MOST_TOKENS = 64, STEPS = 3, CLASSES = 3, VOCAB = 50 };

typedef struct {
    int32_t ids[MOST_TOKENS], types[MOST_TOKENS], start[ROWS + 1], labels[ROWS];
    int64_t record[ROWS];
    float targets[ROWS * CLASSES], row_weights[ROWS];
    int32_t longest;
} Numbered;

static void fill_batch(Numbered *b, const FtcModel *m, int step, int longest)
{
    static const int32_t lengths[STEPS][ROWS] = { { 13, 1, 5, 2, 7 }, { 1, 1, 1, 1, 1 }, { 3, 11, 4, 13, 9 } };
    int32_t segments = m->data.segments > 0 ? m->data.segments : 1;
    *b = (Numbered){ .longest = 1 };
    for (int r = 0; r < ROWS; r++) {
        int32_t n = lengths[step % STEPS][r] < longest ? lengths[step % STEPS][r] : longest;
        b->start[r + 1] = b->start[r] + n;
        b->longest = n > b->longest ? n : b->longest;
        b->labels[r] = (r + step) % CLASSES;
        b->record[r] = r + 1;
        b->row_weights[r] = 0.5f + 0.25f * (float)r;
        for (int c = 0; c < CLASSES; c++)
            b->targets[r * CLASSES + c] = (float)((r + c + step) % 2);
    }
    for (int t = 0; t < b->start[ROWS]; t++) {
        b->ids[t] = (t * 7 + step * 11) % VOCAB;
        b->types[t] = t % segments;
    }
}

/* The weights after some steps, free() them; NULL after an error. */
static float *trained(const Compiled *c, int threads, int longest, int64_t *count, FtcDiag *d)
{
    const FtcModel *m = &c->model;
    Pool *pool = pool_new(threads);
    Params *p = params_new(m, m->task == FTC_REGRESSION ? 1 : CLASSES, VOCAB, false, d);
    Exec *e = NULL;
    float *all = NULL;
    if (p && params_add_states(p, d)) {
        params_init(p, 7, pool);
        e = exec_new(m, p, pool, (ExecOptions){ .train = true }, d);
    }
    bool ok = e && exec_reserve(e, MOST_TOKENS, ROWS, 13, d);
    for (int step = 0; ok && step < STEPS; step++) {
        Numbered b;
        exec_set_step(e, step, 1e-2);
        for (int i = 0; i < (m->accumulate ? 2 : 1); i++) {
            fill_batch(&b, m, step + i, longest);
            FtcBatch batch = { .rows = ROWS, .tokens = b.start[ROWS], .longest = b.longest, .ids = b.ids, .types = b.types,
                               .row_start = b.start, .labels = b.labels, .record = b.record, .targets = b.targets,
                               .row_weights = b.row_weights };
            if (m->accumulate && i == 0)
                exec_accumulate(e, &batch);
            else
                exec_step(e, &batch);
        }
    }
    if (ok) {
        exec_flush(e);
        float *at = all = xcalloc((size_t)(*count = params_total(p)) + 1, sizeof *all);
        for (int i = 0; i < p->n; i++, at += p->count[i - 1])
            memcpy(at, p->weight[i].data, (size_t)p->count[i] * sizeof *at);
    }
    exec_free(e);
    params_free(p);
    pool_free(pool);
    return all;
}

bool verify_threads(const Compiled *c, int longest, Failure *f, FtcDiag *d)
{
    static const int threads[] = { 2, 3, 7 };
    int64_t n, m;
    float *one = trained(c, 1, longest, &n, d);
    bool ok = one != NULL;
    for (size_t i = 0; ok && i < sizeof threads / sizeof *threads; i++) {
        float *other = trained(c, threads[i], longest, &m, d);
        int64_t at = 0;
        while (other && at < n && !memcmp(&one[at], &other[at], sizeof *one))
            at++;
        ok = other && at == n;
        if (!ok) {
            f->kind = FAIL_THREADS;
            snprintf(f->message, sizeof f->message, "%d threads train other weights than one: number %lld is %.9g, not %.9g", threads[i],
                     (long long)at, other ? other[at] : 0, one[at]);
        }
        free(other);
    }
    free(one);
    return ok;
}
