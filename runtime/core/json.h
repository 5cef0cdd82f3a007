/* JSON files that others wrote, read with jansson and ftc's diagnostics.  (Writing: jsonwrite.h.)
 *
 * In:  a file such as config.json, tokenizer.json or the header of a safetensors file.
 * Out: jansson's tree (json_decref it), or an error with file, line, column.
 */
#ifndef FTC_JSON_H
#define FTC_JSON_H

#include "ftc/diag.h"

#include <jansson.h>
#include <stdint.h>

/* The largest JSON file that is read: four times the largest tokenizer.json known. */
#define JSON_FILE_LIMIT ((size_t)256 << 20)

json_t *json_read_file(const char *path, FtcDiag *d);

/* `file` names the text in messages.  Of a key that stands twice in one object the last counts, as in other
 * readers; json_read_unique refuses it. */
json_t *json_read_text(const char *text, size_t size, const char *file, FtcDiag *d);
json_t *json_read_unique(const char *text, size_t size, const char *file, FtcDiag *d);

/* Typed access to the keys of one object.  A key that is absent or null gives the fallback; a value of
 * another type or out of range is reported, names the key, sets `failed` and gives the fallback: ask for all keys,
 * then look at `failed` once. */
typedef struct {
    const json_t *object;
    const char *file;
    FtcDiag *diag;
    bool failed;
} JsonReader;

/* Whether the key is there and not null. */
bool json_has(const JsonReader *r, const char *key);

int64_t json_get_int(JsonReader *r, const char *key, int64_t fallback, int64_t min, int64_t max);
double json_get_double(JsonReader *r, const char *key, double fallback, double min, double max);
bool json_get_bool(JsonReader *r, const char *key, bool fallback);
const char *json_get_string(JsonReader *r, const char *key, const char *fallback); /* lives as long as the tree */
const json_t *json_get_object(JsonReader *r, const char *key);                     /* NULL if absent */
const json_t *json_get_array(JsonReader *r, const char *key);                      /* NULL if absent */

#endif
