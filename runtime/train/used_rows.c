/* Which rows of the vocabulary's tables are in use; see used_rows.h. */
#include "runtime/train/used_rows.h"

#include "runtime/core/mem.h"

#include <stdlib.h>

UsedRows *used_rows_new(int64_t vocab)
{
    UsedRows *u = xcalloc(1, sizeof *u);
    *u = (UsedRows){ .vocab = vocab, .pending = 1 };
    u->id = xcalloc((size_t)vocab, sizeof *u->id);
    u->place_of = xcalloc((size_t)vocab, sizeof *u->place_of);
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
    free(u->place);
    free(u);
}

bool used_rows_reserve(UsedRows *u, int64_t tokens)
{
    if (tokens <= u->cap)
        return true;
    free(u->place);
    u->place = try_alloc((size_t)tokens, sizeof *u->place, 64);
    u->cap = u->place ? tokens : 0;
    return u->place != NULL;
}

void used_rows_add(UsedRows *u, const int32_t *ids, int32_t tokens)
{
    for (int32_t t = 0; t < tokens; t++) {
        int32_t *place = &u->place_of[ids[t]];
        if (*place < 0) {
            *place = u->n;
            u->id[u->n++] = ids[t];
        }
        u->place[t] = *place;
    }
}

void used_rows_forget(UsedRows *u, int32_t n)
{
    while (u->n > n)
        u->place_of[u->id[--u->n]] = -1;
}

void used_rows_decay(const UsedRows *u, float *table, int64_t count)
{
    float factor = (float)u->pending;
    int64_t width = count / u->vocab;
    for (int64_t row = 0; factor != 1 && row < u->vocab; row++)
        for (int64_t i = row * width; u->place_of[row] < 0 && i < (row + 1) * width; i++)
            table[i] *= factor;
}
