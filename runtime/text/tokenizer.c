/* Encoding; see tokenizer.h.  Reading and writing files is in tokenizer_file.c. */
#include "runtime/text/tokenizer.h"

#include "runtime/core/mem.h"
#include "runtime/text/short_text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What a byte means to the fast path. */
enum { BYTE_WORD, BYTE_SPACE, BYTE_PUNCT, BYTE_SLOW };

/* --- making ------------------------------------------------------------------------------------------ */

Tokenizer *tokenizer_new(const char *prefix)
{
    Tokenizer *t = xcalloc(1, sizeof *t);
    t->vocab = vocab_new(prefix);
    t->prefix = xstrdup(prefix);
    t->normalizer = (Normalizer){ .clean = true, .split_cjk = true, .strip_accents = true, .lowercase = true };
    t->max_word_chars = 100;
    t->unk = t->cls = t->sep = t->pad = t->mask = -1;
    return t;
}

static void free_set(AddedSet *set)
{
    for (int i = 0; i < set->n; i++)
        free((char *)set->item[i].text.p);
    free(set->item);
}

void tokenizer_free(Tokenizer *t)
{
    if (!t)
        return;
    for (int i = 0; i < t->n_added; i++)
        free(t->added[i].text);
    free(t->added);
    free_set(&t->raw);
    free_set(&t->normalized);
    vocab_free(t->vocab);
    free(t->prefix);
    free(t);
}

void tokenizer_add(Tokenizer *t, AddedToken token)
{
    token.text = xstrdup(token.text);
    GROW(t->added, t->n_added, t->cap_added);
    t->added[t->n_added++] = token;
}

static int longer_first(const void *a, const void *b)
{
    size_t m = ((const Slice *)a)->n, n = ((const Slice *)b)->n;
    return (m < n) - (m > n);
}

static void make_set(Tokenizer *t, AddedSet *set, bool normalized)
{
    set->item = xcalloc((size_t)t->n_added, sizeof *set->item);
    for (int i = 0; i < t->n_added; i++) {
        if (t->added[i].normalized != normalized)
            continue;
        Bytes text = { 0 };
        if (normalized)
            normalize(&t->normalizer, slice_of(t->added[i].text), &text);
        else
            bytes_add(&text, t->added[i].text, strlen(t->added[i].text));
        if (text.n == 0) {
            bytes_free(&text);
            continue;
        }
        set->item[set->n].text = bytes_slice(&text);
        set->item[set->n++].token = &t->added[i];
    }
    if (set->n > 1)
        qsort(set->item, (size_t)set->n, sizeof *set->item, longer_first);
    set->only = -1;
    for (int i = 0; i < set->n; i++)
        set->first[(unsigned char)set->item[i].text.p[0]] = true;
    for (int c = 0, kinds = 0; c < 256; c++)
        if (set->first[c])
            set->only = ++kinds == 1 ? c : -1;
}

void tokenizer_ready(Tokenizer *t)
{
    assert(t->unk >= 0 && t->cls >= 0 && t->sep >= 0);
    t->size = vocab_size(t->vocab);
    for (int i = 0; i < t->n_added; i++)
        if (t->added[i].id >= t->size)
            t->size = t->added[i].id + 1;
    make_set(t, &t->raw, false);
    make_set(t, &t->normalized, true);
    for (int c = 0; c < 256; c++) {
        unsigned class = c < 128 ? char_class(c) : 0;
        /* other white space than these four may be removed by cleaning, which joins the words around it */
        bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        t->byte_class[c] = space                                             ? BYTE_SPACE
                           : c >= 128 || class & (CHAR_REMOVED | CHAR_SPACE) ? BYTE_SLOW
                           : class & CHAR_PUNCT                              ? BYTE_PUNCT
                                                                             : BYTE_WORD;
    }
}

int32_t tokenizer_size(const Tokenizer *t) { return t->size; }

Slice tokenizer_token(const Tokenizer *t, int32_t id)
{
    if (!vocab_has(t->vocab, id))
        for (int i = 0; i < t->n_added; i++)
            if (t->added[i].id == id)
                return slice_of(t->added[i].text);
    return vocab_token(t->vocab, id);
}

/* --- words to ids ------------------------------------------------------------------------------------ */

/* The ids of one word of up to 16 bytes and 3 ids; two to a cache line. */
typedef struct {
    uint64_t key[2]; /* zero-padded */
    int32_t id[3];
    uint8_t length;  /* of the word; 0: nothing here */
    uint8_t n;
} CachedWord;

enum { CACHE_BITS = 14 };

struct TokenScratch {
    const Tokenizer *t;
    CachedWord *cache;    /* [1 << CACHE_BITS] */
    uint64_t *hashes;     /* for vocab_match */
    Bytes text, word;
};

