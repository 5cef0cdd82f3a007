/* Reading and writing safetensors files; see safetensors.h. */
#include "runtime/weights/safetensors.h"

#include "runtime/core/files.h"
#include "runtime/core/json.h"
#include "runtime/core/jsonwrite.h"
#include "runtime/core/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file's byte order is taken as the machine's");

/* As the reference implementation: a longer header would only serve to exhaust memory. */
#define HEADER_LIMIT 100000000u

static const struct {
    const char *name;
    int bits;
} dtypes[] = {
#define X(name, bits) { #name, bits },
    SAFETENSORS_DTYPES(X)
#undef X
};

struct Safetensors {
    FileMap map;          /* empty for a file in memory */
    const char *file;
    json_t *header;       /* owns the names */
    Tensor *tensors;      /* sorted by name */
    int64_t *dims;        /* of all tensors */
    int n;
};

const char *dtype_name(Dtype t) { return dtypes[t].name; }

char *tensor_shape(int rank, const int64_t *dims, char *buf, size_t size)
{
    size_t used = (size_t)snprintf(buf, size, "[");
    for (int i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(buf + used, size - used, "%s%lld", i ? "," : "", (long long)dims[i]);
    if (used < size)
        snprintf(buf + used, size - used, "]");
    return buf;
}

int64_t tensor_bytes(Dtype dtype, int rank, const int64_t *dims)
{
    uint64_t count = 1, bits;
    for (int i = 0; i < rank; i++)
        if (__builtin_mul_overflow(count, (uint64_t)dims[i], &count))
            return -1;
    if (__builtin_mul_overflow(count, (uint64_t)dtypes[dtype].bits, &bits))
        return -1;
    return bits % 8 ? -2 : (int64_t)(bits / 8);
}

/* ----- reading ----- */

static bool refuse(const Safetensors *s, const char *tensor, const char *why, FtcDiag *d)
{
    return ftc_error(d, FTC_FILE(s->file), "tensor '%.200s' %s; the file is damaged", tensor, why);
}

/* Reads one entry of the header; its dims go to `dims`.  Offsets are checked against the data's size here
 * and against each other later. */
static bool read_entry(const Safetensors *s, const char *name, const json_t *info, const unsigned char *data,
                       size_t data_size, Tensor *t, int64_t *dims, FtcDiag *d)
{
    const char *dtype = json_string_value(json_object_get(info, "dtype"));
    const json_t *shape = json_object_get(info, "shape"), *offsets = json_object_get(info, "data_offsets");
    if (!dtype || !json_is_array(shape) || !json_is_array(offsets) || json_array_size(offsets) != 2)
        return refuse(s, name, "lacks a dtype, a shape or a pair of data_offsets", d);
    int type = 0;
    while (type < DTYPE_COUNT && strcmp(dtypes[type].name, dtype))
        type++;
    if (type == DTYPE_COUNT)
        return ftc_error(d, FTC_FILE(s->file), "tensor '%.200s' has the element type '%.40s', which ftc doesn't know",
                         name, dtype);

    int rank = (int)json_array_size(shape);
    for (int i = 0; i < rank; i++) {
        const json_t *dim = json_array_get(shape, (size_t)i);
        if (!json_is_integer(dim) || (dims[i] = json_integer_value(dim)) < 0)
            return refuse(s, name, "has a dimension that is no whole number", d);
    }
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (!json_is_integer(first) || !json_is_integer(last))
        return refuse(s, name, "has an offset that is no whole number", d);
    int64_t begin = json_integer_value(first), end = json_integer_value(last);
    int64_t bytes = tensor_bytes((Dtype)type, rank, dims);
    if (bytes == -1)
        return refuse(s, name, "has a shape whose size overflows", d);
    if (begin < 0 || end < begin || bytes != end - begin)
        return refuse(s, name, "has data_offsets that don't match its shape and type", d);
    if ((uint64_t)end > data_size)
        return refuse(s, name, "has an offset outside the file", d);
    *t = (Tensor){ name, (Dtype)type, rank, dims, data + begin, (size_t)bytes };
    return true;
}

static int by_place(const void *a, const void *b)
{
    const Tensor *x = *(const Tensor *const *)a, *y = *(const Tensor *const *)b;
    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return x->size < y->size ? -1 : x->size > y->size; /* the empty one of two at a place comes first */
}

/* The tensors must lie end to end and fill the data. */
static bool check_cover(const Safetensors *s, const unsigned char *data, size_t data_size, FtcDiag *d)
{
    const Tensor **order = xcalloc((size_t)s->n, sizeof *order);
    for (int i = 0; i < s->n; i++)
        order[i] = &s->tensors[i];
    qsort(order, (size_t)s->n, sizeof *order, by_place);
    const unsigned char *at = data;
    bool ok = true;
    for (int i = 0; ok && i < s->n; i++) {
        if (order[i]->data != at)
            ok = refuse(s, order[i]->name, "overlaps another one or leaves a hole before it (invalid offset)", d);
        at += order[i]->size;
    }
    if (ok && at != data + data_size)
        ok = ftc_error(d, FTC_FILE(s->file), "%zu bytes at its end belong to no tensor; the file is damaged",
                       (size_t)(data + data_size - at));
    free(order);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const Tensor *)a)->name, ((const Tensor *)b)->name);
}

