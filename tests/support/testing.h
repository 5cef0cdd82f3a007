/* What every unit test includes: cmocka, and helpers to find data. */
#ifndef FTC_TESTING_H
#define FTC_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The path of a file in the shared data folder; skips the running test with a word where it is absent.
 * Valid until the eighth next call. */
const char *shared_path(const char *relative);

/* The path of a file in this source tree; valid until the eighth next call. */
const char *source_path(const char *relative);

/* A fresh empty folder under the system's temporary one; removed at exit. */
const char *temp_folder(void);

#endif
