/* Parameters and optimizer states; see params.h. */
#include "runtime/train/params.h"

#include "runtime/core/mem.h"
#include "runtime/core/random.h"

#include <stdlib.h>
#include <string.h>

/* Random numbers are drawn in portions of so many: the work of one piece. */
#define INIT_CHUNK ((int64_t)1 << 16)

/* Every weight starts on a cache line. */
#define ALIGN_ELEMENTS 16

static int64_t bind_dim(int64_t dim, int64_t classes, int64_t vocab)
{
    if (dim >= 0)
        return dim;
    if (dim != -1 - FTC_C && dim != -1 - FTC_V)
        ftc_bug("the shape of a weight has the symbol %lld", (long long)(-1 - dim));
    return dim == -1 - FTC_C ? classes : vocab;
}

static bool too_large(FtcDiag *d, const char *what, int64_t elements)
{
    if (elements < 0)
        return ftc_error(d, FTC_NOWHERE, "%s of this model are larger than any memory; make it smaller", what);
    return ftc_error(d, FTC_NOWHERE, "no memory for %s of this model: %lld bytes; a smaller one may fit", what,
                     (long long)elements * 4);
}

/* A request for memory: count elements, whose address goes to *out. */
typedef struct {
    int64_t count;
    float **out;
} Request;

static bool reserve(Params *p, const Request *r, int n, const char *what, FtcDiag *d)
{
    int64_t total = 0, padded;
    for (int i = 0; i < n; i++)
        if (__builtin_add_overflow(r[i].count, ALIGN_ELEMENTS - 1, &padded) ||
            __builtin_add_overflow(total, padded / ALIGN_ELEMENTS * ALIGN_ELEMENTS, &total) || total > INT64_MAX / 4)
            return too_large(d, what, -1);
    int blocks = p->guarded ? n : 1;
    p->block = xrealloc(p->block, (size_t)(p->n_blocks + blocks), sizeof *p->block);
    float *next = NULL;
    for (int i = 0; i < n; i++) {
        if (p->guarded || i == 0) {
            Block *b = &p->block[p->n_blocks];
            if (!block_reserve(b, (size_t)(p->guarded ? r[i].count : total) * sizeof(float), p->guarded))
                return too_large(d, what, total);
            p->n_blocks++;
            next = (float *)(void *)b->data;
        }
        *r[i].out = next;
        next += (r[i].count + ALIGN_ELEMENTS - 1) / ALIGN_ELEMENTS * ALIGN_ELEMENTS;
    }
    return true;
}

static bool set_shape(Weight *w, const FtcWeight *info, const Params *p, int64_t *count)
{
    if (info->rank < 0 || info->rank > WEIGHT_RANK)
        ftc_bug("the weight '%s' has rank %d", info->name, info->rank);
    *w = (Weight){ .name = info->name, .rank = info->rank, .may_be_missing = info->head };
    *count = 1;
    for (int i = 0; i < info->rank; i++) {
        w->dims[i] = bind_dim(info->dim[i], p->classes, p->vocab);
        if (__builtin_mul_overflow(*count, w->dims[i], count))
            return false;
    }
    return true;
}

Params *params_new(const FtcModel *model, int64_t classes, int64_t vocab, bool guarded, FtcDiag *d)
{
    Params *p = xcalloc(1, sizeof *p);
    *p = (Params){ .model = model, .classes = classes, .vocab = vocab, .n = model->n_weights, .guarded = guarded };
    p->weight = xcalloc((size_t)p->n, sizeof *p->weight);
    p->count = xcalloc((size_t)p->n, sizeof *p->count);
    Request *r = xcalloc((size_t)p->n, sizeof *r);
    bool ok = true;
    for (int i = 0; ok && i < p->n; i++) {
        ok = set_shape(&p->weight[i], &model->weights[i], p, &p->count[i]) || too_large(d, "the weights", -1);
        r[i] = (Request){ p->count[i], &p->weight[i].data };
    }
    ok = ok && reserve(p, r, p->n, "the weights", d);
    free(r);
    if (ok)
        return p;
    params_free(p);
    return NULL;
}

