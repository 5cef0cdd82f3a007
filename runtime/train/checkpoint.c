/* Writing and reading checkpoints; see checkpoint.h. */
#include "runtime/train/checkpoint.h"

#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/core/sha256.h"
#include "runtime/weights/safetensors.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FORMAT = 1,
    STEP_NUMBERS = 7,                    /* of a StepRecord */
    EPOCH_NUMBERS = 5 + METRIC_KINDS,    /* of an EpochRecord */
    DIGEST = 32,
};

/* ----- the best weights ----- */

bool best_keep(BestWeights *b, const Params *p, FtcDiag *d)
{
    if (!b->data)
        b->data = xcalloc((size_t)p->n, sizeof *b->data);
    b->n = p->n;
    for (int i = 0; i < p->n; i++) {
        if (p->model->weights[i].frozen)
            continue;
        size_t bytes = (size_t)p->count[i] * sizeof(float);
        if (!b->data[i] && !(b->data[i] = try_alloc(1, bytes, 64)))
            return ftc_error(d, FTC_NOWHERE, "there is no memory to keep the best weights beside those that are trained; "
                             "train.best: none does without");
        memcpy(b->data[i], p->weight[i].data, bytes);
    }
    return true;
}

void best_restore(const BestWeights *b, Params *p)
{
    for (int i = 0; i < b->n; i++)
        if (b->data[i])
            memcpy(p->weight[i].data, b->data[i], (size_t)p->count[i] * sizeof(float));
}

void best_free(BestWeights *b)
{
    for (int i = 0; i < b->n; i++)
        free(b->data[i]);
    free(b->data);
    *b = (BestWeights){ 0 };
}

/* ----- tensors ----- */

typedef struct {
    Tensor *v;           /* names are owned */
    int n, cap;
} Tensors;

static void add(Tensors *t, char *name, Dtype dtype, int rank, const int64_t *dims, const void *data)
{
    GROW(t->v, t->n, t->cap);
    t->v[t->n++] = (Tensor){ .name = name, .dtype = dtype, .rank = rank, .dims = dims, .data = data };
}

static void tensors_free(Tensors *t)
{
    for (int i = 0; i < t->n; i++)
        free((char *)t->v[i].name);
    free(t->v);
}

/* Those whose shapes the model knows, with where they lie in memory: to write from, and to read into. */
static void add_params(Tensors *t, const Params *p)
{
    for (int i = 0; i < p->n; i++) {
        const Weight *w = &p->weight[i];
        add(t, xasprintf("weight/%s", w->name), DTYPE_F32, w->rank, w->dims, w->data);
        for (int k = 0; k < p->model->n_lasting; k++) {
            const float *state = p->state[(size_t)k * (size_t)p->n + (size_t)i];
            if (state)
                add(t, xasprintf("state/%s:%s", p->model->state[k], w->name), DTYPE_F32, w->rank, w->dims, state);
        }
    }
}

static void add_best(Tensors *t, const Params *p, const BestWeights *b)
{
    for (int i = 0; i < b->n; i++)
        if (b->data[i])
            add(t, xasprintf("best/%s", p->weight[i].name), DTYPE_F32, p->weight[i].rank, p->weight[i].dims, b->data[i]);
}

/* ----- digests ----- */

typedef struct {
    const Tensor *const *tensor;
    unsigned char *digest;   /* [n, DIGEST] */
} Digests;

static void digest_one(void *arg, int64_t i, int thread)
{
    (void)thread;
    const Digests *g = arg;
    const Tensor *t = g->tensor[i];
    Sha256 s;
    sha256_begin(&s);
    sha256_add(&s, t->name, strlen(t->name) + 1);
    sha256_add(&s, t->dims, (size_t)t->rank * sizeof *t->dims);
    sha256_add(&s, t->data, (size_t)tensor_bytes(t->dtype, t->rank, t->dims));
    sha256_end(&s, g->digest + i * DIGEST);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const Tensor *const *)a)->name, (*(const Tensor *const *)b)->name);
}

