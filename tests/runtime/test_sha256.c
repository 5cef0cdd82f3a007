/* SHA-256 against the examples of FIPS 180-4 and NIST's long message, on both code paths. */
#include "tests/support/testing.h"

#include "runtime/core/sha256.c" /* to reach the portable path on machines that would not take it */

static void check(const char *text, size_t n, const char *expected)
{
    Sha256 s;
    char hex[65];
    sha256_begin(&s);
    sha256_add(&s, text, n);
    sha256_hex(&s, hex);
    assert_string_equal(hex, expected);
}

static void published_examples(void **state)
{
    (void)state;
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    check("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check(two_blocks, 56, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    char *million = malloc(1000000);
    memset(million, 'a', 1000000);
    check(million, 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

static void portions_do_not_matter(void **state)
{
    (void)state;
    unsigned char data[300], whole[32], parts[32];
    for (int i = 0; i < 300; i++)
        data[i] = (unsigned char)(i * 7 + 3);
    for (size_t n = 0; n <= 300; n += 5)
        for (size_t step = 1; step < 130; step += 9) {
            Sha256 a, b;
            sha256_begin(&a);
            sha256_add(&a, data, n);
            sha256_end(&a, whole);
            sha256_begin(&b);
            for (size_t at = 0; at < n; at += step)
                sha256_add(&b, data + at, n - at < step ? n - at : step);
            sha256_end(&b, parts);
            assert_memory_equal(whole, parts, 32);
        }
}

/* The first block of "abc", by the portable code: its chaining value is the digest. */
static void portable_path(void **state)
{
    (void)state;
    unsigned char block[64 * 4] = "abc\x80";
    block[63] = 24;
    Sha256 s;
    sha256_begin(&s);
    add_blocks_portable(s.state, block, 1);
    assert_int_equal(s.state[0], 0xba7816bf);
    assert_int_equal(s.state[7], 0xf20015ad);
    for (int i = 0; i < 256; i++)
        block[i] = (unsigned char)(i * i + 1);
    Sha256 t = s;
    add_blocks_portable(s.state, block, 4);
    add_blocks(t.state, block, 4);
    assert_memory_equal(s.state, t.state, sizeof s.state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_examples),
        cmocka_unit_test(portions_do_not_matter),
        cmocka_unit_test(portable_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
