/* The memory that running takes; see exec.h.
 *
 * In:  the programs' sizes, as polynomials; the largest batch.
 * Out: addresses: of the arena's slots, of outputs, of each thread's scratch.
 * The idea: one arena serves all programs, laid out once for the largest batch; -fcheck-arena gives each value memory of its
 * own instead. */
#include "runtime/train/exec_state.h"

#include "runtime/core/mem.h"
#include "runtime/train/form.h"

#include <stdlib.h>
#include <string.h>

/* Sizes in T and B are those of the next multiple: fewer different layouts, and room for the last tile. */
#define ROUND_ROWS 16

/* Bytes between slots, so that values of equal size don't start at the same place of a page: a processor takes a load for one
 * that waits for a store at the same place of another page. */
#define SKEW (17 * CACHE_LINE)

/* *total += bytes, rounded up to whole cache lines. */
static bool add_lines(int64_t *total, int64_t bytes)
{
    int64_t rounded;
    return bytes >= 0 && !__builtin_add_overflow(bytes, CACHE_LINE - 1, &rounded) &&
           !__builtin_add_overflow(*total, rounded / CACHE_LINE * CACHE_LINE, total);
}

/* Lays the slots of a program out from 0; the addresses are offsets until place_arena adds the base. */
static bool lay_out_slots(Bound *b, const int64_t *sym, int64_t *total)
{
    const FtcProgram *p = b->program;
    int64_t *offset = xcalloc((size_t)p->n_slots + 1, sizeof *offset);
    bool ok = slots_at(p, sym, offset);
    *total = 0;
    for (int i = 0; ok && i < p->n_slots; i++) {
        int64_t bytes = offset[i];
        offset[i] = *total;
        ok = add_lines(total, bytes) && add_lines(total, SKEW);
    }
    for (int i = 0; ok && i < p->n_bufs; i++)
        if (p->bufs[i].kind == FTC_BUF_ARENA)
            b->buf[i] = (void *)(uintptr_t)offset[p->bufs[i].slot];
    free(offset);
    return ok;
}

static bool is_kept(const Exec *e, const FtcBuf *buf) { return buf->kind == FTC_BUF_KEPT && !e->options.check_arena; }

/* The same of what a program keeps. */
static bool lay_out_kept(const Exec *e, Bound *b, int64_t *total)
{
    *total = 0;
    for (int i = 0; i < b->program->n_bufs; i++) {
        int64_t bytes, at = *total;
        if (!is_kept(e, &b->program->bufs[i]))
            continue;
        if (!buf_bytes(&b->program->bufs[i], e->most, &bytes) || !add_lines(total, bytes))
            return false;
        b->buf[i] = (void *)(uintptr_t)at;
    }
    return true;
}

static bool scratch_size(const Exec *e, const int64_t *sym, int64_t *total)
{
    *total = 0;
    for (int b = 0; b < e->n_bound; b++) {
        const FtcProgram *p = e->bound[b].program;
        for (int k = 0; k < p->n_kernels; k++) {
            int64_t sum = 0, n, bytes;
            for (int i = 0; i < p->kernels[k].n_scratch; i++)
                if (!form_value(&p->kernels[k].scratch[i], sym, &n) || __builtin_mul_overflow(n, 4, &bytes) ||
                    !add_lines(&sum, bytes))
                    return false;
            *total = sum > *total ? sum : *total;
        }
    }
    return true;
}

static bool reserve_arena(Exec *e)
{
    if (e->options.check_arena)
        return true;
    if (!block_reserve(&e->arena, (size_t)e->arena_bytes, false))
        return false;
    for (int i = 0; i < e->n_bound; i++)
        for (int k = 0; k < e->bound[i].program->n_bufs; k++)
            if (e->bound[i].program->bufs[k].kind == FTC_BUF_ARENA)
                e->bound[i].buf[k] = e->arena.data + (uintptr_t)e->bound[i].buf[k];
    return true;
}

static bool reserve_kept(Exec *e, Bound *b, int64_t bytes)
{
    b->is_prepared = false;
    if (!bytes)
        return true;
    if (!block_reserve(&b->kept, (size_t)bytes, false))
        return false;
    for (int i = 0; i < b->program->n_bufs; i++)
        if (is_kept(e, &b->program->bufs[i]))
            b->buf[i] = b->kept.data + (uintptr_t)b->buf[i];
    return true;
}