/* A digest of each tensor, in the order of their names; free() it. */
static unsigned char *digest_all(const Tensor *const *tensor, int n, Pool *pool)
{
    const Tensor **order = xcalloc((size_t)n, sizeof *order);
    memcpy(order, tensor, (size_t)n * sizeof *order);
    qsort(order, (size_t)n, sizeof *order, by_name);
    Digests g = { order, xcalloc((size_t)n, DIGEST) };
    pool_run(pool, n, digest_one, &g);
    free(order);
    return g.digest;
}

/* ----- the history as numbers ----- */

static double *steps_as_numbers(const History *h)
{
    double *out = xcalloc((size_t)h->n_steps * STEP_NUMBERS + 1, sizeof *out), *at = out;
    for (const StepRecord *r = h->step; r < h->step + h->n_steps; r++, at += STEP_NUMBERS)
        memcpy(at, (double[]){ (double)r->step, (double)r->epoch, r->loss, r->lr, r->grad_norm, (double)r->tokens, r->ms },
               STEP_NUMBERS * sizeof *at);
    return out;
}

static double *epochs_as_numbers(const History *h)
{
    double *out = xcalloc((size_t)h->n_epochs * EPOCH_NUMBERS + 1, sizeof *out), *at = out;
    for (const EpochRecord *r = h->epoch; r < h->epoch + h->n_epochs; r++, at += EPOCH_NUMBERS) {
        memcpy(at, (double[]){ (double)r->epoch, (double)r->step, r->train_loss, r->train_s, r->dev_s }, 5 * sizeof *at);
        memcpy(at + 5, r->dev, sizeof r->dev);
    }
    return out;
}

static void steps_from_numbers(History *h, const double *at, int64_t n)
{
    for (; n > 0; n--, at += STEP_NUMBERS)
        history_add_step(h, &(StepRecord){ .step = (int64_t)at[0], .epoch = (int64_t)at[1], .loss = at[2], .lr = at[3],
                                           .grad_norm = at[4], .tokens = (int64_t)at[5], .ms = at[6] });
}

static void epochs_from_numbers(History *h, const double *at, int64_t n)
{
    for (; n > 0; n--, at += EPOCH_NUMBERS) {
        EpochRecord r = { .epoch = (int64_t)at[0], .step = (int64_t)at[1], .train_loss = at[2], .train_s = at[3], .dev_s = at[4] };
        memcpy(r.dev, at + 5, sizeof r.dev);
        history_add_epoch(h, &r);
    }
}

/* ----- files of a folder ----- */

static bool step_of(const char *name, int64_t *step)
{
    long long number;
    int end = 0;
    if (sscanf(name, "step-%lld.safetensors%n", &number, &end) != 1 || !end || name[end] || number < 0)
        return false;
    *step = number;
    return true;
}

static char *file_of(const char *folder, int64_t step) { return xasprintf("%s/step-%08lld.safetensors", folder, (long long)step); }

static int newest_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

/* The steps there is a file for, the newest first; free() it. */
static int64_t *list_steps(const char *folder, int64_t *n)
{
    int64_t *list = NULL, cap = 0, step;
    *n = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (step_of(e->d_name, &step)) {
            GROW(list, *n, cap);
            list[(*n)++] = step;
        }
    if (dir)
        closedir(dir);
    if (list)
        qsort(list, (size_t)*n, sizeof *list, newest_first);
    return list;
}

/* All but the last `keep` up to this step; later ones are no part of this history: damaged ones that were passed over. */
static void remove_old(const char *folder, int64_t step, int64_t keep)
{
    int64_t n, *steps = list_steps(folder, &n), kept = 0;
    for (int64_t i = 0; i < n; i++) {
        if (steps[i] <= step && kept++ < keep)
            continue;
        char *path = file_of(folder, steps[i]);
        unlink(path);
        free(path);
    }
    free(steps);
}

/* ----- writing ----- */

