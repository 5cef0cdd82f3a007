/* Memory: what was freed is there for what comes next, without the system's help, in a process that keeps it. */
#define _DEFAULT_SOURCE
#include "tests/support/testing.h"

#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { PIECES = 200, PIECE = 64 << 10 };

/* Takes and frees as a pass does; answers the pages that the system had to find. */
static long pages_found(void)
{
    char *p[PIECES];
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < PIECES; i++)
        memset(p[i] = xmalloc(PIECE), i, PIECE);
    for (int i = PIECES; i-- > 0;)
        free(p[i]);
    getrusage(RUSAGE_SELF, &after);
    return after.ru_minflt - before.ru_minflt;
}

static void freed_memory_is_kept(void **state)
{
    (void)state;
#if !defined __GLIBC__ || defined __SANITIZE_ADDRESS__
    puts("skipped: another malloc");
    skip();
#endif
    mem_keep();
    long first = pages_found(), again = pages_found();
    assert_true(10 * again <= first);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(freed_memory_is_kept) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
