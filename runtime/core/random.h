/* Random numbers of the runtime: shuffling, initial weights, resamples, folds.  (Dropout is part of the compiled step.)
 *
 * Counter-based: a number is a function of (seed, stream, counter) and nothing else, so any part of a
 * sequence can be made alone, on any thread, and a resumed run needs no saved state.
 * Generator: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; 2011). */
#ifndef FTC_RANDOM_H
#define FTC_RANDOM_H

#include <stdint.h>

/* What a stream is for; its index is the epoch, the parameter, ... */
typedef enum { RANDOM_SHUFFLE, RANDOM_INIT, RANDOM_RESAMPLE, RANDOM_SAMPLE, RANDOM_FOLDS } RandomUse;

static inline uint64_t random_stream(RandomUse use, uint32_t index) { return (uint64_t)use << 32 | index; }

/* The block function itself: 128 bits for a counter and a key. */
void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* A whole number 0 .. n - 1, n > 0; no value is likelier than another by more than n / 2^64. */
uint64_t random_below(uint64_t seed, uint64_t stream, uint64_t counter, uint64_t n);

/* Puts items[0 .. n - 1] into a random order (Fisher and Yates). */
void random_shuffle(uint64_t seed, uint64_t stream, int64_t *items, int64_t n);

/* n draws of n items, with replacement: times[i] = how often item i was drawn. */
void random_resample(uint64_t seed, uint64_t stream, int64_t n, uint32_t *times);

/* out[i] = the normal deviate number first + i times sigma, mean 0 (Box and Muller, in double). */
void random_normal(uint64_t seed, uint64_t stream, int64_t first, double sigma, float *out, int64_t n);

#endif
