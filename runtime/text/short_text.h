/* Texts of up to 16 bytes as two numbers: most words are that short, and so compared and hashed in a few steps. */
#ifndef FTC_SHORT_TEXT_H
#define FTC_SHORT_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SHORT_TEXT = 16 };

/* The first n bytes of p, 1 <= n <= SHORT_TEXT, zero-padded; `room` bytes may be read. */
static inline void short_text_key(const char *p, size_t n, size_t room, uint64_t key[2])
{
    if (room < 16) {
        key[0] = key[1] = 0;
        memcpy(key, p, n);
        return;
    }
    memcpy(key, p, 16);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (n <= 8) {
        key[0] &= ~(uint64_t)0 >> (64 - 8 * n);
        key[1] = 0;
    } else
        key[1] &= ~(uint64_t)0 >> (128 - 8 * n);
#else
    memset((char *)key + n, 0, 16 - n);
#endif
}

/* A place for the key in a table of 2^bits. */
static inline size_t short_text_place(const uint64_t key[2], int bits)
{
    return (size_t)((key[0] ^ (key[1] << 23 | key[1] >> 41) * 0x9FB21C651E98DF25u) * 0x9E3779B97F4A7C15u >> (64 - bits));
}

#endif
