/* Numbers for the inputs of sample graphs (compiler/ops/samples.c), which say by their names what to draw; those of models are
 * compiler/verify/numbers.h's. */
#ifndef FTC_GRAPH_INPUTS_H
#define FTC_GRAPH_INPUTS_H

#include "compiler/ops/ops.h"
#include "compiler/verify/numbers.h"

#include <string.h>

static inline int64_t index_bound(const char *name, const Binding *b)
{
    const char *s = name + strlen("index");
    const char *symbols = "TBLCVUP", *at = *s ? strchr(symbols, *s) : NULL;
    return at ? b->sym[at - symbols] : atoi(s); /* "index7.3": below 7 */
}

static inline bool named(const char *name, const char *kind) { return !strncmp(name, kind, strlen(kind)); }

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
