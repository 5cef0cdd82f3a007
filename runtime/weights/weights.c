/* Weights from and to model folders; see weights.h. */
#include "runtime/weights/weights.h"

#include "runtime/core/files.h"
#include "runtime/core/json.h"
#include "runtime/core/mem.h"
#include "runtime/core/sha256.h"
#include "runtime/weights/safetensors.h"

#include <stdlib.h>
#include <string.h>

/* ----- the files of a folder ----- */

typedef struct {
    char *path;
    Safetensors *tensors;
    bool *used;                  /* by tensor */
} Part;

typedef struct {
    Part *parts;
    int n, cap;
} Parts;

static bool open_part(Parts *p, const char *folder, const char *name, FtcDiag *d)
{
    GROW(p->parts, p->n, p->cap);
    Part *part = &p->parts[p->n++];
    part->path = path_join(folder, name);
    part->used = NULL;
    part->tensors = safetensors_open(part->path, d);
    if (!part->tensors)
        return false;
    part->used = xcalloc((size_t)safetensors_count(part->tensors), sizeof *part->used);
    return true;
}

static void close_parts(Parts *p)
{
    for (int i = 0; i < p->n; i++) {
        safetensors_close(p->parts[i].tensors);
        free(p->parts[i].path);
        free(p->parts[i].used);
    }
    free(p->parts);
}

static bool is_open(const Parts *p, const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    bool found = false;
    for (int i = 0; i < p->n; i++)
        found |= !strcmp(p->parts[i].path, path);
    free(path);
    return found;
}

/* The largest models have some two hundred. */
enum { PARTS_LIMIT = 1000 };

/* A large model lies in several files; the index maps each weight's name to its file. */
static bool open_indexed(Parts *p, const char *folder, const char *index, FtcDiag *d)
{
    json_t *root = json_read_file(index, d), *name;
    const json_t *map = json_object_get(root, "weight_map");
    const char *key;
    bool ok = root != NULL;
    if (ok && !json_is_object(map))
        ok = ftc_error(d, FTC_FILE(index), "has no 'weight_map'; it is no index of safetensors files");
    json_object_foreach((json_t *)map, key, name) {
        const char *file = json_string_value(name);
        if (!ok)
            break;
        if (!file || strlen(file) != json_string_length(name))
            ok = ftc_error(d, FTC_FILE(index), "the file of '%.200s' is no string", key);
        else if (!path_stays_inside(file))
            ok = ftc_error(d, FTC_FILE(index), "'%.200s' is said to be in '%.200s', which is outside the model's folder",
                           key, file);
        else if (!is_open(p, folder, file) && p->n == PARTS_LIMIT)
            ok = ftc_error(d, FTC_FILE(index), "names more than %d files, the limit", PARTS_LIMIT);
        else if (!is_open(p, folder, file))
            ok = open_part(p, folder, file, d);
    }
    json_decref(root);
    return ok;
}

static bool open_parts(Parts *p, const char *folder, FtcDiag *d)
{
    char *one = path_join(folder, "model.safetensors");
    char *index = path_join(folder, "model.safetensors.index.json");
    char *pickle = path_join(folder, "pytorch_model.bin");
    bool ok;
    if (path_is_file(one))
        ok = open_part(p, folder, "model.safetensors", d);
    else if (path_is_file(index))
        ok = open_indexed(p, folder, index, d);
    else if (path_is_file(pickle))
        ok = ftc_error(d, FTC_FILE(folder),
                       "has its weights only in pytorch_model.bin, a Python program that ftc won't run; convert it once "
                       "with: cd %s && python3 -c \"import torch, safetensors.torch as s; "
                       "w = torch.load('pytorch_model.bin', weights_only=True); "
                       "s.save_file({k: w[k].clone() for k in w}, 'model.safetensors', {'format': 'pt'})\"", folder);
    else
        ok = ftc_error(d, FTC_FILE(folder), "has no weights: there is no model.safetensors in it");
    free(one);
    free(index);
    free(pickle);
    return ok;
}

/* ----- reading ----- */

