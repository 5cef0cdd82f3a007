/* Signals as a flag; see interrupt.h. */
#include "runtime/core/interrupt.h"

#include <signal.h>
#include <stddef.h>

static const int signals[] = { SIGINT, SIGTERM };
enum { N_SIGNALS = sizeof signals / sizeof *signals };

static volatile sig_atomic_t asked, catching;
static struct sigaction before[N_SIGNALS];

/* With the default action back, the next signal ends the process. */
static void note(int sig)
{
    (void)sig;
    asked = 1;
    for (int i = 0; i < N_SIGNALS; i++)
        signal(signals[i], SIG_DFL);
}

/* A signal that is ignored, as in a background job of a shell without job control, stays so. */
void interrupt_catch(void)
{
    struct sigaction action = { .sa_handler = note, .sa_flags = SA_RESTART };
    if (catching)
        return;
    catching = 1;
    for (int i = 0; i < N_SIGNALS; i++) {
        sigaction(signals[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}

bool interrupt_release(void)
{
    for (int i = 0; catching && i < N_SIGNALS; i++)
        sigaction(signals[i], &before[i], NULL);
    catching = 0;
    bool was = asked;
    asked = 0;
    return was;
}

bool interrupt_asked(void) { return asked; }
