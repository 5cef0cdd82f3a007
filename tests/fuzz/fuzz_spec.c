/* YAML specs.  What is taken, printed with every default and read again prints as the same. */
#include "tests/fuzz/fuzzing.h"

#include "compiler/spec/spec.h"

#include <stdlib.h>
#include <string.h>

static char *print(const Spec *s)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    must(out, "there is memory for a spec");
    spec_print(s, out);
    fclose(out);
    return text;
}

static Spec *load(Arena *arena, const char *text, size_t size, FtcDiag *d)
{
    SpecSource source = { .file = "fuzz.yaml", .text = text, .len = size };
    Spec *s = spec_load(arena, &source, d);
    must(s || ftc_diag_errors(d), "a refusal comes with an error");
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FtcDiag *d = quiet_diag();
    Arena *arena = arena_new();
    Spec *s = load(arena, (const char *)data, size, d);
    if (s) {
        char *text = print(s);
        Spec *again = load(arena, text, strlen(text), d);
        must(again, "a printed spec can be read");
        char *same = print(again);
        must(!strcmp(text, same), "a printed spec reads as the same");
        free(same);
        free(text);
    }
    ftc_diag_free(d);
    arena_free(arena);
    return 0;
}
