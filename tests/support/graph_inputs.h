/* Numbers for the inputs of sample graphs (compiler/ops/samples.c), by the names of the inputs; and sizes for the symbols.
 * Deterministic in (seed, input name, element).  Values are exact in single precision. */
#ifndef FTC_GRAPH_INPUTS_H
#define FTC_GRAPH_INPUTS_H

#include "compiler/ir/eval.h"
#include "compiler/ops/ops.h"
#include "ftc/step.h"

#include <string.h>

/* Rows of the given lengths; T, L follow. */
typedef struct {
    Binding b;
    int32_t row_start[64];
    uint32_t seed;
} Sizes;

static inline Sizes *sizes_of(Sizes *s, int rows, const int *lengths, int64_t classes, int64_t vocabulary, uint32_t seed)
{
    memset(s, 0, sizeof *s);
    for (int r = 0; r < rows; r++) {
        s->row_start[r + 1] = s->row_start[r] + lengths[r];
        if (lengths[r] > s->b.sym[symbol_index(DIM_L)])
            s->b.sym[symbol_index(DIM_L)] = lengths[r];
    }
    s->b.sym[symbol_index(DIM_T)] = s->row_start[rows];
    s->b.sym[symbol_index(DIM_B)] = rows;
    s->b.sym[symbol_index(DIM_C)] = classes;
    s->b.sym[symbol_index(DIM_V)] = vocabulary;
    s->b.sym[symbol_index(DIM_U)] = (vocabulary + 1) / 2;
    s->b.sym[symbol_index(DIM_P)] = ftc_panels(s->row_start[rows]);
    s->b.row_start = s->row_start;
    s->seed = seed;
    return s;
}

static inline double uniform(uint32_t seed, uint32_t stream, uint32_t i)
{
    return (rand_bits16(seed, stream, 7, i, 0) + 0.5) / 65536;
}

static inline int64_t index_bound(const char *name, const Binding *b)
{
    const char *s = name + strlen("index");
    const char *symbols = "TBLCVUP", *at = *s ? strchr(symbols, *s) : NULL;
    return at ? b->sym[at - symbols] : atoi(s); /* "index7.3": below 7 */
}

static inline bool named(const char *name, const char *kind) { return !strncmp(name, kind, strlen(kind)); }

/* One name, one set of numbers. */
static inline uint32_t stream_of(const char *name)
{
    uint32_t h = 2166136261u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 16777619u;
    return h;
}

/* A FillFn; ctx is a Sizes. */
static inline void fill_input(void *ctx, const Node *n, Tensor *t)
{
    const Sizes *s = ctx;
    const char *name = n->a.name;
    uint32_t stream = stream_of(name);
    for (int64_t i = 0; i < t->n; i++) {
        double u = uniform(s->seed, stream, (uint32_t)i), v;
        if (named(name, "positive"))
            v = 0.5 + 1.5 * u;
        else if (named(name, "int"))
            v = (int)(u * 5) - 2;
        else if (named(name, "bool"))
            v = u < 0.5;
        else if (named(name, "index"))
            v = (double)(int64_t)(u * (double)index_bound(name, &s->b));
        else if (named(name, "seed") || named(name, "step") || named(name, "row"))
            v = (int32_t)(u * 1e6);
        else
            v = (u < 0.5 ? -1 : 1) * (0.03 + 1.9 * uniform(s->seed + 1, stream, (uint32_t)i));
        t->v[i] = n->type.elem == F32 ? (float)v : v;
    }
}

#endif
