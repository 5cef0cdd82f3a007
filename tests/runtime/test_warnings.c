/* What -W flags make of warnings. */
#include "tests/support/testing.h"

#include "ftc/diag.h"

/* Warns of two things under these flags (NULL-terminated); what was printed, without places, `;` behind each. */
static const char *said(const char *const *flags, int errors)
{
    static char text[512];
    FILE *f = fmemopen(text, sizeof text, "w");
    FtcDiag *d = ftc_diag_new(f), *other = ftc_diag_new(NULL);
    for (; *flags; flags++)
        assert_true(ftc_warning_flag(other, *flags));
    ftc_diag_as(d, other);
    if (ftc_warn(d, "leakage", FTC_NOWHERE, "a"))
        ftc_note(d, FTC_NOWHERE, "b");
    ftc_warn(d, "cut-texts", FTC_NOWHERE, "c");
    assert_int_equal(ftc_diag_errors(d), errors);
    ftc_diag_free(d);
    ftc_diag_free(other);
    fclose(f);
    for (char *c = text; *c; c++)
        *c = *c == '\n' ? ';' : *c;
    return text;
}

#define FLAGS(...) ((const char *const[]){ __VA_ARGS__ })
#define LEAK "ftc: warning: a [-Wleakage];ftc: note: b;"
#define LEAK_ERROR "ftc: error: a [-Werror=leakage];ftc: note: b;"
#define CUT "ftc: warning: c [-Wcut-texts];"
#define CUT_ERROR "ftc: error: c [-Werror=cut-texts];"

static void flags_decide(void **state)
{
    (void)state;
    assert_string_equal(said(FLAGS(NULL), 0), LEAK CUT);
    assert_string_equal(said(FLAGS("no-leakage", NULL), 0), CUT);
    assert_string_equal(said(FLAGS("no-leakage", "leakage", NULL), 0), LEAK CUT);
    assert_string_equal(said(FLAGS("error=leakage", NULL), 1), LEAK_ERROR CUT);
    assert_string_equal(said(FLAGS("no-leakage", "error=leakage", NULL), 1), LEAK_ERROR CUT);
    assert_string_equal(said(FLAGS("error=leakage", "no-leakage", NULL), 0), CUT);
    assert_string_equal(said(FLAGS("error", NULL), 2), LEAK_ERROR CUT_ERROR);
    assert_string_equal(said(FLAGS("error", "no-error", NULL), 0), LEAK CUT);
    assert_string_equal(said(FLAGS("no-error=cut-texts", "error", NULL), 1), LEAK_ERROR CUT);
    assert_string_equal(said(FLAGS("no-all", "leakage", NULL), 0), LEAK);
}

static void asked_for(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    assert_false(ftc_warning_asked(d, "leakage"));
    ftc_warning_flag(d, "all");
    assert_true(ftc_warning_asked(d, "leakage"));
    ftc_warning_flag(d, "no-leakage");
    assert_false(ftc_warning_asked(d, "leakage"));
    ftc_diag_free(d);
}

static void unknown_names(void **state)
{
    (void)state;
    FtcDiag *d = ftc_diag_new(NULL);
    assert_false(ftc_warning_flag(d, "no-leekage"));
    assert_string_equal(ftc_diag_last(d), "there is no warning 'leekage'; did you mean 'leakage'?");
    assert_false(ftc_warning_flag(d, "error="));
    assert_string_equal(ftc_diag_last(d), "there is no warning ''; -Whelp lists them");
    ftc_diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(flags_decide), cmocka_unit_test(asked_for), cmocka_unit_test(unknown_names) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
