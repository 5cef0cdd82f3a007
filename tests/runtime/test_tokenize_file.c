/* Tokenizing files: each kind of file, pairs, tokens, and that the number of threads makes no difference. */
#include "runtime/core/files.h"
#include "runtime/text/tokenize_file.h"
#include "tests/support/testing.h"

static Tokenizer *make_tokenizer(void)
{
    static const char *const tokens[] = { "[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "##b", "," };
    Slice slices[9];
    for (int i = 0; i < 9; i++)
        slices[i] = slice_of(tokens[i]);
    FtcDiag *d = ftc_diag_new(stderr);
    Tokenizer *t = tokenizer_from_tokens(slices, 9, true, d);
    assert_non_null(t);
    ftc_diag_free(d);
    return t;
}

static char *write_file(const char *name, const char *text)
{
    char *path = path_join(temp_folder(), name);
    FtcDiag *d = ftc_diag_new(stderr);
    assert_true(file_write(path, text, strlen(text), d));
    ftc_diag_free(d);
    return path;
}

/* What is printed for a file of this name and text, or the message; free() it. */
static char *run(const char *name, const char *text, const TokenizeOptions *o)
{
    Tokenizer *t = make_tokenizer();
    char *out = NULL, *path = write_file(name, text);
    size_t size;
    FILE *f = open_memstream(&out, &size);
    FtcDiag *d = ftc_diag_new(NULL);
    if (!tokenize_file(t, path, o, f, d))
        fprintf(f, "error: %s", ftc_diag_last(d));
    fclose(f);
    ftc_diag_free(d);
    tokenizer_free(t);
    free(path);
    return out;
}

static void check(const char *name, const char *text, TokenizeOptions o, const char *want)
{
    char *out = run(name, text, &o);
    assert_string_equal(out, want);
    free(out);
}

static void reads_each_kind_of_file(void **state)
{
    (void)state;
    TokenizeOptions plain = { .threads = 1 };
    check("x.txt", "a b\r\n\nab [SEP] c", plain, "2 4 5 3\n2 3\n2 4 7 3 6 3\n");
    check("x.txt", "", plain, "");
    check("x.csv", "label,text\n1,\"a,b\"\n2,c\n", plain, "2 4 8 5 3\n2 6 3\n");
    check("x.csv", "label,text\n1,a\n", (TokenizeOptions){ .column = "label", .threads = 1 }, "2 1 3\n");
    check("x.csv", "s,t\n\"a\"\"\",b\n", (TokenizeOptions){ .column = "s", .column_b = "t", .threads = 1 }, "2 4 1 3 5 3\n");
    check("x.tsv", "label\ttext\n1\ta,b\n", plain, "2 4 8 5 3\n");
    check("x.jsonl", "{\"text\": \"a\\u0000b\"}\r\n\r\n{\"a\": \"a\", \"b\": \"b c\"}\n{\"a\": \"\"}\n", plain, "2 4 7 3\n2 4 3 5 6 3\n2 3\n");
}

static void prints_tokens_and_cuts(void **state)
{
    (void)state;
    check("x.txt", "ab A\n", (TokenizeOptions){ .tokens = true, .threads = 1 }, "[CLS] a ##b a [SEP]\n");
    check("x.txt", "a b c\n", (TokenizeOptions){ .max_length = 4, .threads = 1 }, "2 4 5 3\n");
    check("x.jsonl", "{\"a\": \"a a a\", \"b\": \"b\"}", (TokenizeOptions){ .max_length = 6, .threads = 1 }, "2 4 4 3 5 3\n");
}

static void names_what_is_wrong(void **state)
{
    (void)state;
    TokenizeOptions plain = { .threads = 1 };
    check("x.csv", "label,texts\n1,a\n", plain, "error: there is no column 'text' (did you mean 'texts'?); the table has 'label', 'texts'");
    check("x.jsonl", "{\"text\": 3}\n", plain, "error: this line has no string under the key 'text', or 'a' and 'b'");
    check("x.jsonl", "[1]\n", plain, "error: this line has no string under the key 'text', or 'a' and 'b'");
    char *out = run("x.jsonl", "{\"text\": \"a\"}\n{\"text\": }\n", &plain);
    assert_non_null(strstr(out, "this line is not JSON"));
    free(out);
}

static void threads_keep_the_order(void **state)
{
    (void)state;
    Bytes text = { 0 }, want = { 0 };
    for (int i = 0; i < 40000; i++) { /* more than a round of blocks */
        bytes_add(&want, "2 ", 2);
        for (int k = 0; k < i % 7; k++) {
            bytes_add(&text, "a c ", 4);
            bytes_add(&want, "4 6 ", 4);
        }
        bytes_put(&text, '\n');
        bytes_add(&want, "3\n", 2);
    }
    bytes_put(&text, '\0');
    bytes_put(&want, '\0');
    check("x.txt", text.p, (TokenizeOptions){ .threads = 1 }, want.p);
    check("x.txt", text.p, (TokenizeOptions){ .threads = 5 }, want.p);
    bytes_free(&text);
    bytes_free(&want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_kind_of_file),
        cmocka_unit_test(prints_tokens_and_cuts),
        cmocka_unit_test(names_what_is_wrong),
        cmocka_unit_test(threads_keep_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
