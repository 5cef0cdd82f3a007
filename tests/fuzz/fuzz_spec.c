/* YAML specs.  What is taken, printed with every default and read again prints as the same. */
#include "tests/fuzz/fuzzing.h"
#include "tests/fuzz/round_trip.h"

#include "compiler/spec/spec.h"

static void *parse(Arena *a, const char *file, const char *text, size_t size, FtcDiag *d)
{
    SpecSource source = { .file = file, .text = text, .len = size };
    return spec_load(a, &source, d);
}

static void print(void *spec, FILE *out) { spec_print(spec, out); }
static char *text_of(void *spec) { return printed(print, spec); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    round_trip(&(TextForm){ "spec", "fuzz.yaml", parse, text_of }, data, size);
    return 0;
}
