/* tokenizer.json.  What is taken encodes any text: the file's own. */
#include "tests/fuzz/fuzzing.h"

#include "runtime/text/tokenizer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FtcDiag *d = quiet_diag();
    Tokenizer *t = tokenizer_load_json(input_file(data, size), d);
    must(t || ftc_diag_errors(d), "a refusal comes with an error");
    if (t) {
        TokenScratch *scratch = token_scratch_new(t);
        TokenIds ids = { 0 };
        Slice text = { (const char *)data, size }, half = { (const char *)data, size / 2 };
        tokenizer_encode(scratch, text, NULL, 0, &ids);
        Encoded e = tokenizer_encode(scratch, text, &half, 16, &ids);
        must(e.tokens <= 16 && e.first <= e.tokens && e.tokens <= e.uncut, "a text is cut to the length asked for");
        for (size_t i = 0; i < ids.n; i++)
            must(ids.v[i] >= 0 && ids.v[i] < tokenizer_size(t), "ids are rows of the embedding table");
        free(ids.v);
        token_scratch_free(scratch);
    }
    tokenizer_free(t);
    ftc_diag_free(d);
    return 0;
}
