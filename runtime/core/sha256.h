/* SHA-256 (FIPS 180-4), for digests of weights and files.  Feed bytes in any portions, then take the digest. */
#ifndef FTC_SHA256_H
#define FTC_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t state[8];
    uint64_t length;          /* bytes so far */
    unsigned char block[64];  /* the length % 64 bytes that don't fill a block yet */
} Sha256;

void sha256_begin(Sha256 *s);
void sha256_add(Sha256 *s, const void *data, size_t size);
void sha256_end(Sha256 *s, unsigned char digest[32]);

/* The digest as 64 hexadecimal digits and a NUL. */
void sha256_hex(Sha256 *s, char hex[65]);

#endif
