/* vocab.txt: any bytes, as they are and behind the tokens that every BERT vocabulary has.  Each token is found, and the longest
 * match in the file's own text is the one that trying every length finds. */
#include "tests/fuzz/fuzzing.h"

#include "runtime/text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

static void check_match(const Vocab *v, Slice text)
{
    uint64_t hashes[256]; /* trying every length takes too long where tokens are longer */
    if (vocab_longest(v) > sizeof hashes / sizeof *hashes)
        return;
    for (size_t at = 0; at < text.n && at < 64; at++) {
        Slice rest = { text.p + at, text.n - at };
        size_t length = 0, n = rest.n < vocab_longest(v) ? rest.n : vocab_longest(v);
        int32_t id = vocab_match(v, rest, false, hashes, &length);
        while (n && vocab_find(v, (Slice){ rest.p, n }) < 0)
            n--;
        must(n ? id == vocab_find(v, (Slice){ rest.p, n }) && length == n : id < 0, "the longest token matches");
    }
}

static void load(const uint8_t *data, size_t size)
{
    FtcDiag *d = quiet_diag();
    Tokenizer *t = tokenizer_load_vocab(input_file(data, size), true, d);
    must(t || ftc_diag_errors(d), "a refusal comes with an error");
    if (t) {
        TokenScratch *scratch = token_scratch_new(t);
        TokenIds ids = { 0 };
        Slice text = { (const char *)data, size };
        for (int32_t id = 0; id < vocab_size(t->vocab); id++) {
            Slice token = vocab_token(t->vocab, id);
            must(!token.n || vocab_find(t->vocab, token) == id, "a token is found by its text");
        }
        check_match(t->vocab, text);
        tokenizer_encode(scratch, text, NULL, 0, &ids);
        for (size_t i = 0; i < ids.n; i++)
            must(ids.v[i] >= 0 && ids.v[i] < tokenizer_size(t), "ids are rows of the embedding table");
        free(ids.v);
        token_scratch_free(scratch);
    }
    tokenizer_free(t);
    ftc_diag_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char before[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    load(data, size);
    uint8_t *file = malloc(sizeof before - 1 + size);
    must(file, "there is memory for an input");
    memcpy(file, before, sizeof before - 1);
    if (size)
        memcpy(file + sizeof before - 1, data, size);
    load(file, sizeof before - 1 + size);
    free(file);
    return 0;
}
