/* A vocabulary as a hash table of tokens; see vocab.h. */
#include "runtime/text/vocab.h"

#include <string.h>

typedef struct {
    uint32_t tag;  /* upper half of the hash */
    int32_t key;   /* id * 2 + (1 for a key without its prefix), -1 for none */
} Slot;

struct Vocab {
    Bytes text;                 /* all tokens, end to end */
    struct {
        size_t at;
        int32_t n;              /* -1: the id is free */
    } *token;
    int32_t n, cap;
    Slice prefix;               /* owned */
    size_t longest;
    Slot *slots;
    uint64_t *filter;           /* 8 bits a slot */
    size_t n_slots, n_keys;     /* n_slots is a power of two */
};

static const uint64_t seeds[2] = { 0x9E3779B97F4A7C15u, 0xC2B2AE3D27D4EB4Fu };

static inline uint64_t hash_step(uint64_t h, unsigned char byte)
{
    return (h ^ byte) * 0x9FB21C651E98DF25u;
}

/* Products mix upwards: low bits of a hash depend on low bits only. */
static inline uint64_t hash_end(uint64_t h) { return h ^ h >> 29; }

static uint64_t hash_key(Slice key, bool inside)
{
    uint64_t h = seeds[inside];
    for (size_t i = 0; i < key.n; i++)
        h = hash_step(h, (unsigned char)key.p[i]);
    return hash_end(h);
}

Vocab *vocab_new(const char *prefix)
{
    Vocab *v = xcalloc(1, sizeof *v);
    v->prefix.n = strlen(prefix);
    v->prefix.p = xstrdup(prefix);
    return v;
}

void vocab_free(Vocab *v)
{
    if (!v)
        return;
    bytes_free(&v->text);
    free(v->token);
    free((char *)v->prefix.p);
    free(v->slots);
    free(v->filter);
    free(v);
}

static Slice key_text(const Vocab *v, int32_t key)
{
    Slice token = vocab_token(v, key / 2);
    return key & 1 ? (Slice){ token.p + v->prefix.n, token.n - v->prefix.n } : token;
}

static int32_t find(const Vocab *v, Slice text, uint64_t h, bool inside)
{
    size_t mask = v->n_slots - 1;
    for (size_t i = h & mask; v->slots[i].key >= 0; i = (i + 1) & mask)
        if (v->slots[i].tag == (uint32_t)(h >> 32) && (v->slots[i].key & 1) == inside &&
            slice_equal(key_text(v, v->slots[i].key), text))
            return v->slots[i].key / 2;
    return -1;
}

static void insert(Vocab *v, uint64_t h, int32_t key)
{
    size_t mask = v->n_slots - 1, i = h & mask;
    while (v->slots[i].key >= 0)
        i = (i + 1) & mask;
    v->slots[i] = (Slot){ (uint32_t)(h >> 32), key };
    size_t bit = (h >> 24) & (8 * v->n_slots - 1);
    v->filter[bit / 64] |= (uint64_t)1 << bit % 64;
}

static void add_key(Vocab *v, int32_t key)
{
    if (2 * (v->n_keys + 1) > v->n_slots) {
        Slot *old = v->slots;
        size_t n = v->n_slots;
        v->n_slots = n ? 2 * n : 1024;
        v->slots = xmalloc(v->n_slots * sizeof *v->slots);
        memset(v->slots, 0xFF, v->n_slots * sizeof *v->slots);
        free(v->filter);
        v->filter = xcalloc(v->n_slots / 8, sizeof *v->filter);
        for (size_t i = 0; i < n; i++)
            if (old[i].key >= 0)
                insert(v, hash_key(key_text(v, old[i].key), old[i].key & 1), old[i].key);
        free(old);
    }
    Slice text = key_text(v, key);
    insert(v, hash_key(text, key & 1), key);
    v->n_keys++;
    if (text.n > v->longest)
        v->longest = text.n;
}

bool vocab_add(Vocab *v, Slice token, int32_t id)
{
    if (id < 0 || id >= VOCAB_LIMIT || token.n > INT32_MAX || vocab_has(v, id) ||
        (token.n && vocab_find(v, token) >= 0))
        return false;
    while (v->n <= id) {
        GROW(v->token, v->n, v->cap);
        v->token[v->n++].n = -1;
    }
    v->token[id].at = v->text.n;
    v->token[id].n = (int32_t)token.n;
    bytes_add(&v->text, token.p, token.n);
    if (token.n == 0)
        return true;
    add_key(v, 2 * id);
    if (token.n > v->prefix.n && !memcmp(token.p, v->prefix.p, v->prefix.n))
        add_key(v, 2 * id + 1);
    return true;
}

int32_t vocab_size(const Vocab *v) { return v->n; }
size_t vocab_longest(const Vocab *v) { return v->longest; }
bool vocab_has(const Vocab *v, int32_t id) { return id >= 0 && id < v->n && v->token[id].n >= 0; }

Slice vocab_token(const Vocab *v, int32_t id)
{
    if (!vocab_has(v, id) || v->token[id].n == 0)
        return (Slice){ "", 0 };
    return (Slice){ v->text.p + v->token[id].at, (size_t)v->token[id].n };
}

int32_t vocab_find(const Vocab *v, Slice token)
{
    return v->n_slots ? find(v, token, hash_key(token, false), false) : -1;
}

int32_t vocab_match(const Vocab *v, Slice text, bool inside, uint64_t *hashes, size_t *length)
{
    if (!v->n_slots)
        return -1;
    size_t n = text.n < v->longest ? text.n : v->longest;
    uint64_t h = seeds[inside];
    for (size_t i = 0; i < n; i++)
        hashes[i] = h = hash_step(h, (unsigned char)text.p[i]);
    for (; n > 0; n--) {
        h = hash_end(hashes[n - 1]);
        size_t bit = (h >> 24) & (8 * v->n_slots - 1);
        if (!(v->filter[bit / 64] >> bit % 64 & 1))
            continue;
        int32_t id = find(v, (Slice){ text.p, n }, h, inside);
        if (id >= 0) {
            *length = n;
            return id;
        }
    }
    return -1;
}