static bool check_metadata(const Safetensors *s, FtcDiag *d)
{
    const json_t *metadata = json_object_get(s->header, "__metadata__");
    const char *key;
    json_t *value;
    if (!metadata || json_is_null(metadata))
        return true;
    if (!json_is_object(metadata))
        return ftc_error(d, FTC_FILE(s->file), "'__metadata__' is no object; the file is damaged");
    json_object_foreach((json_t *)metadata, key, value)
        if (!json_is_string(value))
            return ftc_error(d, FTC_FILE(s->file), "metadata '%.200s' is no string; the file is damaged", key);
    return true;
}

static bool read_header(Safetensors *s, const unsigned char *p, size_t size, FtcDiag *d)
{
    uint64_t length;
    if (size < sizeof length)
        return ftc_error(d, FTC_FILE(s->file), "is no safetensors file: only %zu bytes, too small for a header", size);
    memcpy(&length, p, sizeof length);
    if (length > HEADER_LIMIT)
        return ftc_error(d, FTC_FILE(s->file),
                         "is no safetensors file: its header would be too large (%llu bytes; the limit is %u)",
                         (unsigned long long)length, HEADER_LIMIT);
    if (length > size - sizeof length)
        return ftc_error(d, FTC_FILE(s->file),
                         "ends inside its header (of %llu bytes; the file has %zu): not a safetensors file, or cut off",
                         (unsigned long long)length, size);

    /* A name of its own keeps the message from quoting a line of a binary file. */
    char *title = xasprintf("%s (header)", s->file);
    s->header = json_read_unique((const char *)p + sizeof length, (size_t)length, title, d);
    free(title);
    if (!s->header)
        return false;
    if (!json_is_object(s->header))
        return ftc_error(d, FTC_FILE(s->file), "its header is no JSON object; the file is damaged");
    if (!check_metadata(s, d))
        return false;

    const unsigned char *data = p + sizeof length + length;
    size_t data_size = size - sizeof length - (size_t)length, n_dims = 0;
    const char *name;
    json_t *info;
    json_object_foreach(s->header, name, info)
        n_dims += json_array_size(json_object_get(info, "shape"));
    s->tensors = xcalloc(json_object_size(s->header), sizeof *s->tensors);
    s->dims = xcalloc(n_dims, sizeof *s->dims);
    int64_t *dims = s->dims;
    json_object_foreach(s->header, name, info) {
        if (!strcmp(name, "__metadata__"))
            continue;
        Tensor *t = &s->tensors[s->n];
        if (!read_entry(s, name, info, data, data_size, t, dims, d))
            return false;
        dims += t->rank;
        s->n++;
    }
    qsort(s->tensors, (size_t)s->n, sizeof *s->tensors, by_name);
    return check_cover(s, data, data_size, d);
}

Safetensors *safetensors_parse(const void *bytes, size_t size, const char *file, FtcDiag *d)
{
    Safetensors *s = xcalloc(1, sizeof *s);
    s->file = xstrdup(file);
    if (read_header(s, bytes, size, d))
        return s;
    safetensors_close(s);
    return NULL;
}

Safetensors *safetensors_open(const char *path, FtcDiag *d)
{
    FileMap map;
    if (!file_map(path, &map, d))
        return NULL;
    Safetensors *s = safetensors_parse(map.data, map.size, path, d);
    if (s)
        s->map = map;
    else
        file_unmap(&map);
    return s;
}

void safetensors_close(Safetensors *s)
{
    if (!s)
        return;
    json_decref(s->header);
    free(s->tensors);
    free(s->dims);
    free((char *)s->file);
    file_unmap(&s->map);
    free(s);
}

