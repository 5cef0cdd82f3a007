/* Learning a vocabulary; see vocab_learn.h.
 *
 * Texts are reduced to their distinct words with counts. Each word is a row of symbols (ids of tokens in the
 * growing vocabulary); a table holds every pair of neighbours with its count and the words it is (or was) in, a
 * heap the pairs by count. A merge touches only the words of its pair. */
#include "runtime/text/vocab_learn.h"

#include "runtime/core/mem.h"
#include "runtime/text/short_text.h"
#include "runtime/text/unicode.h"
#include "runtime/text/vocab.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_WORD_CHARS = 100, MIN_COUNT = 2 };

static const char *const special[] = { "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]" };
enum { N_SPECIAL = sizeof special / sizeof *special };

typedef struct {
    size_t at;          /* in the text of Words */
    uint32_t n;         /* bytes */
    int64_t count;
    int32_t *symbol;    /* while merging */
    int32_t n_symbols;
} Word;

/* Distinct words, found by their text. */
typedef struct {
    Bytes text;         /* end to end */
    Word *v;
    int32_t n, cap;
    int32_t *slot;      /* open addressing: word or -1 */
    size_t n_slots;     /* a power of two */
} Words;

/* A piece of up to SHORT_TEXT bytes; n is 0 in a free slot. */
typedef struct {
    uint64_t key[2];    /* short_text.h */
    int64_t count;
    uint32_t n;
} Short;

/* Distinct short pieces: those that are most of a text are found with one look at memory. */
typedef struct {
    Short *slot;        /* open addressing; 2^bits */
    int bits;           /* 0: none yet */
    int32_t n;
} Shorts;

struct VocabLearner {
    Normalizer normalizer;
    Bytes normalized;   /* scratch */
    Shorts shorts;      /* pieces of texts as they are, between white space: so each is normalized once, not each time it */
    Words pieces;       /*   occurs; the longer ones */
    Words words;
};

enum {
    PIECE_BYTES = 32,   /* longer ones hardly come again */
    PIECES = 1 << 17,   /* then they become words, for a table of bounded size */
};

/* --- counting words ---------------------------------------------------------------------------------- */

VocabLearner *vocab_learner_new(bool lowercase)
{
    VocabLearner *l = xcalloc(1, sizeof *l);
    l->normalizer = (Normalizer){ true, true, lowercase, lowercase };
    return l;
}

static void free_words(Words *w)
{
    for (int32_t i = 0; i < w->n; i++)
        free(w->v[i].symbol);
    bytes_free(&w->text);
    free(w->v);
    free(w->slot);
}

void vocab_learner_free(VocabLearner *l)
{
    if (!l)
        return;
    free_words(&l->pieces);
    free_words(&l->words);
    free(l->shorts.slot);
    bytes_free(&l->normalized);
    free(l);
}

static uint64_t hash_bytes(Slice s)
{
    uint64_t h = 0x9E3779B97F4A7C15u ^ s.n;
    for (size_t i = 0; i < s.n; i += 8) {
        uint64_t eight = 0;
        memcpy(&eight, s.p + i, s.n - i < 8 ? s.n - i : 8);
        h = (h ^ eight) * 0x9FB21C651E98DF25u;
        h ^= h >> 32;
    }
    return h;
}

static Slice word_text(const Words *w, int32_t i) { return (Slice){ w->text.p + w->v[i].at, w->v[i].n }; }

/* The slot of a word, or the free one where it belongs. */
static int32_t *find_slot(Words *w, Slice word)
{
    size_t i = hash_bytes(word) & (w->n_slots - 1);
    while (w->slot[i] >= 0 && !slice_equal(word_text(w, w->slot[i]), word))
        i = (i + 1) & (w->n_slots - 1);
    return &w->slot[i];
}

static void grow_slots(Words *w)
{
    w->n_slots = w->n_slots ? 2 * w->n_slots : 4096;
    w->slot = xrealloc(w->slot, w->n_slots, sizeof *w->slot);
    memset(w->slot, 0xFF, w->n_slots * sizeof *w->slot);
    for (int32_t i = 0; i < w->n; i++)
        *find_slot(w, word_text(w, i)) = i;
}

