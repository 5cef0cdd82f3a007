/* The stages that ftc compile makes: StageIds come first, then these; and their words for --emit, in the same order. */
#ifndef FTC_DRIVER_EMIT_H
#define FTC_DRIVER_EMIT_H

#include "compiler/api/stage.h"

#define EMIT_WORDS "graph", "grad", "fused", "kernels", "plan", "spec", "outline", "svg", "dot", "html", "llvm", "asm", "obj"

enum { EMIT_SPEC = N_STAGES, EMIT_OUTLINE, EMIT_SVG, EMIT_DOT, EMIT_HTML, EMIT_LLVM, EMIT_ASM, EMIT_OBJ, N_EMITS, EMIT_TRAINER = N_EMITS };

#endif
