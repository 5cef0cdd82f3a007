/* compiler/ir/README.md is the reference that the table of ops makes; with FTC_UPDATE set it is written anew. */
#include "compiler/ir/ir.h"
#include "compiler/ir/ir_reference.h"
#include "runtime/core/files.h"
#include "tests/support/testing.h"

#include <stdlib.h>

static void test_committed_page_is_the_tables(void **state)
{
    (void)state;
    size_t size, committed;
    char *text = NULL;
    FILE *out = open_memstream(&text, &size);
    ir_reference(out);
    fclose(out);
    const char *path = source_path("compiler/ir/README.md");
    FtcDiag *d = ftc_diag_new(stderr);
    if (getenv("FTC_UPDATE"))
        assert_true(file_write(path, text, size, d));
    char *page = file_read(path, 1 << 20, &committed, d);
    assert_non_null(page);
    if (committed != size || memcmp(page, text, size))
        fail_msg("%s is not what the table makes; write it anew: FTC_UPDATE=1 build/tests/test_ir_reference", path);
    for (Op op = 0; op < N_OPS; op++) {
        char want[64];
        snprintf(want, sizeof want, "\n| `%s", op_info[op].name);
        assert_non_null(strstr(text, want));
        assert_true(*op_info[op].doc);
    }
    free(page);
    free(text);
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_committed_page_is_the_tables) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
