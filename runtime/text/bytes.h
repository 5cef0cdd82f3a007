/* A growing buffer of bytes.  Start from { 0 }; free with bytes_free.  Its memory is kept when it is emptied
 * (n = 0), so one buffer serves a whole loop. */
#ifndef FTC_BYTES_H
#define FTC_BYTES_H

#include "runtime/core/mem.h"
#include "runtime/text/slice.h"

#include <stdint.h>
#include <stdlib.h>

typedef struct {
    char *p;
    size_t n, cap;
} Bytes;

/* Makes room for `more` bytes after the n there are. */
static inline void bytes_reserve(Bytes *b, size_t more)
{
    if (b->cap - b->n >= more)
        return;
    size_t cap = b->cap < 128 ? 128 : b->cap;
    while (cap - b->n < more)
        cap = cap > SIZE_MAX / 2 ? b->n + more : 2 * cap;
    b->p = xrealloc(b->p, cap, 1);
    b->cap = cap;
}

static inline void bytes_add(Bytes *b, const void *p, size_t n)
{
    if (n == 0)
        return;
    bytes_reserve(b, n);
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

static inline void bytes_put(Bytes *b, char c)
{
    bytes_reserve(b, 1);
    b->p[b->n++] = c;
}

static inline Slice bytes_slice(const Bytes *b) { return (Slice){ b->p, b->n }; }

static inline void bytes_free(Bytes *b)
{
    free(b->p);
    *b = (Bytes){ 0 };
}

#endif
