/* config.json of a model folder.  What is taken and written again is taken as the same. */
#include "tests/fuzz/fuzzing.h"

#include "runtime/core/files.h"
#include "runtime/weights/hf.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FtcDiag *d = quiet_diag();
    HfConfig c, again;
    input_file(data, size);
    bool ok = hf_config_load(input_folder("config.json"), &c, d);
    must(ok || ftc_diag_errors(d), "a refusal comes with an error");
    if (ok) {
        must(c.hidden > 0 && c.heads > 0 && c.hidden % c.heads == 0 && c.layers > 0 && c.vocab_size > 0, "sizes fit");
        must(hf_config_save(input_folder("config.json"), &c, d), "a config can be written");
        must(hf_config_load(input_folder("config.json"), &again, d), "a written config can be read");
        must(c.family == again.family && c.hidden == again.hidden && c.dropout == again.dropout &&
             c.n_labels <= again.n_labels && !strcmp(c.activation, again.activation), "a written config reads as the same");
        hf_config_free(&again);
        hf_config_free(&c);
    }
    ftc_diag_free(d);
    return 0;
}
