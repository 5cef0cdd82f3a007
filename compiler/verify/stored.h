/* Tensors of the evaluator and the memory of compiled values: the layout of kernel/lower.h, written, read and compared. */
#ifndef FTC_STORED_H
#define FTC_STORED_H

#include "compiler/ir/eval.h"

/* The place of a tensor's element in memory. */
int64_t stored_at(const Tensor *t, const int64_t *index);

double read_element(const void *from, Elem e, int64_t i); /* the i-th number there */

void store_tensor(void *to, const Tensor *t);
void load_tensor(Tensor *t, const void *from); /* its bounds become 0 */
void load_rows(Tensor *t, const Tensor *rows, const void *from); /* those rows of a table */

/* How far a value was off at its worst element, in units of the bound there: above 1 it is wrong. */
typedef struct {
    double ratio, off;  /* off: the largest |have - want|, wherever */
    int64_t at;         /* the element of the largest ratio, and what stood there */
    double have, want, slack;
} Worst;

/* Adds a tensor to the worst so far ({ 0 } at first). */
void compare_stored(Worst *w, const Tensor *t, const void *got);

/* The rows of a table in memory that an update named; t has those rows alone, or is the whole table. */
void compare_stored_rows(Worst *w, const Tensor *rows, const Tensor *t, const void *got);

#endif
