/* Arenas: memory with one lifetime, freed all at once.  Never returns NULL; memory is zeroed. */
#ifndef FTC_ARENA_H
#define FTC_ARENA_H

#include <stddef.h>
#include <string.h>

typedef struct Arena Arena;
typedef struct { void *chunk; size_t used; } ArenaMark;

Arena *arena_new(void);
Arena *arena_child(Arena *parent); /* freed with its parent, and not otherwise */
void arena_free(Arena *a);
void *arena_alloc(Arena *a, size_t size); /* 16-byte aligned */
char *arena_strdup(Arena *a, const char *s);
char *arena_strndup(Arena *a, const char *s, size_t n);
char *arena_printf(Arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Three words, or two and a number >= 0, one behind the other: names are made by the ten thousand, and printf would be a tenth of
 * what the passes take. */
char *arena_join(Arena *a, const char *s, const char *t, const char *u);
char *arena_numbered(Arena *a, const char *s, const char *t, int number);

/* Scratch of one pass: mark on entry, reset on exit. */
ArenaMark arena_mark(Arena *a);
void arena_reset(Arena *a, ArenaMark m);

#define NEW(arena, T) ((T *)arena_alloc(arena, sizeof(T)))
#define NEW_ARRAY(arena, T, n) ((T *)arena_alloc(arena, sizeof(T) * (size_t)(n)))

/* Append room for one more to an arena-backed array. */
#define ARENA_GROW(arena, v, n, cap)                                                \
    do {                                                                            \
        if ((n) == (cap)) {                                                         \
            int cap_ = (cap) ? 2 * (cap) : 8;                                       \
            void *new_ = arena_alloc(arena, sizeof *(v) * (size_t)cap_);            \
            if (n)                                                                  \
                memcpy(new_, (v), sizeof *(v) * (size_t)(n));                       \
            (v) = new_;                                                             \
            (cap) = cap_;                                                           \
        }                                                                           \
    } while (0)

#endif
