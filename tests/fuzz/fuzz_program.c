/* Kernels and programs as text (.kir).  What is taken prints as a text that reads as the same. */
#include "tests/fuzz/fuzzing.h"
#include "tests/fuzz/round_trip.h"

#include "compiler/kernel/program.h"

static void *parse_kernel(Arena *a, const char *file, const char *text, size_t size, FtcDiag *d)
{
    return kernel_parse(a, file, text, size, d);
}

static void *parse_program(Arena *a, const char *file, const char *text, size_t size, FtcDiag *d)
{
    return program_parse(a, file, text, size, d);
}

static void print_kernel(void *kernel, FILE *out) { kernel_print(kernel, out); }
static void print_program(void *program, FILE *out) { program_print(program, out); }
static char *kernel_as_text(void *kernel) { return printed(print_kernel, kernel); }
static char *program_as_text(void *program) { return printed(print_program, program); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    round_trip(&(TextForm){ "kernel", "fuzz.kir", parse_kernel, kernel_as_text }, data, size);
    round_trip(&(TextForm){ "program", "fuzz.kir", parse_program, program_as_text }, data, size);
    return 0;
}
