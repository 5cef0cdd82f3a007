/* The entries of the vocabulary that training has used, for tables that are trained by rows (ftc/model.h).
 *
 * In:  each batch's ids, before its step.
 * Out: the used entries, and where among them each token's stands: first those that were known before the step, ascending, so that
 *      a sweep over the tables' used rows goes through memory one way; then the step's new ones.
 * An entry that has moments must count as used: who loads a state with them adds such entries first. */
#ifndef FTC_USED_ROWS_H
#define FTC_USED_ROWS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t vocab;
    int32_t n;
    int32_t *id;         /* [vocab], n of them used; the first `sorted` ascend */
    int32_t sorted;
    int32_t *place_of;   /* [vocab] where an entry stands in `id`; -1: nowhere */
    int32_t *place;      /* [tokens] of the last ids added */
    int32_t *first;      /* [tokens] the first of them with the same id */
    int32_t *first_of;   /* [vocab] of the entry at each of the n places; 0 where the last ids have it not */
    int32_t *added;      /* [tokens] to sort what a batch added */
    int64_t cap;         /* of place, first and added */
    double pending;      /* what decay multiplies all others by; 1 where they are up to date */
} UsedRows;

UsedRows *used_rows_new(int64_t vocab);
void used_rows_free(UsedRows *u);

/* Room for batches of so many tokens; false where there is no memory. */
bool used_rows_reserve(UsedRows *u, int64_t tokens);

/* What was added so far is known from here on. */
void used_rows_settle(UsedRows *u);

/* The ids are those of a batch, below the vocabulary; fills place, first and first_of.  All that were added since used_rows_settle
 * have to fit into the room. */
void used_rows_add(UsedRows *u, const int32_t *ids, int32_t tokens);

/* Makes these n entries, which ascend, the used ones, as a checkpoint has them.  False where they aren't entries of the vocabulary. */
bool used_rows_restore(UsedRows *u, const int32_t *ids, int32_t n, double pending);

/* Takes back what was added since there were n: the step failed. */
void used_rows_forget(UsedRows *u, int32_t n);

/* Decays the rows of a table, `count` elements, that are not used. */
void used_rows_decay(const UsedRows *u, float *table, int64_t count);

#endif
