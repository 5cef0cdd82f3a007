/* The formats of diagnostics.def as constants: ftc_error(d, at, DIAG_out_of_range, ...).  Compilers check arguments against them. */
#ifndef FTC_MESSAGES_H
#define FTC_MESSAGES_H

#define DIAG(name, format) static const char DIAG_##name[] = format;
#include "ftc/diagnostics.def"

#endif
