/* Which rows of the vocabulary's tables are in use; see used_rows.h. */
#include "runtime/train/used_rows.h"

#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>

UsedRows *used_rows_new(int64_t vocab)
{
    UsedRows *u = xcalloc(1, sizeof *u);
    *u = (UsedRows){ .vocab = vocab, .pending = 1 };
    u->id = xcalloc((size_t)vocab, sizeof *u->id);
    u->place_of = xcalloc((size_t)vocab, sizeof *u->place_of);
    u->first_of = xcalloc((size_t)vocab, sizeof *u->first_of);
    for (int64_t i = 0; i < vocab; i++)
        u->place_of[i] = -1;
    return u;
}

void used_rows_free(UsedRows *u)
{
    if (!u)
        return;
    free(u->id);
    free(u->place_of);
    free(u->first_of);
    free(u->place);
    free(u->first);
    free(u->added);
    free(u);
}

static int ascending(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Merges what was added into what ascends, from the back. */
void used_rows_settle(UsedRows *u)
{
    int32_t n = u->n - u->sorted, old = u->sorted, at = u->n;
    if (n == 0)
        return;
    int32_t *added = u->added;
    memcpy(added, u->id + u->sorted, (size_t)n * sizeof *added);
    qsort(added, (size_t)n, sizeof *added, ascending);
    while (at > 0) {
        int32_t next = n > 0 && (old == 0 || added[n - 1] > u->id[old - 1]) ? added[--n] : u->id[--old];
        u->id[--at] = next;
        u->place_of[next] = at;
    }
    u->sorted = u->n;
}

bool used_rows_reserve(UsedRows *u, int64_t tokens)
{
    if (tokens <= u->cap)
        return true;
    used_rows_settle(u); /* needs room for what the last batch added */
    free(u->place);
    free(u->first);
    free(u->added);
    u->place = try_alloc((size_t)tokens, sizeof *u->place, 64);
    u->first = try_alloc((size_t)tokens, sizeof *u->first, 64);
    u->added = try_alloc((size_t)tokens, sizeof *u->added, 64);
    u->cap = u->place && u->first && u->added ? tokens : 0;
    return u->cap > 0;
}

void used_rows_add(UsedRows *u, const int32_t *ids, int32_t tokens)
{
    memset(u->first_of, 0, (size_t)u->n * sizeof *u->first_of);
    for (int32_t t = 0; t < tokens; t++) {
        int32_t *place = &u->place_of[ids[t]];
        if (*place < 0) {
            *place = u->n;
            u->first_of[u->n] = t;
            u->id[u->n++] = ids[t];
        }
        u->place[t] = *place;
        int32_t *first = &u->first_of[*place];
        if (u->place[*first] != *place) /* token 0, and it is another entry's */
            *first = t;
        u->first[t] = *first;
    }
}

bool used_rows_restore(UsedRows *u, const int32_t *ids, int32_t n, double pending)
{
    used_rows_forget(u, 0);
    for (int32_t i = 0; i < n; i++) {
        int32_t id;
        memcpy(&id, ids + i, sizeof id);
        if (i >= u->vocab || id < 0 || id >= u->vocab || (i && id <= u->id[i - 1])) {
            used_rows_forget(u, 0);
            return false;
        }
        u->id[u->n] = id;
        u->place_of[id] = u->n++;
    }
    u->sorted = n;
    u->pending = pending;
    return true;
}

void used_rows_forget(UsedRows *u, int32_t n)
{
    while (u->n > n)
        u->place_of[u->id[--u->n]] = -1;
    u->sorted = u->sorted < n ? u->sorted : n;
}

void used_rows_decay(const UsedRows *u, float *table, int64_t count)
{
    float factor = (float)u->pending;
    int64_t width = count / u->vocab;
    if (factor == 1)
        return;
    for (int64_t row = 0; row < u->vocab; row++) {
        if (u->place_of[row] >= 0)
            continue;
        for (int64_t i = row * width; i < (row + 1) * width; i++)
            table[i] *= factor;
    }
}
