/* Kernels and programs as text (.kir).  What is taken prints as a text that reads as the same. */
#include "tests/fuzz/fuzzing.h"

#include "compiler/kernel/program.h"

#include <stdlib.h>
#include <string.h>

/* Of a kernel or, where k is NULL, of a program; free() it. */
static char *print(const Kernel *k, const Program *p)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    must(out, "there is memory for a text");
    if (k)
        kernel_print(k, out);
    else
        program_print(p, out);
    fclose(out);
    return text;
}

static void kernel(const char *data, size_t size)
{
    FtcDiag *d = quiet_diag();
    Arena *arena = arena_new();
    ftc_diag_source(d, "fuzz.kir", data, size);
    Kernel *k = kernel_parse(arena, "fuzz.kir", data, size, d);
    must(k || ftc_diag_errors(d), "a refusal comes with an error");
    if (k) {
        char *text = print(k, NULL);
        Kernel *again = kernel_parse(arena, "again.kir", text, strlen(text), d);
        must(again, "a printed kernel can be read");
        char *same = print(again, NULL);
        must(!strcmp(text, same), "a printed kernel reads as the same");
        free(same);
        free(text);
    }
    ftc_diag_free(d);
    arena_free(arena);
}

static void program(const char *data, size_t size)
{
    FtcDiag *d = quiet_diag();
    Arena *arena = arena_new();
    ftc_diag_source(d, "fuzz.kir", data, size);
    Program *p = program_parse(arena, "fuzz.kir", data, size, d);
    must(p || ftc_diag_errors(d), "a refusal comes with an error");
    if (p) {
        char *text = print(NULL, p);
        Program *again = program_parse(arena, "again.kir", text, strlen(text), d);
        must(again, "a printed program can be read");
        char *same = print(NULL, again);
        must(!strcmp(text, same), "a printed program reads as the same");
        free(same);
        free(text);
    }
    ftc_diag_free(d);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kernel((const char *)data, size);
    program((const char *)data, size);
    return 0;
}
