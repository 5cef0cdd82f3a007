/* The sink's parts: diag.c counts and decides, diag_text.c writes for people, diag_json.c for programs. */
#ifndef FTC_DIAG_PARTS_H
#define FTC_DIAG_PARTS_H

#include "ftc/diag.h"

#include "runtime/core/jsonwrite.h"

typedef struct {
    const char *file, *text;
    size_t len;
} Source;

/* What flags say: 0 nothing, 1 yes, -1 no. */
typedef struct {
    signed char on, error;
} WarningFlags;

enum {
#define WARNING(name, doc) + 1
    N_WARNINGS = 0
#include "ftc/warnings.def"
};

/* JSON on its way: of one error or warning with its notes; or whole elements of the array. */
typedef struct {
    FILE *out;          /* NULL: there is none */
    JsonWriter w;
    char *text;
    size_t size;
} PendingJson;

struct FtcDiag {
    FILE *out;
    bool color, json;
    FtcDiag *parent;    /* takes over the JSON of this one, in the end; NULL: it goes to out */
    WarningFlags flags[N_WARNINGS], all;
    int errors, warnings;
    int written;        /* elements of the array of JSON so far */
    char last[1024];
    char *suggestion;   /* for the next report; NULL: none */
    Source *sources;
    int n_sources, cap_sources;
    PendingJson pending, kept;
};

typedef struct {
    FtcSeverity severity;
    const char *warning;    /* its name; NULL: it is none */
    FtcLoc at;
    const char *message, *suggestion;
} Report;

extern const char *const diag_words[]; /* by severity: "note", "warning", "error" */

void diag_text(const FtcDiag *d, const Report *r);
void diag_json(FtcDiag *d, const Report *r);
void diag_json_end(FtcDiag *d);     /* closes the array, or hands what there is to the parent */

#endif
