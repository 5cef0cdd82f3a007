/* The tokenizer against Hugging Face's: recorded ids of 2,964 texts and 400 pairs, every code point's behaviour, the
 * saved files; and on a vocabulary small enough to follow by hand. */
#include "runtime/core/files.h"
#include "runtime/text/tokenizer.h"
#include "tests/support/testing.h"

#include <jansson.h>

/* --- a small vocabulary ------------------------------------------------------------------------------ */

static const char *const small[] = {
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",             /* 0-4 */
    "the", "un", "##aff", "##able", "##a", "cafe", "!", "[",  /* 5-12 */
    "]", "sep", "##", "#", "\u4e2d", "a", "##\u0308", "u",    /* 13-20 */
    "caf\u00e9", "##ffab",                                    /* 21-22 */
};
enum { N_SMALL = sizeof small / sizeof *small };

static Tokenizer *make_small(bool lowercase)
{
    Slice tokens[N_SMALL];
    for (int i = 0; i < N_SMALL; i++)
        tokens[i] = slice_of(small[i]);
    FtcDiag *d = ftc_diag_new(stderr);
    Tokenizer *t = tokenizer_from_tokens(tokens, N_SMALL, lowercase, d);
    assert_non_null(t);
    ftc_diag_free(d);
    return t;
}

/* The ids as text: "2 5 3". */
static const char *encode(const Tokenizer *t, const char *a, const char *b, int max_length)
{
    static char line[4096];
    TokenScratch *s = token_scratch_new(t);
    TokenIds ids = { 0 };
    Slice second = slice_of(b ? b : "");
    Encoded e = tokenizer_encode(s, slice_of(a), b ? &second : NULL, max_length, &ids);
    assert_int_equal(e.tokens, ids.n);
    assert_true(b || e.first == e.tokens);
    size_t at = 0;
    line[0] = '\0';
    for (size_t i = 0; i < ids.n; i++)
        at += (size_t)snprintf(line + at, sizeof line - at, "%s%d", i ? " " : "", ids.v[i]);
    free(ids.v);
    token_scratch_free(s);
    return line;
}

static void finds_the_longest_pieces(void **state)
{
    (void)state;
    Tokenizer *t = make_small(true);
    assert_string_equal(encode(t, "", NULL, 0), "2 3");
    assert_string_equal(encode(t, "The unaffable", NULL, 0), "2 5 6 7 8 3");
    assert_string_equal(encode(t, "una unaff unaffa unaffab", NULL, 0), "2 6 9 6 7 6 7 9 1 3"); /* greedy: no way back to ##ffab */
    assert_string_equal(encode(t, "the!the", NULL, 0), "2 5 11 5 3");
    assert_string_equal(encode(t, "the\tthe\nthe\r\nthe", NULL, 0), "2 5 5 5 5 3");
    assert_string_equal(encode(t, "##a #", NULL, 0), "2 16 16 18 16 3"); /* the prefix is not special in a text */
    assert_string_equal(encode(t, "zebra the", NULL, 0), "2 1 5 3");
    tokenizer_free(t);
}

static void normalizes(void **state)
{
    (void)state;
    Tokenizer *t = make_small(true);
    assert_string_equal(encode(t, "CAF\u00c9 cafe\u0301 Cafe", NULL, 0), "2 10 10 10 3");
    assert_string_equal(encode(t, "t\u200bh\001e th\u00ade", NULL, 0), "2 5 5 3");
    assert_string_equal(encode(t, "the\u3000the\u2028the", NULL, 0), "2 5 5 5 3");
    assert_string_equal(encode(t, "a\u4e2da", NULL, 0), "2 18 17 18 3");
    assert_string_equal(encode(t, "a\xff\xfe" "a", NULL, 0), "2 18 9 3"); /* no UTF-8: as U+FFFD, which is dropped */
    tokenizer_free(t);

    t = make_small(false);
    assert_string_equal(encode(t, "caf\u00e9 cafe The \u00fc u\u0308", NULL, 0), "2 21 10 1 1 20 19 3");
    tokenizer_free(t);
}