static bool reserve_scratch(Exec *e, int64_t bytes_each)
{
    for (int i = 0; i < e->n_lanes; i++)
        for (int k = 0; k < e->n_scratch; k++)
            if (!block_reserve(&e->lane[i]->scratch[k], (size_t)bytes_each, e->options.check_arena))
                return false;
    return true;
}

/* Outputs and, where checked, values, what is kept, and the inputs of a batch. */
static bool reserve_own(Exec *e, Bound *b)
{
    bool checked = e->options.check_arena;
    for (int i = 0; i < b->program->n_bufs; i++) {
        const FtcBuf *buf = &b->program->bufs[i];
        int64_t bytes;
        bool made = buf->kind == FTC_BUF_ARENA || buf->kind == FTC_BUF_KEPT;
        bool own = buf->kind == FTC_BUF_OUTPUT || (checked && (made || b->input[i] != NO_INPUT));
        if (!own)
            continue;
        if (!buf_bytes(buf, e->most, &bytes) || !block_reserve(&b->own[i], (size_t)bytes, checked))
            return false;
        b->buf[i] = b->own[i].data;
    }
    return true;
}

static bool reserve_ones(Exec *e)
{
    if (!block_reserve(&e->ones, (size_t)e->most[FTC_B] * sizeof(float), false))
        return false;
    for (int64_t i = 0; i < e->most[FTC_B]; i++)
        ((float *)(void *)e->ones.data)[i] = 1;
    return true;
}

/* Parameters, what is kept of them, and the optimizer's states. */
static double params_bytes(const Exec *e)
{
    double numbers = (double)params_total(e->params) + (double)e->params->n_states * (double)params_trained(e->params);
    return numbers * sizeof(float) + (double)e->kept_bytes;
}

/* What the user allows for training: the parameters and `bytes` more. */
static bool is_allowed(const Exec *e, double bytes)
{
    double limit = e->model->train.memory_limit;
    return !e->options.train || limit == 0 || params_bytes(e) + bytes <= limit * (1 << 30);
}

static bool within_limit(const Exec *e, int64_t values, int64_t tokens, int64_t rows, FtcDiag *d)
{
    double limit = e->model->train.memory_limit, gib = 1 << 30, params = params_bytes(e);
    if (is_allowed(e, (double)values))
        return true;
    return ftc_error(d, FTC_NOWHERE, "training needs %.2f GiB, and train.memory_limit allows %.2f: %.2f for parameters and the "
                     "optimizer, %.2f for a batch of %lld rows and %lld tokens; make train.batch or data.max_length smaller",
                     (params + (double)values) / gib, limit, params / gib, (double)values / gib, (long long)rows, (long long)tokens);
}

/* Of all batches that make a step. */
static int64_t step_tokens(const Exec *e)
{
    return e->most[FTC_T] * (e->model->accumulate ? e->model->train.accumulate : 1);
}

