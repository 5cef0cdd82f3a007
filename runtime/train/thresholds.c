/* Thresholds of labels; see thresholds.h.  One sweep from the highest probability down counts what each threshold would predict. */
#include "runtime/train/thresholds.h"

#include "runtime/core/mem.h"
#include "runtime/train/metrics.h"

#include <stdlib.h>

typedef struct {
    double p;
    bool has;
} Judged;

static int highest_first(const void *a, const void *b)
{
    double x = ((const Judged *)a)->p, y = ((const Judged *)b)->p;
    return (x < y) - (x > y);
}

static float best_threshold(const Judged *row, int64_t n, int64_t with)
{
    float best = USUAL_THRESHOLD;
    double best_f1 = 0;
    int64_t right = 0;
    for (int64_t i = 0; i < n; i++) {
        right += row[i].has;
        double next = i + 1 < n ? row[i + 1].p : 0, f1 = 2 * (double)right / (double)(i + 1 + with);
        float threshold = (float)((row[i].p + next) / 2);
        bool parts = (double)threshold <= row[i].p && ((double)threshold > next || i + 1 == n);
        if (parts && f1 > best_f1) {
            best_f1 = f1;
            best = threshold;
        }
    }
    return best;
}

void thresholds_tune(const float *scores, const float *targets, int64_t n, int32_t labels, float *out)
{
    Judged *row = xcalloc((size_t)n, sizeof *row);
    for (int32_t c = 0; c < labels; c++) {
        int64_t with = 0;
        for (int64_t i = 0; i < n; i++) {
            row[i] = (Judged){ metrics_sigmoid(scores[i * labels + c]), targets[i * labels + c] > 0 };
            with += row[i].has;
        }
        qsort(row, (size_t)n, sizeof *row, highest_first);
        out[c] = best_threshold(row, n, with);
    }
    free(row);
}
