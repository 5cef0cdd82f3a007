/* Messages as people and programs get them: the same facts as text and as JSON; colour; parts of long lines. */
#include "tests/support/testing.h"

#include "ftc/diag.h"

#include <jansson.h>

static const char source[] = "model:\n  encoder: bret\n";
static const FtcLoc word = { "x.yaml", 2, 12, 16 }, key = { "x.yaml", 2, 3, 10 };

typedef enum { AS_TEXT, AS_COLOURED_TEXT, AS_JSON } Form;

static void say(FtcDiag *d)
{
    ftc_diag_source(d, "x.yaml", source, sizeof source - 1);
    ftc_suggest(d, "bert");
    ftc_error(d, word, "'%s' is no encoder", "bret");
    ftc_note(d, key, "asked for here");
    ftc_warn(d, "leakage", FTC_FILE("t.csv"), "a \"text\"");
}

/* free() it */
static char *said(Form form, void (*more)(FtcDiag *d))
{
    static char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    FtcDiag *d = ftc_diag_new(out);
    if (form == AS_JSON)
        ftc_diag_json(d);
    ftc_diag_color(d, form == AS_COLOURED_TEXT ? FTC_COLOR_ALWAYS : FTC_COLOR_AUTO);
    more(d);
    ftc_diag_free(d);
    fclose(out);
    return text;
}

static void is(Form form, void (*more)(FtcDiag *d), const char *expected)
{
    char *text = said(form, more);
    assert_string_equal(text, expected);
    free(text);
}

static void test_text(void **state)
{
    (void)state;
    is(AS_TEXT, say, "x.yaml:2:12: error: 'bret' is no encoder\n"
                     "    2 |   encoder: bret\n"
                     "      |            ^~~~\n"
                     "      |            bert\n"
                     "x.yaml:2:3: note: asked for here\n"
                     "    2 |   encoder: bret\n"
                     "      |   ^~~~~~~\n"
                     "t.csv: warning: a \"text\" [-Wleakage]\n");
}

static void test_colour(void **state)
{
    (void)state;
    char *text = said(AS_COLOURED_TEXT, say), *plain = said(AS_TEXT, say);
    assert_non_null(strstr(text, "\033[1;31merror:\033[0m"));
    char *to = text; /* without colours it is the same text */
    for (const char *from = text; *from;)
        if (*from == '\033')
            from += strcspn(from, "m") + 1;
        else
            *to++ = *from++;
    *to = '\0';
    assert_string_equal(text, plain);
    free(text);
    free(plain);
}

static json_t *parsed(void (*more)(FtcDiag *d))
{
    char *text = said(AS_JSON, more);
    json_error_t error;
    json_t *root = json_loads(text, 0, &error);
    if (!root)
        fail_msg("%s: %s", error.text, text);
    free(text);
    return root;
}

static const char *string_at(const json_t *o, const char *name) { return json_string_value(json_object_get(o, name)); }

static void place_is(const json_t *place, const char *file, int line, int column)
{
    assert_string_equal(string_at(place, "file"), file);
    assert_int_equal(json_integer_value(json_object_get(place, "line")), line);
    assert_int_equal(json_integer_value(json_object_get(place, "column")), column);
}

static void test_json_has_the_same_facts(void **state)
{
    (void)state;
    json_t *root = parsed(say);
    assert_int_equal(json_array_size(root), 2);
    const json_t *error = json_array_get(root, 0), *warning = json_array_get(root, 1);
    assert_string_equal(string_at(error, "kind"), "error");
    assert_string_equal(string_at(error, "message"), "'bret' is no encoder");
    const json_t *location = json_array_get(json_object_get(error, "locations"), 0);
    place_is(json_object_get(location, "caret"), "x.yaml", 2, 12);
    place_is(json_object_get(location, "finish"), "x.yaml", 2, 15);
    const json_t *fix = json_array_get(json_object_get(error, "fixits"), 0);
    place_is(json_object_get(fix, "start"), "x.yaml", 2, 12);
    place_is(json_object_get(fix, "next"), "x.yaml", 2, 16);
    assert_string_equal(string_at(fix, "string"), "bert");
    const json_t *note = json_array_get(json_object_get(error, "children"), 0);
    assert_string_equal(string_at(note, "kind"), "note");
    assert_string_equal(string_at(note, "message"), "asked for here");
    assert_string_equal(string_at(warning, "kind"), "warning");
    assert_string_equal(string_at(warning, "option"), "-Wleakage");
    assert_string_equal(string_at(warning, "message"), "a \"text\"");
    assert_int_equal(json_array_size(json_object_get(warning, "children")), 0);
    json_decref(root);
}

static void say_nothing(FtcDiag *d) { (void)d; }

/* Two threads' sinks make one array. */
static void say_in_two(FtcDiag *d)
{
    FtcDiag *other = ftc_diag_new(stderr);
    ftc_diag_as(other, d);
    ftc_error(d, FTC_FILE("a"), "first");
    ftc_error(other, FTC_FILE("b"), "third");
    ftc_error(other, FTC_FILE("b"), "fourth");
    ftc_error(d, FTC_FILE("a"), "second");
    ftc_diag_free(other);
    ftc_error(d, FTC_FILE("a"), "fifth");
}

static void test_json_is_one_array(void **state)
{
    (void)state;
    is(AS_JSON, say_nothing, "[]\n");
    json_t *root = parsed(say_in_two);
    static const char *const order[] = { "first", "second", "third", "fourth", "fifth" };
    assert_int_equal(json_array_size(root), 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(string_at(json_array_get(root, i), "message"), order[i]);
    json_decref(root);
}

static char long_line[1001];

static void say_in_a_long_line(FtcDiag *d)
{
    memset(long_line, '.', 1000);
    memcpy(long_line + 700, "here", 4);
    ftc_diag_source(d, "long", long_line, 1000);
    ftc_error(d, (FtcLoc){ "long", 1, 701, 705 }, "it");
}

static void test_long_lines_are_shown_around_the_caret(void **state)
{
    (void)state;
    char *text = said(AS_TEXT, say_in_a_long_line), *shown = strchr(text, '\n') + 1, *under = strchr(shown, '\n') + 1;
    assert_true(under - shown < 200);
    assert_memory_equal(shown, "    1 | ...", 11);
    assert_memory_equal(strstr(shown, "here"), "here...", 7);
    assert_int_equal(strstr(shown, "here") - shown, strstr(under, "^~~~\n") - under);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_colour),
        cmocka_unit_test(test_json_has_the_same_facts),
        cmocka_unit_test(test_json_is_one_array),
        cmocka_unit_test(test_long_lines_are_shown_around_the_caret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
