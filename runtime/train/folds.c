/* Dealing rows into folds; see folds.h. */
#include "runtime/train/folds.h"

#include "runtime/core/mem.h"
#include "runtime/core/random.h"

#include <stdlib.h>

void folds_deal(const int32_t *class, int64_t n, int32_t classes, int32_t folds, uint64_t seed, int32_t *fold)
{
    int64_t *row = xcalloc((size_t)n + 1, sizeof *row), dealt = 0;
    for (int32_t c = 0; c < classes; c++) {
        int64_t count = 0;
        for (int64_t i = 0; i < n; i++)
            if (class[i] == c)
                row[count++] = i;
        random_shuffle(seed, random_stream(RANDOM_FOLDS, (uint32_t)c), row, count);
        for (int64_t i = 0; i < count; i++)
            fold[row[i]] = (int32_t)(dealt++ % folds);
    }
    free(row);
}
