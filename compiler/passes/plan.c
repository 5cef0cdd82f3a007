/* The arena.  In: a lowered program whose buffers know their first and last call.  Out: a slot for each arena buffer.
 *
 * A slot is as large as the largest of its values in the batch at hand: sizes are polynomials in T, B, L, and which of two is larger
 * may change from batch to batch, so slots have no size here (slot_sizes).
 *
 * Greedy by size, at sizes as they are usual: the largest value first, each to a slot whose others are not alive when it is; among
 * those to the one that was freed last, which is still in the cache.  (Pisarchyk, Lee: Efficient memory management for deep neural
 * net inference, 2020.) */
#include "compiler/passes/passes.h"

#include "compiler/ir/mutate.h"

#include <limits.h>
#include <stdlib.h>

typedef struct {
    int buf, first, last;
    double bytes; /* of a usual batch */
    int before;   /* in the same slot: the value that came to it before this one, or -1 */
} Value;

static double usual_bytes(const Buf *b)
{
    static const int64_t sym[N_SYMBOLS] = { 2048, 32, 128, 4, 8192, 4096, 80 };
    return (double)value_bytes(b, sym);
}

static int largest_first(const void *x, const void *y)
{
    const Value *a = x, *b = y;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->first != b->first ? a->first - b->first : a->buf - b->buf;
}

/* Calls between v and the one before it in a slot whose values are these; -1: some are alive together. */
static int calls_between(const Value *all, int newest, const Value *v)
{
    const int spoiled = mutated("plan:last");
    int least = INT_MAX;
    for (int i = newest; i >= 0; i = all[i].before) {
        if (all[i].first <= v->last && v->first <= all[i].last - spoiled)
            return -1;
        if (all[i].last < v->first && v->first - all[i].last < least)
            least = v->first - all[i].last;
    }
    return least;
}

void pass_plan(Program *p, bool share)
{
    Value *all = NEW_ARRAY(p->arena, Value, p->n_bufs + 1);
    int *newest = NEW_ARRAY(p->arena, int, p->n_bufs + 1), n = 0; /* by slot */
    for (int i = 0; i < p->n_bufs; i++) {
        const Buf *b = &p->bufs[i];
        if (b->kind == FTC_BUF_ARENA)
            all[n++] = (Value){ i, b->first, b->last, usual_bytes(b), -1 };
    }
    qsort(all, (size_t)n, sizeof *all, largest_first);
    p->n_slots = 0;
    for (int i = 0; i < n; i++) {
        int best = p->n_slots, least = -1;
        for (int s = 0; share && s < p->n_slots; s++) {
            int between = calls_between(all, newest[s], &all[i]);
            if (between >= 0 && (least < 0 || between < least)) {
                best = s;
                least = between;
            }
        }
        all[i].before = best < p->n_slots ? newest[best] : -1;
        newest[best] = i;
        p->n_slots += best == p->n_slots;
        p->bufs[all[i].buf].slot = best;
    }
}
