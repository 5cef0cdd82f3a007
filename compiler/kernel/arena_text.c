/* The arena over time, to read.  In: a program with slots, and what its symbols are in a batch.  Out: lines of comments:
 *
 *   # The arena during each call, for 8 rows with 128 tokens in all, the longest 16 (2 classes, a vocabulary of 200):
 *   # the bytes of the values alive, a bar (the peak's is 40 long), and what the call writes.
 *   #      0         17408 |=======                                 | embeddings.token and 5 more
 *   # backward:
 *   #     57         97448 |========================================| embeddings.norm.packed  <- the peak
 *   # Alive at the peak, during call 57:
 *   #                16384  embeddings.norm.packed  @layers/bert.yaml:24:15  calls 57 to 62
 *   # All slots together: 122172 bytes, the peak 97448.  Each value in a slot of its own: 192800.
 *
 * A value is alive from the call that writes it first to the one that reads it last.  Slots are more than the peak by what
 * lies idle in them then. */
#include "compiler/kernel/program.h"

#include "runtime/core/mem.h"

#include <stdlib.h>

enum { BAR = 40 };

typedef struct {
    const Program *p;
    const int64_t *sym;
    int64_t *alive;      /* bytes, during each call */
    int peak;            /* the call with most of them, and of equal ones the first */
    FILE *out;
} Printer;

static bool is_alive(const Buf *b, int call) { return b->kind == FTC_BUF_ARENA && b->first <= call && call <= b->last; }

static void find_peak(Printer *r)
{
    for (int i = 0; i < r->p->n_bufs; i++) {
        const Buf *b = &r->p->bufs[i];
        for (int call = b->first; call >= 0 && is_alive(b, call); call++)
            r->alive[call] += value_bytes(b, r->sym);
    }
    for (int call = 1; call < r->p->n_calls; call++)
        if (r->alive[call] > r->alive[r->peak])
            r->peak = call;
}

/* The first of the buffers that a call writes; *n is how many there are. */
static const Buf *written(const Program *p, const Call *c, int *n)
{
    const Kernel *k = p->kernels[c->kernel];
    const Buf *first = NULL;
    *n = 0;
    for (int i = 0; i < k->n_params && k->params[i].mode != PARAM_SCRATCH; i++)
        if (k->params[i].mode != PARAM_IN && !(*n)++)
            first = &p->bufs[c->bufs[i]];
    return first;
}

static void print_call(const Printer *r, int call)
{
    int64_t bytes = r->alive[call], most = r->alive[r->peak];
    int n, bar = most ? (int)((bytes * BAR + most / 2) / most) : 0;
    const Buf *first = written(r->p, &r->p->calls[call], &n);
    fprintf(r->out, "# %6d %13lld |%-*.*s| %s", call, (long long)bytes, BAR, bar, "========================================",
            first ? first->name : "nothing");
    if (n > 1)
        fprintf(r->out, " and %d more", n - 1);
    fputs(call == r->peak ? "  <- the peak\n" : "\n", r->out);
}

typedef struct {
    const Buf *buf;
    int64_t bytes;
} Value;

static int largest_first(const void *x, const void *y)
{
    const Value *a = x, *b = y;
    return a->bytes != b->bytes ? (a->bytes < b->bytes ? 1 : -1) : a->buf < b->buf ? -1 : 1;
}

static void print_peak(const Printer *r)
{
    Value *alive = xcalloc((size_t)r->p->n_bufs + 1, sizeof *alive);
    int n = 0;
    for (int i = 0; i < r->p->n_bufs; i++)
        if (is_alive(&r->p->bufs[i], r->peak))
            alive[n++] = (Value){ &r->p->bufs[i], value_bytes(&r->p->bufs[i], r->sym) };
    qsort(alive, (size_t)n, sizeof *alive, largest_first);
    fprintf(r->out, "# Alive at the peak, during call %d:\n", r->peak);
    for (int i = 0; i < n; i++) {
        const Buf *b = alive[i].buf;
        fprintf(r->out, "# %20lld  %s", (long long)alive[i].bytes, b->name);
        const Loc *l = b->node ? b->node->loc : NULL;
        if (l && l->at.file)
            fprintf(r->out, "  @%s:%d:%d", l->at.file, l->at.line, l->at.col);
        fprintf(r->out, "  calls %d to %d\n", b->first, b->last);
    }
    free(alive);
}

void program_print_arena(const Program *p, const int64_t *sym, FILE *out)
{
    Printer r = { .p = p, .sym = sym, .alive = xcalloc((size_t)p->n_calls + 1, sizeof *r.alive), .out = out };
    Region region = REGION_FORWARD;
    find_peak(&r);
    fprintf(out, "# The arena during each call, for %lld rows with %lld tokens in all, the longest %lld (%lld classes, a vocabulary "
                 "of %lld):\n# the bytes of the values alive, a bar (the peak's is %d long), and what the call writes.\n",
            (long long)sym[FTC_B], (long long)sym[FTC_T], (long long)sym[FTC_L], (long long)sym[FTC_C], (long long)sym[FTC_V],
            BAR);
    for (int i = 0; i < p->n_calls; i++) {
        if (p->calls[i].region != region)
            fprintf(out, "# %s:\n", region_name(region = p->calls[i].region));
        print_call(&r, i);
    }
    print_peak(&r);
    fprintf(out, "# All slots together: %lld bytes, the peak %lld.  Each value in a slot of its own: %lld.\n",
            (long long)slots_bytes(p, sym), (long long)r.alive[r.peak], (long long)values_bytes(p, sym));
    free(r.alive);
}
