/* MT19937 as numpy uses it; see numpy_random.h. */
#include "runtime/data/numpy_random.h"

#include <assert.h>

enum { WORDS = 624, AHEAD = 397 };

void numpy_seed(NumpyRandom *r, uint32_t seed)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        r->word[i] = seed;
        seed = 1812433253u * (seed ^ seed >> 30) + i + 1;
    }
    r->used = WORDS;
}

/* The next 624 words: word i from its high bit, the low bits of the one behind it, and the one 397 ahead. */
static void twist(NumpyRandom *r)
{
    uint32_t *w = r->word;
    for (int i = 0; i < WORDS; i++) {
        uint32_t mixed = (w[i] & 0x80000000u) | (w[(i + 1) % WORDS] & 0x7FFFFFFFu);
        w[i] = w[(i + AHEAD) % WORDS] ^ mixed >> 1 ^ (mixed & 1 ? 0x9908B0DFu : 0);
    }
    r->used = 0;
}

uint32_t numpy_next(NumpyRandom *r)
{
    if (r->used == WORDS)
        twist(r);
    uint32_t x = r->word[r->used++];
    x ^= x >> 11;
    x ^= x << 7 & 0x9D2C5680u;
    x ^= x << 15 & 0xEFC60000u;
    return x ^ x >> 18;
}

/* By rejection: of the fewest bits that hold `most`, until they are no more than it. */
uint64_t numpy_interval(NumpyRandom *r, uint64_t most)
{
    assert(most <= UINT32_MAX);
    uint32_t mask = (uint32_t)most, x;
    if (most == 0)
        return 0; /* without taking a number */
    for (int shift = 1; shift < 32; shift *= 2)
        mask |= mask >> shift;
    do
        x = numpy_next(r) & mask;
    while (x > most);
    return x;
}

void numpy_shuffle(NumpyRandom *r, int64_t *v, int64_t n)
{
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)numpy_interval(r, (uint64_t)i), kept = v[i];
        v[i] = v[j];
        v[j] = kept;
    }
}

void numpy_permutation(NumpyRandom *r, int64_t *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        v[i] = i;
    numpy_shuffle(r, v, n);
}
