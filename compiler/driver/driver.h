/* What the files of the command line share.  It is two programs: ftc, which tokenizes and starts the other one, and
 * ftc-compiler, which runs, compiles, times and looks into tables (start_compiler.c says why). */
#ifndef FTC_DRIVER_H
#define FTC_DRIVER_H

#include "compiler/driver/options.h"
#include "runtime/run/run.h"

enum { EXIT_OK = 0, EXIT_USER = 1, EXIT_DIVERGED = 3, EXIT_BUG = 4, EXIT_INTERRUPTED = 130 };

/* The commands: each gets the words behind its name and answers an exit status. */
int run_command(int argc, char **argv, FtcDiag *d);
int rerun_command(int argc, char **argv, FtcDiag *d);
int cv_command(int argc, char **argv, FtcDiag *d);
int compare_command(int argc, char **argv, FtcDiag *d);
int compile_command(int argc, char **argv, FtcDiag *d);
int data_command(int argc, char **argv, FtcDiag *d);
int verify_command(int argc, char **argv, FtcDiag *d);
int trace_command(int argc, char **argv, FtcDiag *d);
int opt_command(int argc, char **argv, FtcDiag *d);
int bench_command(int argc, char **argv, FtcDiag *d);
int tokenize_command(int argc, char **argv, FtcDiag *d);

/* Goes on as ftc-compiler, with the words of ftc's command line; comes back, with a status, only where that can't be started. */
int start_compiler(char **argv, FtcDiag *d);

/* From here on, a bug of ours says that it is one and ends the program with EXIT_BUG. */
void catch_bugs(void);

/* What a program exits with after a run. */
int run_exit(RunStatus s);

/* What main answers, given what the command answered: output that can't be written is an error, too. */
int final_status(int status, FtcDiag *d);

#endif
