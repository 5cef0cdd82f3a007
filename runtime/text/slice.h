/* A piece of text that belongs to someone else: no NUL at its end, any bytes inside. */
#ifndef FTC_SLICE_H
#define FTC_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct {
    const char *p;
    size_t n;
} Slice;

static inline Slice slice_of(const char *s) { return (Slice){ s, strlen(s) }; }

static inline bool slice_equal(Slice a, Slice b) { return a.n == b.n && (a.n == 0 || !memcmp(a.p, b.p, a.n)); }

/* For "%.*s". */
#define SLICE_ARG(s) (int)((s).n < 200 ? (s).n : 200), (s).p

#endif