bool checkpoint_write(const char *folder, const Checkpoint *c, int64_t keep, FtcDiag *d)
{
    const History *h = c->history;
    UsedRows *used = exec_used_rows(c->exec);
    Tensors t = { 0 };
    double *steps = steps_as_numbers(h), *epochs = epochs_as_numbers(h), pending = used ? used->pending : 1;
    int64_t format[] = { FORMAT }, one[] = { 1 }, step_dims[] = { h->n_steps, STEP_NUMBERS };
    int64_t epoch_dims[] = { h->n_epochs, EPOCH_NUMBERS }, used_dims[] = { used ? used->n : 0 };
    if (used)
        used_rows_settle(used);
    add_params(&t, c->params);
    add_best(&t, c->params, c->best);
    add(&t, xstrdup("format"), DTYPE_I64, 1, one, format);
    add(&t, xstrdup("steps"), DTYPE_F64, 2, step_dims, steps);
    add(&t, xstrdup("epochs"), DTYPE_F64, 2, epoch_dims, epochs);
    add(&t, xstrdup("train_s"), DTYPE_F64, 1, one, c->train_s);
    add(&t, xstrdup("used"), DTYPE_I32, 1, used_dims, used ? used->id : NULL);
    add(&t, xstrdup("pending"), DTYPE_F64, 1, one, &pending);

    const Tensor **all = xcalloc((size_t)t.n, sizeof *all);
    for (int i = 0; i < t.n; i++)
        all[i] = &t.v[i];
    unsigned char *digests = digest_all(all, t.n, c->pool);
    int64_t digest_dims[] = { t.n, DIGEST };
    add(&t, xstrdup("digests"), DTYPE_U8, 2, digest_dims, digests);

    char *path = file_of(folder, h->n_steps);
    bool ok = safetensors_write(path, t.v, t.n, d);
    if (ok)
        remove_old(folder, h->n_steps, keep);
    free(path);
    free(digests);
    free(all);
    free(steps);
    free(epochs);
    tensors_free(&t);
    return ok;
}

/* ----- reading ----- */

static bool damaged(FtcDiag *d, const char *path, const char *why)
{
    ftc_warn(d, "damaged-checkpoint", FTC_FILE(path), "is damaged and not used: %s", why);
    return false;
}

static bool digests_agree(const Safetensors *s, const char *path, Pool *pool, FtcDiag *d)
{
    const Tensor *digests = safetensors_find(s, "digests");
    int n = safetensors_count(s), others = 0;
    if (!digests || digests->dtype != DTYPE_U8 || digests->size != (size_t)(n - 1) * DIGEST)
        return damaged(d, path, "it has no digests of its tensors");
    const Tensor **all = xcalloc((size_t)n, sizeof *all);
    for (int i = 0; i < n; i++)
        if (safetensors_at(s, i) != digests)
            all[others++] = safetensors_at(s, i);
    unsigned char *now = digest_all(all, others, pool);
    int bad = 0;
    while (bad < others && !memcmp(now + (size_t)bad * DIGEST, (const unsigned char *)digests->data + (size_t)bad * DIGEST, DIGEST))
        bad++;
    free(now);
    char why[300];
    if (bad < others)
        snprintf(why, sizeof why, "'%s' is not what was written", all[bad]->name);
    free(all);
    return bad == others || damaged(d, path, why);
}

static bool same_shape(const Tensor *a, const Tensor *b)
{
    bool same = a && a->dtype == b->dtype && a->rank == b->rank;
    for (int k = 0; same && k < a->rank; k++)
        same = a->dims[k] == b->dims[k];
    return same;
}

static bool is_table(const Tensor *t, int64_t width)
{
    return t && t->dtype == DTYPE_F64 && t->rank == 2 && t->dims[1] == width;
}

static bool is_vector(const Tensor *t, Dtype dtype, int64_t n)
{
    return t && t->dtype == dtype && t->rank == 1 && (n < 0 || t->dims[0] == n);
}

static bool right_version(const Safetensors *s)
{
    const Tensor *format = safetensors_find(s, "format");
    int64_t number = 0;
    if (is_vector(format, DTYPE_I64, 1))
        memcpy(&number, format->data, sizeof number);
    return number == FORMAT && is_table(safetensors_find(s, "steps"), STEP_NUMBERS) &&
           is_table(safetensors_find(s, "epochs"), EPOCH_NUMBERS) && is_vector(safetensors_find(s, "train_s"), DTYPE_F64, 1) &&
           is_vector(safetensors_find(s, "pending"), DTYPE_F64, 1) && is_vector(safetensors_find(s, "used"), DTYPE_I32, -1);
}

