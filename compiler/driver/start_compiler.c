/* Starts ftc-compiler, the program behind ftc run, ftc compile and ftc bench.
 *
 * In:  the command line of ftc.
 * Out: the same process as another program; or an error that says where that was looked for.
 * The idea is gcc's, whose compiler is cc1: what needs LLVM, BLAS and YAML is a program of its own, so that ftc tokenize doesn't
 * wait for the dynamic loader to bind them, which takes longer than to tokenize a small table.  Exec keeps the process: exit
 * statuses, signals, standard streams and limits need no passing on.  (A library that dlopen loads would do too, but would
 * have to share the runtime and its state, such as the bug hook, with the program that loads it.)
 *
 * It lies beside ftc, as in a build folder, or in ../libexec/ftc, as where ftc is installed.  "Beside" is the file that
 * runs, links followed; PATH is never asked, it may name another version. */
#define _GNU_SOURCE
#include "compiler/driver/driver.h"

#include "runtime/core/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int start_compiler(char **argv, FtcDiag *d)
{
    static const char *const places[] = { "ftc-compiler", "../libexec/ftc/ftc-compiler" };
    char *folder = path_program(d), *path = NULL;
    if (!folder)
        return EXIT_USER;
    setenv("OPENBLAS_NUM_THREADS", "1", false); /* its own threads would start as it is loaded, and spin where ours work */
    errno = ENOENT;
    for (int i = 0; i < 2 && errno == ENOENT; i++) {
        free(path);
        path = argv[0] = path_join(folder, places[i]);
        execv(path, argv);
    }
    if (errno != ENOENT)
        ftc_error(d, FTC_FILE(path), "can't be started: %s", strerror(errno));
    else
        ftc_error(d, FTC_FILE(folder), "has no ftc-compiler, which does the work of 'ftc %s', nor is it in ../libexec/ftc; install "
                  "ftc as a whole (cmake --install build), or make a link to the one in the build folder instead of a copy", argv[1]);
    free(path);
    free(folder);
    return EXIT_USER;
}
