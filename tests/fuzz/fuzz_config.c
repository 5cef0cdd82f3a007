/* config.json of a model folder.  What is taken has sizes that fit each other, and a name for every class. */
#include "tests/fuzz/fuzzing.h"

#include "runtime/weights/hf.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FtcDiag *d = quiet_diag();
    HfConfig c;
    input_file(data, size);
    bool ok = hf_config_load(input_folder("config.json"), &c, d);
    must(ok || ftc_diag_errors(d), "a refusal comes with an error");
    if (ok) {
        must(c.hidden > 0 && c.heads > 0 && c.hidden % c.heads == 0 && c.layers > 0 && c.vocab_size > 0, "sizes fit");
        must(!c.is_classifier || c.n_labels > 0, "a classifier has classes");
        for (int i = 0; i < c.n_labels; i++)
            must(strlen(c.labels[i]) <= size + 32, "a class has a name");
        hf_config_free(&c);
    }
    ftc_diag_free(d);
    return 0;
}
