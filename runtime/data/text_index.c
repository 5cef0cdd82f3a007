/* A hash table of rows; see text_index.h. */
#include "runtime/data/text_index.h"

#include "runtime/core/mem.h"

#include <assert.h>
#include <stdlib.h>

typedef struct {
    uint32_t hash;
    uint32_t row;      /* its number + 1; 0: a free slot */
} Slot;

struct TextIndex {
    const Dataset *set;
    int column;        /* -1: the text, both of a pair */
    Slot *slot;        /* [size], a power of two, at most three quarters of them in use */
    size_t size, used;
    Bytes field, text, other;
    Slice raw;         /* the last text read, as it stands in its table; p is NULL for a pair */
};

TextIndex *text_index_new(const Dataset *s, int column)
{
    assert(s->n < UINT32_MAX);
    TextIndex *t = xcalloc(1, sizeof *t);
    t->set = s;
    t->column = column;
    t->size = 1024;
    t->slot = xcalloc(t->size, sizeof *t->slot);
    return t;
}

void text_index_free(TextIndex *t)
{
    if (!t)
        return;
    bytes_free(&t->field);
    bytes_free(&t->text);
    bytes_free(&t->other);
    free(t->slot);
    free(t);
}

static bool is_space(char c) { return (c == ' ') | ((unsigned char)(c - '\t') <= '\r' - '\t'); }

/* With its white space as it counts, a line end behind each text of a pair. */
static void read_text(TextIndex *t, const Dataset *s, int64_t row, Bytes *out)
{
    int n = t->column < 0 && s->text[1].n ? 2 : 1;
    out->n = 0;
    for (int k = 0; k < n; k++) {
        Slice text = t->column < 0 ? dataset_text(s, row, k, &t->field)
                                   : csv_field(s->csv, dataset_record(s, row), t->column, &t->field);
        size_t begin = out->n, at = begin;
        bytes_reserve(out, text.n + 1);
        bool before = true; /* white space; without branches, which words of any length would mislead */
        for (size_t i = 0; i < text.n; i++) {
            bool space = is_space(text.p[i]);
            out->p[at] = space ? ' ' : text.p[i];
            at += !(space & before);
            before = space;
        }
        at -= at > begin && out->p[at - 1] == ' ';
        out->p[at] = '\n';
        out->n = at + 1;
        t->raw = n == 1 ? text : (Slice){ 0 };
    }
}

/* Eight bytes at a time: multiply, and fold the upper half down. */
static uint64_t hash_text(Slice s)
{
    uint64_t h = s.n * 0x9E3779B97F4A7C15u, word;
    for (; s.n; s.p += sizeof word, s.n -= sizeof word) {
        size_t n = s.n < sizeof word ? s.n : sizeof word;
        word = 0;
        memcpy(&word, s.p, n);
        h = (h ^ word) * 0xD6E8FEB86659FD93u;
        h ^= h >> 32;
        if (n < sizeof word)
            break;
    }
    return h * 0x9E3779B97F4A7C15u;
}

static void grow(TextIndex *t)
{
    Slot *old = t->slot;
    size_t size = t->size;
    t->size *= 2;
    t->slot = xcalloc(t->size, sizeof *t->slot);
    for (size_t i = 0; i < size; i++) {
        size_t at = old[i].hash & (t->size - 1);
        if (!old[i].row)
            continue;
        while (t->slot[at].row)
            at = (at + 1) & (t->size - 1);
        t->slot[at] = old[i];
    }
    free(old);
}

/* Most texts that are the same are so to the last byte. */
static bool same_bytes(TextIndex *t, int64_t row)
{
    if (!t->raw.p)
        return false;
    Slice text = t->column < 0 ? dataset_text(t->set, row, 0, &t->other)
                               : csv_field(t->set->csv, dataset_record(t->set, row), t->column, &t->other);
    return slice_equal(text, t->raw);
}

/* The slot of t->text, or the free one where it would be. */
static Slot *find(TextIndex *t, uint32_t hash)
{
    for (size_t at = hash & (t->size - 1);; at = (at + 1) & (t->size - 1)) {
        Slot *slot = &t->slot[at];
        if (!slot->row)
            return slot;
        if (slot->hash != hash)
            continue;
        if (same_bytes(t, slot->row - 1))
            return slot;
        read_text(t, t->set, slot->row - 1, &t->other);
        t->raw = (Slice){ 0 }; /* its memory may be gone */
        if (slice_equal(bytes_slice(&t->other), bytes_slice(&t->text)))
            return slot;
    }
}

int64_t text_index_add(TextIndex *t, int64_t row)
{
    read_text(t, t->set, row, &t->text);
    if (4 * (t->used + 1) > 3 * t->size)
        grow(t);
    uint32_t hash = (uint32_t)(hash_text(bytes_slice(&t->text)) >> 32);
    Slot *slot = find(t, hash);
    if (slot->row)
        return (int64_t)slot->row - 1;
    *slot = (Slot){ hash, (uint32_t)(row + 1) };
    t->used++;
    return -1;
}

int64_t text_index_find(TextIndex *t, const Dataset *other, int64_t row)
{
    read_text(t, other, row, &t->text);
    return (int64_t)find(t, (uint32_t)(hash_text(bytes_slice(&t->text)) >> 32))->row - 1;
}