/* A whole file whose tensors are of this model, or NULL. */
static Safetensors *open_file(const char *path, int64_t step, const Checkpoint *c, const Tensors *want, FtcDiag *d)
{
    FtcDiag *quiet = ftc_diag_new(NULL);
    Safetensors *s = safetensors_open(path, quiet);
    if (!s)
        damaged(d, path, ftc_diag_last(quiet));
    ftc_diag_free(quiet);
    bool ok = s && digests_agree(s, path, c->pool, d);
    if (ok && !right_version(s))
        ok = ftc_error(d, FTC_FILE(path), "was written by another version of ftc; that one can go on from it");
    if (ok && safetensors_find(s, "steps")->dims[0] != step)
        ok = damaged(d, path, "it is of another step than its name says");
    for (int i = 0; ok && i < want->n; i++)
        if (!same_shape(safetensors_find(s, want->v[i].name), &want->v[i]))
            ok = ftc_error(d, FTC_FILE(path), "is of another model: its '%s' is missing or has another shape", want->v[i].name);
    if (ok)
        return s;
    safetensors_close(s);
    return NULL;
}

/* In floats; the file's bytes may lie unaligned. */
static double *numbers_of(const Tensor *t)
{
    double *out = xcalloc(t->size / sizeof *out + 1, sizeof *out);
    if (t->size)
        memcpy(out, t->data, t->size);
    return out;
}

static bool take_best(const Safetensors *s, const Checkpoint *c, FtcDiag *d)
{
    bool any = false;
    for (int i = 0; i < c->params->n; i++) {
        char *name = xasprintf("best/%s", c->params->weight[i].name);
        const Tensor *t = safetensors_find(s, name);
        free(name);
        if (!t)
            continue;
        if (!any && !best_keep(c->best, c->params, d)) /* memory of the right sizes */
            return false;
        any = true;
        if (c->best->data[i] && t->size == (size_t)c->params->count[i] * sizeof(float))
            memcpy(c->best->data[i], t->data, t->size);
    }
    return true;
}

static bool take(const Safetensors *s, Checkpoint *c, const Tensors *want, FtcDiag *d)
{
    const Tensor *used = safetensors_find(s, "used"), *steps = safetensors_find(s, "steps"), *epochs = safetensors_find(s, "epochs");
    for (int i = 0; i < want->n; i++) {
        const Tensor *t = safetensors_find(s, want->v[i].name);
        if (t->size)
            memcpy((void *)want->v[i].data, t->data, t->size);
    }
    double *pending = numbers_of(safetensors_find(s, "pending")), *time = numbers_of(safetensors_find(s, "train_s"));
    double *step_numbers = numbers_of(steps), *epoch_numbers = numbers_of(epochs);
    UsedRows *rows = exec_used_rows(c->exec);
    bool ok = !rows || used_rows_restore(rows, used->data, (int32_t)used->dims[0], *pending) ||
              ftc_error(d, FTC_NOWHERE, "the checkpoint's list of used words is none of this vocabulary");
    *c->train_s = *time;
    steps_from_numbers(c->history, step_numbers, steps->dims[0]);
    epochs_from_numbers(c->history, epoch_numbers, epochs->dims[0]);
    free(pending);
    free(time);
    free(step_numbers);
    free(epoch_numbers);
    return ok && take_best(s, c, d);
}

bool checkpoint_read(const char *folder, Checkpoint *c, int64_t *step, FtcDiag *d)
{
    int64_t n, *steps = list_steps(folder, &n);
    Tensors want = { 0 };
    bool ok = true, found = false;
    int errors = ftc_diag_errors(d);
    add_params(&want, c->params);
    *step = 0;
    for (int64_t i = 0; i < n && !found && ftc_diag_errors(d) == errors; i++) {
        char *path = file_of(folder, steps[i]);
        Safetensors *s = open_file(path, steps[i], c, &want, d);
        if (s) {
            found = true;
            *step = steps[i];
            ok = take(s, c, &want, d);
        }
        safetensors_close(s);
        free(path);
    }
    if (n && !found && ftc_diag_errors(d) == errors)
        ftc_error(d, FTC_FILE(folder), "has no checkpoint that is whole");
    tensors_free(&want);
    free(steps);
    return ok && (found || n == 0);
}