TokenScratch *token_scratch_new(const Tokenizer *t)
{
    TokenScratch *s = xcalloc(1, sizeof *s);
    s->t = t;
    s->cache = xcalloc((size_t)1 << CACHE_BITS, sizeof *s->cache);
    s->hashes = xcalloc(vocab_longest(t->vocab) + 1, sizeof *s->hashes);
    return s;
}

void token_scratch_free(TokenScratch *s)
{
    if (!s)
        return;
    free(s->cache);
    free(s->hashes);
    bytes_free(&s->text);
    bytes_free(&s->word);
    free(s);
}

static void reserve_ids(TokenIds *out, size_t more)
{
    if (out->cap - out->n >= more)
        return;
    size_t cap = out->cap < 64 ? 64 : out->cap;
    while (cap - out->n < more)
        cap += cap / 2;
    out->v = xrealloc(out->v, cap, sizeof *out->v);
    out->cap = cap;
}

static inline void put_id(TokenIds *out, int32_t id)
{
    reserve_ids(out, 1);
    out->v[out->n++] = id;
}

/* WordPiece: the longest piece that fits, again and again; if one place fits none, the word is unknown. */
static void encode_pieces(TokenScratch *s, Slice word, int chars, TokenIds *out)
{
    const Tokenizer *t = s->t;
    size_t begin = out->n, length;
    bool inside = false;
    while (word.n > 0 && chars <= t->max_word_chars) {
        int32_t id = vocab_match(t->vocab, word, inside, s->hashes, &length);
        if (id < 0)
            break;
        put_id(out, id);
        word.p += length;
        word.n -= length;
        inside = true;
    }
    if (word.n > 0) {
        out->n = begin;
        put_id(out, t->unk);
    }
}

/* A word of normalized text, or of raw ASCII (which, if need be, is lowered here, on the way to the
 * vocabulary). `room` bytes from its start may be read. */
static inline void encode_word(TokenScratch *s, Slice word, int chars, size_t room, TokenIds *out)
{
    CachedWord *hit = NULL;
    uint64_t key[2] = { 0, 0 };
    if (word.n <= SHORT_TEXT) {
        short_text_key(word.p, word.n, room, key);
        hit = &s->cache[short_text_place(key, CACHE_BITS)];
        if (hit->key[0] == key[0] && hit->key[1] == key[1] && hit->length == word.n) {
            reserve_ids(out, 3);
            memcpy(out->v + out->n, hit->id, sizeof hit->id);
            out->n += hit->n;
            return;
        }
    }
    Slice lowered = word;
    if (s->t->normalizer.lowercase) {
        s->word.n = 0;
        bytes_add(&s->word, word.p, word.n);
        for (size_t i = 0; i < word.n; i++)
            if (s->word.p[i] >= 'A' && s->word.p[i] <= 'Z')
                s->word.p[i] += 'a' - 'A';
        lowered = bytes_slice(&s->word);
    }
    size_t begin = out->n;
    encode_pieces(s, lowered, chars, out);
    size_t n = out->n - begin;
    if (hit && n <= 3) {
        *hit = (CachedWord){ .key = { key[0], key[1] }, .length = (uint8_t)word.n, .n = (uint8_t)n };
        memcpy(hit->id, out->v + begin, n * sizeof *hit->id);
    }
}

static void encode_normalized(TokenScratch *s, Slice text, TokenIds *out)
{
    Slice word;
    int chars;
    const char *end = text.p + text.n;
    while (next_word(&text, &word, &chars))
        encode_word(s, word, chars, (size_t)(end - word.p), out);
}

/* Raw text without added tokens.  What is not plain ASCII is normalized with all that stands around it up to the next
 * white space, since marks join what is before them. */
static void encode_raw(TokenScratch *s, Slice text, TokenIds *out)
{
    const unsigned char *class = s->t->byte_class;
    const char *p = text.p, *end = p + text.n;
    while (p < end) {
        const char *start = p;
        switch (class[(unsigned char)*p]) {
        case BYTE_SPACE: p++; continue;
        case BYTE_PUNCT: p++; break;
        default:
            while (p < end && class[(unsigned char)*p] == BYTE_WORD)
                p++;
            if (p == end || class[(unsigned char)*p] != BYTE_SLOW)
                break;
            while (p < end && class[(unsigned char)*p] != BYTE_SPACE)
                p++;
            s->text.n = 0;
            normalize(&s->t->normalizer, (Slice){ start, (size_t)(p - start) }, &s->text);
            encode_normalized(s, bytes_slice(&s->text), out);
            continue;
        }
        size_t n = (size_t)(p - start);
        encode_word(s, (Slice){ start, n }, n > INT32_MAX ? INT32_MAX : (int)n, (size_t)(end - start), out);
    }
}

/* --- added tokens ------------------------------------------------------------------------------------ */

static bool starts_with(Slice text, size_t at, Slice item)
{
    return text.n - at >= item.n && !memcmp(text.p + at, item.p, item.n);
}

