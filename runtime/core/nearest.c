/* Edit distance (Damerau, Levenshtein) over short words; see nearest.h. */
#include "runtime/core/nearest.h"

#include <stddef.h>
#include <string.h>

enum { LONGEST = 40 };

static int min3(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

static int distance(const char *a, size_t n, const char *b, size_t m)
{
    int d[3][LONGEST + 1]; /* row i of the table in d[i % 3] */
    for (size_t j = 0; j <= m; j++)
        d[0][j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int *row = d[i % 3], *above = d[(i + 2) % 3], *above2 = d[(i + 1) % 3];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && above2[j - 2] + 1 < row[j])
                row[j] = above2[j - 2] + 1;
        }
    }
    return d[n % 3][m];
}

const char *nearest_word(const char *word, const char *const *candidates, int n)
{
    size_t len = strlen(word);
    const char *best = NULL;
    int limit = (int)(len + 2) / 3;
    if (len > LONGEST)
        return NULL;
    for (int i = 0; i < n; i++) {
        size_t m = strlen(candidates[i]);
        if (m > LONGEST)
            continue;
        int d = distance(word, len, candidates[i], m);
        if (d <= limit && d < (int)m) {
            best = candidates[i];
            limit = d - 1;
        }
    }
    return best;
}
