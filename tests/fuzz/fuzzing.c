/* What the targets share; see fuzzing.h. */
#define _GNU_SOURCE
#include "tests/fuzz/fuzzing.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int memory = -1;
static char memory_path[32];

static void make_memory(void)
{
    if (memory >= 0)
        return;
    memory = memfd_create("fuzz", MFD_CLOEXEC);
    must(memory >= 0, "there is memory for an input");
    snprintf(memory_path, sizeof memory_path, "/proc/self/fd/%d", memory);
}

const char *input_file(const uint8_t *data, size_t size)
{
    make_memory();
    must(!ftruncate(memory, 0) && pwrite(memory, data, size, 0) == (ssize_t)size, "the input can be written to memory");
    return memory_path;
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
    make_memory();
    must(mkdtemp(folder), "a folder can be made");
    snprintf(link_path, sizeof link_path, "%s/%s", folder, name);
    must(!symlink(memory_path, link_path), "a link can be made");
    atexit(remove_folder);
    return folder;
}

FtcDiag *quiet_diag(void)
{
    static FILE *nowhere;
    if (!nowhere)
        nowhere = fopen("/dev/null", "w");
    must(nowhere, "there is a /dev/null");
    return ftc_diag_new(nowhere);
}

void must(bool held, const char *promise)
{
    if (held)
        return;
    fprintf(stderr, "broken promise: %s\n", promise);
    abort();
}
