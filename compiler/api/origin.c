/* From options to an Origin; see origin.h. */
#include "compiler/api/origin.h"

#include "ftc/ftc.h"

#include <stdlib.h>

/* Moves the text into the arena. */
static const char *moved(Arena *arena, char *text)
{
    const char *copy = arena_strdup(arena, text);
    free(text);
    return copy;
}

const Origin *origin_of(Arena *arena, const PipelineOptions *pipeline, const CodegenOptions *codegen, const char *init, FtcDiag *d)
{
    char *target = codegen_describe(codegen, d);
    if (!target)
        return NULL;
    Origin *o = NEW(arena, Origin);
    *o = (Origin){ .version = ftc_version(), .build = moved(arena, codegen_build()), .target = moved(arena, target), .init = init,
                   .level = pipeline->level, .passes_off = pipeline->off, .keep_encoded = pipeline->keep_encoded,
                   .march = codegen->cpu, .gemm = gemm_names[codegen->gemm] };
    return o;
}
