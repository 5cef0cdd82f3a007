/* What a bug of ours leaves behind: a file that shows it again.
 *
 * Before work that might end the program its input is kept here as a text; who catches the end (compiler/driver/status.c) writes it.
 * Writing allocates nothing and takes no lock, so that a signal's handler may do it. */
#ifndef FTC_CRASH_H
#define FTC_CRASH_H

#include <stddef.h>

/* Takes over a text from malloc, which replaces the one before; NULL: nothing is to be left. */
void crash_keep(char *text, size_t size);

/* From now on nothing is left: for processes whose end someone waits for. */
void crash_off(void);

/* Writes what is kept to ./ftc-bug-PID.txt, and answers that name; NULL: there is nothing, or it can't be written. */
const char *crash_write(void);

#endif
