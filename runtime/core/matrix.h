/* Matrix registers: AMX, which Linux keeps off for a process until it asks. */
#ifndef FTC_MATRIX_H
#define FTC_MATRIX_H

#include <stdbool.h>

/* Asks for them, for all threads of this process, those that run included.  False: this machine, or its system, has none. */
bool matrix_registers_allow(void);

#endif