/* Finds a tensor by one name and marks it as used. */
static const Tensor *find_exactly(const Parts *p, const char *name, const char **file)
{
    for (int i = 0; i < p->n; i++) {
        const Tensor *t = safetensors_find(p->parts[i].tensors, name);
        if (!t)
            continue;
        p->parts[i].used[t - safetensors_at(p->parts[i].tensors, 0)] = true;
        *file = p->parts[i].path;
        return t;
    }
    return NULL;
}

/* The oldest files call a norm's weight gamma and its bias beta; NULL for other names; free() it. */
static char *old_spelling(const char *name)
{
    static const char *const parts[][2] = { { "LayerNorm.weight", "LayerNorm.gamma" },
                                            { "LayerNorm.bias", "LayerNorm.beta" } };
    size_t n = strlen(name);
    for (int i = 0; i < 2; i++) {
        size_t m = strlen(parts[i][0]);
        if (n >= m && !strcmp(name + n - m, parts[i][0]))
            return xasprintf("%.*s%s", (int)(n - m), name, parts[i][1]);
    }
    return NULL;
}

/* Finds a tensor by any of the spellings of its name. */
static const Tensor *find_tensor(const Parts *p, HfFamily f, const char *name, const char **file)
{
    const char *prefix = f == HF_NONE ? "" : hf_family_prefix(f);
    size_t n = strlen(prefix);
    const char *bare = n && !strncmp(name, prefix, n) ? name + n : NULL;
    const Tensor *t = find_exactly(p, name, file);
    if (!t && bare)
        t = find_exactly(p, bare, file);
    char *old = t ? NULL : old_spelling(name);
    if (old) {
        t = find_exactly(p, old, file);
        if (!t && bare)
            t = find_exactly(p, old + n, file);
    }
    free(old);
    return t;
}

static bool fill(Weight *w, const Tensor *t, const char *file, FtcDiag *d)
{
    if (t->rank != w->rank || memcmp(t->dims, w->dims, (size_t)w->rank * sizeof *t->dims)) {
        char has[128], wants[128];
        return ftc_error(d, FTC_FILE(file), "weight '%s' has the shape %s, but the model's '%s' needs %s", t->name,
                         tensor_shape(t->rank, t->dims, has, sizeof has), w->name,
                         tensor_shape(w->rank, w->dims, wants, sizeof wants));
    }
    if (!tensor_to_floats(t, w->data))
        return ftc_error(d, FTC_FILE(file), "weight '%s' has elements of type %s; ftc reads F32, F16, BF16 and F64",
                         t->name, dtype_name(t->dtype));
    return w->loaded = true;
}

/* Position numbers that old versions stored beside the weights. */
static bool is_buffer(const char *name)
{
    const char *last = strrchr(name, '.');
    return !strcmp(last ? last + 1 : name, "position_ids");
}

static void make_report(WeightsReport *r, const Parts *p, const Weight *w, int n)
{
    int cap = 0;
    for (int i = 0; i < n; i++) {
        if (w[i].loaded || w[i].starts_anew)
            continue;
        GROW(r->missing, r->n_missing, cap);
        r->missing[r->n_missing++] = xstrdup(w[i].name);
    }
    cap = 0;
    for (int i = 0; i < p->n; i++)
        for (int k = 0; k < safetensors_count(p->parts[i].tensors); k++) {
            const char *name = safetensors_at(p->parts[i].tensors, k)->name;
            if (p->parts[i].used[k] || is_buffer(name))
                continue;
            GROW(r->unused, r->n_unused, cap);
            r->unused[r->n_unused++] = xstrdup(name);
        }
}

/* Their name or, where the family has none, ours; free() it. */
static char *name_in_file(HfFamily f, const char *ours)
{
    char *name = f == HF_NONE ? NULL : hf_weight_name(f, ours);
    return name ? name : xstrdup(ours);
}

