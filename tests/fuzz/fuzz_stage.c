/* Stages as text, with the spec in them, on the way to the plan. */
#include "tests/fuzz/fuzzing.h"

#include "compiler/api/stage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FtcDiag *d = quiet_diag();
    Arena *arena = arena_new();
    StageText t;
    ftc_diag_source(d, "fuzz.stage", (const char *)data, size);
    bool ok = stage_read(&t, arena, "fuzz.stage", (const char *)data, size, d);
    if (ok) {
        PipelineOptions o = { .level = 2 };
        Compiled *c = compile_stage(&t, &o, d);
        must(c || ftc_diag_errors(d), "a refusal comes with an error");
        compiled_free(c);
    }
    ftc_diag_free(d);
    arena_free(arena);
    return 0;
}
