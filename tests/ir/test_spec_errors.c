/* tests/errors/NAME.yaml, a spec with a fault, beside NAME.err, the exact diagnostics it has to give.  Every row of the table of
 * diagnostics (ftc/diagnostics.def) has such a spec, or is a limit, which is tried here.
 * Comment lines at its top are options: '# -D key=value', and '# --init key=value' for what a pre-trained encoder says.
 * FTC_UPDATE=1 rewrites the .err files; the diff is then to be read. */
#include "compiler/build/build.h"
#include "runtime/core/files.h"
#include "runtime/core/mem.h"
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
        Spec *spec = spec_load(arena, &source, d);
        BuildOptions how = { .training = true, .labels = true };
        if (spec)
            assert_null(build_forward(spec, &how, arena, d));
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

/* ---- the table ---------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *format;
} table[] = {
#define DIAG(name, format) { #name, format },
#include "ftc/diagnostics.def"
};
enum { N_ROWS = sizeof table / sizeof *table };

/* Whether a message may have been printed by a format: its texts between conversions come in order, to the end. */
static bool made_by(const char *message, const char *format)
{
    bool any = false; /* a conversion comes before what is looked for */
    while (*format) {
        if (*format == '%' && format[1] != '%') {
            format += strcspn(format, "sdgufX") + 1;
            any = true;
            continue;
        }
        char text[256];
        size_t n = 0;
        for (; *format && (*format != '%' || format[1] == '%'); format++) {
            format += *format == '%';
            text[n++] = *format;
        }
        text[n] = '\0';
        const char *at = strstr(message, text), *last = at;
        while (!*format && last) { /* what ends a message is its last */
            at = last;
            last = strstr(last + 1, text);
        }
        if (!at || (!any && at != message))
            return false;
        message = at + n;
        any = false;
    }
    return any || !*message;
}

/* Whether some line of a text of diagnostics says it. */
static bool is_said(const char *text, const char *format)
{
    for (const char *p = text; (p = strstr(p, ": error: "));) {
        p += strlen(": error: ");
        char message[1024];
        snprintf(message, sizeof message, "%.*s", (int)strcspn(p, "\n"), p);
        if (made_by(message, format))
            return true;
    }
    return false;
}

/* A text n times, numbered. */
static char *repeated(const char *head, const char *format, int n)
{
    char *text;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    fputs(head, f);
    for (int i = 0; i < n; i++)
        fprintf(f, format, i);
    fclose(f);
    return text;
}

/* What is said of specs too large to be written down, and of a setting that is no text; free() it. */
static char *limits(void)
{
    char *said, map[] = "/tmp/ftc-map-XXXXXX";
    size_t len;
    FILE *out = open_memstream(&said, &len);
    FtcDiag *d = ftc_diag_new(out);
    char *codes = repeated("", "%d\ta\n", 5000);
    char *texts[] = { repeated("", "# line %07d\n", 1 << 17), repeated("data:\n  labels:\n", "  - l%d\n", 1 << 17 >> 1),
                      repeated("", "k%d: 1\n", 5000), xstrdup("{}"), xstrdup("{}") };
    static const char *const names[] = { "large.yaml", "values.yaml", "keys.yaml", "map.yaml", "bytes.yaml" };
    int fd = mkstemp(map);
    assert_true(fd >= 0 && write(fd, codes, strlen(codes)) == (ssize_t)strlen(codes));
    SpecSetting set[] = { [3] = { "data.label_map", map, FTC_FILE("-D data.label_map") },
                          [4] = { "data.text", "caf\xE9", FTC_FILE("-D data.text") } };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        Arena *arena = arena_new();
        SpecSource source = { .file = names[i], .text = texts[i], .len = strlen(texts[i]), .over = &set[i], .n_over = i > 2 };
        assert_null(spec_load(arena, &source, d));
        free(texts[i]);
        arena_free(arena);
    }
    close(fd);
    unlink(map);
    free(codes);
    ftc_diag_free(d);
    fclose(out);
    return said;
}

static void every_diagnostic_has_its_case(void **state)
{
    (void)state;
    glob_t files;
    bool said[N_ROWS] = { false };
    char *large = limits();
    FtcDiag *d = ftc_diag_new(stderr);
    assert_int_equal(glob(source_path("tests/errors/*.err"), 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        size_t len;
        char *text = file_read(files.gl_pathv[i], 1 << 16, &len, d);
        assert_non_null(text);
        for (int k = 0; k < N_ROWS; k++)
            said[k] |= is_said(text, table[k].format);
        free(text);
    }
    int missing = 0;
    for (int k = 0; k < N_ROWS; k++)
        if (!said[k] && !is_said(large, table[k].format)) {
            print_error("no spec in tests/errors shows '%s': %s\n", table[k].name, table[k].format);
            missing++;
        }
    free(large);
    globfree(&files);
    ftc_diag_free(d);
    assert_int_equal(missing, 0);
    assert_true(N_ROWS >= 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(errors_are_as_recorded), cmocka_unit_test(every_diagnostic_has_its_case) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
