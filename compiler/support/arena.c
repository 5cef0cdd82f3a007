/* Bump allocation in chunks; see arena.h. */
#include "compiler/support/arena.h"

#include "runtime/core/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Chunk Chunk;
struct Chunk {
    Chunk *prev;
    size_t size, used;
    _Alignas(16) char data[];
};

struct Arena {
    Chunk *top;
    Arena *child, *next; /* its last child; its parent's child before it */
};

enum { CHUNK = 64 * 1024 };

Arena *arena_new(void) { return xcalloc(1, sizeof(Arena)); }

Arena *arena_child(Arena *parent)
{
    Arena *a = arena_new();
    a->next = parent->child;
    return parent->child = a;
}

void arena_free(Arena *a)
{
    if (!a)
        return;
    for (Arena *child = a->child, *next; child; child = next) {
        next = child->next;
        arena_free(child);
    }
    arena_reset(a, (ArenaMark){ NULL, 0 });
    free(a);
}

void *arena_alloc(Arena *a, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (!a->top || a->top->size - a->top->used < size) {
        size_t room = size > CHUNK ? size : CHUNK;
        Chunk *c = xmalloc(sizeof *c + room);
        c->prev = a->top;
        c->size = room;
        c->used = 0;
        a->top = c;
    }
    void *p = a->top->data + a->top->used;
    a->top->used += size;
    return memset(p, 0, size);
}

char *arena_strndup(Arena *a, const char *s, size_t n)
{
    char *copy = arena_alloc(a, n + 1);
    memcpy(copy, s, n);
    return copy;
}

char *arena_strdup(Arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

char *arena_printf(Arena *a, const char *fmt, ...)
{
    char most[256]; /* the text, as a rule; else it is written again */
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(most, sizeof most, fmt, ap);
    va_end(ap);
    char *s = arena_alloc(a, (size_t)n + 1);
    if (n < (int)sizeof most)
        memcpy(s, most, (size_t)n);
    else
        vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    return s;
}

char *arena_join(Arena *a, const char *s, const char *t, const char *u)
{
    size_t n_s = strlen(s), n_t = strlen(t), n_u = strlen(u);
    char *whole = arena_alloc(a, n_s + n_t + n_u + 1);
    memcpy(whole, s, n_s);
    memcpy(whole + n_s, t, n_t);
    memcpy(whole + n_s + n_t, u, n_u);
    return whole;
}

char *arena_numbered(Arena *a, const char *s, const char *t, int number)
{
    char digits[12] = "";
    int at = sizeof digits - 1;
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    return arena_join(a, s, t, digits + at);
}

ArenaMark arena_mark(Arena *a) { return (ArenaMark){ a->top, a->top ? a->top->used : 0 }; }

void arena_reset(Arena *a, ArenaMark m)
{
    while (a->top != m.chunk) {
        Chunk *c = a->top;
        a->top = c->prev;
        free(c);
    }
    if (a->top)
        a->top->used = m.used;
}
