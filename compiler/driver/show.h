/* What gcc's -v, -### and -fmem-report tell, of a compilation of ours. */
#ifndef FTC_SHOW_H
#define FTC_SHOW_H

#include "compiler/api/compile.h"

#include <stdio.h>

/* "ftc version ..., LLVM ...", "target: ...".  False after an error. */
bool show_version(const CodegenOptions *o, FtcDiag *d);

/* One command to standard error, each word in quotes, behind a blank, as gcc does; words end with NULL. */
void show_command(char *const *words);

/* ftc-compiler with the words of this command line. */
void show_compiler(const char *command, int argc, char **argv, FtcDiag *d);

/* Where memory goes, for a usual batch of the spec. */
void show_memory(const Compiled *c, FILE *out);

#endif
