/* The scanner of our own texts; see scan.h. */
#include "compiler/support/scan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

Scanner scan_open(Arena *arena, const char *file, const char *text, size_t len, FtcDiag *d)
{
    return (Scanner){ .file = file, .p = text, .end = text + len, .line_start = text, .line = 1, .arena = arena, .diag = d };
}

static void skip_blank(Scanner *s)
{
    while (s->p < s->end) {
        if (*s->p == '#')
            while (s->p < s->end && *s->p != '\n')
                s->p++;
        else if (*s->p == '\n') {
            s->p++;
            s->line++;
            s->line_start = s->p;
        } else if (isspace((unsigned char)*s->p))
            s->p++;
        else
            break;
    }
}

FtcLoc scan_here(Scanner *s)
{
    skip_blank(s);
    return (FtcLoc){ s->file, s->line, (int)(s->p - s->line_start) + 1, 0 };
}

bool scan_at_end(Scanner *s)
{
    skip_blank(s);
    return s->p == s->end;
}

bool scan_peek(Scanner *s, const char *mark)
{
    skip_blank(s);
    size_t n = strlen(mark);
    return (size_t)(s->end - s->p) >= n && !memcmp(s->p, mark, n);
}

bool scan_accept(Scanner *s, const char *mark)
{
    if (!scan_peek(s, mark))
        return false;
    s->p += strlen(mark);
    return true;
}

bool scan_expect(Scanner *s, const char *mark)
{
    return scan_accept(s, mark) || ftc_error(s->diag, scan_here(s), "expected '%s'", mark);
}

const char *scan_word(Scanner *s, const char *more, const char *what)
{
    skip_blank(s);
    const char *from = s->p;
    while (s->p < s->end && *s->p && (isalnum((unsigned char)*s->p) || strchr(more, *s->p)))
        s->p++;
    if (s->p == from) {
        ftc_error(s->diag, scan_here(s), "expected %s", what);
        return NULL;
    }
    return arena_strndup(s->arena, from, (size_t)(s->p - from));
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return at ? (int)(at - digits) : -1;
}

const char *scan_string(Scanner *s)
{
    enum { MOST = 4096 };
    if (!scan_expect(s, "\""))
        return NULL;
    size_t room = 0, n = 0; /* room for what is there: a text may hold many strings */
    while (room < MOST && s->p + room < s->end && s->p[room] != '"' && s->p[room] != '\n')
        room++;
    char *text = arena_alloc(s->arena, room + 1);
    for (; n < room && s->p < s->end && *s->p != '"' && *s->p != '\n'; s->p++) {
        char c = *s->p;
        if (c == '\\') {
            bool hex = s->end - s->p > 3 && s->p[1] == 'x' && hex_digit(s->p[2]) >= 0 && hex_digit(s->p[3]) >= 0;
            c = hex ? (char)(16 * hex_digit(s->p[2]) + hex_digit(s->p[3])) : 0;
            if (c)
                s->p += 3;
        }
        if (!c)
            break;
        text[n++] = c;
    }
    if (s->p == s->end || *s->p != '"') {
        if (n == MOST)
            ftc_error(s->diag, scan_here(s), "a string has at most %d bytes", MOST);
        else
            ftc_error(s->diag, scan_here(s), "a string ends here without its quote");
        return NULL;
    }
    s->p++;
    return text;
}

bool scan_number(Scanner *s, double *v)
{
    skip_blank(s);
    char buf[64], *stop;
    size_t n = (size_t)(s->end - s->p) < sizeof buf - 1 ? (size_t)(s->end - s->p) : sizeof buf - 1;
    memcpy(buf, s->p, n);
    buf[n] = '\0';
    *v = strtod(buf, &stop);
    if (stop == buf)
        return ftc_error(s->diag, scan_here(s), "expected a number");
    s->p += stop - buf;
    return true;
}

bool scan_int(Scanner *s, int64_t low, int64_t high, int64_t *v)
{
    FtcLoc at = scan_here(s);
    bool minus = scan_accept(s, "-");
    const char *digits = s->p;
    int64_t n = 0, most = INT64_C(1) << 53;
    for (; s->p < s->end && isdigit((unsigned char)*s->p); s->p++)
        n = n < most ? 10 * n + (*s->p - '0') : most;
    *v = minus ? -n : n;
    if (s->p == digits || *v < low || *v > high)
        return ftc_error(s->diag, at, "expected a whole number from %lld to %lld", (long long)low, (long long)high);
    return true;
}
