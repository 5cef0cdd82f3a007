/* How both programs end: with the status of a command, or by a bug of ours. */
#define _GNU_SOURCE
#include "compiler/driver/driver.h"

#include "runtime/core/crash.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static const char report[] = "ftc: this is a bug in ftc, not in your input; please report it with the command line\n";

static void say(const char *text)
{
    ssize_t n = write(STDERR_FILENO, text, strlen(text));
    (void)n;
}

/* Also from a signal's handler. */
static void say_bug(void)
{
    const char *file = crash_write();
    say(report);
    if (!file)
        return;
    say("ftc: what it was compiling is in ");
    say(file);
    say(", whose second line says how to see it again\n");
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

void catch_bugs(void)
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

int final_status(int status, FtcDiag *d)
{
    if (fflush(stdout) && status == EXIT_OK) {
        ftc_error(d, FTC_FILE("<standard output>"), "can't be written");
        return EXIT_USER;
    }
    return status;
}

int run_exit(RunStatus s)
{
    static const int status[] = { [RUN_DONE] = EXIT_OK, [RUN_FAILED] = EXIT_USER, [RUN_DIVERGED] = EXIT_DIVERGED,
                                  [RUN_INTERRUPTED] = EXIT_INTERRUPTED };
    return status[s];
}
