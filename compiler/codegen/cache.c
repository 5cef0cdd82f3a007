/* Files KEY.o: a magic line, the SHA-256 of the object, the object.  Written under another name and renamed, so that
 * readers and other writers see all or nothing; equal keys mean equal contents, so the last writer may win. */
#include "compiler/codegen/cache.h"

#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/core/sha256.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct Cache {
    char *folder;
};

static const char magic[16] = "ftc object 1\n";
enum { HEADER = sizeof magic + 32, OBJECT_LIMIT = 64 << 20, STALE_TEMPORARY = 3600 };

static char *default_folder(void)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (xdg && *xdg == '/')
        return path_join(xdg, "ftc");
    return home && *home == '/' ? path_join(home, ".cache/ftc") : NULL;
}

/* Makes the folder and those above it. */
static bool make_private(char *path)
{
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        bool ok = mkdir(path, 0700) == 0 || errno == EEXIST;
        *p = '/';
        if (!ok)
            return false;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

Cache *cache_open(const char *folder)
{
    char *path = folder ? xstrdup(folder) : default_folder();
    struct stat st;
    if (!path || !make_private(path) || stat(path, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & (S_IWGRP | S_IWOTH)) || access(path, R_OK | X_OK)) {
        free(path);
        return NULL;
    }
    Cache *c = xcalloc(1, sizeof *c);
    c->folder = path;
    return c;
}

void cache_close(Cache *c)
{
    if (!c)
        return;
    free(c->folder);
    free(c);
}

static char *file_of(const Cache *c, const char *key) { return xasprintf("%s/%s.o", c->folder, key); }

static bool read_all(int fd, unsigned char *to, size_t n)
{
    while (n) {
        ssize_t got = read(fd, to, n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        n -= (size_t)got;
    }
    return true;
}

static void digest_of(const void *data, size_t size, unsigned char digest[32])
{
    Sha256 s;
    sha256_begin(&s);
    sha256_add(&s, data, size);
    sha256_end(&s, digest);
}

void *cache_get(const Cache *c, const char *key, size_t *size)
{
    char *path = file_of(c, key);
    unsigned char header[HEADER], digest[32], *data = NULL;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_size > HEADER &&
              st.st_size < OBJECT_LIMIT && read_all(fd, header, HEADER) && !memcmp(header, magic, sizeof magic);
    if (ok) {
        *size = (size_t)st.st_size - HEADER;
        data = try_alloc(*size, 1, 64);
        ok = data && read_all(fd, data, *size);
    }
    if (ok) {
        digest_of(data, *size, digest);
        ok = !memcmp(digest, header + sizeof magic, sizeof digest);
    }
    if (ok && time(NULL) - st.st_mtime > 3600)
        futimens(fd, NULL); /* the time of last use, for cache_trim */
    if (fd >= 0)
        close(fd);
    free(path);
    if (ok)
        return data;
    free(data);
    return NULL;
}

static bool write_all(int fd, const void *from, size_t n)
{
    for (const unsigned char *p = from; n;) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        p += put;
        n -= (size_t)put;
    }
    return true;
}

void cache_put(const Cache *c, const char *key, const void *data, size_t size)
{
    static atomic_uint count;
    char *path = file_of(c, key);
    char *beside = xasprintf("%s/%s.%ld.%u.tmp", c->folder, key, (long)getpid(), atomic_fetch_add(&count, 1));
    unsigned char digest[32];
    digest_of(data, size, digest);
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        bool ok = write_all(fd, magic, sizeof magic) && write_all(fd, digest, sizeof digest) && write_all(fd, data, size);
        ok &= close(fd) == 0;
        if (!ok || rename(beside, path))
            unlink(beside);
    }
    free(beside);
    free(path);
}

typedef struct {
    char *path;
    time_t used;
    size_t size;
} Entry;

static int oldest_first(const void *a, const void *b)
{
    const Entry *x = a, *y = b;
    return x->used < y->used ? -1 : x->used > y->used ? 1 : strcmp(x->path, y->path);
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && !strcmp(s + n - m, end);
}

void cache_trim(const Cache *c, size_t limit)
{
    DIR *dir = opendir(c->folder);
    if (!dir)
        return;
    Entry *list = NULL;
    size_t n = 0, cap = 0, total = 0;
    for (struct dirent *f; (f = readdir(dir));) {
        bool left_over = ends_with(f->d_name, ".tmp");
        if (!left_over && !ends_with(f->d_name, ".o"))
            continue;
        char *path = path_join(c->folder, f->d_name);
        struct stat st;
        if (lstat(path, &st) || !S_ISREG(st.st_mode) || (left_over && time(NULL) - st.st_mtime < STALE_TEMPORARY)) {
            free(path);
            continue;
        }
        if (left_over) { /* its writer was killed */
            unlink(path);
            free(path);
            continue;
        }
        GROW(list, n, cap);
        list[n++] = (Entry){ path, st.st_mtime, (size_t)st.st_size };
        total += (size_t)st.st_size;
    }
    closedir(dir);
    if (n)
        qsort(list, n, sizeof *list, oldest_first);
    for (size_t i = 0; i < n; i++) {
        if (total > limit && unlink(list[i].path) == 0)
            total -= list[i].size;
        free(list[i].path);
    }
    free(list);
}
