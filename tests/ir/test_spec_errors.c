/* tests/errors/NAME.yaml, a spec with a fault, beside NAME.err, the exact diagnostics it has to give.
 * Comment lines at its top are options: '# -D key=value', and '# --init key=value' for what a pre-trained encoder says.
 * FTC_UPDATE=1 rewrites the .err files; the diff is then to be read. */
#include "compiler/spec/spec.h"
#include "runtime/core/files.h"
#include "tests/support/testing.h"

#include <glob.h>
#include <unistd.h>

enum { MAX_SETTINGS = 8 };

typedef struct {
    SpecSetting v[MAX_SETTINGS];
    int n;
} Settings;

/* False where an option itself is at fault. */
static bool read_options(Arena *arena, const char *file, Settings *base, Settings *over, FtcDiag *d)
{
    char line[256];
    bool ok = true;
    FILE *f = fopen(file, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) && *line == '#') {
        line[strcspn(line, "\n")] = '\0';
        if (!strncmp(line, "# -D ", 5))
            ok &= spec_setting_parse(arena, arena_strdup(arena, line + 5), &over->v[over->n++], d);
        if (!strncmp(line, "# --init ", 9)) {
            SpecSetting *set = &base->v[base->n++];
            ok &= spec_setting_parse(arena, arena_strdup(arena, line + 9), set, d);
            set->at = FTC_FILE("minilm/config.json");
        }
        assert_true(over->n < MAX_SETTINGS && base->n < MAX_SETTINGS);
    }
    fclose(f);
    return ok;
}

/* What the spec's fault makes the compiler say; free() it. */
static char *diagnostics(const char *file)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    FtcDiag *d = ftc_diag_new(out);
    Arena *arena = arena_new();
    Settings base = { 0 }, over = { 0 };
    if (read_options(arena, file, &base, &over, d)) {
        SpecSource source = { .file = file, .base = base.v, .n_base = base.n, .over = over.v, .n_over = over.n };
        assert_null(spec_load(arena, &source, d));
    }
    assert_true(ftc_diag_errors(d) > 0);
    ftc_diag_free(d);
    arena_free(arena);
    fclose(out);
    return text;
}

static void errors_are_as_recorded(void **state)
{
    (void)state;
    bool update = getenv("FTC_UPDATE") != NULL;
    int different = 0;
    glob_t files;
    FtcDiag *d = ftc_diag_new(stderr);
    assert_int_equal(chdir(source_path("tests/errors")), 0);
    assert_int_equal(glob("*.yaml", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        const char *file = files.gl_pathv[i];
        char expected_file[256], *got = diagnostics(file);
        snprintf(expected_file, sizeof expected_file, "%.*s.err", (int)(strlen(file) - 5), file);
        if (update)
            assert_true(file_write(expected_file, got, strlen(got), d));
        size_t len;
        char *expected = file_read(expected_file, 1 << 16, &len, d);
        if (!expected || strcmp(expected, got)) {
            print_error("---- %s should say\n%s---- but says\n%s", file, expected ? expected : "", got);
            different++;
        }
        free(expected);
        free(got);
    }
    globfree(&files);
    ftc_diag_free(d);
    assert_int_equal(different, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(errors_are_as_recorded) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
