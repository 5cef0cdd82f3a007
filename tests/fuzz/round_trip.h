/* A promise that all readable stages keep: what is taken prints as a text that reads as the same. */
#ifndef FTC_ROUND_TRIP_H
#define FTC_ROUND_TRIP_H

#include "compiler/support/arena.h"
#include "ftc/diag.h"

#include <stdint.h>

typedef struct {
    const char *what, *file;   /* "graph", "fuzz.ftir" */
    /* Answers NULL after an error; what it answers lives in the arena. */
    void *(*parse)(Arena *a, const char *file, const char *text, size_t size, FtcDiag *d);
    char *(*text)(void *parsed); /* free() it */
} TextForm;

void round_trip(const TextForm *form, const uint8_t *data, size_t size);

/* What `print` prints, for TextForm.text. */
char *printed(void (*print)(void *what, FILE *out), void *what);

#endif