bool weights_load(const char *folder, HfFamily f, Weight *w, int n, WeightsReport *report, FtcDiag *d)
{
    Parts p = { 0 };
    char *first = NULL; /* that is missing and mustn't be */
    int absent = 0;
    if (report)
        *report = (WeightsReport){ 0 };
    bool ok = open_parts(&p, folder, d);
    for (int i = 0; ok && i < n; i++) {
        w[i].loaded = false;
        if (w[i].starts_anew)
            continue;
        const char *file;
        char *name = name_in_file(f, w[i].name);
        const Tensor *t = find_tensor(&p, f, name, &file);
        if (t) {
            ok = fill(&w[i], t, file, d);
        } else if (!w[i].may_be_missing && absent++ == 0) {
            first = name;
            name = NULL;
        }
        free(name);
    }
    if (ok && absent) {
        char more[32] = "";
        if (absent > 1)
            snprintf(more, sizeof more, " (and %d more)", absent - 1);
        ok = ftc_error(d, FTC_FILE(folder),
                       "the weight '%s'%s is missing in its files; they don't hold the model that is asked for", first,
                       more);
    }
    if (ok && report)
        make_report(report, &p, w, n);
    free(first);
    close_parts(&p);
    return ok;
}

void weights_report_free(WeightsReport *r)
{
    for (int i = 0; i < r->n_missing; i++)
        free(r->missing[i]);
    for (int i = 0; i < r->n_unused; i++)
        free(r->unused[i]);
    free(r->missing);
    free(r->unused);
    *r = (WeightsReport){ 0 };
}

/* ----- writing ----- */

bool weights_save(const char *folder, const HfConfig *c, const Weight *w, int n, FtcDiag *d)
{
    Tensor *t = xcalloc((size_t)n, sizeof *t);
    for (int i = 0; i < n; i++)
        t[i] = (Tensor){ .name = name_in_file(c ? c->family : HF_NONE, w[i].name), .dtype = DTYPE_F32,
                         .rank = w[i].rank, .dims = w[i].dims, .data = w[i].data };
    char *path = path_join(folder, "model.safetensors");
    bool ok = safetensors_write(path, t, n, d) && (!c || hf_config_save(folder, c, d));
    for (int i = 0; i < n; i++)
        free((char *)t[i].name);
    free(path);
    free(t);
    return ok;
}

static bool has_weight(const Weight *w, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(w[i].name, name))
            return true;
    return false;
}

bool weights_fit(HfFamily f, int64_t layers, const Weight *w, int n, char *why, size_t size)
{
    int expected = 0;
    for (char *name; (name = hf_expected_weight(f, layers, expected)) != NULL; expected++) {
        bool found = has_weight(w, n, name);
        if (!found)
            snprintf(why, size, "'%s' is missing", name);
        free(name);
        if (!found)
            return false;
    }
    for (int i = 0; i < n; i++) {
        char *name = hf_weight_name(f, w[i].name);
        free(name);
        if (!name) {
            snprintf(why, size, "'%s' has no place in it", w[i].name);
            return false;
        }
    }
    if (n != expected)
        snprintf(why, size, "it has %d weights, not %d", expected, n); /* a layer too many */
    return n == expected;
}

static int64_t element_count(const Weight *w)
{
    int64_t count = 1;
    for (int i = 0; i < w->rank; i++)
        count *= w->dims[i];
    return count;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const Weight *const *)a)->name, (*(const Weight *const *)b)->name);
}

void weights_sha256(const Weight *w, int n, char hex[65])
{
    const Weight **order = xcalloc((size_t)n, sizeof *order);
    for (int i = 0; i < n; i++)
        order[i] = &w[i];
    qsort(order, (size_t)n, sizeof *order, by_name);
    Sha256 s;
    sha256_begin(&s);
    for (int i = 0; i < n; i++) {
        sha256_add(&s, order[i]->name, strlen(order[i]->name) + 1);
        sha256_add(&s, order[i]->dims, (size_t)order[i]->rank * sizeof order[i]->dims[0]);
        sha256_add(&s, order[i]->data, (size_t)element_count(order[i]) * sizeof(float));
    }
    free(order);
    sha256_hex(&s, hex);
}
