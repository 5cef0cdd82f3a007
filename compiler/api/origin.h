/* How programs are made, for the record of their runs. */
#ifndef FTC_ORIGIN_H
#define FTC_ORIGIN_H

#include "compiler/codegen/codegen.h"
#include "compiler/passes/pipeline.h"
#include "runtime/run/record.h"

/* Lives in the arena; init is borrowed.  NULL after an error. */
const Origin *origin_of(Arena *arena, const PipelineOptions *pipeline, const CodegenOptions *codegen, const char *init, FtcDiag *d);

#endif
