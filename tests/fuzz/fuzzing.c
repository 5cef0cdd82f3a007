/* What the targets share; see fuzzing.h. */
#define _GNU_SOURCE
#include "tests/fuzz/fuzzing.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

const char *input_file(const uint8_t *data, size_t size)
{
    static char path[32];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    must(fd >= 0 && !ftruncate(fd, 0) && pwrite(fd, data, size, 0) == (ssize_t)size, "the input can be written to memory");
    return path;
}

static char folder[] = "/tmp/ftc-fuzz-XXXXXX", link_path[64];

static void remove_folder(void)
{
    unlink(link_path);
    rmdir(folder);
}

const char *input_folder(const char *name)
{
    if (*link_path)
        return folder;
    must(mkdtemp(folder), "a folder can be made");
    snprintf(link_path, sizeof link_path, "%s/%s", folder, name);
    must(!symlink(input_file(NULL, 0), link_path), "a link can be made");
    atexit(remove_folder);
    return folder;
}

FtcDiag *quiet_diag(void)
{
    static FILE *nowhere;
    if (!nowhere)
        must(nowhere = fopen("/dev/null", "w"), "there is a /dev/null");
    return ftc_diag_new(nowhere);
}

void must(bool held, const char *promise)
{
    if (held)
        return;
    fprintf(stderr, "broken promise: %s\n", promise);
    abort();
}
