/* The diagnostic sink: formats gcc-style messages with the source line and a caret; see ftc/diag.h. */
#include "ftc/diag.h"

#include "runtime/core/mem.h"
#include "runtime/core/nearest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *file, *text;
    size_t len;
} Source;

static const struct {
    const char *name, *doc;
} warning[] = {
#define WARNING(name, doc) { name, doc },
#include "ftc/warnings.def"
};
enum { N_WARNINGS = sizeof warning / sizeof *warning };

/* What flags say: 0 nothing, 1 yes, -1 no. */
typedef struct {
    signed char on, error;
} WarningFlags;

struct FtcDiag {
    FILE *out;
    bool color;
    WarningFlags flags[N_WARNINGS], all;
    int errors, warnings;
    char last[1024];
    Source *sources;
    int n_sources, cap_sources;
};

static const char *during = "";
static void (*bug_hook)(const char *message);

FtcDiag *ftc_diag_new(FILE *out)
{
    FtcDiag *d = xcalloc(1, sizeof *d);
    d->out = out;
    d->color = out && isatty(fileno(out)) && !getenv("NO_COLOR");
    return d;
}

void ftc_diag_free(FtcDiag *d)
{
    if (!d)
        return;
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

void ftc_warnings_as(FtcDiag *d, const FtcDiag *other)
{
    memcpy(d->flags, other->flags, sizeof d->flags);
    d->all = other->all;
}

void ftc_warnings_help(FILE *out)
{
    for (int i = 0; i < N_WARNINGS; i++)
        fprintf(out, "  %-16s  %s\n", warning[i].name, warning[i].doc);
}

/* ---- showing ---------------------------------------------------------------------------------------------------------- */

/* Copies line `line` of `at.file` into buf (without its newline); false if there is no such line. */
static bool source_line(const FtcDiag *d, FtcLoc at, char *buf, size_t size)
{
    for (int i = 0; i < d->n_sources; i++) {
        const Source *s = &d->sources[i];
        if (strcmp(s->file, at.file))
            continue;
        const char *p = s->text, *end = s->text + s->len;
        for (int line = 1; line < at.line; line++) {
            p = memchr(p, '\n', (size_t)(end - p));
            if (!p)
                return false;
            p++;
        }
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((nl ? nl : end) - p);
        if (n >= size)
            n = size - 1;
        memcpy(buf, p, n);
        buf[n] = '\0';
        return true;
    }
    FILE *f = fopen(at.file, "r");
    if (!f)
        return false;
    bool found = false;
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    for (int n = 1; (len = getline(&line, &cap, f)) >= 0; n++) {
        if (n < at.line)
            continue;
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            line[--len] = '\0';
        snprintf(buf, size, "%s", line);
        found = true;
        break;
    }
    free(line);
    fclose(f);
    return found;
}

/* The bytes of the character at s, n of UTF-8; 1 for a byte that is none. */
static size_t char_bytes(const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t n = *p >= 0xF0 ? 4 : *p >= 0xE0 ? 3 : *p >= 0xC2 ? 2 : 1;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 1;
    return n;
}

/* A tab or a control character would shift the caret, or act on the terminal.  A lone byte is most likely one of Latin-1. */
static void show_char(const FtcDiag *d, const char *s)
{
    size_t n = char_bytes(s);
    unsigned char c = (unsigned char)*s;
    if (n > 1)
        fwrite(s, 1, n, d->out);
    else if (c >= 0xA0)
        fprintf(d->out, "%c%c", 0xC0 | c >> 6, 0x80 | (c & 0x3F));
    else
        fputc(c < ' ' ? ' ' : c >= 0x7F ? '?' : c, d->out);
}

static void show_line(const FtcDiag *d, FtcLoc at)
{
    char text[240];
    if (!at.file || at.line < 1 || at.col < 1 || !source_line(d, at, text, sizeof text))
        return;
    if (at.line == 1 && !strncmp(text, "\xEF\xBB\xBF", 3)) /* a byte order mark takes no column */
        memmove(text, text + 3, strlen(text + 3) + 1);
    size_t len = strlen(text);
    if ((size_t)at.col > len + 1)
        return;
    fprintf(d->out, "%5d | ", at.line);
    for (size_t i = 0; i < len; i += char_bytes(text + i))
        show_char(d, text + i);
    fputs("\n      | ", d->out);
    size_t i = 0;
    for (; i + 1 < (size_t)at.col; i += char_bytes(text + i))
        fputc(' ', d->out);
    fputs(d->color ? "\033[1;32m^" : "^", d->out);
    for (i += char_bytes(text + i); i + 1 < (size_t)at.end_col && i < len; i += char_bytes(text + i))
        fputc('~', d->out);
    fputs(d->color ? "\033[0m\n" : "\n", d->out);
}

static void report(FtcDiag *d, FtcSeverity sev, const char *name, FtcLoc at, const char *fmt, va_list ap)
{
    static const char *const word[] = { "note", "warning", "error" };
    static const char *const paint[] = { "\033[1;36m", "\033[1;35m", "\033[1;31m" };
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
    if (!d->out)
        return;
    if (!at.file)
        fputs("ftc: ", d->out);
    else if (at.line < 1)
        fprintf(d->out, "%s: ", at.file);
    else if (at.col < 1)
        fprintf(d->out, "%s:%d: ", at.file, at.line);
    else
        fprintf(d->out, "%s:%d:%d: ", at.file, at.line, at.col);
    fprintf(d->out, "%s%s:%s %s", d->color ? paint[sev] : "", word[sev], d->color ? "\033[0m" : "", message);
    if (name)
        fprintf(d->out, " [-W%s%s]", sev == FTC_ERROR ? "error=" : "", name);
    fputc('\n', d->out);
    show_line(d, at);
    fflush(d->out);
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