/* Whether a word character ends right before `at` (begins at it). */
static bool word_before(Slice text, size_t at)
{
    size_t start = at;
    while (start > 0 && at - start < 4 && ((unsigned char)text.p[--start] & 0xC0) == 0x80)
        ;
    int length;
    return at > 0 && is_word_char(utf8_decode(text.p + start, at - start, &length));
}

static bool word_behind(Slice text, size_t at)
{
    int length;
    return at < text.n && is_word_char(utf8_decode(text.p + at, text.n - at, &length));
}

/* White space right before `at`, not beyond `from`; and right behind it. */
static size_t space_before(Slice text, size_t from, size_t at)
{
    while (at > from) {
        size_t start = at - 1;
        while (start > from && ((unsigned char)text.p[start] & 0xC0) == 0x80)
            start--;
        int length;
        if (!(char_class(utf8_decode(text.p + start, at - start, &length)) & CHAR_SPACE))
            break;
        at = start;
    }
    return at;
}

static size_t space_behind(Slice text, size_t at)
{
    int length;
    while (at < text.n && char_class(utf8_decode(text.p + at, text.n - at, &length)) & CHAR_SPACE)
        at += (size_t)length;
    return at;
}

/* The next added token at or behind `from`: the leftmost, of several the longest.  [*start, *stop) is what it takes. */
static const AddedToken *find_added(const AddedSet *set, Slice text, size_t from, size_t *start, size_t *stop)
{
    for (size_t at = from; at < text.n; at++) {
        if (set->only >= 0) {
            const char *p = memchr(text.p + at, set->only, text.n - at);
            if (!p)
                return NULL;
            at = (size_t)(p - text.p);
        } else if (!set->first[(unsigned char)text.p[at]])
            continue;
        for (int i = 0; i < set->n; i++) {
            if (!starts_with(text, at, set->item[i].text))
                continue;
            const AddedToken *token = set->item[i].token;
            size_t end = at + set->item[i].text.n;
            if (token->single_word && (word_before(text, at) || word_behind(text, end))) {
                at = end - 1;
                break;
            }
            *start = token->lstrip ? space_before(text, from, at) : at;
            *stop = token->rstrip ? space_behind(text, end) : end;
            return token;
        }
    }
    return NULL;
}

/* Hands the parts of `text` between added tokens to `encode`. */
static void split_added(TokenScratch *s, const AddedSet *set, Slice text, TokenIds *out,
                        void (*encode)(TokenScratch *s, Slice part, TokenIds *out))
{
    size_t from = 0, start, stop;
    const AddedToken *token;
    while (set->n && (token = find_added(set, text, from, &start, &stop))) {
        encode(s, (Slice){ text.p + from, start - from }, out);
        put_id(out, token->id);
        from = stop;
    }
    encode(s, (Slice){ text.p + from, text.n - from }, out);
}

static void encode_part(TokenScratch *s, Slice part, TokenIds *out)
{
    if (s->t->normalized.n == 0) {
        encode_raw(s, part, out);
        return;
    }
    s->text.n = 0;
    normalize(&s->t->normalizer, part, &s->text);
    split_added(s, &s->t->normalized, bytes_slice(&s->text), out, encode_normalized);
}

/* --- texts and pairs --------------------------------------------------------------------------------- */

/* Longest first, as Hugging Face's tokenizers count it: the shorter side keeps its tokens if it can. */
static void fit_pair(size_t *a, size_t *b, size_t room)
{
    if (*a + *b <= room)
        return;
    bool swap = *a > *b;
    size_t n = swap ? *b : *a, m = n > room || room - n < n ? n : room - n;
    if (n + m > room) {
        n = room / 2;
        m = n + room % 2;
    }
    *a = swap ? m : n;
    *b = swap ? n : m;
}

Encoded tokenizer_encode(TokenScratch *s, Slice a, const Slice *b, int max_length, TokenIds *out)
{
    const Tokenizer *t = s->t;
    size_t specials = b ? 3 : 2, begin = out->n;
    put_id(out, t->cls);
    split_added(s, &t->raw, a, out, encode_part);
    size_t n_a = out->n - begin - 1, n_b = 0;
    if (b) {
        split_added(s, &t->raw, *b, out, encode_part);
        n_b = out->n - begin - 1 - n_a;
    }
    Encoded e = { .uncut = (int32_t)(n_a + n_b + specials) };
    size_t keep_a = n_a, keep_b = n_b;
    if (max_length > 0)
        fit_pair(&keep_a, &keep_b, (size_t)max_length > specials ? (size_t)max_length - specials : 0);
    reserve_ids(out, 2);
    int32_t *ids = out->v + begin + 1;
    memmove(ids + keep_a + 1, ids + n_a, keep_b * sizeof *ids);
    ids[keep_a] = t->sep;
    if (b)
        ids[keep_a + 1 + keep_b] = t->sep;
    e.first = (int32_t)keep_a + 2;
    e.tokens = (int32_t)(keep_a + keep_b + specials);
    out->n = begin + (size_t)e.tokens;
    return e;
}
