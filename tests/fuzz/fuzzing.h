/* What the targets share.
 *
 * In:  any bytes.
 * Out: nothing; whatever the bytes are, a parser ends in a result or a diagnostic.  A sanitizer's report, a failed assert, a
 *      leak, or time and memory beyond run.sh's limits is a finding.
 *
 * Each fuzz_NAME.c defines LLVMFuzzerTestOneInput.  With the CMake preset `fuzz` it is linked to libFuzzer; otherwise to
 * replay.c, which feeds it recorded inputs. */
#ifndef FTC_FUZZING_H
#define FTC_FUZZING_H

#include "ftc/diag.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes as a file, for readers that take a path; the next call replaces it. */
const char *input_file(const uint8_t *data, size_t size);

/* A folder where `name` is the file of input_file, for readers that take a folder. */
const char *input_folder(const char *name);

/* Diagnostics are formatted, quoted source lines and carets included, and thrown away. */
FtcDiag *quiet_diag(void);

/* Ends the process where `held` is false: a promise that the target checks was broken. */
void must(bool held, const char *promise);

#endif
