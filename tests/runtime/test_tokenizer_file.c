/* Tokenizer files: what is read from each, and the message for each that can't be used. */
#include "runtime/core/files.h"
#include "runtime/text/tokenizer.h"
#include "tests/support/testing.h"

static const char vocab_lines[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n##b\n\u00e9\ne\n";

static void put_file(const char *folder, const char *name, const char *text)
{
    FtcDiag *d = ftc_diag_new(stderr);
    char *path = path_join(folder, name);
    assert_true(file_write(path, text, strlen(text), d));
    free(path);
    ftc_diag_free(d);
}

static void check_ids(const Tokenizer *t, const char *text, int n, const int32_t *want)
{
    TokenScratch *s = token_scratch_new(t);
    TokenIds ids = { 0 };
    tokenizer_encode(s, slice_of(text), NULL, 0, &ids);
    assert_int_equal(ids.n, n);
    assert_memory_equal(ids.v, want, (size_t)n * sizeof *want);
    free(ids.v);
    token_scratch_free(s);
}

/* --- vocab.txt --------------------------------------------------------------------------------------- */

static void reads_vocab_with_config(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(stderr);
    const char *folder = temp_folder();
    put_file(folder, "vocab.txt", vocab_lines);
    Tokenizer *t = tokenizer_load(folder, d); /* alone: lower-cased, as BertTokenizer does by default */
    assert_non_null(t);
    check_ids(t, "A \u00e9", 4, (int32_t[]){ 2, 4, 7, 3 });
    assert_int_equal(t->pad, 0);
    assert_int_equal(t->mask, -1);
    tokenizer_free(t);

    put_file(folder, "tokenizer_config.json", "{\"do_lower_case\": false, \"unk_token\": {\"content\": \"[PAD]\"}, \"mask_token\": null}");
    t = tokenizer_load(folder, d);
    assert_non_null(t);
    check_ids(t, "A \u00e9", 4, (int32_t[]){ 2, 0, 6, 3 });
    tokenizer_free(t);

    put_file(folder, "tokenizer_config.json", "{\"do_lower_case\": true, \"strip_accents\": false}");
    t = tokenizer_load(folder, d);
    check_ids(t, "A \u00c9", 4, (int32_t[]){ 2, 4, 6, 3 });
    tokenizer_free(t);
    ftc_diag_free(d);
}

static void reads_odd_vocabularies(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(stderr);
    const char *folder = temp_folder();
    char *path = path_join(folder, "vocab.txt");
    put_file(folder, "vocab.txt", "[UNK]\r\na\r\n\r\n[CLS]\r\na\r\n[SEP]"); /* a twice: the last counts; an empty one */
    Tokenizer *t = tokenizer_load_vocab(path, true, d);
    assert_non_null(t);
    assert_int_equal(tokenizer_size(t), 6);
    check_ids(t, "a b", 4, (int32_t[]){ 3, 4, 0, 5 });

    /* id 1 is free now, which vocab.txt can't say: only tokenizer.json is written */
    const char *other = temp_folder();
    assert_true(tokenizer_save(t, other, 0, d));
    char *saved = path_join(other, "vocab.txt");
    assert_false(path_is_file(saved));
    tokenizer_free(t);
    t = tokenizer_load(other, d);
    assert_non_null(t);
    check_ids(t, "a b", 4, (int32_t[]){ 3, 4, 0, 5 });
    tokenizer_free(t);
    free(saved);
    free(path);
    ftc_diag_free(d);
}

/* --- tokenizer.json ---------------------------------------------------------------------------------- */

#define MODEL                                                                                                          \
    "\"model\": {\"type\": \"WordPiece\", \"unk_token\": \"?\", \"continuing_subword_prefix\": \"@\", "                \
    "\"max_input_chars_per_word\": 4, \"vocab\": {\"?\": 0, \"<\": 1, \">\": 2, \"a\": 3, \"@b\": 4, \"bb\": 9}}"
#define ADDED "\"added_tokens\": [{\"id\": 20, \"content\": \"<x>\", \"special\": true}]"
#define NORMALIZER "\"normalizer\": {\"type\": \"BertNormalizer\", \"lowercase\": true}"
#define PRE "\"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}"
#define POST "\"post_processor\": {\"type\": \"BertProcessing\", \"cls\": [\"<\", 1], \"sep\": [\">\", 2]}"

static Tokenizer *load_json(const char *text, FtcDiag *d)
{
    const char *folder = temp_folder();
    put_file(folder, "tokenizer.json", text);
    return tokenizer_load(folder, d);
}

static void reads_tokenizer_json(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(stderr);
    Tokenizer *t = load_json("{" MODEL ", " ADDED ", " NORMALIZER ", " PRE ", " POST ", \"truncation\": {\"max_length\": 3}}", d);
    assert_non_null(t);
    assert_int_equal(tokenizer_size(t), 21);
    check_ids(t, "abb <x> BB abbbb", 8, (int32_t[]){ 1, 3, 4, 4, 20, 9, 0, 2 });
    const char *folder = temp_folder();
    assert_true(tokenizer_save(t, folder, 0, d));
    tokenizer_free(t);
    t = tokenizer_load(folder, d);
    assert_non_null(t);
    assert_int_equal(tokenizer_size(t), 21);
    check_ids(t, "abb <x> BB abbbb", 8, (int32_t[]){ 1, 3, 4, 4, 20, 9, 0, 2 });
    tokenizer_free(t);
    ftc_diag_free(d);
}

static void refuses_what_it_cant_do(void **state)
{
    (void)state;
    static const struct {
        const char *json, *want;
    } cases[] = {
        { "[]", "this is no tokenizer.json: it holds no object" },
        { "{}", "the tokenizer's model is 'null'" },
        { "{\"model\": {\"type\": \"BPE\"}}", "the tokenizer's model is 'BPE'; ftc has 'WordPiece' (BERT and its kin) only" },
        { "{\"model\": {\"merges\": []}}", "the tokenizer's model is 'BPE'" },
        { "{\"model\": {\"unk_id\": 0}}", "the tokenizer's model is 'Unigram'" },
        { "{" MODEL ", " NORMALIZER ", " POST "}", "the pre-tokenizer is 'null'; ftc has 'BertPreTokenizer' only" },
        { "{" MODEL ", " PRE ", " POST ", \"normalizer\": {\"type\": \"NFKC\"}}", "the normalizer is 'NFKC'" },
        { "{" MODEL ", " NORMALIZER ", " PRE "}", "the post-processor ('null') does not put texts as [CLS] a [SEP]" },
        { "{" MODEL ", " NORMALIZER ", " PRE ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [], \"pair\": []}}",
          "the post-processor ('TemplateProcessing') does not put" },
        { "{" MODEL ", " PRE ", \"post_processor\": {\"type\": \"BertProcessing\", \"cls\": [\"[CLS]\", 1], \"sep\": [\">\", 2]}}",
          "the token '[CLS]' of the post-processor is not in the vocabulary" },
        { "{" MODEL ", " PRE ", " POST ", \"added_tokens\": [{\"id\": 4, \"content\": \"new\"}]}", "the added token 'new' has no id of its own" },
        { "{" MODEL ", " PRE ", " POST ", \"added_tokens\": [7]}", "'added_tokens' has an entry that is not an object" },
        { "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {}}, " PRE ", " POST "}", "the vocabulary ('model.vocab') is missing or empty" },
        { "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": -1}}, " PRE ", " POST "}", "the id of token 'a' is not a whole number" },
        { "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 99999999}}, " PRE ", " POST "}", "the id of token 'a' is not a whole number" },
        { "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 65537}}, " PRE ", " POST "}",
          "the id of token 'a' is not a whole number from 0 to 65536" }, /* 2^16 numbers may be left out */
        { "{" MODEL ", " PRE ", " POST ", \"added_tokens\": [{\"id\": 16000000, \"content\": \"new\"}]}", "'id' is 16000000, but must lie" },
        { "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 1, \"b\": 1}}, " PRE ", " POST "}", "two tokens have the id 1" },
        { "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"<\": 1, \">\": 2}}, " PRE ", " POST "}", "the unknown token '[UNK]' is not in" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FtcDiag *d = ftc_diag_new(NULL);
        assert_null(load_json(cases[i].json, d));
        assert_int_equal(ftc_diag_errors(d), 1);
        if (!strstr(ftc_diag_last(d), cases[i].want))
            fail_msg("'%s' does not say '%s'", ftc_diag_last(d), cases[i].want);
        ftc_diag_free(d);
    }
}

