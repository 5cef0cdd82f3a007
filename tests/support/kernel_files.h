/* The kernels in tests/passes/kernels, as text. */
#ifndef FTC_KERNEL_FILES_H
#define FTC_KERNEL_FILES_H

#include "compiler/kernel/kernel.h"
#include "tests/support/testing.h"

static const char *const kernel_files[] = { "saxpy", "layer_norm", "ragged_softmax", "column_sums", "dot_panel", "embedding",
                                            "dropout", "indices", "packed_dot", "pack_pieces" };
enum { N_KERNEL_FILES = sizeof kernel_files / sizeof *kernel_files };

static inline char *read_kernel_file(Arena *arena, const char *name)
{
    char *path = arena_printf(arena, "tests/passes/kernels/%s.kir", name);
    FILE *f = fopen(source_path(path), "r");
    assert_non_null(f);
    char *text = arena_alloc(arena, 16384);
    size_t n = fread(text, 1, 16383, f);
    assert_true(n < 16383);
    fclose(f);
    return text;
}

static inline Kernel *parse_kernel(Arena *arena, const char *text)
{
    FtcDiag *diag = ftc_diag_new(stderr);
    ftc_diag_source(diag, "x.kir", text, strlen(text));
    Kernel *k = kernel_parse(arena, "x.kir", text, strlen(text), diag);
    ftc_diag_free(diag);
    assert_non_null(k);
    return k;
}

#endif
