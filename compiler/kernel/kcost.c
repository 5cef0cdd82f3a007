/* Counting a kernel's work; see kcost.h.
 * The idea: as the interpreter, but of a vec only one iteration is walked, and of values nothing but indices is computed. */
#include "compiler/kernel/kcost.h"

#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const Kernel *k;
    void *const *buf;
    int64_t *ivar;
    double *read, *written; /* elements, by parameter */
    double flop;
    PlaceCost *place;       /* NULL: nobody asked */
    int n_places, most;
} Count;

static int64_t eval(const Count *c, Poly p) { return poly_eval(p, c->ivar); }

static void count_dot(Count *c, const Dot *d)
{
    double m = (double)eval(c, d->m), n = (double)eval(c, d->n), k = (double)eval(c, d->k);
    c->flop += 2 * m * n * k;
    c->read[d->a.buf] += m * k;
    c->read[d->b.buf] += k * n;
    c->written[d->c.buf] += m * n;
    if (d->accumulate)
        c->read[d->c.buf] += m * n;
}

static int64_t index_value(const Count *c, const KStmt *s)
{
    int64_t x = eval(c, s->at), y = s->index_op == IX_SET ? 0 : eval(c, s->hi);
    switch (s->index_op) {
    case IX_SET: return x;
    case IX_MIN: return x < y ? x : y;
    case IX_DIV: return x / y;
    case IX_MOD: return x % y;
    }
    return 0;
}

static PlaceCost *place_cost(Count *c, const Loc *loc)
{
    for (int i = 0; i < c->n_places; i++)
        if (c->place[i].loc == loc)
            return &c->place[i];
    if (c->n_places == c->most)
        return &c->place[c->most - 1];
    c->place[c->n_places] = (PlaceCost){ .loc = loc };
    return &c->place[c->n_places++];
}

/* What one statement did, given what was counted before it. */
static void add_to_place(Count *c, const KStmt *s, double flop_before, double times)
{
    double flop = c->flop - flop_before;
    bool moves = s->kind == K_LOAD || s->kind == K_STORE;
    if (!c->place || s->body || (flop == 0 && !moves))
        return;
    PlaceCost *p = place_cost(c, s->loc);
    p->flop += flop;
    p->weight += s->kind == K_DOT ? flop : 8 * flop + (moves ? 16 * times : 0);
}

static void count_block(Count *c, const KStmt *s, double times)
{
    for (; s; s = s->next) {
        double before = c->flop;
        switch (s->kind) {
        case K_FOR:
            for (int64_t i = eval(c, s->lo), hi = eval(c, s->hi); i < hi; i++) {
                c->ivar[s->ivar] = i;
                count_block(c, s->body, times);
            }
            break;
        case K_VEC: {
            int64_t n = eval(c, s->hi);
            c->ivar[s->ivar] = 0;
            if (n > 0)
                count_block(c, s->body, times * (double)n);
            break;
        }
        case K_LET: c->flop += c->k->values[s->dst] == F32 ? times : 0; break;
        case K_REDUCE: c->flop += times; break;
        case K_LOAD: c->read[s->buf] += times; break;
        case K_STORE: c->written[s->buf] += times; break;
        case K_INDEX: c->ivar[s->ivar] = index_value(c, s); break;
        case K_READ: c->ivar[s->ivar] = ((const int32_t *)c->buf[s->buf])[eval(c, s->at)]; break;
        case K_DOT: count_dot(c, s->dot); break;
        case K_PACK:
            c->read[s->dot->b.buf] += (double)eval(c, s->dot->n) * (double)eval(c, s->dot->k);
            c->written[s->dot->c.buf] += (double)eval(c, s->dot->n) * (double)eval(c, s->dot->k);
            break;
        default: break;
        }
        add_to_place(c, s, before, times);
    }
}

static void count_pieces(Count *c, const Kernel *k, const int64_t *sym)
{
    c->ivar = xcalloc((size_t)k->n_ivars + N_SYMBOLS, sizeof *c->ivar);
    c->read = xcalloc((size_t)k->n_params + 1, sizeof *c->read);
    c->written = xcalloc((size_t)k->n_params + 1, sizeof *c->written);
    memcpy(c->ivar, sym, sizeof *sym * N_SYMBOLS);
    for (int64_t pieces = kernel_pieces(k, sym), piece = 0; piece < pieces; piece++) {
        kernel_piece(k, piece, c->ivar);
        count_block(c, k->body, 1);
    }
}

static void free_count(Count *c)
{
    free(c->ivar);
    free(c->read);
    free(c->written);
}

int kernel_place_costs(const Kernel *k, void *const *bufs, const int64_t *sym, PlaceCost *out, int most)
{
    Count c = { .k = k, .buf = bufs, .place = out, .most = most };
    count_pieces(&c, k, sym);
    free_count(&c);
    return c.n_places;
}

KernelCost kernel_cost(const Kernel *k, void *const *bufs, const int64_t *sizes, const int64_t *sym)
{
    Count c = { .k = k, .buf = bufs };
    KernelCost cost = { 0, 0 };
    count_pieces(&c, k, sym);
    for (int i = 0; i < k->n_params && k->params[i].mode != PARAM_SCRATCH; i++) {
        double most = (double)sizes[i], moved = (c.read[i] < most ? c.read[i] : most) + (c.written[i] < most ? c.written[i] : most);
        cost.bytes += moved * (double)elem_size(k->params[i].elem);
    }
    cost.flop = c.flop;
    free_count(&c);
    return cost;
}
