/* models/README.md is the reference that the schema makes; with FTC_UPDATE set it is written anew. */
#include "compiler/spec/spec_reference.h"
#include "compiler/spec/schema.h"
#include "runtime/core/files.h"
#include "tests/support/testing.h"

#include <stdlib.h>

static char *reference(size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    assert_non_null(out);
    spec_reference(out);
    fclose(out);
    return text;
}

static void test_committed_page_is_the_schemas(void **state)
{
    (void)state;
    size_t size, committed;
    char *text = reference(&size);
    const char *path = source_path("models/README.md");
    FtcDiag *d = ftc_diag_new(stderr);
    if (getenv("FTC_UPDATE"))
        assert_true(file_write(path, text, size, d));
    char *page = file_read(path, 1 << 24, &committed, d);
    assert_non_null(page);
    if (committed != size || memcmp(page, text, size))
        fail_msg("%s is not what the schema makes; write it anew: FTC_UPDATE=1 build/tests/test_spec_reference", path);
    free(page);
    free(text);
    ftc_diag_free(d);
}

static void test_every_row_is_in_it(void **state)
{
    (void)state;
    size_t size;
    char *text = reference(&size), want[128];
    for (int i = 0; i < n_schema_keys; i++) {
        snprintf(want, sizeof want, "\n| `%s` | ", schema_keys[i].path);
        assert_non_null(strstr(text, want));
    }
    for (int i = 0; i < N_LAYERS; i++) {
        snprintf(want, sizeof want, "\n### %s\n", layer_info[i].name);
        assert_non_null(strstr(text, want));
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_committed_page_is_the_schemas),
        cmocka_unit_test(test_every_row_is_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