static void counts_characters_of_long_words(void **state)
{
    (void)state;
    Tokenizer *t = make_small(true);
    char word[202];
    memset(word, 'a', 100);
    word[100] = '\0';
    assert_null(strstr(encode(t, word, NULL, 0), " 1 "));
    strcpy(word + 100, "a");
    assert_string_equal(encode(t, word, NULL, 0), "2 1 3");
    /* 100 characters of two bytes each are not too long */
    t->normalizer.strip_accents = false;
    strcpy(word, "u");
    for (int i = 0; i < 99; i++)
        strcat(word, "\u0308");
    assert_null(strstr(encode(t, word, NULL, 0), " 1 "));
    strcat(word, "a");
    assert_string_equal(encode(t, word, NULL, 0), "2 1 3");
    tokenizer_free(t);
}

static void finds_special_tokens_in_texts(void **state)
{
    (void)state;
    Tokenizer *t = make_small(true);
    assert_string_equal(encode(t, "a[SEP]a [MASK]!", NULL, 0), "2 18 3 18 4 11 3");
    assert_string_equal(encode(t, "[sep] [SEP", NULL, 0), "2 12 14 13 12 14 3"); /* only as they are spelled */
    tokenizer_free(t);

    t = tokenizer_new("##");
    for (int32_t id = 0; id < N_SMALL; id++)
        assert_true(vocab_add(t->vocab, slice_of(small[id]), id));
    t->unk = 1, t->cls = 2, t->sep = 3;
    tokenizer_add(t, (AddedToken){ .text = "The", .id = 30, .normalized = true, .single_word = true });
    tokenizer_add(t, (AddedToken){ .text = "<e>", .id = 31, .lstrip = true, .rstrip = true });
    tokenizer_add(t, (AddedToken){ .text = "<e><e>", .id = 32 });
    tokenizer_add(t, (AddedToken){ .text = "a#a", .id = 29, .single_word = true });
    tokenizer_ready(t);
    assert_int_equal(tokenizer_size(t), 33);
    assert_true(slice_equal(tokenizer_token(t, 31), slice_of("<e>")));
    assert_true(slice_equal(tokenizer_token(t, 30), slice_of("The")));
    assert_int_equal(tokenizer_token(t, 28).n, 0);
    assert_string_equal(encode(t, "the THE athe !the!", NULL, 0), "2 30 30 1 11 30 11 3");
    assert_string_equal(encode(t, "a <e>  a<e><e><e>", NULL, 0), "2 18 31 18 32 31 3");
    assert_string_equal(encode(t, "a#a ua#a#a", NULL, 0), "2 29 20 9 16 18 16 18 3"); /* one that doesn't count is passed over whole */
    tokenizer_free(t);
}

static void truncates_the_longer_side(void **state)
{
    (void)state;
    Tokenizer *t = make_small(true);
    assert_string_equal(encode(t, "a ! the", NULL, 4), "2 18 11 3");
    assert_string_equal(encode(t, "a ! the", NULL, 5), "2 18 11 5 3");
    assert_string_equal(encode(t, "a ! the", NULL, 1), "2 3");
    assert_string_equal(encode(t, "a", "! ! ! !", 6), "2 18 3 11 11 3");
    assert_string_equal(encode(t, "! ! ! !", "a", 6), "2 11 11 3 18 3");
    assert_string_equal(encode(t, "! ! ! !", "a a a a", 8), "2 11 11 3 18 18 18 3");
    assert_string_equal(encode(t, "! ! ! ! !", "a a a a", 8), "2 11 11 11 3 18 18 3"); /* the odd one to the longer */
    assert_string_equal(encode(t, "! ! !", "a a a a", 8), "2 11 11 3 18 18 18 3");
    assert_string_equal(encode(t, "", "a", 0), "2 3 18 3");
    assert_string_equal(encode(t, "a a", "a", 2), "2 3 3");
    tokenizer_free(t);
}

