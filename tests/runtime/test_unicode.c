/* Every code point against what Hugging Face's tokenizers do with it (recorded), and sequences of marks. */
#include "runtime/text/unicode.h"
#include "tests/support/testing.h"

static const Normalizer uncased = { true, true, true, true }, cased = { true, true, false, false };

static void put_code(Bytes *out, int32_t c)
{
    bytes_reserve(out, 4);
    out->n += (size_t)utf8_encode(c, out->p + out->n);
}

/* Parses "6D 301" or "-" into UTF-8. */
static void add_hex(Bytes *out, char *field)
{
    for (char *save, *word = strtok_r(field, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
        if (strcmp(word, "-"))
            put_code(out, (int32_t)strtol(word, NULL, 16));
}

typedef struct {
    int32_t c;
    char *field[2];
} Line;

/* The next line with a code point and up to two more columns; -1 at the end. */
static Line next_line(FILE *f)
{
    static char text[512];
    Line line = { .c = -1 };
    while (fgets(text, sizeof text, f)) {
        if (*text == '#')
            continue;
        line.c = (int32_t)strtol(text, &line.field[0], 16);
        line.field[0] += strspn(line.field[0], "\t");
        line.field[1] = strchr(line.field[0], '\t');
        if (line.field[1])
            *line.field[1]++ = '\0';
        break;
    }
    return line;
}

static void check_normal(const Normalizer *how, int32_t c, char *field, int *wrong)
{
    Bytes in = { 0 }, out = { 0 }, want = { 0 };
    bytes_put(&in, 'a');
    put_code(&in, c);
    bytes_put(&in, 'b');
    normalize(how, bytes_slice(&in), &out);
    bytes_put(&want, 'a');
    if (field)
        add_hex(&want, field);
    else
        put_code(&want, c);
    bytes_put(&want, 'b');
    if (!slice_equal(bytes_slice(&out), bytes_slice(&want)) && (*wrong)++ < 20)
        printf("U+%04X: '%.*s', not '%.*s'\n", (unsigned)c, (int)out.n, out.p, (int)want.n, want.p);
    bytes_free(&in);
    bytes_free(&out);
    bytes_free(&want);
}

static void normalizes_every_code_point(void **state)
{
    (void)state;
    FILE *f = fopen(shared_path("suites/tokenizer_golden/cp_bert_normalizer.tsv"), "r");
    assert_non_null(f);
    int wrong = 0, lines = 0;
    Line line = next_line(f);
    for (int32_t c = 1; c < 0x110000; c++) {
        if (c == 0xD800)
            c = 0xE000;
        bool listed = line.c == c;
        check_normal(&uncased, c, listed ? line.field[0] : NULL, &wrong);
        check_normal(&cased, c, listed ? line.field[1] : NULL, &wrong);
        if (listed) {
            line = next_line(f);
            lines++;
        }
    }
    fclose(f);
    assert_int_equal(lines, 233850);
    assert_int_equal(wrong, 0);
}

static void splits_at_every_code_point(void **state)
{
    (void)state;
    FILE *f = fopen(shared_path("suites/tokenizer_golden/cp_bert_pretokenizer.tsv"), "r");
    assert_non_null(f);
    int wrong = 0, lines = 0;
    Line line = next_line(f);
    for (int32_t c = 1; c < 0x110000; c++) {
        if (c == 0xD800)
            c = 0xE000;
        bool listed = line.c == c, punct = listed && !strncmp(line.field[0], "punct", 5);
        char text[6] = "a";
        int n = utf8_encode(c, text + 1), words = 0, chars;
        text[n + 1] = 'b';
        Slice rest = { text, (size_t)n + 2 }, word;
        while (next_word(&rest, &word, &chars))
            words++;
        wrong += words != (punct ? 3 : listed ? 2 : 1);
        if (listed) {
            line = next_line(f);
            lines++;
        }
    }
    fclose(f);
    assert_int_equal(lines, 751);
    assert_int_equal(wrong, 0);
}

static void check(const Normalizer *how, const char *text, const char *want)
{
    Bytes out = { 0 };
    normalize(how, slice_of(text), &out);
    bytes_put(&out, '\0');
    assert_string_equal(out.p, want);
    bytes_free(&out);
}

/* Recorded from tokenizers 0.23.3. */
static void orders_marks(void **state)
{
    (void)state;
    static const Normalizer strip = { .strip_accents = true }, lower = { .lowercase = true };
    check(&strip, "a\u0301\u0323b\u1e69", "abs");
    /* spacing marks stay: classes 226, 216 are put in order, a letter or another starter ends the sequence */
    check(&strip, "a\U0001D16D\U0001D165b", "a\U0001D165\U0001D16Db");
    check(&strip, "a\U0001D16D\u0301\U0001D165b", "a\U0001D165\U0001D16Db");
    check(&strip, "a\U0001D16D\u034F\U0001D165b", "a\U0001D16D\U0001D165b"); /* U+034F: dropped, yet a starter */
    check(&strip, "\U0001D16D \U0001D165", "\U0001D16D \U0001D165");
    check(&strip, "\uac01", "\u1100\u1161\u11a8");
    check(&strip, "\u0130I", "II");
    check(&lower, "\u0130I\u03a3", "i\u0307i\u03c3");
    check(&lower, "\U00010D50\uA7DC", "\U00010D70\u019B");
    check(&strip, "\U0001E4EC\U0001D165", "\U0001E4EC\U0001D165"); /* a mark that is newer than the tables */
}

static void reads_any_bytes(void **state)
{
    (void)state;
    uint32_t seed = 7;
    Bytes out = { 0 };
    for (int round = 0; round < 20000; round++) {
        char data[16];
        size_t n = (size_t)(round % 17);
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525 + 1013904223;
            data[i] = (char)(seed >> (round % 2 ? 24 : 25) | (round % 2 ? 0 : 0x80));
        }
        Slice rest = { data, n }, word;
        int chars;
        out.n = 0;
        normalize(round % 3 ? &uncased : &(Normalizer){ 0 }, rest, &out);
        assert_int_equal(utf8_check(out.p, out.n), out.n);
        while (next_word(&rest, &word, &chars))
            assert_true(chars > 0 && (size_t)chars <= word.n);
    }
    bytes_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalizes_every_code_point),
        cmocka_unit_test(splits_at_every_code_point),
        cmocka_unit_test(orders_marks),
        cmocka_unit_test(reads_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
