/* The words of --emit, in the order of the stages (compile_cmd.c). */
#ifndef FTC_EMIT_WORDS_H
#define FTC_EMIT_WORDS_H

#define EMIT_WORDS "graph", "grad", "fused", "kernels", "plan", "spec", "outline", "svg", "dot", "html", "llvm", "asm", "obj"

#endif
