/* The tokens of a vocabulary and their numbers, built for finding the longest token that begins a word.
 *
 * In:  tokens, each once, with an id; some continue a word ("##ing") and are known by what follows the prefix.
 * Out: id -> token, token -> id, longest match.
 *
 * One open-addressing table holds both kinds of key: the token as it is, for the beginning of a word, and without its
 * prefix, for the rest.  A key's hash grows byte by byte, so one walk along a word gives the hashes of all its
 * beginnings; the longest is tried first, and a filter of one bit a hash turns nearly all wrong ones away. */
#ifndef FTC_VOCAB_H
#define FTC_VOCAB_H

#include "ftc/diag.h"
#include "runtime/text/bytes.h"
#include "runtime/text/slice.h"

#include <stdint.h>

/* No vocabulary known is near it; ids above are taken for a mistake. */
#define VOCAB_LIMIT (1 << 24)

typedef struct Vocab Vocab;

Vocab *vocab_new(const char *prefix);
void vocab_free(Vocab *v);

/* Gives a token its id; 0 <= id < VOCAB_LIMIT. False if either is taken. (A repeated empty token is let pass:
 * it is never found.) */
bool vocab_add(Vocab *v, Slice token, int32_t id);

int32_t vocab_size(const Vocab *v);          /* largest id + 1 */
bool vocab_has(const Vocab *v, int32_t id);  /* whether the id is in use */
Slice vocab_token(const Vocab *v, int32_t id);
int32_t vocab_find(const Vocab *v, Slice token); /* the whole token, prefix and all; -1 if it isn't there */

/* Bytes in the longest key: the room vocab_match needs. */
size_t vocab_longest(const Vocab *v);

/* The longest token that `text` begins with, at the beginning of a word or (inside) behind it; -1 if there is
 * none, else its id and its length in bytes. `hashes` is scratch for vocab_longest numbers. */
int32_t vocab_match(const Vocab *v, Slice text, bool inside, uint64_t *hashes, size_t *length);

#endif
