/* Runs a lowered program on the numbers of graph_inputs.h and holds its outputs and updates to the evaluator's bounds. */
#ifndef FTC_RUN_PROGRAM_H
#define FTC_RUN_PROGRAM_H

#include "compiler/kernel/lower.h"
#include "tests/support/graph_inputs.h"
#include "tests/support/testing.h"

#include <float.h>
#include <math.h>

/* Runs p with bufs[i] the memory of buffer i. */
typedef void RunFn(void *ctx, const Program *p, void **bufs, const int64_t *sym);

static inline void run_interpreter(void *ctx, const Program *p, void **bufs, const int64_t *sym)
{
    (void)ctx;
    program_interpret(p, bufs, sym);
}

/* The place of a tensor's element in the layout of lower.h. */
static inline int64_t stored_at(const Tensor *t, const int64_t *index)
{
    int ragged = 0, axis = 0;
    for (int i = 0; i < t->type.rank; i++)
        if (t->type.dim[i] == DIM_N) {
            ragged++;
            axis = i;
        }
    if (!ragged)
        return tensor_offset(t, index);
    int64_t start = t->bind->row_start[index[0]], at = 0;
    if (ragged == 1) {
        at = start + index[axis];
        for (int i = 1; i < t->type.rank; i++)
            if (i != axis)
                at = at * tensor_dim(t, i, 0) + index[i];
        return at;
    }
    int64_t base = start;
    for (int i = 1; i < t->type.rank; i++) {
        base *= t->type.dim[i] == DIM_N ? 1 : tensor_dim(t, i, 0);
        at = at * tensor_dim(t, i, index[0]) + index[i];
    }
    for (int i = 1; i < ragged; i++)
        base *= t->bind->sym[symbol_index(DIM_L)];
    return base + at;
}

static inline void write_elements(void *to, Elem e, const Tensor *t)
{
    int64_t index[MAX_RANK], i = 0;
    for (bool more = tensor_first(t, index); more; more = tensor_next(t, index), i++) {
        int64_t at = stored_at(t, index);
        if (e == F32)
            ((float *)to)[at] = (float)t->v[i];
        else if (e == I32)
            ((int32_t *)to)[at] = (int32_t)t->v[i];
        else
            ((uint8_t *)to)[at] = t->v[i] != 0;
    }
}

static inline double read_element(const void *from, Elem e, int64_t i)
{
    return e == F32 ? ((const float *)from)[i] : e == I32 ? ((const int32_t *)from)[i] : ((const uint8_t *)from)[i];
}

/* Fails naming `what` where an element of the buffer is outside the tensor's bound. */
static inline void compare(const char *what, const Tensor *t, const void *got)
{
    int64_t index[MAX_RANK], at = 0;
    for (bool more = tensor_first(t, index); more; more = tensor_next(t, index), at++) {
        double have = read_element(got, t->type.elem, stored_at(t, index)), slack = t->e[at] * FLT_EPSILON * 1.01 + 1e-44;
        if (!(fabs(have - t->v[at]) <= slack) && !(isnan(have) && isnan(t->v[at])) && have != t->v[at])
            fail_msg("%s: element %lld is %.9g, should be %.9g within %.3g", what, (long long)at, have, t->v[at], slack);
    }
}

/* The rows of a table that an update names. */
static inline void compare_rows(const char *what, const Tensor *rows, const Tensor *t, const float *got)
{
    int64_t width = rows->n ? t->n / rows->n : 0;
    for (int64_t i = 0; i < rows->n; i++)
        for (int64_t j = 0; j < width; j++) {
            double have = got[(int64_t)rows->v[i] * width + j], want = t->v[i * width + j];
            if (!(fabs(have - want) <= t->e[i * width + j] * FLT_EPSILON * 1.01 + 1e-44))
                fail_msg("%s: row %lld is %.9g, should be %.9g", what, (long long)rows->v[i], have, want);
        }
}

/* Evaluates g, runs p (lowered from g or a rewriting of it), compares every output of g and every update. */
static inline void check_program_on(const char *what, const Graph *g, const Program *p, Sizes *s, FillFn *fill, RunFn *run, void *ctx)
{
    Arena *a = arena_new();
    Tensor **value = graph_eval(g, &s->b, fill, s, a);
    void **bufs = NEW_ARRAY(a, void *, p->n_bufs + 1);
    int32_t *row_of = NEW_ARRAY(a, int32_t, s->b.sym[0] + 1);
    for (int64_t r = 0; r < s->b.sym[1]; r++)
        for (int32_t t = s->row_start[r]; t < s->row_start[r + 1]; t++)
            row_of[t] = (int32_t)r;
    for (int i = 0; i < p->n_bufs; i++) {
        const Buf *b = &p->bufs[i];
        size_t size = (size_t)poly_eval_symbols(b->size, s->b.sym) * elem_size(b->elem);
        if (b->kind == FTC_BUF_ARENA)
            continue;
        bufs[i] = arena_alloc(a, size + 64);
        if (b->kind == FTC_BUF_OUTPUT)
            memset(bufs[i], 0xFF, size);
        else if (!strcmp(b->name, "row_start"))
            bufs[i] = s->row_start;
        else if (!strcmp(b->name, "row_of"))
            bufs[i] = row_of;
        else
            EACH_NODE(n, g)
                if ((n->op == OP_input || n->op == OP_weight || n->op == OP_state) && !strcmp(n->a.name, b->name))
                    write_elements(bufs[i], b->elem, value[n->id]);
    }
    run(ctx, p, bufs, s->b.sym);
    for (int i = 0; i < p->n_bufs; i++) {
        const Buf *b = &p->bufs[i];
        char label[256];
        snprintf(label, sizeof label, "%s, %s", what, b->name);
        if (b->kind == FTC_BUF_OUTPUT)
            compare(label, value[graph_find_output(g, b->name)->id], bufs[i]);
        EACH_NODE(n, g)
            if (is_update(n) && b->kind != FTC_BUF_INPUT && b->kind != FTC_BUF_OUTPUT && !strcmp(n->a.name, b->name)) {
                if (n->op == OP_update_rows)
                    compare_rows(label, value[n->in[1]->id], value[n->id], bufs[i]);
                else
                    compare(label, value[n->id], bufs[i]);
            }
    }
    arena_free(a);
}

static inline void check_program(const char *what, const Graph *g, const Program *p, Sizes *s, RunFn *run, void *ctx)
{
    check_program_on(what, g, p, s, fill_input, run, ctx);
}

#endif
