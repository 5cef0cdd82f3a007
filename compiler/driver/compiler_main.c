/* ftc-compiler: what ftc starts for the commands that need the compiler.  In: ftc's command line.  Out: its exit status.
 * It is no program for users, but one to give to a debugger: gdb --args build/ftc-compiler run ... */
#include "compiler/driver/driver.h"

#include "runtime/core/mem.h"

#include <string.h>

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv, FtcDiag *d);
    } commands[] = { { "run", run_command }, { "rerun", rerun_command }, { "cv", cv_command }, { "compare", compare_command },
                     { "data", data_command }, { "compile", compile_command }, { "bench", bench_command },
                     { "verify", verify_command }, { "opt", opt_command }, { "trace", trace_command } };

    catch_bugs();
    mem_keep();
    FtcDiag *d = ftc_diag_new(stderr);
    int status = -1;
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(argv[1], commands[i].name))
            status = commands[i].run(argc - 2, argv + 2, d);
    if (status < 0) {
        ftc_error(d, FTC_NOWHERE, "ftc-compiler is a part of ftc, which starts it; ftc --help lists the commands");
        status = EXIT_USER;
    }
    status = final_status(status, d);
    ftc_diag_free(d);
    return status;
}
