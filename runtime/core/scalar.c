/* Single values as text; see scalar.h. */
#include "runtime/core/messages.h"
#include "runtime/core/scalar.h"

#include "runtime/core/nearest.h"
#include "runtime/core/shortest.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The i-th of "a|b|c" with its length, or NULL. */
static const char *word_at(const char *words, int i, size_t *len)
{
    for (;; i--) {
        *len = strcspn(words, "|");
        if (!i)
            return words;
        if (!words[*len])
            return NULL;
        words += *len + 1;
    }
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

bool scalar_is_int(const char *s, int64_t *out)
{
    char *end;
    size_t sign = *s == '-' || *s == '+';
    if (!s[sign] || s[sign + strspn(s + sign, "0123456789")])
        return false;
    errno = 0;
    *out = strtoll(s, &end, 10);
    return errno == 0;
}

static bool parse_float(const char *s, double *out)
{
    char *end;
    if (!*s || s[strspn(s, "0123456789+-.eE")])
        return false;
    *out = strtod(s, &end);
    return end != s && !*end && isfinite(*out);
}

static bool in_range(const ScalarRule *r, double x)
{
    return (r->flags & SCALAR_ABOVE ? x > r->low : x >= r->low) && (r->flags & SCALAR_BELOW ? x < r->high : x <= r->high);
}

/* The range in words: "from 0 to below 1", "above 0, at most 100". */
static bool check_range(const ScalarRule *r, const ScalarText *t, double x, FtcDiag *d)
{
    char range[100], or_off[100] = "";
    if (in_range(r, x))
        return true;
    if (r->flags & SCALAR_ABOVE)
        snprintf(range, sizeof range, "above %g%s%.15g", r->low, r->flags & SCALAR_BELOW ? " and below " : ", at most ", r->high);
    else
        snprintf(range, sizeof range, "from %.15g to %s%.15g", r->low, r->flags & SCALAR_BELOW ? "below " : "", r->high);
    if (r->off)
        snprintf(or_off, sizeof or_off, ", or '%s'", r->off);
    return ftc_error(d, t->at, DIAG_out_of_range, r->name, t->text, range, or_off);
}

static bool no_number(const ScalarRule *r, const ScalarText *t, const char *what, FtcDiag *d)
{
    char nor[100] = "", words[200] = "";
    if (r->words)
        snprintf(words, sizeof words, ", nor any of %s", r->words);
    if (r->off)
        snprintf(nor, sizeof nor, " nor '%s'", r->off);
    return ftc_error(d, t->at, DIAG_not_a_number, r->name, t->text, r->off ? "neither" : "not", what, words, nor,
                     t->quoted ? "; write it without the quotes" : "");
}

/* Words instead of a number: 'epoch' of "epoch|auto" is -1. */
static bool is_number_word(const ScalarRule *r, const char *text, int64_t *out)
{
    const char *word;
    size_t len;
    for (int i = 0; r->words && (word = word_at(r->words, i, &len)); i++)
        if (strlen(text) == len && !strncmp(text, word, len)) {
            *out = -1 - i;
            return true;
        }
    return false;
}

bool scalar_int(const ScalarRule *r, const ScalarText *t, int64_t *out, FtcDiag *d)
{
    if (is_number_word(r, t->text, out))
        return true;
    if (t->quoted || !scalar_is_int(t->text, out))
        return no_number(r, t, "a whole number", d);
    return check_range(r, t, (double)*out, d);
}

bool scalar_float(const ScalarRule *r, const ScalarText *t, double *out, FtcDiag *d)
{
    if (t->quoted || !parse_float(t->text, out))
        return no_number(r, t, "a number", d);
    return check_range(r, t, *out, d);
}

bool scalar_bool(const ScalarRule *r, const ScalarText *t, bool *out, FtcDiag *d)
{
    *out = !strcmp(t->text, "true");
    if (t->quoted || (!*out && strcmp(t->text, "false")))
        return ftc_error(d, t->at, DIAG_not_bool, r->name, t->text, t->quoted ? " without the quotes" : "");
    return true;
}

bool scalar_word(const ScalarRule *r, const ScalarText *t, int *out, FtcDiag *d)
{
    enum { MOST = 32, LONGEST = 32 };
    char word[MOST][LONGEST], list[MOST * (LONGEST + 2)];
    const char *words[MOST], *next;
    int n = 0;
    size_t len, at = 0;
    for (; n < MOST && (next = word_at(r->words, n, &len)); n++) {
        snprintf(word[n], LONGEST, "%.*s", (int)len, next);
        words[n] = word[n];
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", n ? ", " : "", word[n]);
        if (!strcmp(word[n], t->text)) {
            *out = n;
            return true;
        }
    }
    const char *near = nearest_word(t->text, words, n);
    ftc_suggest(d, near);
    if (near)
        return ftc_error(d, t->at, DIAG_word_near, r->name, t->text, near);
    return ftc_error(d, t->at, DIAG_word_unknown, r->name, t->text, r->off ? r->off : "", r->off ? ", " : "", list);
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

void scalar_put_word(FILE *out, const char *words, int i)
{
    size_t len;
    const char *word = word_at(words, i, &len);
    fprintf(out, "%.*s", (int)len, word);
}

void scalar_put_int(FILE *out, const char *words, int64_t x)
{
    if (x < 0 && words)
        scalar_put_word(out, words, (int)(-1 - x));
    else
        fprintf(out, "%lld", (long long)x);
}

/* 1e-8 rather than 1e-08. */
void scalar_put_float(FILE *out, double x)
{
    char s[SHORTEST_SIZE];
    shortest_double(x, 1, s);
    size_t sign = strcspn(s, "e") + 1, zeros;
    if (sign < strlen(s) && (zeros = strspn(s + sign + 1, "0")))
        memmove(s + sign + 1, s + sign + 1 + zeros, strlen(s + sign + 1 + zeros) + 1);
    fputs(s, out);
}

/* Whether any YAML reader takes s, bare, for this very string. */
static bool plain_is_safe(const char *s)
{
    static const char *const typed[] = { "y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "auto",
                                         "balanced" };
    size_t len = strlen(s);
    if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", *s) || !len || s[len - 1] == ' ')
        return false;
    if (strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./ -") != len)
        return false;
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++)
        if (!strcasecmp(s, typed[i]))
            return false;
    return true;
}

/* The bytes of the code point at s that YAML wants escaped, or 0. */
static int escaped_code_point(const unsigned char *s, unsigned *code)
{
    if (s[0] < 0x20 || s[0] == 0x7F || s[0] == '"' || s[0] == '\\') {
        *code = s[0];
        return 1;
    }
    if (s[0] == 0xC2 && s[1] < 0xA0) { /* C1 controls */
        *code = s[1];
        return 2;
    }
    if ((s[0] == 0xE2 && s[1] == 0x80 && (s[2] == 0xA8 || s[2] == 0xA9)) || /* line and paragraph separators */
        (s[0] == 0xEF && s[1] == 0xBB && s[2] == 0xBF) || (s[0] == 0xEF && s[1] == 0xBF && s[2] >= 0xBE)) {
        *code = (s[0] & 15u) << 12 | (s[1] & 63u) << 6 | (s[2] & 63u);
        return 3;
    }
    return 0;
}

void scalar_put_string(FILE *out, const char *s)
{
    if (plain_is_safe(s)) {
        fputs(s, out);
        return;
    }
    fputc('"', out);
    while (*s) {
        unsigned code;
        int n = escaped_code_point((const unsigned char *)s, &code);
        if (!n)
            fputc(*s++, out);
        else if (code == '"' || code == '\\')
            fprintf(out, "\\%c", (char)code);
        else if (code == '\n' || code == '\t')
            fputs(code == '\n' ? "\\n" : "\\t", out);
        else
            fprintf(out, "\\u%04X", code);
        s += n;
    }
    fputc('"', out);
}

void scalar_put_strings(FILE *out, const char *const *v, int n)
{
    if (n == 1) {
        scalar_put_string(out, v[0]);
        return;
    }
    for (int i = 0; i < n; i++) {
        fputs(i ? ", " : "[", out);
        scalar_put_string(out, v[i]);
    }
    fputc(']', out);
}

void scalar_put_numbers(FILE *out, int n, const char *const *label, const double *v)
{
    fputc(label ? '{' : '[', out);
    for (int i = 0; i < n; i++) {
        fputs(i ? ", " : "", out);
        if (label) {
            scalar_put_string(out, label[i]);
            fputs(": ", out);
        }
        scalar_put_float(out, v[i]);
    }
    fputc(label ? '}' : ']', out);
}
