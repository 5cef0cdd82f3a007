/* UTF-8, character classes, BERT's normalization and words; see unicode.h.
 *
 * Classes lie in a two-level table that is filled from the ranges of unicode_tables.h on first use: 256 code points a
 * block, blocks of nothing shared. */
#include "runtime/text/unicode.h"

#include "runtime/core/mem.h"

#include <pthread.h>
#include <string.h>
#include <utf8proc.h>

typedef struct {
    int32_t first, last;
} CodeRange;
typedef struct {
    int32_t first, last, delta;
} CaseRange;

#include "runtime/text/unicode_tables.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* --- UTF-8 ------------------------------------------------------------------------------------------- */

int32_t utf8_decode(const char *s, size_t n, int *length)
{
    const unsigned char *u = (const unsigned char *)s;
    *length = 1;
    if (u[0] < 0x80)
        return u[0];
    if (u[0] < 0xC2 || u[0] > 0xF4)
        return 0xFFFD;
    int more = u[0] < 0xE0 ? 1 : u[0] < 0xF0 ? 2 : 3;
    int32_t c = u[0] & (0x3F >> more);
    for (int i = 1; i <= more; i++) {
        if ((size_t)i >= n || (u[i] & 0xC0) != 0x80)
            return 0xFFFD;
        c = c << 6 | (u[i] & 0x3F);
    }
    if ((more == 2 && (c < 0x800 || (c >= 0xD800 && c < 0xE000))) || (more == 3 && (c < 0x10000 || c > 0x10FFFF)))
        return 0xFFFD;
    *length = more + 1;
    return c;
}

int utf8_encode(int32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

size_t utf8_check(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        uint64_t eight;
        if (n - i >= 8 && (memcpy(&eight, s + i, 8), !(eight & 0x8080808080808080u))) {
            i += 8;
            continue;
        }
        int length;
        /* U+FFFD itself takes three bytes, a wrong byte one */
        if (utf8_decode(s + i, n - i, &length) == 0xFFFD && length == 1)
            return i;
        i += (size_t)length;
    }
    return n;
}

/* --- classes ----------------------------------------------------------------------------------------- */

static const unsigned char no_class[256];
static const unsigned char *classes[0x110000 / 256];
static pthread_once_t classes_made = PTHREAD_ONCE_INIT;

static void fill_classes(const CodeRange *range, size_t n, unsigned bit)
{
    for (; n > 0; n--, range++)
        for (int32_t c = range->first; c <= range->last; c++) {
            unsigned char *block = (unsigned char *)classes[c >> 8];
            if (block == no_class)
                classes[c >> 8] = block = xcalloc(256, 1);
            block[c & 255] |= (unsigned char)bit;
        }
}

static void make_classes(void)
{
    for (size_t i = 0; i < COUNT(classes); i++)
        classes[i] = no_class;
    fill_classes(removed_ranges, COUNT(removed_ranges), CHAR_REMOVED);
    fill_classes(space_ranges, COUNT(space_ranges), CHAR_SPACE);
    fill_classes(punct_ranges, COUNT(punct_ranges), CHAR_PUNCT);
    fill_classes(cjk_ranges, COUNT(cjk_ranges), CHAR_CJK);
    fill_classes(accent_ranges, COUNT(accent_ranges), CHAR_ACCENT);
    fill_classes(inert_ranges, COUNT(inert_ranges), CHAR_INERT);
}

static inline unsigned class_of(int32_t c) { return classes[c >> 8][c & 255]; }

unsigned char_class(int32_t c)
{
    pthread_once(&classes_made, make_classes);
    return class_of(c);
}

bool is_word_char(int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC: return true;
    default: return c == 0x200C || c == 0x200D; /* the two joiners */
    }
}

/* --- normalization ----------------------------------------------------------------------------------- */

/* One normalization under way.  Marks wait until the next starter shows that their sequence is whole. */
typedef struct {
    const Normalizer *how;
    Bytes *out;
    struct {
        int32_t c;
        unsigned combining;
    } *mark;
    size_t n_marks, cap_marks;
} Normalizing;

static inline void emit(Normalizing *z, int32_t c)
{
    bytes_reserve(z->out, 4);
    z->out->n += (size_t)utf8_encode(c, z->out->p + z->out->n);
}

