/* Over- and undersampling; see sampling.h.  One random order of all rows is one of each class too. */
#include "runtime/train/sampling.h"

#include "runtime/core/mem.h"
#include "runtime/core/random.h"

#include <stdlib.h>

typedef struct {
    int32_t classes, present;   /* numbers of classes there may be; those with rows */
    int64_t *count;             /* [classes] */
    int64_t largest, smallest;  /* of those with rows */
} Counts;

static Counts count_classes(const Examples *x)
{
    Counts k = { .smallest = INT64_MAX };
    for (int64_t i = 0; i < x->n; i++)
        k.classes = x->labels[i] >= k.classes ? x->labels[i] + 1 : k.classes;
    k.count = xcalloc((size_t)k.classes, sizeof *k.count);
    for (int64_t i = 0; i < x->n; i++)
        k.count[x->labels[i]]++;
    for (int32_t c = 0; c < k.classes; c++) {
        if (!k.count[c])
            continue;
        k.present++;
        k.largest = k.count[c] > k.largest ? k.count[c] : k.largest;
        k.smallest = k.count[c] < k.smallest ? k.count[c] : k.smallest;
    }
    return k;
}

int64_t sampling_rows(const Examples *x)
{
    if (x->sampling == FTC_SAMPLING_NONE || x->sampling == FTC_SAMPLING_WEIGHTED)
        return x->n;
    Counts k = count_classes(x);
    free(k.count);
    return k.present * (x->sampling == FTC_SAMPLING_OVER ? k.largest : k.smallest);
}

/* times[i] of row i, by its place in a random order of its class. */
static void draw_by_order(const Examples *x, const Counts *k, uint64_t seed, uint64_t stream, int64_t *times)
{
    int64_t *order = xcalloc((size_t)x->n, sizeof *order), *seen = xcalloc((size_t)k->classes, sizeof *seen);
    for (int64_t i = 0; i < x->n; i++)
        order[i] = i;
    random_shuffle(seed, stream, order, x->n);
    for (int64_t i = 0; i < x->n; i++) {
        int32_t class = x->labels[order[i]];
        int64_t place = seen[class]++, n = k->count[class];
        times[order[i]] = x->sampling == FTC_SAMPLING_UNDER ? place < k->smallest : k->largest / n + (place < k->largest % n);
    }
    free(order);
    free(seen);
}

static void draw_weighted(const Examples *x, const Counts *k, uint64_t seed, uint64_t stream, int64_t *times)
{
    int64_t *first = xcalloc((size_t)k->classes + 1, sizeof *first); /* of a class's rows in `sorted` */
    int64_t *sorted = xcalloc((size_t)x->n, sizeof *sorted), *next = xcalloc((size_t)k->classes, sizeof *next);
    int32_t *present = xcalloc((size_t)k->present, sizeof *present), n = 0;
    for (int32_t c = 0; c < k->classes; c++) {
        next[c] = first[c];
        first[c + 1] = first[c] + k->count[c];
        if (k->count[c])
            present[n++] = c;
    }
    for (int64_t i = 0; i < x->n; i++)
        sorted[next[x->labels[i]]++] = i;
    for (int64_t i = 0; i < x->n; i++) {
        int32_t c = present[random_below(seed, stream, 2 * (uint64_t)i, (uint64_t)n)];
        times[sorted[first[c] + (int64_t)random_below(seed, stream, 2 * (uint64_t)i + 1, (uint64_t)k->count[c])]]++;
    }
    free(first);
    free(sorted);
    free(next);
    free(present);
}

void sampling_draw(const Examples *x, uint64_t seed, int64_t epoch, int64_t *rows)
{
    uint64_t stream = random_stream(RANDOM_SAMPLE, (uint32_t)epoch);
    if (x->sampling == FTC_SAMPLING_NONE) {
        for (int64_t i = 0; i < x->n; i++)
            rows[i] = i;
        return;
    }
    Counts k = count_classes(x);
    int64_t *times = xcalloc((size_t)x->n, sizeof *times), at = 0;
    if (x->sampling == FTC_SAMPLING_WEIGHTED)
        draw_weighted(x, &k, seed, stream, times);
    else
        draw_by_order(x, &k, seed, stream, times);
    for (int64_t i = 0; i < x->n; i++)
        while (times[i]-- > 0)
            rows[at++] = i;
    free(times);
    free(k.count);
}
