/* Learned vocabularies: by hand on a few words, and what must hold on a real table. */
#include "runtime/text/csv.h"
#include "runtime/text/vocab_learn.h"
#include "tests/support/testing.h"

static Tokenizer *learn(const char *const *texts, int n, int32_t cap, FtcDiag *d)
{
    VocabLearner *l = vocab_learner_new(true);
    for (int i = 0; i < n; i++)
        vocab_learner_add(l, slice_of(texts[i]));
    Tokenizer *t = vocab_learner_finish(l, cap, d);
    vocab_learner_free(l);
    return t;
}

/* All tokens from the first that is not special on, with blanks between. */
static const char *tokens_of(const Tokenizer *t)
{
    static char line[1024];
    size_t at = 0;
    line[0] = '\0';
    for (int32_t id = 5; id < tokenizer_size(t); id++) {
        Slice token = tokenizer_token(t, id);
        at += (size_t)snprintf(line + at, sizeof line - at, "%s%.*s", id > 5 ? " " : "", SLICE_ARG(token));
    }
    return line;
}

static void merges_the_most_frequent_pairs(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(stderr);
    /* hug 10, pug 5, pun 12, bun 4, hugs 5: u+g 20, u+n 16 (of 17 p+u 12 are left by then: p+un), h+ug 15, p+un
     * 12; then p+ug and hug+s 5 each, the older token first, b+un 4 */
    static const char *const texts[] = {
        "hug hug hug hug hug hug hug hug hug hug", "PUG pug pug pug pug", "pun pun pun pun pun pun pun pun pun pun pun pun",
        "bun bun bun bun", "hugs hugs hugs hugs hugs", "x",
    };
    Tokenizer *t = learn(texts, 6, 100, d);
    assert_non_null(t);
    assert_true(slice_equal(tokenizer_token(t, 0), slice_of("[PAD]")));
    assert_string_equal(tokens_of(t), "b g h n p s u ##g ##n ##s ##u ##ug ##un hug pun pug hugs bun");
    TokenScratch *s = token_scratch_new(t);
    TokenIds ids = { 0 };
    tokenizer_encode(s, slice_of("Hugs"), NULL, 0, &ids);
    assert_int_equal(ids.n, 3);
    free(ids.v);
    token_scratch_free(s);
    tokenizer_free(t);

    t = learn(texts, 6, 5 + 11 + 2, d);
    assert_string_equal(tokens_of(t), "b g h n p s u ##g ##n ##s ##u ##ug ##un");
    tokenizer_free(t);

    t = learn(texts, 6, 5 + 3, d); /* not even all characters */
    assert_string_equal(tokens_of(t), "g u ##u");
    tokenizer_free(t);
    ftc_diag_free(d);
}

static void counts_overlaps_once(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(stderr);
    static const char *const texts[] = { "aaaaa aaaaa abab abab" };
    Tokenizer *t = learn(texts, 1, 100, d);
    /* ##a+##a 6; then all pairs have 2 */
    assert_string_equal(tokens_of(t), "a b ##a ##b ##aa ab aaa ##ab abab aaaaa");
    TokenScratch *s = token_scratch_new(t);
    TokenIds ids = { 0 };
    tokenizer_encode(s, slice_of("aaaaa abab"), NULL, 0, &ids);
    assert_int_equal(ids.n, 4); /* both words whole */
    free(ids.v);
    token_scratch_free(s);
    tokenizer_free(t);
    ftc_diag_free(d);
}

/* What stands between white space is counted before it is normalized, if it is short; the words are the same. */
static void pieces_are_words(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(stderr);
    static const char *const texts[] = { "\xC3\x89t\xC3\xA9,ETE\tete\nete!\rete", "ab" "\f" "c ab\x0B" "c abc", "\xE4\xB8\xAD\xE4\xB8\xAD",
                                         "abc.abc.abc.abc.abc.abc.abc.abc.abc.abc" };
    Tokenizer *t = learn(texts, 4, 100, d);
    /* all characters but , and !; ete 5, abc 13, the ideograph 2 */
    assert_string_equal(tokens_of(t), ". a b c e t \xE4\xB8\xAD ##b ##c ##e ##t ab abc et ete");
    tokenizer_free(t);
    ftc_diag_free(d);
}

static void refuses_nothing_to_learn_from(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    static const char *const texts[] = { " ", "\n" };
    assert_null(learn(texts, 2, 100, d));
    assert_non_null(strstr(ftc_diag_last(d), "there is no word"));
    static const char *const word[] = { "word word" };
    assert_null(learn(word, 1, 5, d));
    assert_int_equal(ftc_diag_errors(d), 2);
    ftc_diag_free(d);
}

static void learns_from_a_table(void **state)
{
    (void)state;
    const char *table = shared_path("data/trec6/train.csv");
    FtcDiag *d = ftc_diag_new(stderr);
    Csv *c = csv_open(table, NULL, d);
    assert_non_null(c);
    int column = csv_need_column(c, "text", d);
    VocabLearner *l = vocab_learner_new(true), *backward = vocab_learner_new(true), *half = vocab_learner_new(true);
    Bytes scratch = { 0 };
    for (int64_t i = 0, n = csv_records(c); i < n; i++) {
        vocab_learner_add(l, csv_field(c, i, column, &scratch));
        vocab_learner_add(i % 2 ? backward : half, csv_field(c, n - 1 - i, column, &scratch));
    }
    vocab_learner_merge(backward, half);
    vocab_learner_free(half);
    Tokenizer *t = vocab_learner_finish(l, 4000, d), *u = vocab_learner_finish(backward, 4000, d);
    assert_int_equal(tokenizer_size(t), 4000);
    assert_int_equal(tokenizer_size(u), 4000);
    for (int32_t id = 0; id < 4000; id++)
        assert_true(slice_equal(tokenizer_token(t, id), tokenizer_token(u, id))); /* whatever the order of the texts */

    TokenScratch *s = token_scratch_new(t);
    TokenIds ids = { 0 };
    for (int64_t i = 0; i < csv_records(c); i++)
        tokenizer_encode(s, csv_field(c, i, column, &scratch), NULL, 0, &ids);
    size_t unknown = 0;
    for (size_t i = 0; i < ids.n; i++)
        unknown += ids.v[i] == t->unk;
    assert_true(unknown * 1000 < ids.n);
    assert_true(ids.n < 16 * (size_t)csv_records(c)); /* bert-base-uncased makes 12.5 a question */
    free(ids.v);
    token_scratch_free(s);
    bytes_free(&scratch);
    vocab_learner_free(l);
    vocab_learner_free(backward);
    tokenizer_free(t);
    tokenizer_free(u);
    csv_close(c);
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_the_most_frequent_pairs),
        cmocka_unit_test(counts_overlaps_once),
        cmocka_unit_test(pieces_are_words),
        cmocka_unit_test(refuses_nothing_to_learn_from),
        cmocka_unit_test(learns_from_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
