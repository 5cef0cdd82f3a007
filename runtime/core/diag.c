/* The diagnostic sink: counts, decides about warnings, and has the report written; see ftc/diag.h. */
#include "runtime/core/diag_parts.h"

#include "runtime/core/mem.h"
#include "runtime/core/nearest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name, *doc;
} warning[] = {
#define WARNING(name, doc) { name, doc },
#include "ftc/warnings.def"
};
_Static_assert(sizeof warning / sizeof *warning == N_WARNINGS, "diag_parts.h counts them");

static const char *during = "";
static void (*bug_hook)(const char *message);

FtcDiag *ftc_diag_new(FILE *out)
{
    FtcDiag *d = xcalloc(1, sizeof *d);
    d->out = out;
    ftc_diag_color(d, FTC_COLOR_AUTO);
    return d;
}

void ftc_diag_color(FtcDiag *d, FtcColor when)
{
    const char *term = getenv("TERM");
    bool fits = d->out && isatty(fileno(d->out)) && !getenv("NO_COLOR") && term && strcmp(term, "dumb");
    d->color = when == FTC_COLOR_ALWAYS || (when == FTC_COLOR_AUTO && fits);
}

void ftc_diag_json(FtcDiag *d) { d->json = d->out != NULL; }

void ftc_diag_as(FtcDiag *d, FtcDiag *other)
{
    memcpy(d->flags, other->flags, sizeof d->flags);
    d->all = other->all;
    d->color = other->color;
    d->json = other->json;
    d->parent = other;
}

void ftc_diag_free(FtcDiag *d)
{
    if (!d)
        return;
    if (d->json)
        diag_json_end(d);
    free(d->suggestion);
    free(d->sources);
    free(d);
}

void ftc_diag_source(FtcDiag *d, const char *file, const char *text, size_t len)
{
    GROW(d->sources, d->n_sources, d->cap_sources);
    d->sources[d->n_sources++] = (Source){ file, text, len };
}

int ftc_diag_errors(const FtcDiag *d) { return d->errors; }
int ftc_diag_warnings(const FtcDiag *d) { return d->warnings; }
const char *ftc_diag_last(const FtcDiag *d) { return d->last; }

void ftc_diag_during(FtcDiag *d, const char *stage)
{
    (void)d;
    during = stage;
}

/* ---- warnings --------------------------------------------------------------------------------------------------------- */

/* N_WARNINGS where there is none of that name. */
static int find_warning(const char *name)
{
    int i = 0;
    while (i < N_WARNINGS && strcmp(warning[i].name, name))
        i++;
    return i;
}

/* That of our own code, where a name that isn't there is a bug. */
static const WarningFlags *flags_of(const FtcDiag *d, const char *name)
{
    int i = find_warning(name);
    if (i == N_WARNINGS)
        ftc_bug("the warning '%s' is not in ftc/warnings.def", name);
    return &d->flags[i];
}

bool ftc_warning_flag(FtcDiag *d, const char *flag)
{
    bool yes = strncmp(flag, "no-", 3) != 0;
    const char *rest = yes ? flag : flag + 3;
    bool error = !strcmp(rest, "error") || !strncmp(rest, "error=", 6);
    const char *name = !error ? rest : rest[5] ? rest + 6 : "all";
    WarningFlags *f = &d->all;
    if (strcmp(name, "all")) {
        int i = find_warning(name);
        if (i == N_WARNINGS) {
            const char *names[N_WARNINGS];
            for (int k = 0; k < N_WARNINGS; k++)
                names[k] = warning[k].name;
            const char *near = nearest_word(name, names, N_WARNINGS);
            return near ? ftc_error(d, FTC_NOWHERE, "there is no warning '%s'; did you mean '%s'?", name, near)
                        : ftc_error(d, FTC_NOWHERE, "there is no warning '%s'; -Whelp lists them", name);
        }
        f = &d->flags[i];
    }
    if (error)
        f->error = yes ? 1 : -1;
    if (!error || (yes && f != &d->all))
        f->on = yes ? 1 : -1;
    return true;
}

bool ftc_warning_asked(const FtcDiag *d, const char *name)
{
    const WarningFlags *f = flags_of(d, name);
    return f->on ? f->on > 0 : d->all.on > 0;
}

void ftc_warnings_help(FILE *out)
{
    for (int i = 0; i < N_WARNINGS; i++)
        fprintf(out, "  %-16s  %s\n", warning[i].name, warning[i].doc);
}

/* ---- reporting -------------------------------------------------------------------------------------------------------- */

const char *const diag_words[] = { "note", "warning", "error" };

static void report(FtcDiag *d, FtcSeverity sev, const char *name, FtcLoc at, const char *fmt, va_list ap)
{
    char message[1024];
    vsnprintf(message, sizeof message, fmt, ap);
    for (char *c = message; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            *c = '?'; /* messages quote the user's bytes */
    if (sev == FTC_ERROR) {
        d->errors++;
        snprintf(d->last, sizeof d->last, "%s", message);
    } else if (sev == FTC_WARNING)
        d->warnings++;
    Report r = { sev, name, at, message, at.col > 0 ? d->suggestion : NULL };
    if (d->out && d->json)
        diag_json(d, &r);
    else if (d->out)
        diag_text(d, &r);
    free(d->suggestion);
    d->suggestion = NULL;
}

void ftc_suggest(FtcDiag *d, const char *text)
{
    free(d->suggestion);
    d->suggestion = text ? xstrdup(text) : NULL;
}

bool ftc_error(FtcDiag *d, FtcLoc at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report(d, FTC_ERROR, NULL, at, fmt, ap);
    va_end(ap);
    return false;
}

bool ftc_warn(FtcDiag *d, const char *name, FtcLoc at, const char *fmt, ...)
{
    const WarningFlags *f = flags_of(d, name);
    if ((f->on ? f->on : d->all.on) < 0)
        return false;
    va_list ap;
    va_start(ap, fmt);
    report(d, (f->error ? f->error : d->all.error) > 0 ? FTC_ERROR : FTC_WARNING, name, at, fmt, ap);
    va_end(ap);
    return true;
}

void ftc_note(FtcDiag *d, FtcLoc at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report(d, FTC_NOTE, NULL, at, fmt, ap);
    va_end(ap);
}

void ftc_bug_hook(void (*hook)(const char *message)) { bug_hook = hook; }

void ftc_bug(const char *fmt, ...)
{
    char message[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    fflush(stdout);
    fprintf(stderr, "ftc: internal error%s%s: %s\n", *during ? " in " : "", during, message);
    if (bug_hook)
        bug_hook(message);
    abort();
}
