/* JSON out: lines of a log, config.json.
 *
 *     JsonWriter w;
 *     jsonw_begin(&w, stdout, JSON_LINE);
 *     jsonw_object(&w, NULL);                 {
 *     jsonw_int(&w, "step", 7);                  "step": 7
 *     jsonw_float(&w, "loss", loss);             , "loss": 0.6931472
 *     jsonw_array(&w, "labels");                 , "labels": [
 *     jsonw_string(&w, NULL, "no");                 "no"
 *     jsonw_end(&w);                             ]
 *     jsonw_end(&w);                          } and a newline
 *
 * Keys are for members of objects, NULL for everything else.  Numbers come back unchanged when read; NaN and
 * infinities, which JSON doesn't have, are written as null.  Bytes that are no UTF-8 become U+FFFD. */
#ifndef FTC_JSONWRITE_H
#define FTC_JSONWRITE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH 16

typedef enum { JSON_LINE, JSON_PRETTY } JsonStyle;

typedef struct {
    FILE *out;
    JsonStyle style;
    int depth;
    struct {
        char close;
        bool filled;
    } level[JSON_DEPTH];
} JsonWriter;

void jsonw_begin(JsonWriter *w, FILE *out, JsonStyle style);

void jsonw_object(JsonWriter *w, const char *key);
void jsonw_array(JsonWriter *w, const char *key);
void jsonw_end(JsonWriter *w); /* of the innermost object or array */

void jsonw_int(JsonWriter *w, const char *key, int64_t value);
void jsonw_float(JsonWriter *w, const char *key, float value);
void jsonw_double(JsonWriter *w, const char *key, double value);
void jsonw_bool(JsonWriter *w, const char *key, bool value);
void jsonw_string(JsonWriter *w, const char *key, const char *value); /* NULL is written as null */
void jsonw_null(JsonWriter *w, const char *key);

/* A string alone: quotes, escapes and all. */
void jsonw_quote(FILE *out, const char *text, size_t size);

#endif