static void too_many_added_tokens_are_refused(void **state)
{
    (void)state;
    enum { LIMIT = 1 << 14 };
    Bytes json = { 0 };
    FtcDiag *d = ftc_diag_new(NULL);
    for (int n = LIMIT; n <= LIMIT + 1; n++) {
        static const char start[] = "{" MODEL ", " PRE ", " POST ", \"added_tokens\": [{\"content\": \"<\"}", one[] = ",{\"content\": \"<\"}";
        json.n = 0;
        bytes_add(&json, start, sizeof start - 1);
        for (int i = 1; i < n; i++)
            bytes_add(&json, one, sizeof one - 1);
        bytes_add(&json, "]}", 3);
        Tokenizer *t = load_json(json.p, d);
        assert_true((t != NULL) == (n == LIMIT));
        tokenizer_free(t);
    }
    assert_string_equal(ftc_diag_last(d), "has 16385 added tokens; the limit is 16384");
    bytes_free(&json);
    ftc_diag_free(d);
}

static void names_what_is_missing(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    assert_null(tokenizer_load("/no/such/folder", d));
    assert_non_null(strstr(ftc_diag_last(d), "there is no such folder"));
    const char *folder = temp_folder();
    assert_null(tokenizer_load(folder, d));
    assert_non_null(strstr(ftc_diag_last(d), "neither tokenizer.json nor vocab.txt"));
    put_file(folder, "vocab.txt", "");
    assert_null(tokenizer_load(folder, d));
    assert_non_null(strstr(ftc_diag_last(d), "the vocabulary is empty"));
    put_file(folder, "vocab.txt", "[UNK]\n[CLS]\na\n");
    assert_null(tokenizer_load(folder, d));
    assert_non_null(strstr(ftc_diag_last(d), "the vocabulary has no token '[SEP]'"));
    put_file(folder, "vocab.txt", "[UNK]\n\xFF\n");
    assert_null(tokenizer_load(folder, d));
    assert_non_null(strstr(ftc_diag_last(d), "byte 6 (0xFF) is not valid UTF-8"));
    put_file(folder, "vocab.txt", vocab_lines);
    put_file(folder, "tokenizer_config.json", "{\"do_lower_case\": 7}");
    assert_null(tokenizer_load(folder, d));
    assert_non_null(strstr(ftc_diag_last(d), "do_lower_case"));
    ftc_diag_free(d);
}

static void refuses_bpe_folders(void **state)
{
    (void)state;
    const char *roberta = shared_path("vocabs/roberta-base"), *gpt2 = shared_path("vocabs/gpt2");
    FtcDiag *d = ftc_diag_new(NULL);
    assert_null(tokenizer_load(roberta, d));
    assert_non_null(strstr(ftc_diag_last(d), "the tokenizer's model is 'BPE'"));
    assert_null(tokenizer_load(gpt2, d));
    assert_non_null(strstr(ftc_diag_last(d), "this is a 'BPE' tokenizer"));
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_vocab_with_config),
        cmocka_unit_test(reads_odd_vocabularies),
        cmocka_unit_test(reads_tokenizer_json),
        cmocka_unit_test(refuses_what_it_cant_do),
        cmocka_unit_test(too_many_added_tokens_are_refused),
        cmocka_unit_test(names_what_is_missing),
        cmocka_unit_test(refuses_bpe_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
