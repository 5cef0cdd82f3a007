/* Helpers for unit tests; see testing.h. */
#include "tests/support/testing.h"

#include <unistd.h>

static const char *joined(const char *folder, const char *relative)
{
    static char paths[8][4096];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, relative);
    return path;
}

const char *shared_path(const char *relative)
{
    const char *path = joined(SHARED_DIR, relative);
    if (access(path, R_OK)) {
        printf("skipped: %s is absent\n", relative);
        skip();
    }
    return path;
}

const char *source_path(const char *relative) { return joined(SOURCE_DIR, relative); }

static char folder[64];

static void remove_folder(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command))
        fprintf(stderr, "could not remove %s\n", folder);
}

const char *temp_folder(void)
{
    static int count;
    static char paths[8][80];
    if (!count) {
        strcpy(folder, "/tmp/ftc-test-XXXXXX");
        if (!mkdtemp(folder))
            abort();
        atexit(remove_folder);
    }
    char *path = paths[count % 8];
    snprintf(path, sizeof paths[0], "%s/%d", folder, count++);
    char command[96];
    snprintf(command, sizeof command, "mkdir '%s'", path);
    if (system(command))
        abort();
    return path;
}