bool params_add_states(Params *p, FtcDiag *d)
{
    const FtcModel *m = p->model;
    if (p->state || m->n_states == 0)
        return true;
    size_t most = (size_t)m->n_states * (size_t)p->n;
    p->state = xcalloc(most, sizeof *p->state);
    Request *r = xcalloc(most, sizeof *r);
    int n = 0;
    for (int k = 0; k < m->n_states; k++)
        for (int i = 0; i < p->n; i++)
            if (!m->weights[i].frozen)
                r[n++] = (Request){ p->count[i], &p->state[(size_t)k * (size_t)p->n + (size_t)i] };
    bool ok = reserve(p, r, n, "the optimizer's state", d);
    free(r);
    if (!ok) {
        free(p->state);
        p->state = NULL;
        return false;
    }
    p->n_states = m->n_states;
    for (int i = 0; i < p->n_states * p->n; i++)
        if (p->state[i] && m->weights[i % p->n].by_rows)
            block_sparse(p->state[i], (size_t)p->count[i % p->n] * sizeof(float));
    return true;
}

void params_free(Params *p)
{
    if (!p)
        return;
    for (int i = 0; i < p->n_blocks; i++)
        block_free(&p->block[i]);
    free(p->block);
    free(p->weight);
    free(p->count);
    free(p->state);
    free(p);
}

/* ----- first values ----- */

enum { TOUCH_CHUNK = 2 << 20, SMALL_PAGE = 4096 };

static void touch_chunk(void *arg, int64_t piece, int thread)
{
    (void)thread;
    const Block *b = arg;
    for (size_t i = (size_t)piece * TOUCH_CHUNK; i < b->size && i < ((size_t)piece + 1) * TOUCH_CHUNK; i += SMALL_PAGE)
        ((volatile char *)b->data)[i] = 0;
}

void params_touch(Params *p, Pool *pool)
{
    Block *weights = &p->block[0];
    if (!p->guarded)
        pool_run(pool, (int64_t)((weights->size + TOUCH_CHUNK - 1) / TOUCH_CHUNK), touch_chunk, weights);
}

typedef struct {
    uint64_t seed;
    uint32_t index; /* of the weight */
    const FtcWeight *info;
    float *data;
    int64_t count;
} Fill;

static void fill_chunk(void *arg, int64_t piece, int thread)
{
    (void)thread;
    const Fill *f = arg;
    int64_t first = piece * INIT_CHUNK;
    int64_t n = f->count - first < INIT_CHUNK ? f->count - first : INIT_CHUNK;
    float *out = f->data + first;
    switch ((FtcInit)f->info->init) {
    case FTC_INIT_ZEROS: memset(out, 0, (size_t)n * sizeof *out); break;
    case FTC_INIT_ONES:
        for (int64_t i = 0; i < n; i++)
            out[i] = 1;
        break;
    case FTC_INIT_NORMAL:
        random_normal(f->seed, random_stream(RANDOM_INIT, f->index), first, (double)f->info->init_scale, out, n);
        break;
    }
}

void params_init(Params *p, uint64_t seed, Pool *pool)
{
    for (int i = 0; i < p->n; i++) {
        if (p->weight[i].loaded)
            continue;
        Fill f = { .seed = seed, .index = (uint32_t)i, .info = &p->model->weights[i], .data = p->weight[i].data,
                   .count = p->count[i] };
        pool_run(pool, (f.count + INIT_CHUNK - 1) / INIT_CHUNK, fill_chunk, &f);
    }
}

/* ----- looking up ----- */

int64_t params_total(const Params *p)
{
    int64_t total = 0;
    for (int i = 0; i < p->n; i++)
        total += p->count[i];
    return total;
}

int64_t params_trained(const Params *p)
{
    int64_t total = 0;
    for (int i = 0; i < p->n; i++)
        total += p->model->weights[i].frozen ? 0 : p->count[i];
    return total;
}

static int find_weight(const Params *p, const char *name)
{
    for (int i = 0; i < p->n; i++)
        if (!strcmp(p->weight[i].name, name))
            return i;
    return -1;
}

float *params_find(const Params *p, const char *name, int64_t *count)
{
    int i = find_weight(p, name);
    if (i >= 0) {
        *count = p->count[i];
        return p->weight[i].data;
    }
    const char *colon = strchr(name, ':');
    i = colon ? find_weight(p, colon + 1) : -1;
    for (int k = 0; i >= 0 && k < p->n_states; k++) {
        const char *prefix = p->model->state[k];
        if (strlen(prefix) == (size_t)(colon - name) && !strncmp(prefix, name, (size_t)(colon - name))) {
            *count = p->count[i];
            return p->state[(size_t)k * (size_t)p->n + (size_t)i];
        }
    }
    return NULL;
}
