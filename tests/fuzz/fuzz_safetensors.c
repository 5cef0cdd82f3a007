/* Weights: any bytes as a file; and, as a mutated header seldom has the length that stands before it, everything up to the
 * last brace as a header whose length is right.  Each tensor of what is taken is read to its last byte. */
#include "tests/fuzz/fuzzing.h"

#include "runtime/weights/safetensors.h"

#include <stdlib.h>
#include <string.h>

static void read_all(const Safetensors *s)
{
    volatile unsigned sum = 0;
    char shape[64];
    for (int i = 0; i < safetensors_count(s); i++) {
        const Tensor *t = safetensors_at(s, i);
        must(safetensors_find(s, t->name) == t, "a tensor is found by its name");
        tensor_shape(t->rank, t->dims, shape, sizeof shape);
        for (size_t k = 0; k < t->size; k++)
            sum += ((const unsigned char *)t->data)[k];
        size_t elements = t->size / 2; /* no float is smaller */
        float *out = malloc((elements + 1) * sizeof *out);
        must(out, "there is memory for a tensor");
        tensor_to_floats(t, out);
        free(out);
    }
    safetensors_metadata(s, "format");
}

static void parse(const uint8_t *data, size_t size)
{
    FtcDiag *d = quiet_diag();
    Safetensors *s = safetensors_parse(data, size, "fuzz.safetensors", d);
    must(s || ftc_diag_errors(d), "a refusal comes with an error");
    if (s)
        read_all(s);
    safetensors_close(s);
    ftc_diag_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse(data, size);
    size_t begin = size >= 8 && data[8 - 1] == 0 ? 8 : 0, end = size; /* a whole file's own length is left out */
    while (end > begin && data[end - 1] != '}')
        end--;
    uint64_t length = end - begin;
    uint8_t *file = malloc(8 + size - begin);
    must(file, "there is memory for an input");
    memcpy(file, &length, 8);
    memcpy(file + 8, data + begin, size - begin);
    parse(file, 8 + size - begin);
    free(file);
    return 0;
}