static void count_word(Words *w, Slice word, int64_t times)
{
    if (2 * ((size_t)w->n + 1) > w->n_slots)
        grow_slots(w);
    int32_t *slot = find_slot(w, word);
    if (*slot < 0) {
        GROW(w->v, w->n, w->cap);
        w->v[w->n] = (Word){ .at = w->text.n, .n = (uint32_t)word.n };
        bytes_add(&w->text, word.p, word.n);
        *slot = w->n++;
    }
    w->v[*slot].count += times;
}

static void count_text(VocabLearner *l, Slice text, int64_t times)
{
    l->normalized.n = 0;
    normalize(&l->normalizer, text, &l->normalized);
    Slice rest = bytes_slice(&l->normalized), word;
    int chars;
    while (next_word(&rest, &word, &chars))
        if (chars <= MAX_WORD_CHARS) /* longer ones are unknown to the tokenizer in any case */
            count_word(&l->words, word, times);
}

static Short *find_short(const Shorts *t, const uint64_t key[2], size_t n)
{
    size_t mask = ((size_t)1 << t->bits) - 1, i = short_text_place(key, t->bits);
    while (t->slot[i].n && (t->slot[i].key[0] != key[0] || t->slot[i].key[1] != key[1] || t->slot[i].n != n))
        i = (i + 1) & mask;
    return &t->slot[i];
}

static void grow_shorts(Shorts *t)
{
    Shorts old = *t;
    t->bits = old.bits ? old.bits + 1 : 12;
    t->slot = xcalloc((size_t)1 << t->bits, sizeof *t->slot);
    for (size_t i = 0; old.bits && i < (size_t)1 << old.bits; i++)
        if (old.slot[i].n)
            *find_short(t, old.slot[i].key, old.slot[i].n) = old.slot[i];
    free(old.slot);
}

/* `room` bytes from the piece's beginning may be read. */
static inline void count_short(Shorts *t, Slice piece, size_t room)
{
    uint64_t key[2];
    if (t->bits == 0 || 2 * ((size_t)t->n + 1) > (size_t)1 << t->bits)
        grow_shorts(t);
    short_text_key(piece.p, piece.n, room, key);
    Short *slot = find_short(t, key, piece.n);
    if (!slot->n) {
        *slot = (Short){ .key = { key[0], key[1] }, .n = (uint32_t)piece.n };
        t->n++;
    }
    slot->count++;
}

/* Pieces to words. */
static void count_pieces(VocabLearner *l)
{
    Words *p = &l->pieces;
    Shorts *t = &l->shorts;
    for (size_t i = 0; t->bits && i < (size_t)1 << t->bits; i++) {
        if (t->slot[i].n)
            count_text(l, (Slice){ (const char *)t->slot[i].key, t->slot[i].n }, t->slot[i].count);
        t->slot[i] = (Short){ .n = 0 };
    }
    t->n = 0;
    for (int32_t i = 0; i < p->n; i++)
        count_text(l, word_text(p, i), p->v[i].count);
    p->n = 0;
    p->text.n = 0;
    if (p->n_slots)
        memset(p->slot, 0xFF, p->n_slots * sizeof *p->slot);
}

