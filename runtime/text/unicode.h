/* Text as BERT's tokenizers see it: UTF-8, character classes, normalization, words.
 *
 * In:  UTF-8; bytes that are none count as U+FFFD.
 * Out: normalized UTF-8, then words. Every code point behaves as in Hugging Face's BertNormalizer and
 *      BertPreTokenizer, whose Unicode tables are old: unicode_tables.h states them, utf8proc adds what never
 *      changes. */
#ifndef FTC_UNICODE_H
#define FTC_UNICODE_H

#include "runtime/text/bytes.h"
#include "runtime/text/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- UTF-8 ------------------------------------------------------------------------------------------- */

/* The code point at s[0 .. n-1], n > 0, and how many bytes it takes; U+FFFD and at least 1 where that is no UTF-8. */
int32_t utf8_decode(const char *s, size_t n, int *length);

/* Writes 1 to 4 bytes and returns how many. */
int utf8_encode(int32_t c, char out[4]);

/* The offset of the first byte that is not valid UTF-8 (overlong forms, surrogates and all), or n. */
size_t utf8_check(const char *s, size_t n);

/* --- classes of code points -------------------------------------------------------------------------- */

enum {
    CHAR_REMOVED = 1, /* control characters and the like, dropped by cleaning */
    CHAR_SPACE = 2,   /* ends a word */
    CHAR_PUNCT = 4,   /* is a word */
    CHAR_CJK = 8,     /* ideograph: set apart by spaces */
    CHAR_ACCENT = 16, /* nonspacing mark */
    CHAR_INERT = 32,  /* newer than the decomposition tables */
};

/* 0 for all others, among them letters and digits. */
unsigned char_class(int32_t c);

/* --- normalization ----------------------------------------------------------------------------------- */

/* BertNormalizer's four switches. */
typedef struct {
    bool clean;         /* drop control characters, make white space a blank */
    bool split_cjk;     /* put blanks around ideographs */
    bool strip_accents; /* decompose (NFD), then drop nonspacing marks */
    bool lowercase;
} Normalizer;

/* Appends the normalized form of `text` to `out`, always valid UTF-8. The parts of a text that ASCII white
 * space separates are independent of one another. */
void normalize(const Normalizer *how, Slice text, Bytes *out);

/* --- words ------------------------------------------------------------------------------------------- */

/* Takes the next word off normalized text: a run between white space, or one punctuation character.  False at the end.
 * `chars` is the word's length in code points. */
bool next_word(Slice *rest, Slice *word, int *chars);

/* Whether the code point is a \w of regular expressions: a letter, mark, digit, connector. */
bool is_word_char(int32_t c);

#endif
