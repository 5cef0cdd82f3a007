/* The diagnostic sink: formats gcc-style messages with the source line and a caret; see ftc/diag.h. */
#include "ftc/diag.h"

#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *file, *text;
    size_t len;
} Source;

struct FtcDiag {
    FILE *out;
    bool color;
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
        fprintf(d->out, " [-W%s]", name);
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

void ftc_warn(FtcDiag *d, const char *name, FtcLoc at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report(d, FTC_WARNING, name, at, fmt, ap);
    va_end(ap);
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