/* Reserves all room for e->most. */
static bool lay_out(Exec *e, int64_t tokens, int64_t rows, FtcDiag *d)
{
    int64_t arena = 0, scratch, values, all, kept[sizeof e->bound / sizeof *e->bound] = { 0 };
    bool fits = scratch_size(e, e->most, &scratch) && !__builtin_mul_overflow(scratch, e->n_lanes, &e->scratch_bytes);
    for (int i = 0; fits && i < e->n_bound; i++) {
        fits = lay_out_slots(&e->bound[i], e->most, &arena) && lay_out_kept(e, &e->bound[i], &kept[i]) &&
               !__builtin_add_overflow(e->kept_bytes, kept[i], &e->kept_bytes);
        e->arena_bytes = arena > e->arena_bytes ? arena : e->arena_bytes;
    }
    if (!fits || __builtin_add_overflow(e->arena_bytes, e->scratch_bytes, &values) || __builtin_add_overflow(values, e->kept_bytes, &all))
        return ftc_error(d, FTC_NOWHERE, "a batch of %lld rows and %lld tokens needs more memory than there can be; make "
                                         "train.batch or data.max_length smaller", (long long)rows, (long long)tokens);
    if (!within_limit(e, values, tokens, rows, d))
        return false;
    size_t tokens_bytes = (size_t)e->most[FTC_T] * sizeof(int32_t);
    bool ok = reserve_arena(e) && reserve_scratch(e, scratch) && block_reserve(&e->zeros, tokens_bytes, false) &&
              reserve_ones(e) && block_reserve(&e->row_of, tokens_bytes, false) &&
              (!e->used || used_rows_reserve(e->used, step_tokens(e)));
    for (int i = 0; ok && i < e->n_bound; i++)
        ok = reserve_kept(e, &e->bound[i], kept[i]) && reserve_own(e, &e->bound[i]);
    if (ok)
        return true;
    return ftc_error(d, FTC_NOWHERE, "no memory for a batch of %lld rows and %lld tokens: it needs %lld bytes (%.1f GiB); make "
                                     "train.batch or data.max_length smaller",
                     (long long)rows, (long long)tokens, (long long)all, (double)all / (1 << 30));
}

void exec_free_room(Exec *e)
{
    block_free(&e->arena);
    block_free(&e->zeros);
    block_free(&e->ones);
    block_free(&e->row_of);
    for (int i = 0; i < e->n_bound; i++) {
        Bound *b = &e->bound[i];
        block_free(&b->kept);
        for (int k = 0; b->own && k < b->program->n_bufs; k++)
            block_free(&b->own[k]);
    }
    for (int i = 0; i < e->n_lanes; i++)
        for (int k = 0; e->lane[i] && k < e->n_scratch; k++)
            block_free(&e->lane[i]->scratch[k]);
    e->arena_bytes = e->scratch_bytes = e->kept_bytes = 0;
    e->last = NULL;
}

bool exec_reserve(Exec *e, int64_t tokens, int64_t rows, int64_t longest, FtcDiag *d)
{
    if (tokens > INT32_MAX - ROUND_ROWS || rows > INT32_MAX - ROUND_ROWS)
        return ftc_error(d, FTC_NOWHERE, "a batch of %lld rows with up to %lld tokens is more than can be counted; "
                                         "make train.batch smaller", (long long)rows, (long long)tokens);
    if (e->zeros.map && tokens <= e->most[FTC_T] && rows <= e->most[FTC_B] && longest <= e->most[FTC_L])
        return true;
    /* A failed attempt leaves no room, and doesn't count as asked for. */
    int64_t before[FTC_SYMBOLS], need[] = { round_up(tokens, ROUND_ROWS), round_up(rows, ROUND_ROWS), longest };
    memcpy(before, e->most, sizeof before);
    for (int i = 0; i < 3; i++)
        e->most[FTC_T + i] = need[i] > e->most[FTC_T + i] ? need[i] : e->most[FTC_T + i];
    for (int i = 0; i < e->n_bound; i++) {
        int64_t panels = ftc_panels(e->most[FTC_T], e->bound[i].program->panel_tokens);
        e->most[FTC_P] = panels > e->most[FTC_P] ? panels : e->most[FTC_P];
    }
    exec_free_room(e);
    if (lay_out(e, tokens, rows, d))
        return true;
    exec_free_room(e);
    memcpy(e->most, before, sizeof before);
    return false;
}

int64_t exec_arena_bytes(const Exec *e) { return e->arena_bytes; }
int64_t exec_scratch_bytes(const Exec *e) { return e->scratch_bytes; }

bool exec_allows(const Exec *e, double bytes) { return is_allowed(e, (double)e->arena_bytes + (double)e->scratch_bytes + bytes); }

int64_t exec_encoded_width(const Exec *e)
{
    const FtcProgram *p = e->model->encode;
    int64_t sym[FTC_SYMBOLS], width = 0;
    memcpy(sym, e->most, sizeof sym);
    sym[FTC_B] = 1;
    for (int i = 0; p && i < p->n_bufs; i++)
        if (p->bufs[i].kind == FTC_BUF_OUTPUT)
            width = form_at(&p->bufs[i].size, sym);
    return width;
}
