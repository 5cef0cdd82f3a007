/* The file that a bug of ours leaves; see crash.h. */
#include "runtime/core/crash.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *kept;
static volatile size_t kept_size;
static bool off;

void crash_keep(char *text, size_t size)
{
    char *before = kept;
    kept_size = 0; /* a signal between these lines finds nothing */
    kept = text;
    kept_size = text ? size : 0;
    free(before);
}

void crash_off(void) { off = true; }

/* "ftc-bug-123.txt"; printf is not for handlers of signals. */
static const char *file_name(void)
{
    static char name[48] = "ftc-bug-";
    char digits[16];
    size_t n = 0, at = strlen("ftc-bug-");
    for (long pid = getpid(); pid > 0 && n < sizeof digits; pid /= 10)
        digits[n++] = (char)('0' + pid % 10);
    while (n)
        name[at++] = digits[--n];
    memcpy(name + at, ".txt", sizeof ".txt");
    return name;
}

const char *crash_write(void)
{
    if (off || !kept_size)
        return NULL;
    const char *name = file_name();
    int f = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (f < 0)
        return NULL;
    size_t done = 0;
    for (ssize_t n; done < kept_size && (n = write(f, kept + done, kept_size - done)) > 0;)
        done += (size_t)n;
    bool whole = done == kept_size;
    return close(f) == 0 && whole ? name : NULL;
}
