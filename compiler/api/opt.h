/* ftc opt: chosen passes over a stage, as LLVM's opt does.
 *
 * In:  the text of a stage (stage.h), and passes in the order they are to run.
 * Out: the text of the stage that they lead to, from which ftc compile, run, verify and opt go on.
 * A pass takes the stage it was written for: one over graphs without gradients can't run on graphs that have them. */
#ifndef FTC_OPT_H
#define FTC_OPT_H

#include "compiler/api/stage.h"

/* Prints to out; false after an error. */
bool opt_stage(const StageText *t, const Pass *const *passes, int n, FILE *out, FtcDiag *d);

#endif
