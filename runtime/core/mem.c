/* Checked allocation; see mem.h. */
#define _DEFAULT_SOURCE
#include "runtime/core/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static void *checked(void *p, size_t size)
{
    if (!p && size) {
        fprintf(stderr, "ftc: out of memory (asked for %zu bytes)\n", size);
        exit(1);
    }
    return p;
}

static size_t product(size_t a, size_t b)
{
    if (b && a > SIZE_MAX / b)
        checked(NULL, SIZE_MAX);
    return a * b;
}

void *xmalloc(size_t size) { return checked(malloc(size ? size : 1), size); }

void *xcalloc(size_t count, size_t size)
{
    size_t n = product(count, size);
    return checked(calloc(n ? n : 1, 1), n);
}

void *xrealloc(void *p, size_t count, size_t size)
{
    size_t n = product(count, size);
    return checked(realloc(p, n ? n : 1), n);
}

char *xstrndup(const char *s, size_t n)
{
    char *copy = xmalloc(n + 1);
    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *xstrdup(const char *s) { return xstrndup(s, strlen(s)); }

char *xasprintf(const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *s = xmalloc((size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    return s;
}

void *try_alloc(size_t count, size_t size, size_t align)
{
    if (align < 64)
        align = 64;
    if (size && count > (SIZE_MAX - align) / size)
        return NULL;
    size_t n = (count * size + align - 1) / align * align;
    return aligned_alloc(align, n ? n : align);
}

void mem_advise(void *p, size_t n, int advice)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)p, end = begin + n;
    begin = (begin + page - 1) / page * page;
    end = end / page * page;
    if (begin < end)
        madvise((void *)begin, end - begin, advice);
}

void mem_give_back(void *p, size_t n) { mem_advise(p, n, MADV_DONTNEED); }

void mem_keep(void)
{
#ifdef __GLIBC__
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_MMAP_THRESHOLD, 4 << 20); /* no longer found by malloc itself, once the other is set */
#endif
}

FILE *text_open(char **text, size_t *size)
{
    FILE *out = open_memstream(text, size);
    if (!out) {
        fputs("ftc: out of memory\n", stderr);
        abort();
    }
    return out;
}