static void emit_lower(Normalizing *z, int32_t c)
{
    if (c < 0x80) {
        emit(z, c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
        return;
    }
    if (c == 0x130) { /* the one letter whose lower case is two characters */
        emit(z, 'i');
        emit(z, 0x307);
        return;
    }
    if (c >= case_ranges[0].first)
        for (size_t i = 0; i < COUNT(case_ranges); i++)
            if (c >= case_ranges[i].first && c <= case_ranges[i].last) {
                emit(z, c + case_ranges[i].delta);
                return;
            }
    emit(z, utf8proc_get_property(c)->lowercase_seqindex == UINT16_MAX ? c : utf8proc_tolower(c));
}

static inline void finish(Normalizing *z, int32_t c)
{
    if (z->how->lowercase)
        emit_lower(z, c);
    else
        emit(z, c);
}

/* Writes the waiting marks in the order of their combining classes, equal ones as they came. */
static void flush_marks(Normalizing *z)
{
    for (unsigned combining = 1, next = 256; z->n_marks && combining < 256; combining = next, next = 256)
        for (size_t i = 0; i < z->n_marks; i++)
            if (z->mark[i].combining == combining)
                finish(z, z->mark[i].c);
            else if (z->mark[i].combining > combining && z->mark[i].combining < next)
                next = z->mark[i].combining;
    z->n_marks = 0;
}

/* A code point of decomposed text: drop accents, put marks in order. */
static void order(Normalizing *z, int32_t c)
{
    unsigned class = class_of(c);
    unsigned combining = class & CHAR_INERT ? 0 : (unsigned)utf8proc_get_property(c)->combining_class;
    if (combining == 0)
        flush_marks(z);
    if (class & CHAR_ACCENT)
        return;
    if (combining == 0) {
        finish(z, c);
        return;
    }
    GROW(z->mark, z->n_marks, z->cap_marks);
    z->mark[z->n_marks].c = c;
    z->mark[z->n_marks++].combining = combining;
}

static void decompose(Normalizing *z, int32_t c)
{
    bool hangul = c >= 0xAC00 && c < 0xAC00 + 11172; /* decomposed by arithmetic, not by table */
    if (class_of(c) & CHAR_INERT || (!hangul && utf8proc_get_property(c)->decomp_seqindex == UINT16_MAX)) {
        order(z, c);
        return;
    }
    utf8proc_int32_t part[8];
    int last_class = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char(c, part, (utf8proc_ssize_t)COUNT(part), UTF8PROC_DECOMPOSE, &last_class);
    if (n < 1 || n > (utf8proc_ssize_t)COUNT(part)) { /* no canonical decomposition is longer than 4 */
        order(z, c);
        return;
    }
    for (utf8proc_ssize_t i = 0; i < n; i++)
        order(z, part[i]);
}

void normalize(const Normalizer *how, Slice text, Bytes *out)
{
    pthread_once(&classes_made, make_classes);
    Normalizing z = { .how = how, .out = out };
    bytes_reserve(out, text.n + text.n / 2);
    for (size_t i = 0; i < text.n;) {
        int length;
        int32_t c = utf8_decode(text.p + i, text.n - i, &length);
        i += (size_t)length;
        unsigned class = class_of(c);
        if (how->clean && class & (CHAR_REMOVED | CHAR_SPACE)) {
            if (class & CHAR_REMOVED)
                continue;
            c = ' ';
        }
        bool apart = how->split_cjk && class & CHAR_CJK;
        if (z.n_marks && (apart || c < 0x80))
            flush_marks(&z);
        if (apart)
            emit(&z, ' ');
        if (how->strip_accents && c >= 0x80)
            decompose(&z, c);
        else
            finish(&z, c);
        if (apart)
            emit(&z, ' ');
    }
    flush_marks(&z);
    free(z.mark);
}

/* --- words ------------------------------------------------------------------------------------------- */

bool next_word(Slice *rest, Slice *word, int *chars)
{
    pthread_once(&classes_made, make_classes);
    const char *p = rest->p, *end = rest->p + rest->n, *start = NULL;
    int length, count = 0;
    for (; p < end; p += length) {
        int32_t c = utf8_decode(p, (size_t)(end - p), &length);
        unsigned class = class_of(c);
        if (!(class & (CHAR_SPACE | CHAR_PUNCT))) {
            if (!start)
                start = p;
            count++;
            continue;
        }
        if (start)
            break;
        if (class & CHAR_SPACE)
            continue;
        start = p;
        p += length;
        count = 1;
        break;
    }
    if (!start)
        start = p;
    *word = (Slice){ start, (size_t)(p - start) };
    *rest = (Slice){ p, (size_t)(end - p) };
    *chars = count;
    return count > 0;
}
