/* Walks along a sorted column; see ranks.h. */
#include "runtime/train/ranks.h"

#include "runtime/core/mem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

typedef struct {
    double score;
    uint32_t row;
} Key;

/* Rows of equal score in the table's order, so that sums don't depend on the sort. */
static int highest_first(const void *a, const void *b)
{
    const Key *x = a, *y = b;
    return x->score != y->score ? (x->score < y->score) - (x->score > y->score) : (x->row > y->row) - (x->row < y->row);
}

static void rank_keys(Key *key, int64_t n, Ranked *out)
{
    qsort(key, (size_t)n, sizeof *key, highest_first);
    for (int64_t i = 0; i < n; i++)
        out[i] = (Ranked){ key[i].row, i == 0 || key[i].score != key[i - 1].score, false };
    free(key);
}

static Key *keys(int64_t n)
{
    assert(n <= (int64_t)UINT32_MAX);
    return xcalloc((size_t)n, sizeof(Key));
}

/* What isn't a number has no place in an order: it goes last. */
static Key key_of(double score, int64_t row) { return (Key){ isnan(score) ? -INFINITY : score, (uint32_t)row }; }

void rank_floats(const float *score, int64_t stride, int64_t n, Ranked *out)
{
    Key *key = keys(n);
    for (int64_t i = 0; i < n; i++)
        key[i] = key_of((double)score[i * stride], i);
    rank_keys(key, n, out);
}

void rank_doubles(const double *score, int64_t stride, int64_t n, Ranked *out)
{
    Key *key = keys(n);
    for (int64_t i = 0; i < n; i++)
        key[i] = key_of(score[i * stride], i);
    rank_keys(key, n, out);
}

/* Rows of one score, counted. */
typedef struct {
    int64_t yes, no;
} Group;

/* Counts from *at to the next score, where it leaves *at. */
static Group next_group(const Ranked *r, int64_t n, const uint32_t *times, int64_t *at)
{
    Group g = { 0, 0 };
    int64_t i = *at;
    do {
        int64_t w = times ? times[r[i].row] : 1;
        g.yes += r[i].positive ? w : 0;
        g.no += r[i].positive ? 0 : w;
        i++;
    } while (i < n && !r[i].first);
    *at = i;
    return g;
}

RankScores ranks_score(const Ranked *r, int64_t n, const uint32_t *times)
{
    double pairs = 0; /* a negative row below a positive one; of equal score, half */
    double precisions = 0;
    int64_t yes = 0, no = 0;
    for (int64_t i = 0; i < n;) {
        Group g = next_group(r, n, times, &i);
        pairs += (double)g.no * ((double)yes + (double)g.yes / 2);
        yes += g.yes;
        no += g.no;
        if (g.yes)
            precisions += (double)g.yes * (double)yes / (double)(yes + no);
    }
    return (RankScores){ yes && no ? pairs / ((double)yes * (double)no) : (double)NAN, yes ? precisions / (double)yes : 0 };
}

int64_t ranks_precision_recall(const Ranked *r, int64_t n, int64_t cap, double (*out)[2])
{
    int64_t yes = 0, all = 0, total = 0, points = 0;
    double last = -1;
    for (int64_t i = 0; i < n; i++)
        total += r[i].positive;
    for (int64_t i = 0; total && i < n && yes < total;) {
        Group g = next_group(r, n, NULL, &i);
        yes += g.yes;
        all += g.yes + g.no;
        double recall = (double)yes / (double)total;
        if (!g.yes || (recall - last < 1 / (double)cap && yes < total))
            continue;
        out[points][0] = last = recall;
        out[points++][1] = (double)yes / (double)all;
    }
    return points;
}

void ranks_mean(const Ranked *r, int64_t n, const uint32_t *times, double *out)
{
    int64_t before = 0;
    for (int64_t i = 0; i < n;) {
        int64_t begin = i;
        Group g = next_group(r, n, times, &i);
        for (int64_t k = begin; k < i; k++)
            out[r[k].row] = (double)before + (double)(g.no + g.yes - 1) / 2;
        before += g.no + g.yes;
    }
}
