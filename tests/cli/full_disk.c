/* A disk with room for so many bytes: preloaded into a program, it makes write(2) to regular files fail with ENOSPC from byte
 * FULL_DISK_BYTES on, all files together. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t write(int fd, const void *data, size_t size)
{
    static long left = -1;
    struct stat st;
    if (left < 0) {
        const char *room = getenv("FULL_DISK_BYTES");
        left = room ? atol(room) : 0;
    }
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return syscall(SYS_write, fd, data, size);
    if (size && left == 0) {
        errno = ENOSPC;
        return -1;
    }
    ssize_t n = syscall(SYS_write, fd, data, (long)size < left ? size : (size_t)left);
    left -= n > 0 ? n : 0;
    return n;
}
