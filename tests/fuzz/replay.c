/* Feeds recorded inputs to a target: what libFuzzer does with the inputs it is given, for every compiler.
 *
 * In:  files, and folders of files, however deep; a folder that isn't there is passed over.
 * Out: a line that says how many there were; status 0 unless the target ended the process. */
#define _GNU_SOURCE
#include "tests/fuzz/fuzzing.h"

#include "runtime/core/files.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Larger ones are no seeds, but whole data sets. */
enum { LARGEST = 8 << 20 };

static FtcDiag *diag;
static int count;

static int feed(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)where;
    if (kind != FTW_F || !S_ISREG(st->st_mode) || st->st_size > LARGEST)
        return 0;
    size_t size;
    char *text = file_read(path, LARGEST, &size, diag);
    if (!text)
        return 1;
    fprintf(stderr, "%s\n", path); /* the last line of a log names the culprit */
    uint8_t *exact = malloc(size ? size : 1); /* of exactly its size, for the sanitizer */
    must(exact, "there is memory for an input");
    memcpy(exact, text, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    free(text);
    count++;
    return 0;
}

int main(int argc, char **argv)
{
    diag = ftc_diag_new(stderr);
    for (int i = 1; i < argc; i++)
        if (path_is_file(argv[i]) || path_is_folder(argv[i]))
            nftw(argv[i], feed, 16, FTW_PHYS);
    bool ok = !ftc_diag_errors(diag);
    ftc_diag_free(diag);
    printf("%d inputs\n", count);
    return ok ? 0 : 1;
}