static bool ends_piece(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

void vocab_learner_add(VocabLearner *l, Slice text)
{
    const char *p = text.p, *end = text.p + text.n;
    while (p < end) {
        const char *start = p;
        while (p < end && !ends_piece(*p))
            p++;
        Slice piece = { start, (size_t)(p - start) };
        if (piece.n > PIECE_BYTES)
            count_text(l, piece, 1);
        else if (piece.n > SHORT_TEXT)
            count_word(&l->pieces, piece, 1);
        else if (piece.n > 0)
            count_short(&l->shorts, piece, (size_t)(end - start));
        if (l->pieces.n == PIECES || l->shorts.n == PIECES)
            count_pieces(l);
        p += p < end;
    }
}

void vocab_learner_merge(VocabLearner *l, VocabLearner *other)
{
    count_pieces(other);
    for (int32_t i = 0; i < other->words.n; i++)
        count_word(&l->words, word_text(&other->words, i), other->words.v[i].count);
}

/* --- characters -------------------------------------------------------------------------------------- */

typedef struct {
    int32_t c;
    bool inside;
    int64_t count;
} Letter;

static int by_count(const void *pa, const void *pb)
{
    const Letter *a = pa, *b = pb;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return a->c != b->c ? (a->c > b->c) - (a->c < b->c) : a->inside - b->inside;
}

static int by_code(const void *pa, const void *pb)
{
    const Letter *a = pa, *b = pb;
    return a->inside != b->inside ? a->inside - b->inside : (a->c > b->c) - (a->c < b->c);
}

static Slice letter_text(int32_t c, bool inside, char buffer[8])
{
    memcpy(buffer, "##", 2);
    int n = utf8_encode(c, buffer + 2);
    return inside ? (Slice){ buffer, (size_t)n + 2 } : (Slice){ buffer + 2, (size_t)n };
}

/* Counts the characters, inside words and (both together) as words' beginnings may have them, and gives ids to
 * those that are frequent enough. */
static void learn_letters(const VocabLearner *l, Vocab *vocab, int32_t cap)
{
    int64_t(*count)[2] = xcalloc(0x110000, sizeof *count);
    for (int32_t i = 0; i < l->words.n; i++) {
        Slice text = word_text(&l->words, i);
        for (size_t at = 0; at < text.n;) {
            int length;
            int32_t c = utf8_decode(text.p + at, text.n - at, &length);
            count[c][0] += l->words.v[i].count;
            if (at > 0)
                count[c][1] += l->words.v[i].count;
            at += (size_t)length;
        }
    }
    Letter *letter = NULL;
    int32_t n = 0, room = 0;
    for (int32_t c = 0; c < 0x110000; c++)
        for (int inside = 0; inside < 2; inside++)
            if (count[c][inside] >= MIN_COUNT) {
                GROW(letter, n, room);
                letter[n++] = (Letter){ c, inside, count[c][inside] };
            }
    free(count);
    if (n > cap - N_SPECIAL) {
        qsort(letter, (size_t)n, sizeof *letter, by_count);
        n = cap - N_SPECIAL;
    }
    if (n > 0)
        qsort(letter, (size_t)n, sizeof *letter, by_code);
    char buffer[8];
    for (int32_t i = 0; i < n; i++)
        vocab_add(vocab, letter_text(letter[i].c, letter[i].inside, buffer), vocab_size(vocab));
    free(letter);
}

/* Writes the words as rows of symbols; those with a character that has no id stay empty. */
static void spell_words(VocabLearner *l, const Vocab *vocab)
{
    char buffer[8];
    int32_t symbol[MAX_WORD_CHARS];
    for (int32_t i = 0; i < l->words.n; i++) {
        Word *w = &l->words.v[i];
        Slice text = word_text(&l->words, i);
        int32_t n = 0;
        bool known = true;
        for (size_t at = 0; at < text.n && known; n++) {
            int length;
            int32_t c = utf8_decode(text.p + at, text.n - at, &length);
            symbol[n] = vocab_find(vocab, letter_text(c, at > 0, buffer));
            known = symbol[n] >= 0;
            at += (size_t)length;
        }
        w->n_symbols = known ? n : 0;
        free(w->symbol);
        w->symbol = NULL;
        if (w->n_symbols > 0) {
            w->symbol = xmalloc((size_t)n * sizeof *symbol);
            memcpy(w->symbol, symbol, (size_t)n * sizeof *symbol);
        }
    }
}

/* --- merging ----------------------------------------------------------------------------------------- */

typedef struct {
    int32_t a, b;
    int64_t count;
    int32_t *word;      /* where the pair was seen: some may have lost it since, some may stand here twice */
    int32_t n, cap;
    bool changed;       /* is in Merger.changed */
} Pair;

/* A pair as it was when it was pushed; one whose count has changed since is out of date. */
typedef struct {
    int64_t count;
    int32_t pair;
} HeapItem;

typedef struct {
    VocabLearner *l;
    Pair *pair;
    int32_t n_pairs, cap_pairs;
    int32_t *slot;
    size_t n_slots;
    HeapItem *heap;
    int32_t n_heap, cap_heap;
    int32_t *changed;   /* pairs whose count has grown since the last push */
    int32_t n_changed, cap_changed;
} Merger;

static bool comes_first(const Merger *m, HeapItem x, HeapItem y)
{
    if (x.count != y.count)
        return x.count > y.count;
    const Pair *p = &m->pair[x.pair], *q = &m->pair[y.pair];
    return p->a != q->a ? p->a < q->a : p->b < q->b;
}

static void push(Merger *m, int32_t pair)
{
    HeapItem item = { m->pair[pair].count, pair };
    GROW(m->heap, m->n_heap, m->cap_heap);
    int32_t i = m->n_heap++;
    for (; i > 0 && comes_first(m, item, m->heap[(i - 1) / 2]); i = (i - 1) / 2)
        m->heap[i] = m->heap[(i - 1) / 2];
    m->heap[i] = item;
}

static HeapItem pop(Merger *m)
{
    HeapItem top = m->heap[0], last = m->heap[--m->n_heap];
    int32_t i = 0;
    for (int32_t child; (child = 2 * i + 1) < m->n_heap; i = child) {
        if (child + 1 < m->n_heap && comes_first(m, m->heap[child + 1], m->heap[child]))
            child++;
        if (!comes_first(m, m->heap[child], last))
            break;
        m->heap[i] = m->heap[child];
    }
    m->heap[i] = last;
    return top;
}

static int32_t *pair_slot(const Merger *m, int32_t a, int32_t b)
{
    uint64_t h = ((uint64_t)(uint32_t)a << 32 | (uint32_t)b) * 0x9E3779B97F4A7C15u;
    size_t i = (h ^ h >> 32) & (m->n_slots - 1);
    while (m->slot[i] >= 0 && (m->pair[m->slot[i]].a != a || m->pair[m->slot[i]].b != b))
        i = (i + 1) & (m->n_slots - 1);
    return &m->slot[i];
}

static void count_pair(Merger *m, int32_t a, int32_t b, int64_t delta, int32_t word)
{
    if (2 * ((size_t)m->n_pairs + 1) > m->n_slots) {
        m->n_slots = m->n_slots ? 2 * m->n_slots : 4096;
        m->slot = xrealloc(m->slot, m->n_slots, sizeof *m->slot);
        memset(m->slot, 0xFF, m->n_slots * sizeof *m->slot);
        for (int32_t i = 0; i < m->n_pairs; i++)
            *pair_slot(m, m->pair[i].a, m->pair[i].b) = i;
    }
    int32_t *slot = pair_slot(m, a, b);
    if (*slot < 0) {
        GROW(m->pair, m->n_pairs, m->cap_pairs);
        m->pair[m->n_pairs] = (Pair){ .a = a, .b = b };
        *slot = m->n_pairs++;
    }
    Pair *p = &m->pair[*slot];
    p->count += delta;
    if (delta < 0)
        return;
    if (p->n == 0 || p->word[p->n - 1] != word) {
        GROW(p->word, p->n, p->cap);
        p->word[p->n++] = word;
    }
    if (!p->changed) {
        p->changed = true;
        GROW(m->changed, m->n_changed, m->cap_changed);
        m->changed[m->n_changed++] = *slot;
    }
}

static void push_changed(Merger *m)
{
    for (int32_t i = 0; i < m->n_changed; i++) {
        m->pair[m->changed[i]].changed = false;
        push(m, m->changed[i]);
    }
    m->n_changed = 0;
}

/* The most frequent pair, or -1 when no pair is left that is frequent enough. */
static int32_t best_pair(Merger *m)
{
    while (m->n_heap > 0) {
        HeapItem top = pop(m);
        int64_t count = m->pair[top.pair].count;
        if (top.count == count && count >= MIN_COUNT)
            return top.pair;
        if (top.count > count && count >= MIN_COUNT)
            push(m, top.pair); /* has become rarer; one that has become more frequent is in the heap anew */
    }
    return -1;
}

/* Replaces a b by `made` in one word, and counts the pairs that go and come. */
static void merge_in_word(Merger *m, int32_t word, int32_t a, int32_t b, int32_t made)
{
    Word *w = &m->l->words.v[word];
    int32_t n = 0, *s = w->symbol;
    for (int32_t i = 0; i < w->n_symbols; i++) {
        if (i + 1 == w->n_symbols || s[i] != a || s[i + 1] != b) {
            s[n++] = s[i];
            continue;
        }
        count_pair(m, a, b, -w->count, word);
        if (n > 0) {
            count_pair(m, s[n - 1], a, -w->count, word);
            count_pair(m, s[n - 1], made, w->count, word);
        }
        if (i + 2 < w->n_symbols) {
            count_pair(m, b, s[i + 2], -w->count, word);
            count_pair(m, made, s[i + 2], w->count, word);
        }
        s[n++] = made;
        i++;
    }
    w->n_symbols = n;
}

static void merge_pairs(VocabLearner *l, Vocab *vocab, int32_t cap)
{
    Merger m = { .l = l };
    for (int32_t i = 0; i < l->words.n; i++)
        for (int32_t k = 0; k + 1 < l->words.v[i].n_symbols; k++)
            count_pair(&m, l->words.v[i].symbol[k], l->words.v[i].symbol[k + 1], l->words.v[i].count, i);
    push_changed(&m);

    Bytes text = { 0 };
    int32_t best;
    while (vocab_size(vocab) < cap && (best = best_pair(&m)) >= 0) {
        int32_t a = m.pair[best].a, b = m.pair[best].b;
        Slice left = vocab_token(vocab, a), right = vocab_token(vocab, b);
        text.n = 0;
        bytes_add(&text, left.p, left.n);
        bytes_add(&text, right.p + 2, right.n - 2); /* without its ## */
        int32_t made = vocab_find(vocab, bytes_slice(&text)); /* other pairs may have made it before */
        if (made < 0) {
            made = vocab_size(vocab);
            vocab_add(vocab, bytes_slice(&text), made);
        }
        int32_t *where = m.pair[best].word, n = m.pair[best].n;
        m.pair[best].word = NULL;
        m.pair[best].n = m.pair[best].cap = 0;
        for (int32_t i = 0; i < n; i++)
            merge_in_word(&m, where[i], a, b, made);
        free(where);
        push_changed(&m);
    }
    bytes_free(&text);
    for (int32_t i = 0; i < m.n_pairs; i++)
        free(m.pair[i].word);
    free(m.pair);
    free(m.slot);
    free(m.heap);
    free(m.changed);
}

Tokenizer *vocab_learner_finish(VocabLearner *l, int32_t cap, FtcDiag *d)
{
    count_pieces(l);
    if (l->words.n == 0) {
        ftc_error(d, FTC_NOWHERE, "there is no word in the training texts to learn a vocabulary from");
        return NULL;
    }
    if (cap <= N_SPECIAL) {
        ftc_error(d, FTC_NOWHERE, "a vocabulary of %d tokens has no room for more than its %d special ones", (int)cap, N_SPECIAL);
        return NULL;
    }
    Vocab *vocab = vocab_new("##");
    for (int32_t i = 0; i < N_SPECIAL; i++)
        vocab_add(vocab, slice_of(special[i]), i);
    learn_letters(l, vocab, cap);
    spell_words(l, vocab);
    merge_pairs(l, vocab, cap);

    int32_t n = vocab_size(vocab);
    Slice *tokens = xmalloc((size_t)n * sizeof *tokens);
    for (int32_t i = 0; i < n; i++)
        tokens[i] = vocab_token(vocab, i);
    Tokenizer *t = tokenizer_from_tokens(tokens, n, l->normalizer.lowercase, d);
    free(tokens);
    vocab_free(vocab);
    return t;
}
