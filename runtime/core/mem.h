/* Memory for the runtime.  Small blocks can't fail (running out ends the process with a message); a size
 * that comes from a user's file goes through try_alloc, which answers NULL. */
#ifndef FTC_MEM_H
#define FTC_MEM_H

#include <stddef.h>
#include <stdio.h>

void *xmalloc(size_t size);                              /* never NULL */
void *xcalloc(size_t count, size_t size);                /* zeroed, checks count * size */
void *xrealloc(void *p, size_t count, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void *try_alloc(size_t count, size_t size, size_t align); /* 64-byte aligned or more; NULL if it can't be had; free() it */

/* madvise for the whole pages within these bytes; where the system can't follow it, they are as they were. */
void mem_advise(void *p, size_t n, int advice);

/* Gives the whole pages within these bytes back to the system, ahead of their being freed; what they hold is lost. */
void mem_give_back(void *p, size_t n);

/* From here on freed memory stays with the process, up to 64 MiB, where the C library can be told so: a compiler's passes free and take
 * again, and pages that come back from the system cost more than what is written to them. */
void mem_keep(void);

/* A stream that writes to memory: after fclose *text holds what was written, *size bytes and a '\0'; free() it. */
FILE *text_open(char **text, size_t *size);

/* Append room for one more element to a growing array: `v` pointer, `n` used, `cap` allocated. */
#define GROW(v, n, cap)                                                                       \
    do {                                                                                      \
        if ((n) == (cap)) {                                                                   \
            (cap) = (cap) ? 2 * (cap) : 16;                                                   \
            (v) = xrealloc((v), (size_t)(cap), sizeof *(v));                                  \
        }                                                                                     \
    } while (0)

#endif
