/* JSON in; see json.h. */
#include "runtime/core/json.h"

#include "runtime/core/files.h"

#include <stdlib.h>
#include <string.h>

/* Line and column of a byte, both from 1. */
static FtcLoc locate(const char *text, size_t at, const char *file)
{
    FtcLoc loc = { file, 1, 1, 0 };
    for (size_t i = 0; i < at; i++, loc.col++)
        if (text[i] == '\n')
            loc.line++, loc.col = 0;
    return loc;
}

static json_t *parse(const char *text, size_t size, const char *file, size_t flags, FtcDiag *d)
{
    /* jansson stops reading a number at a NUL and takes it for the end. */
    const char *nul = memchr(text, '\0', size);
    if (nul) {
        ftc_error(d, locate(text, (size_t)(nul - text), file), "this is not JSON: there is a NUL byte here");
        return NULL;
    }
    json_error_t error;
    json_t *root = json_loadb(text, size, flags | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (root)
        return root;

    /* position is just behind the token that doesn't fit, which the message quotes, or at the end. */
    size_t at = error.position > 0 && (size_t)error.position <= size ? (size_t)error.position : size;
    char *near = strstr(error.text, " near '");
    size_t len = near ? strlen(near + 7) : 0;
    if (len > 1 && len - 1 <= at && !memcmp(near + 7, text + at - (len - 1), len - 1))
        at -= len - 1;
    else if (near && at > 0)
        at--;
    if (near)
        *near = '\0';
    ftc_error(d, locate(text, at, file), "this is not JSON: %s", error.text);
    return NULL;
}

json_t *json_read_text(const char *text, size_t size, const char *file, FtcDiag *d)
{
    return parse(text, size, file, 0, d);
}

json_t *json_read_unique(const char *text, size_t size, const char *file, FtcDiag *d)
{
    return parse(text, size, file, JSON_REJECT_DUPLICATES, d);
}

json_t *json_read_file(const char *path, FtcDiag *d)
{
    size_t size;
    char *text = file_read(path, JSON_FILE_LIMIT, &size, d);
    json_t *root = text ? json_read_text(text, size, path, d) : NULL;
    free(text);
    return root;
}

static const char *kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "a list";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "a whole number";
    case JSON_REAL: return "a fraction";
    case JSON_TRUE: return "true";
    case JSON_FALSE: return "false";
    case JSON_NULL: break;
    }
    return "null";
}

static const json_t *value_of(const JsonReader *r, const char *key)
{
    const json_t *value = json_object_get(r->object, key);
    return json_is_null(value) ? NULL : value;
}

bool json_has(const JsonReader *r, const char *key) { return value_of(r, key) != NULL; }

static void wrong_type(JsonReader *r, const char *key, const char *wanted, const json_t *value)
{
    ftc_error(r->diag, FTC_FILE(r->file), "'%s' must be %s, but is %s", key, wanted, kind_of(value));
    r->failed = true;
}

int64_t json_get_int(JsonReader *r, const char *key, int64_t fallback, int64_t min, int64_t max)
{
    const json_t *value = value_of(r, key);
    if (!value)
        return fallback;
    int64_t n = json_integer_value(value);
    if (!json_is_integer(value)) {
        wrong_type(r, key, "a whole number", value);
        return fallback;
    }
    if (n < min || n > max) {
        ftc_error(r->diag, FTC_FILE(r->file), "'%s' is %lld, but must lie between %lld and %lld", key, (long long)n,
                  (long long)min, (long long)max);
        r->failed = true;
        return fallback;
    }
    return n;
}

double json_get_double(JsonReader *r, const char *key, double fallback, double min, double max)
{
    const json_t *value = value_of(r, key);
    if (!value)
        return fallback;
    double x = json_number_value(value);
    if (!json_is_number(value)) {
        wrong_type(r, key, "a number", value);
        return fallback;
    }
    if (!(x >= min && x <= max)) {
        ftc_error(r->diag, FTC_FILE(r->file), "'%s' is %g, but must lie between %g and %g", key, x, min, max);
        r->failed = true;
        return fallback;
    }
    return x;
}

bool json_get_bool(JsonReader *r, const char *key, bool fallback)
{
    const json_t *value = value_of(r, key);
    if (!value)
        return fallback;
    if (!json_is_boolean(value)) {
        wrong_type(r, key, "true or false", value);
        return fallback;
    }
    return json_is_true(value);
}

const char *json_get_string(JsonReader *r, const char *key, const char *fallback)
{
    const json_t *value = value_of(r, key);
    if (!value)
        return fallback;
    if (!json_is_string(value)) {
        wrong_type(r, key, "a string", value);
        return fallback;
    }
    if (strlen(json_string_value(value)) != json_string_length(value)) {
        ftc_error(r->diag, FTC_FILE(r->file), "'%s' must not hold a NUL character", key);
        r->failed = true;
        return fallback;
    }
    return json_string_value(value);
}

const json_t *json_get_object(JsonReader *r, const char *key)
{
    const json_t *value = value_of(r, key);
    if (value && !json_is_object(value)) {
        wrong_type(r, key, "an object", value);
        return NULL;
    }
    return value;
}

const json_t *json_get_array(JsonReader *r, const char *key)
{
    const json_t *value = value_of(r, key);
    if (value && !json_is_array(value)) {
        wrong_type(r, key, "a list", value);
        return NULL;
    }
    return value;
}