/* Words that differ in a few bytes only, more of them than the cache has room for. */
static void tells_cached_words_apart(void **state)
{
    (void)state;
    Tokenizer *t = tokenizer_new("##");
    char word[20];
    t->unk = 0, t->cls = 1, t->sep = 2;
    for (int32_t i = 0; i < 20000; i++) {
        snprintf(word, sizeof word, "abcdefgh%05d", 2 * i);
        assert_true(vocab_add(t->vocab, slice_of(word), i + 3));
    }
    tokenizer_ready(t);
    TokenScratch *s = token_scratch_new(t);
    TokenIds ids = { 0 };
    for (int32_t i = 0; i < 160000; i++) {
        int32_t number = (i * 7919) % 40000;
        snprintf(word, sizeof word, "abcdefgh%05d", number);
        for (int again = 0; again < 2; again++) {
            ids.n = 0;
            tokenizer_encode(s, slice_of(word), NULL, 0, &ids);
            assert_int_equal(ids.v[1], number % 2 ? 0 : number / 2 + 3);
        }
    }
    free(ids.v);
    token_scratch_free(s);
    tokenizer_free(t);
}

/* Any bytes, any length: every id is one of the vocabulary's, and no more of them than asked for. */
static void survives_random_bytes(void **state)
{
    (void)state;
    static const char alphabet[] = "[SEP]the \xCC\x88\xE4\xB8\xADun#!\t\xC3\xA9\xFF\x01";
    Tokenizer *t = make_small(true);
    TokenScratch *s = token_scratch_new(t);
    TokenIds ids = { 0 };
    uint32_t seed = 5;
    for (int round = 0; round < 5000; round++) {
        char data[40];
        for (size_t i = 0; i < sizeof data; i++) {
            seed = seed * 1664525 + 1013904223;
            data[i] = round % 2 ? (char)(seed >> 24) : alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        size_t n = (size_t)(round % 41), half = n / 2;
        char *exact = malloc(n ? n : 1); /* so that a sanitizer sees any byte read behind the end */
        memcpy(exact, data, n);
        ids.n = 0;
        Slice b = { exact + half, n - half };
        Encoded e = tokenizer_encode(s, (Slice){ exact, half }, round % 3 ? &b : NULL, round % 9, &ids);
        assert_true(e.first <= e.tokens && e.tokens <= e.uncut && (size_t)e.tokens == ids.n);
        assert_true(round % 9 < 3 || e.tokens <= round % 9);
        for (size_t i = 0; i < ids.n; i++)
            assert_true(ids.v[i] >= 0 && ids.v[i] < N_SMALL);
        free(exact);
    }
    free(ids.v);
    token_scratch_free(s);
    tokenizer_free(t);
}

/* --- against Hugging Face ---------------------------------------------------------------------------- */

typedef void OnText(json_t *line, const char *ids, void *arg);

/* Calls `f` with each JSON line of one file and the same line of the other (NULL for none). */
static int each_line(const char *jsonl, const char *expected, OnText *f, void *arg)
{
    FILE *in = fopen(jsonl, "r"), *want = expected ? fopen(expected, "r") : NULL;
    assert_non_null(in);
    char *line = NULL, *ids = NULL;
    size_t cap = 0, ids_cap = 0;
    int n = 0;
    for (; getline(&line, &cap, in) > 0; n++) {
        json_t *tree = json_loads(line, JSON_ALLOW_NUL, NULL);
        assert_non_null(tree);
        if (want) {
            assert_true(getline(&ids, &ids_cap, want) > 0);
            ids[strcspn(ids, "\n")] = '\0';
        }
        f(tree, ids, arg);
        json_decref(tree);
    }
    free(line);
    free(ids);
    fclose(in);
    if (want)
        fclose(want);
    return n;
}

typedef struct {
    TokenScratch *scratch;
    int wrong;
} Golden;

static Slice text_of(json_t *line, const char *key)
{
    json_t *value = json_object_get(line, key);
    return (Slice){ json_string_value(value), json_string_length(value) };
}

static void check_text(json_t *line, const char *want, void *arg)
{
    Golden *g = arg;
    TokenIds ids = { 0 };
    tokenizer_encode(g->scratch, text_of(line, "text"), NULL, 0, &ids);
    for (size_t i = 0; i < ids.n; i++) {
        char *end;
        if (strtol(want, &end, 10) != ids.v[i] || end == want) {
            printf("text %lld: id %zu is %d, not %.20s\n", json_integer_value(json_object_get(line, "id")), i, ids.v[i], want);
            g->wrong++;
            break;
        }
        want = end;
    }
    g->wrong += *want == ' ';
    free(ids.v);
}

static void check_model(const char *folder, const char *expected)
{
    FtcDiag *d = ftc_diag_new(stderr);
    Tokenizer *t = tokenizer_load(folder, d);
    assert_non_null(t);
    Golden g = { token_scratch_new(t), 0 };
    /* twice, so that the second time words come from the cache */
    for (int again = 0; again < 2; again++)
        assert_int_equal(each_line(shared_path("suites/tokenizer_golden/texts.jsonl"), expected, check_text, &g), 2964);
    assert_int_equal(g.wrong, 0);
    token_scratch_free(g.scratch);
    tokenizer_free(t);
    ftc_diag_free(d);
}

static void equals_bert_uncased(void **state)
{
    (void)state;
    check_model(shared_path("vocabs/bert-base-uncased"), shared_path("suites/tokenizer_golden/bert-base-uncased.ids.txt"));
}

/* all-MiniLM-L6-v2 has the vocabulary of bert-base-uncased. */
static void equals_minilm(void **state)
{
    (void)state;
    check_model(shared_path("vocabs/bert-base-uncased"), shared_path("suites/tokenizer_golden/all-MiniLM-L6-v2.ids.txt"));
}

static void equals_bert_multilingual_cased(void **state)
{
    (void)state;
    check_model(shared_path("vocabs/bert-base-multilingual-cased"),
                shared_path("suites/tokenizer_golden/bert-base-multilingual-cased.ids.txt"));
}

static void check_pair(json_t *line, const char *unused, void *arg)
{
    (void)unused;
    Golden *g = arg;
    TokenIds ids = { 0 };
    Slice b = text_of(line, "b");
    Encoded e = tokenizer_encode(g->scratch, text_of(line, "a"), &b, 32, &ids);
    json_t *want = json_object_get(line, "ids"), *types = json_object_get(line, "type_ids");
    bool same = ids.n == json_array_size(want);
    for (size_t i = 0; same && i < ids.n; i++)
        same = json_integer_value(json_array_get(want, i)) == ids.v[i] &&
               json_integer_value(json_array_get(types, i)) == ((int)i >= e.first);
    g->wrong += !same;
    free(ids.v);
}

static void equals_truncated_pairs(void **state)
{
    (void)state;
    const char *folder = shared_path("vocabs/bert-base-uncased"), *pairs = shared_path("suites/tokenizer_golden/pairs_trunc32.jsonl");
    FtcDiag *d = ftc_diag_new(stderr);
    Tokenizer *t = tokenizer_load(folder, d);
    assert_non_null(t);
    Golden g = { token_scratch_new(t), 0 };
    assert_int_equal(each_line(pairs, NULL, check_pair, &g), 400);
    assert_int_equal(g.wrong, 0);
    token_scratch_free(g.scratch);
    tokenizer_free(t);
    ftc_diag_free(d);
}

/* vocab.txt alone, and what we save, give the same ids as tokenizer.json. */
static void saves_what_it_loaded(void **state)
{
    (void)state;
    const char *expected = shared_path("suites/tokenizer_golden/bert-base-multilingual-cased.ids.txt");
    const char *vocabulary = shared_path("vocabs/bert-base-multilingual-cased/vocab.txt");
    FtcDiag *d = ftc_diag_new(stderr);
    Tokenizer *t = tokenizer_load_vocab(vocabulary, false, d);
    assert_non_null(t);
    const char *folder = temp_folder();
    assert_true(tokenizer_save(t, folder, 512, d));
    tokenizer_free(t);
    check_model(folder, expected);

    char *json = path_join(folder, "tokenizer.json"); /* then vocab.txt is read, with tokenizer_config.json */
    assert_int_equal(remove(json), 0);
    free(json);
    check_model(folder, expected);
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_longest_pieces),
        cmocka_unit_test(normalizes),
        cmocka_unit_test(counts_characters_of_long_words),
        cmocka_unit_test(finds_special_tokens_in_texts),
        cmocka_unit_test(truncates_the_longer_side),
        cmocka_unit_test(tells_cached_words_apart),
        cmocka_unit_test(survives_random_bytes),
        cmocka_unit_test(equals_bert_uncased),
        cmocka_unit_test(equals_minilm),
        cmocka_unit_test(equals_bert_multilingual_cased),
        cmocka_unit_test(equals_truncated_pairs),
        cmocka_unit_test(saves_what_it_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
