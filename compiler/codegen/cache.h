/* The object cache: machine code kept by the content that made it.  Private to codegen.
 *
 * A cache is a convenience: whatever goes wrong with it (no home folder, no room, a damaged file), the answer is "not
 * there" and the work is done again. */
#ifndef FTC_CACHE_H
#define FTC_CACHE_H

#include <stddef.h>

typedef struct Cache Cache;

/* The folder is made with mode 0700 if need be; NULL: $XDG_CACHE_HOME/ftc or ~/.cache/ftc.  Returns NULL where there is
 * none, or where others could write to it: what is read from it gets run. */
Cache *cache_open(const char *folder);
void cache_close(Cache *c);

/* The object stored under key (hexadecimal digits); free() it.  NULL if it isn't there or is damaged.  Thread-safe. */
void *cache_get(const Cache *c, const char *key, size_t *size);
void cache_put(const Cache *c, const char *key, const void *data, size_t size);

/* Removes the files unused for longest while all together are larger than `limit` bytes. */
void cache_trim(const Cache *c, size_t limit);

#endif
