/* Reports for people, as gcc writes them: place, kind, message; then the source line with a caret under it. */
#include "runtime/core/diag_parts.h"

#include "runtime/core/files.h"
#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>

static const char *const paint[] = { "\033[1;36m", "\033[1;35m", "\033[1;31m" }; /* by severity */

/* Line at.line of at.file, without its end; NULL if there is no such line.  free() it. */
static char *source_line(const FtcDiag *d, FtcLoc at)
{
    for (int i = 0; i < d->n_sources; i++) {
        const Source *s = &d->sources[i];
        if (strcmp(s->file, at.file))
            continue;
        const char *p = s->text, *end = s->text + s->len;
        for (int line = 1; line < at.line; line++) {
            p = memchr(p, '\n', (size_t)(end - p));
            if (!p)
                return NULL;
            p++;
        }
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        return xstrndup(p, (size_t)((nl ? nl : end) - p));
    }
    FILE *f = path_is_regular(at.file) ? fopen(at.file, "r") : NULL;
    if (!f)
        return NULL;
    char *line = NULL;
    size_t cap = 0;
    ssize_t len = 0;
    for (int n = 1; n <= at.line && len >= 0; n++)
        len = getline(&line, &cap, f);
    fclose(f);
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        line[--len] = '\0';
    if (len >= 0)
        return line;
    free(line);
    return NULL;
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

enum { SHOWN = 160, BEFORE = 60 }; /* of a longer line only a part is shown, the caret in it */

/* The first byte of a character at or behind i. */
static size_t next_char(const char *text, size_t i)
{
    while (((unsigned char)text[i] & 0xC0) == 0x80)
        i++;
    return i;
}

static void indent(const FtcDiag *d, const char *text, size_t from, size_t to, bool cut)
{
    fputs(cut ? "      |    " : "      | ", d->out);
    for (size_t i = from; i < to; i += char_bytes(text + i))
        fputc(' ', d->out);
}

/* The line, a caret under its column and ~ under the rest of its range, the suggestion under that. */
static void show_range(const FtcDiag *d, const Report *r, const char *text, size_t len)
{
    size_t caret = (size_t)r->at.col - 1, from = len > SHOWN && caret > BEFORE ? next_char(text, caret - BEFORE) : 0;
    size_t to = len > from + SHOWN ? next_char(text, from + SHOWN) : len, i = caret;
    fprintf(d->out, "%5d | %s", r->at.line, from ? "..." : "");
    for (size_t k = from; k < to; k += char_bytes(text + k))
        show_char(d, text + k);
    fputs(to < len ? "...\n" : "\n", d->out);
    indent(d, text, from, caret, from > 0);
    fprintf(d->out, "%s^", d->color ? paint[r->severity] : "");
    for (i += i < len ? char_bytes(text + i) : 1; i + 1 < (size_t)r->at.end_col && i < to; i += char_bytes(text + i))
        fputc('~', d->out);
    fputs(d->color ? "\033[0m\n" : "\n", d->out);
    if (!r->suggestion)
        return;
    indent(d, text, from, caret, from > 0);
    fprintf(d->out, d->color ? "\033[32m%s\033[0m\n" : "%s\n", r->suggestion);
}

static void show_line(const FtcDiag *d, const Report *r)
{
    FtcLoc at = r->at;
    char *line = at.file && at.line > 0 && at.col > 0 ? source_line(d, at) : NULL;
    if (!line)
        return;
    const char *text = line;
    if (at.line == 1 && !strncmp(text, "\xEF\xBB\xBF", 3)) /* a byte order mark takes no column */
        text += 3;
    size_t len = strlen(text);
    if ((size_t)at.col <= len + 1)
        show_range(d, r, text, len);
    free(line);
}

static void show_place(const FtcDiag *d, FtcLoc at)
{
    fputs(d->color ? "\033[1m" : "", d->out);
    if (!at.file)
        fputs("ftc:", d->out);
    else if (at.line < 1)
        fprintf(d->out, "%s:", at.file);
    else if (at.col < 1)
        fprintf(d->out, "%s:%d:", at.file, at.line);
    else
        fprintf(d->out, "%s:%d:%d:", at.file, at.line, at.col);
    fputs(d->color ? "\033[0m " : " ", d->out);
}

void diag_text(const FtcDiag *d, const Report *r)
{
    show_place(d, r->at);
    fprintf(d->out, "%s%s:%s %s", d->color ? paint[r->severity] : "", diag_words[r->severity], d->color ? "\033[0m" : "", r->message);
    if (r->warning)
        fprintf(d->out, " [-W%s%s]", r->severity == FTC_ERROR ? "error=" : "", r->warning);
    fputc('\n', d->out);
    show_line(d, r);
    fflush(d->out);
}
