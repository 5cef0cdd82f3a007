/* ftc: the command line.  In: argv.  Out: an exit status: 0; 1 a user's error; 3 training diverged; 4 a bug of ours.
 * Each sub-command has a file of its own, NAME_cmd.c. */
#define _GNU_SOURCE
#include "compiler/driver/driver.h"

#include "ftc/ftc.h"
#include "runtime/core/nearest.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name, *what;
    int (*run)(int argc, char **argv, FtcDiag *d);
} commands[] = {
    { "run", "train, evaluate and predict", run_command },
    { "compile", "a spec to native code, or to any stage on the way", compile_command },
    { "bench", "time a training step, fused and unfused, kernel by kernel", bench_command },
    { "tokenize", "texts to token ids", tokenize_command },
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *out)
{
    fputs("ftc, a fine-tuning compiler: a spec and a table of labelled texts become a classifier.\n\n", out);
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  ftc %-10s %s\n", commands[i].name, commands[i].what);
    fputs("\n  ftc run --train train.csv --eval test.csv      the columns 'text' and 'label' are all it needs\n"
          "  ftc run --init ENCODER_DIR --train train.csv   start from a pre-trained encoder: better, sooner\n\n"
          "ftc COMMAND --help lists its flags.  ftc --version\n", out);
}

/* ---- bugs of ours --------------------------------------------------------------------------------------------------- */

static const char report[] = "ftc: this is a bug in ftc, not in your input; please report it with the command line\n";

static void say_bug(void)
{
    ssize_t n = write(STDERR_FILENO, report, sizeof report - 1);
    (void)n;
}

static void on_bug(const char *message)
{
    (void)message; /* printed already */
    say_bug();
    _exit(EXIT_BUG);
}

static void on_signal(int sig)
{
    (void)sig;
    say_bug();
    _exit(EXIT_BUG);
}

static void catch_bugs(void)
{
    ftc_bug_hook(on_bug);
#ifndef __SANITIZE_ADDRESS__ /* which has more to say */
    static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
    static char stack[1 << 16]; /* the one in use may be the trouble */
    stack_t other = { .ss_sp = stack, .ss_size = sizeof stack };
    sigaltstack(&other, NULL);
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
#else
    (void)on_signal;
#endif
}

/* ---- commands --------------------------------------------------------------------------------------------------------- */

static int unknown_command(const char *word, FtcDiag *d)
{
    const char *names[N_COMMANDS];
    for (int i = 0; i < N_COMMANDS; i++)
        names[i] = commands[i].name;
    const char *near = nearest_word(word, names, N_COMMANDS);
    if (near)
        ftc_error(d, FTC_NOWHERE, "unknown command '%s'; did you mean 'ftc %s'?", word, near);
    else
        ftc_error(d, FTC_NOWHERE, "unknown command '%s'; ftc --help lists them", word);
    return EXIT_USER;
}

int main(int argc, char **argv)
{
    catch_bugs();
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USER;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("ftc %s\n", ftc_version());
        return EXIT_OK;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        print_help(stdout);
        return EXIT_OK;
    }
    FtcDiag *d = ftc_diag_new(stderr);
    int status = -1;
    for (int i = 0; i < N_COMMANDS; i++)
        if (!strcmp(argv[1], commands[i].name))
            status = commands[i].run(argc - 2, argv + 2, d);
    if (status < 0)
        status = unknown_command(argv[1], d);
    if (fflush(stdout) && status == EXIT_OK) {
        ftc_error(d, FTC_FILE("<standard output>"), "can't be written");
        status = EXIT_USER;
    }
    ftc_diag_free(d);
    return status;
}