int safetensors_count(const Safetensors *s) { return s->n; }
const Tensor *safetensors_at(const Safetensors *s, int i) { return &s->tensors[i]; }

const Tensor *safetensors_find(const Safetensors *s, const char *name)
{
    Tensor wanted = { .name = name };
    return bsearch(&wanted, s->tensors, (size_t)s->n, sizeof wanted, by_name);
}

const char *safetensors_metadata(const Safetensors *s, const char *key)
{
    return json_string_value(json_object_get(json_object_get(s->header, "__metadata__"), key));
}

/* ----- conversion ----- */

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 0x1F, fraction = h & 0x3FF;
    if (exponent == 0x1F)
        return from_bits(sign | 0x7F800000u | fraction << 13);
    if (exponent)
        return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float tiny = (float)fraction * 0x1p-24f;
    return sign ? -tiny : tiny;
}

bool tensor_to_floats(const Tensor *t, float *out)
{
    const unsigned char *p = t->data;
    switch (t->dtype) {
    case DTYPE_F32:
        if (t->size)
            memcpy(out, p, t->size);
        return true;
    case DTYPE_F64:
        for (size_t i = 0; i < t->size / 8; i++) {
            double x;
            memcpy(&x, p + 8 * i, 8);
            out[i] = (float)x;
        }
        return true;
    case DTYPE_F16:
    case DTYPE_BF16:
        for (size_t i = 0; i < t->size / 2; i++) {
            uint16_t h;
            memcpy(&h, p + 2 * i, 2);
            out[i] = t->dtype == DTYPE_F16 ? half_to_float(h) : from_bits((uint32_t)h << 16);
        }
        return true;
    default:
        return false;
    }
}

/* ----- writing ----- */

/* Wide elements first keeps every tensor aligned to its element; names order the rest, as the reference
 * implementation does it. */
static int by_width_then_name(const void *a, const void *b)
{
    const Tensor *x = *(const Tensor *const *)a, *y = *(const Tensor *const *)b;
    int wider = dtypes[y->dtype].bits - dtypes[x->dtype].bits;
    return wider ? wider : strcmp(x->name, y->name);
}

static char *make_header(const Tensor *const *order, int n, size_t *length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length);
    if (!out)
        return NULL;
    JsonWriter w;
    jsonw_begin(&w, out, JSON_LINE);
    jsonw_object(&w, NULL);
    jsonw_object(&w, "__metadata__");
    jsonw_string(&w, "format", "pt");
    jsonw_end(&w);
    int64_t at = 0;
    for (int i = 0; i < n; i++) {
        const Tensor *t = order[i];
        int64_t bytes = tensor_bytes(t->dtype, t->rank, t->dims);
        assert(bytes >= 0);
        jsonw_object(&w, t->name);
        jsonw_string(&w, "dtype", dtypes[t->dtype].name);
        jsonw_array(&w, "shape");
        for (int k = 0; k < t->rank; k++)
            jsonw_int(&w, NULL, t->dims[k]);
        jsonw_end(&w);
        jsonw_array(&w, "data_offsets");
        jsonw_int(&w, NULL, at);
        jsonw_int(&w, NULL, at += bytes);
        jsonw_end(&w);
        jsonw_end(&w);
    }
    jsonw_end(&w);
    /* White space up to a multiple of 8 keeps the data aligned; the newline is already some. */
    while (ftello(out) % 8)
        fputc(' ', out);
    if (fclose(out)) {
        free(text);
        return NULL;
    }
    return text;
}

bool safetensors_write(const char *path, const Tensor *tensors, int n, FtcDiag *d)
{
    const Tensor **order = xcalloc((size_t)n, sizeof *order);
    for (int i = 0; i < n; i++)
        order[i] = &tensors[i];
    qsort(order, (size_t)n, sizeof *order, by_width_then_name);
    size_t length;
    char *header = make_header(order, n, &length);
    FileWriter *w = header ? file_create(path, d) : NULL;
    bool ok = false;
    if (!header)
        ftc_error(d, FTC_FILE(path), "there is not enough memory for its header");
    if (w) {
        uint64_t prefix = length;
        file_put(w, &prefix, sizeof prefix);
        file_put(w, header, length);
        for (int i = 0; i < n; i++)
            file_put(w, order[i]->data, (size_t)tensor_bytes(order[i]->dtype, order[i]->rank, order[i]->dims));
        ok = file_commit(w);
    }
    free(header);
    free(order);
    return ok;
}
