/* The arena.  In: a lowered program whose buffers know their first and last call.  Out: a slot for each arena buffer, and the
 * slots' sizes in bytes.
 * The idea: sizes are polynomials in T, B, L, so "fits" must hold for every batch: a buffer may take a free slot only if its
 * size is no larger for all 1 <= B <= T <= B*L, which is so where each of its terms is covered by a term of the slot's.
 * Greedy in the order of the calls; among the slots that fit, the smallest at sizes as they are usual, and of equal ones the
 * one freed last, which is still in the cache; but a value far smaller than all of them gets a slot of its own, because it
 * may stay long. */
#include "compiler/passes/passes.h"

#include "compiler/ir/mutate.h"

#include <string.h>

static Poly bytes_of(Program *p, const Buf *b)
{
    return poly_scale(p->arena, b->size, (int64_t)elem_size(b->elem));
}

static int power(const Term *t, int var)
{
    int n = 0;
    for (int i = 0; i < t->n; i++)
        n += t->var[i] == var;
    return n;
}

/* term x <= term y for every batch, given their monomials: the same C, V and U; B or P may stand where y has T, T where y has
 * B*L. */
static bool monomial_covered(const Term *x, const Term *y)
{
    enum { T, B, L, C, V, U, P };
    if (power(x, P) < power(y, P) || power(x, C) != power(y, C) || power(x, V) != power(y, V) || power(x, U) != power(y, U))
        return false;
    int t = power(x, T) + power(x, P) - power(y, P), b = power(x, B), l = power(x, L);
    int T_ = power(y, T), B_ = power(y, B), L_ = power(y, L);
    /* turn x's T into B*L or leave it; x's B into T: a search over the few ways there are */
    for (int as_bl = 0; as_bl <= t; as_bl++)
        for (int as_t = 0; as_t <= b; as_t++)
            if (t - as_bl + as_t <= T_ && b - as_t + as_bl <= B_ && l + as_bl <= L_)
                return true;
    return false;
}

/* size <= slot, term by term; each of the slot's terms is used up as it covers. */
static bool fits(Poly size, Poly slot)
{
    int64_t left[8];
    if (slot.n > 8)
        return false;
    for (int i = 0; i < slot.n; i++)
        left[i] = slot.t[i].coef;
    for (int i = 0; i < size.n; i++) {
        int64_t need = size.t[i].coef;
        for (int k = 0; k < slot.n && need > 0; k++)
            if (left[k] >= need && monomial_covered(&size.t[i], &slot.t[k])) {
                left[k] -= need;
                need = 0;
            }
        if (need > 0)
            return false;
    }
    return true;
}

/* Bytes of a usual batch, to compare by. */
static double usual(Poly size)
{
    static const int64_t sym[N_SYMBOLS] = { 2048, 32, 128, 4, 8192, 4096, 80 };
    return (double)poly_eval_symbols(size, sym);
}

/* What is known of a slot. */
typedef struct {
    int free_from; /* the call after which it is free */
    double bytes;  /* of a usual batch */
} Slot;

static bool is_better(Slot s, Slot best) { return s.bytes < best.bytes || (s.bytes == best.bytes && s.free_from > best.free_from); }

void pass_plan(Program *p, bool share)
{
    enum { FAR = 2 };
    Slot *slot = NEW_ARRAY(p->arena, Slot, p->n_bufs + 1);
    p->slots = NEW_ARRAY(p->arena, Poly, p->n_bufs + 1);
    p->n_slots = 0;
    for (int call = 0; call < p->n_calls; call++) {
        const Call *c = &p->calls[call];
        const Kernel *k = p->kernels[c->kernel];
        for (int i = 0; i < k->n_params && k->params[i].mode != PARAM_SCRATCH; i++) {
            Buf *b = &p->bufs[c->bufs[i]];
            if (b->kind != FTC_BUF_ARENA || b->slot >= 0)
                continue;
            Poly size = bytes_of(p, b);
            double bytes = usual(size);
            int best = -1;
            for (int s = 0; share && s < p->n_slots; s++)
                if (slot[s].free_from < call && slot[s].bytes <= FAR * bytes && (best < 0 || is_better(slot[s], slot[best])) &&
                    fits(size, p->slots[s]))
                    best = s;
            bool grow = best < 0; /* or a free slot that this one covers, grown */
            for (int s = 0; share && s < p->n_slots && best < 0; s++)
                if (slot[s].free_from < call && FAR * slot[s].bytes >= bytes && fits(p->slots[s], size))
                    best = s;
            if (best < 0)
                best = p->n_slots++;
            if (grow) {
                p->slots[best] = size;
                slot[best].bytes = bytes;
            }
            b->slot = best;
            slot[best].free_from = b->last - mutated("plan:last");
        }
    }
}
