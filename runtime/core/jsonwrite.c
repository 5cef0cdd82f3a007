/* JSON out; see jsonwrite.h. */
#include "runtime/core/jsonwrite.h"

#include "runtime/core/shortest.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How many bytes the UTF-8 sequence at p takes; 0 if it is none (overlong forms and surrogates are none). */
static size_t utf8_length(const unsigned char *p, size_t size)
{
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xC2 && p[0] < 0xE0 ? 2 : p[0] >= 0xE0 && p[0] < 0xF0 ? 3 : p[0] >= 0xF0 && p[0] < 0xF5 ? 4 : 0;
    if (n == 0 || n > size)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] >= 0xA0) || (p[0] == 0xF0 && p[1] < 0x90) ||
        (p[0] == 0xF4 && p[1] >= 0x90))
        return 0;
    return n;
}

void jsonw_quote(FILE *out, const char *text, size_t size)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + size;
    fputc('"', out);
    while (p < end) {
        size_t n = utf8_length(p, (size_t)(end - p));
        if (n == 0) {
            fputs("\xEF\xBF\xBD", out);
            n = 1;
        } else if (*p == '"' || *p == '\\') {
            fprintf(out, "\\%c", *p);
        } else if (*p == '\n') {
            fputs("\\n", out);
        } else if (*p == '\t') {
            fputs("\\t", out);
        } else if (*p == '\r') {
            fputs("\\r", out);
        } else if (*p < 0x20 || *p == 0x7F) {
            fprintf(out, "\\u%04x", *p);
        } else {
            fwrite(p, 1, n, out);
        }
        p += n;
    }
    fputc('"', out);
}

static void new_line(JsonWriter *w)
{
    if (w->style == JSON_PRETTY)
        fprintf(w->out, "\n%*s", 2 * w->depth, "");
}

/* What stands before a value: comma, key. */
static void lead(JsonWriter *w, const char *key)
{
    assert(!key == (w->depth == 0 || w->level[w->depth - 1].close == ']'));
    if (w->depth) {
        if (w->level[w->depth - 1].filled)
            fputs(w->style == JSON_LINE ? ", " : ",", w->out);
        w->level[w->depth - 1].filled = true;
        new_line(w);
    }
    if (key) {
        jsonw_quote(w->out, key, strlen(key));
        fputs(": ", w->out);
    }
}

static void close_document(JsonWriter *w)
{
    if (w->depth == 0)
        fputc('\n', w->out);
}

void jsonw_begin(JsonWriter *w, FILE *out, JsonStyle style) { *w = (JsonWriter){ .out = out, .style = style }; }

static void open_level(JsonWriter *w, const char *key, char open, char close)
{
    lead(w, key);
    assert(w->depth < JSON_DEPTH);
    fputc(open, w->out);
    w->level[w->depth].close = close;
    w->level[w->depth++].filled = false;
}

void jsonw_object(JsonWriter *w, const char *key) { open_level(w, key, '{', '}'); }
void jsonw_array(JsonWriter *w, const char *key) { open_level(w, key, '[', ']'); }

void jsonw_end(JsonWriter *w)
{
    assert(w->depth > 0);
    w->depth--;
    if (w->level[w->depth].filled)
        new_line(w);
    fputc(w->level[w->depth].close, w->out);
    close_document(w);
}

void jsonw_int(JsonWriter *w, const char *key, int64_t value)
{
    lead(w, key);
    fprintf(w->out, "%lld", (long long)value);
    close_document(w);
}

/* The fewest digits that come back as the same number: 0.1, not 0.10000000000000001. */
static void number(JsonWriter *w, const char *key, double value, bool single)
{
    lead(w, key);
    if (!isfinite(value)) {
        fputs("null", w->out);
    } else {
        char text[SHORTEST_SIZE];
        (single ? shortest_float : shortest_double)(value, 6, text);
        for (char *p = text; *p; p++)
            if (*p == ',')
                *p = '.'; /* an embedder may have set a locale */
        fputs(text, w->out);
        if (!strpbrk(text, ".e"))
            fputs(".0", w->out); /* a reader that tells 1 from 1.0 gets back what was meant */
    }
    close_document(w);
}

void jsonw_float(JsonWriter *w, const char *key, float value) { number(w, key, (double)value, true); }
void jsonw_double(JsonWriter *w, const char *key, double value) { number(w, key, value, false); }

void jsonw_bool(JsonWriter *w, const char *key, bool value)
{
    lead(w, key);
    fputs(value ? "true" : "false", w->out);
    close_document(w);
}

void jsonw_string(JsonWriter *w, const char *key, const char *value)
{
    lead(w, key);
    if (value)
        jsonw_quote(w->out, value, strlen(value));
    else
        fputs("null", w->out);
    close_document(w);
}

void jsonw_null(JsonWriter *w, const char *key) { jsonw_string(w, key, NULL); }
