/* The user's wish to stop: SIGINT (Ctrl-C) and SIGTERM.
 *
 * While they are caught, the first one is only noted, so that a loop can end where nothing is lost; a second one ends the process
 * at once, as if it were not caught. */
#ifndef FTC_INTERRUPT_H
#define FTC_INTERRUPT_H

#include <stdbool.h>

void interrupt_catch(void);
bool interrupt_asked(void);

/* Back to what signals did before.  Answers whether it was asked for, and forgets it. */
bool interrupt_release(void);

#endif
