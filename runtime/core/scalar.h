/* Single values of settings as one writes them: a number, true or false, one of some words; and back.
 *
 * In:  a rule, and text with its place.
 * Out: the value; or an error that names the key, what is wrong with the text, and what it can be. */
#ifndef FTC_SCALAR_H
#define FTC_SCALAR_H

#include "ftc/diag.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { SCALAR_BELOW = 2, SCALAR_ABOVE = 4 }; /* high, or low, doesn't belong to the range */

typedef struct {
    const char *name;      /* what messages call the key */
    double low, high;      /* range of a number */
    unsigned flags;
    const char *words;     /* "cls|mean", in the order of their numbers; for whole numbers: -1, -2, ...; NULL: none */
    const char *off;       /* a word that stands for "not set", for messages; NULL: there is none */
} ScalarRule;

typedef struct {
    const char *text;
    bool quoted;           /* it was written as a string */
    FtcLoc at;
} ScalarText;

/* False after an error. */
bool scalar_int(const ScalarRule *r, const ScalarText *t, int64_t *out, FtcDiag *d);
bool scalar_float(const ScalarRule *r, const ScalarText *t, double *out, FtcDiag *d);
bool scalar_bool(const ScalarRule *r, const ScalarText *t, bool *out, FtcDiag *d);
bool scalar_word(const ScalarRule *r, const ScalarText *t, int *out, FtcDiag *d);

/* Whether the text is a whole number, and which. */
bool scalar_is_int(const char *text, int64_t *out);

/* Numbers with the fewest digits that come back unchanged; strings in quotes, where YAML needs them. */
void scalar_put_int(FILE *out, const char *words, int64_t x);
void scalar_put_float(FILE *out, double x);
void scalar_put_word(FILE *out, const char *words, int i);
void scalar_put_string(FILE *out, const char *s);

/* One, or several as a list: [a, b]. */
void scalar_put_strings(FILE *out, const char *const *v, int n);

/* [1, 2], or with labels {a: 1, b: 2} */
void scalar_put_numbers(FILE *out, int n, const char *const *label, const double *v);

#endif
