/* The rows of one table dealt out to train, dev and test.
 *
 * In:  how many rows, what is known of each (its class, its group, its hash), and shares.
 * Out: each part's rows; every row is in exactly one part.
 *
 * Sizes are truncated, of test first, then of dev: (int64_t)(share * n); train has what is left.  Test is taken from all rows,
 * then dev from the rest, in the order the first draw left it in.
 *
 *   split_random      the rows, in the order, of scikit-learn's train_test_split(rows, test_size=size, random_state=seed), twice
 *   split_stratified  the same with stratify=classes: each class has its share of each part
 *   split_grouped     rows of one group stay together.  Groups come in RandomState(seed).permutation's order, then stably the
 *                     largest first; each goes to the part that is furthest below its size, or, when no more groups are left
 *                     than parts without any, to one of those.  Rows stay in their order.
 *   split_hashed      row by row: h / 2^64 below `test` is test's, then below `test + dev` dev's.  So a part doesn't depend on
 *                     what other rows there are.  Rows stay in their order. */
#ifndef FTC_SPLIT_H
#define FTC_SPLIT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum { PART_TRAIN, PART_DEV, PART_TEST, N_PARTS } Part;

typedef struct {
    int64_t n[N_PARTS];
    int64_t *row[N_PARTS];   /* [n], from 0 */
} Split;

typedef struct {
    double dev, test;        /* 0: no such part; together below 1 */
    uint32_t seed;
} SplitShares;

/* Why there is no such split. */
typedef enum {
    SPLIT_FINE,
    SPLIT_EMPTY,             /* `part` has a share but no row */
    SPLIT_LONE_ROW,          /* there is one `row` only of a class where `part` is to be taken from */
    SPLIT_FEW_ROWS,          /* `part` has `rows`, fewer than there are `classes` */
    SPLIT_FEW_GROUPS,        /* `groups` are fewer than parts */
} SplitFault;

typedef struct {
    SplitFault fault;
    Part part;
    int64_t row, rows, classes, groups;
} SplitAnswer;

/* split_free in any case.  class_of [n] and group_of [n] count from 0. */
SplitAnswer split_random(Split *s, int64_t n, const SplitShares *shares);
SplitAnswer split_stratified(Split *s, int64_t n, const int32_t *class_of, int32_t classes, const SplitShares *shares);
SplitAnswer split_grouped(Split *s, int64_t n, const int32_t *group_of, int32_t groups, const SplitShares *shares);
SplitAnswer split_hashed(Split *s, int64_t n, const uint64_t *hash, const SplitShares *shares);
void split_free(Split *s);

#endif
