/* Sizes: the polynomials in T, B, L, C, V, U, P of a compiled program, with numbers put in. */
#ifndef FTC_FORM_H
#define FTC_FORM_H

#include "ftc/step.h"

/* sym[FTC_SYMBOLS]; false if the number doesn't fit 64 bits. */
bool form_value(const FtcForm *f, const int64_t *sym, int64_t *value);

bool form_equal(const FtcForm *a, const FtcForm *b); /* their terms lie in the compiler's order, which is one for each polynomial */

/* For forms that are known to fit: ftc_bug where one doesn't. */
int64_t form_at(const FtcForm *f, const int64_t *sym);

/* Bytes of a buffer; false if they don't fit. */
bool buf_bytes(const FtcBuf *b, const int64_t *sym, int64_t *bytes);
int64_t elem_bytes(FtcElem e);

/* Bytes of the arena's slots, [n_slots]: of each those of its largest buffer.  False if they don't fit. */
bool slots_at(const FtcProgram *p, const int64_t *sym, int64_t *bytes);

#endif
