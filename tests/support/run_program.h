/* Runs a lowered program on the numbers of graph_inputs.h and holds its outputs and updates to the evaluator's bounds. */
#ifndef FTC_RUN_PROGRAM_H
#define FTC_RUN_PROGRAM_H

#include "compiler/kernel/lower.h"
#include "compiler/verify/stored.h"
#include "tests/support/graph_inputs.h"
#include "tests/support/testing.h"

#include <string.h>

/* Runs p with bufs[i] the memory of buffer i. */
typedef void RunFn(void *ctx, const Program *p, void **bufs, const int64_t *sym);

static inline void run_interpreter(void *ctx, const Program *p, void **bufs, const int64_t *sym)
{
    (void)ctx;
    program_interpret(p, bufs, sym);
}

/* Fails naming `what` where an element was outside the tensor's bound. */
static inline void compare(const char *what, const Worst *w)
{
    if (!(w->ratio <= 1))
        fail_msg("%s: element %lld is %.9g, should be %.9g within %.3g", what, (long long)w->at, w->have, w->want, w->slack);
}

/* Evaluates g, runs p (lowered from g or a rewriting of it), compares every output of g and every update. */
static inline void check_program_on(const char *what, const Graph *g, const Program *p, Sizes *s, FillFn *fill, void *fill_ctx, RunFn *run,
                                    void *ctx)
{
    Arena *a = arena_new();
    Tensor **value = graph_eval(g, &s->b, fill, fill_ctx, a);
    void **bufs = NEW_ARRAY(a, void *, p->n_bufs + 1);
    int64_t sym[N_SYMBOLS];
    program_symbols(p, s->b.sym, sym);
    int32_t *row_of = NEW_ARRAY(a, int32_t, s->b.sym[0] + 1);
    for (int64_t r = 0; r < s->b.sym[1]; r++)
        for (int32_t t = s->row_start[r]; t < s->row_start[r + 1]; t++)
            row_of[t] = (int32_t)r;
    for (int i = 0; i < p->n_bufs; i++) {
        const Buf *b = &p->bufs[i];
        size_t size = (size_t)poly_eval_symbols(b->size, sym) * elem_size(b->elem);
        if (b->kind == FTC_BUF_ARENA)
            continue;
        char *room = arena_alloc(a, size + 128);
        bufs[i] = room + (-(uintptr_t)room & 63); /* at a line, as the runtime has them */
        if (b->kind == FTC_BUF_OUTPUT)
            memset(bufs[i], 0xFF, size);
        else if (!strcmp(b->name, "row_start"))
            bufs[i] = s->row_start;
        else if (!strcmp(b->name, "row_of"))
            bufs[i] = row_of;
        else
            EACH_NODE(n, g)
                if ((n->op == OP_input || n->op == OP_weight || n->op == OP_state) && !strcmp(n->a.name, b->name))
                    store_tensor(bufs[i], value[n->id]);
    }
    run(ctx, p, bufs, sym);
    for (int i = 0; i < p->n_bufs; i++) {
        const Buf *b = &p->bufs[i];
        char label[256];
        snprintf(label, sizeof label, "%s, %s", what, b->name);
        Worst worst = { 0 };
        if (b->kind == FTC_BUF_OUTPUT)
            compare_stored(&worst, value[graph_find_output(g, b->name)->id], bufs[i]);
        EACH_NODE(n, g)
            if (is_update(n) && b->kind != FTC_BUF_INPUT && b->kind != FTC_BUF_OUTPUT && !strcmp(n->a.name, b->name)) {
                if (n->op == OP_update_rows)
                    compare_stored_rows(&worst, value[n->in[1]->id], value[n->id], bufs[i]);
                else
                    compare_stored(&worst, value[n->id], bufs[i]);
            }
        compare(label, &worst);
    }
    arena_free(a);
}

static inline void check_program(const char *what, const Graph *g, const Program *p, Sizes *s, RunFn *run, void *ctx)
{
    check_program_on(what, g, p, s, fill_input, s, run, ctx);
}

#endif
