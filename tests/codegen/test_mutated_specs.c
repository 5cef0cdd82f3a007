/* 2,000 specs with a fault put into them: each ends in a diagnostic with a place, or compiles. */
#include "tests/support/testing.h"

#include "compiler/api/compile.h"
#include "compiler/spec/schema.h"
#include "runtime/core/files.h"
#include "runtime/core/mem.h"

#include <glob.h>

enum { MUTANTS = 2000, LARGEST = 4096, FAULTS = 3 };

static uint64_t chance;

static uint32_t below(uint32_t n) /* splitmix64 */
{
    uint64_t z = chance += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return (uint32_t)((z ^ z >> 31) % n);
}

typedef struct {
    char text[2 * LARGEST];
    size_t n;
} Text;

/* Puts a piece in the place of the bytes from `at` on. */
static void put(Text *t, size_t at, size_t gone, const char *piece, size_t n)
{
    if (t->n - gone + n > sizeof t->text)
        return;
    memmove(t->text + at + n, t->text + at + gone, t->n - at - gone);
    memcpy(t->text + at, piece, n);
    t->n += n - gone;
}

/* Some line: where it begins, and its length with its end. */
static size_t line(const Text *t, size_t *len)
{
    size_t at = t->n ? below((uint32_t)t->n) : 0;
    while (at > 0 && t->text[at - 1] != '\n')
        at--;
    const char *end = memchr(t->text + at, '\n', t->n - at);
    *len = end ? (size_t)(end + 1 - t->text) - at : t->n - at;
    return at;
}

static void replace_value(Text *t)
{
    static const char *const values[] = { "", "-1", "0", "3", "7", "0.5", "1e400", "[]", "{}", "null", "true", "'x'", "999999999999", "*a",
                                          "&b c", "\xC3\xA9", "\xFF", "[a, [b", "{a: 1}", "none", "bert", "$hidden", "mse", "a: b", "!!int 3",
                                          "| \n  x", "9223372036854775808", "nan" };
    size_t len, at = line(t, &len);
    const char *colon = memchr(t->text + at, ':', len);
    const char *value = values[below(sizeof values / sizeof *values)];
    if (!colon || !len)
        return;
    size_t from = (size_t)(colon + 1 - t->text), to = at + len - (t->text[at + len - 1] == '\n');
    put(t, from, to - from, value, strlen(value));
    put(t, from, 0, " ", 1);
}

static void replace_key(Text *t)
{
    size_t len, at = line(t, &len);
    const char *colon = memchr(t->text + at, ':', len), *key = key_name(&schema_keys[below((uint32_t)n_schema_keys)]);
    size_t from = at + strspn(t->text + at, " -");
    if (colon && from < (size_t)(colon - t->text))
        put(t, from, (size_t)(colon - t->text) - from, key, strlen(key));
}

static void mutate(Text *t)
{
    char copy[LARGEST], byte;
    size_t len, other, at = line(t, &len), into = line(t, &other);
    if (!t->n || len > sizeof copy)
        return;
    switch (below(8)) {
    case 0: replace_value(t); break;
    case 1: replace_value(t); break;
    case 2: replace_key(t); break;
    case 3: byte = (char)below(256); put(t, below((uint32_t)t->n), 1, &byte, 1); break;
    case 4: put(t, at, len, "", 0); break;
    case 5: memcpy(copy, t->text + at, len); put(t, into, 0, copy, len); break;
    case 6: put(t, at, 0, "      ", 1 + below(6)); break;
    case 7: put(t, at, strspn(t->text + at, " "), "", 0); break;
    }
}

/* What became of it: how many compiled, and how many were told of. */
static void try(const char *name, const Text *t, int *compiled, int *refused)
{
    char *said, *text = xstrndup(t->text, t->n);
    size_t len;
    FILE *out = open_memstream(&said, &len);
    FtcDiag *d = ftc_diag_new(out);
    Arena *arena = arena_new();
    Spec *spec = spec_load(arena, &(SpecSource){ .file = name, .text = text, .len = t->n }, d);
    Compiled *c = spec ? compile_spec(spec, "mutant", true, &(PipelineOptions){ .level = 2, .off = "," }, d) : NULL;
    fflush(out);
    bool told = ftc_diag_errors(d) > 0 && strstr(said, ": error: ") && *ftc_diag_last(d);
    if ((c != NULL) == told)
        fail_msg("%s says\n%s\nof\n%s", name, said, text);
    *compiled += c != NULL;
    *refused += told;
    compiled_free(c);
    ftc_diag_free(d);
    arena_free(arena);
    fclose(out);
    free(said);
    free(text);
}

static void mutants_end_in_a_diagnostic_or_compile(void **unused)
{
    (void)unused;
    glob_t files;
    FtcDiag *d = ftc_diag_new(stderr);
    int compiled = 0, refused = 0, n = 0;
    assert_int_equal(glob(source_path("models/*.yaml"), 0, NULL, &files), 0);
    assert_int_equal(glob(source_path("tests/errors/*.yaml"), GLOB_APPEND, NULL, &files), 0);
    for (chance = 1; n < MUTANTS;) {
        Text t;
        char name[32];
        /* every other one of a model that is whole */
        size_t pick = n % 2 ? below((uint32_t)files.gl_pathc) : below(7);
        char *text = file_read(files.gl_pathv[pick], 1 << 20, &t.n, d);
        assert_non_null(text);
        if (t.n < LARGEST) {
            memcpy(t.text, text, t.n);
            for (int k = 1 + (int)below(FAULTS); k > 0; k--)
                mutate(&t);
            snprintf(name, sizeof name, "mutant-%d.yaml", n++);
            try(name, &t, &compiled, &refused);
        }
        free(text);
    }
    assert_true(compiled > MUTANTS / 20 && refused > MUTANTS / 4); /* both ways are gone */
    printf("%d compiled, %d refused\n", compiled, refused);
    globfree(&files);
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(mutants_end_in_a_diagnostic_or_compile) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
