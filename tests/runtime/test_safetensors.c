/* Safetensors: what is written comes back; the reference implementation's own cases; and no file, cut or
 * damaged in any way, does harm. */
#include "tests/support/testing.h"

#include "runtime/core/files.h"
#include "runtime/core/json.h"
#include "runtime/weights/safetensors.h"

#include <math.h>

static FtcDiag *d;

static int setup(void **state)
{
    (void)state;
    d = ftc_diag_new(NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ftc_diag_free(d);
    return 0;
}

/* A file of a header and so many bytes of data, in memory of exactly its size (for the sanitizer). */
static unsigned char *make_file(const char *header, size_t data_size, size_t *size)
{
    uint64_t length = strlen(header);
    *size = 8 + length + data_size;
    unsigned char *bytes = malloc(*size);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < data_size; i++)
        bytes[8 + length + i] = (unsigned char)i;
    return bytes;
}

/* Touches all a reader can touch. */
static void read_all(const Safetensors *s)
{
    for (int i = 0; i < safetensors_count(s); i++) {
        const Tensor *t = safetensors_at(s, i);
        assert_ptr_equal(safetensors_find(s, t->name), t);
        volatile unsigned sum = 0;
        for (size_t k = 0; k < t->size; k++)
            sum += ((const unsigned char *)t->data)[k];
        float *out = malloc(t->size * 4 + 4);
        tensor_to_floats(t, out);
        free(out);
    }
    safetensors_metadata(s, "format");
}

static const char *parse(const char *header, size_t data_size)
{
    size_t size;
    unsigned char *bytes = make_file(header, data_size, &size);
    Safetensors *s = safetensors_parse(bytes, size, "test", d);
    if (s)
        read_all(s);
    bool ok = s != NULL;
    safetensors_close(s);
    free(bytes);
    return ok ? "" : ftc_diag_last(d);
}

#define ENTRY(name, dtype, shape, begin, end) \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" #begin "," #end "]}"

static void written_tensors_come_back(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    char *path = path_join(folder, "x.safetensors");
    float a[6] = { 1, -2, 3.5f, NAN, INFINITY, 1e-40f };
    int64_t b[2] = { INT64_MIN, 7 };
    unsigned char c[3] = { 1, 2, 255 };
    int64_t da[] = { 2, 3 }, db[] = { 2 }, dc[] = { 3, 1, 1 }, dz[] = { 4, 0 };
    Tensor in[] = {
        { .name = "z.last", .dtype = DTYPE_F32, .rank = 2, .dims = da, .data = a },
        { .name = "bytes", .dtype = DTYPE_U8, .rank = 3, .dims = dc, .data = c },
        { .name = "wide \"quoted\" \xC3\xA9", .dtype = DTYPE_I64, .rank = 1, .dims = db, .data = b },
        { .name = "scalar", .dtype = DTYPE_F32, .rank = 0, .data = a + 1 },
        { .name = "empty", .dtype = DTYPE_F32, .rank = 2, .dims = dz, .data = a },
    };
    assert_true(safetensors_write(path, in, 5, d));
    Safetensors *s = safetensors_open(path, d);
    assert_non_null(s);
    assert_int_equal(safetensors_count(s), 5);
    assert_string_equal(safetensors_metadata(s, "format"), "pt");
    assert_null(safetensors_metadata(s, "other"));
    static const size_t sizes[] = { 24, 3, 16, 4, 0 };
    for (int i = 0; i < 5; i++) {
        const Tensor *t = safetensors_find(s, in[i].name);
        assert_non_null(t);
        assert_int_equal(t->dtype, in[i].dtype);
        assert_int_equal(t->rank, in[i].rank);
        assert_int_equal(t->size, sizes[i]);
        if (t->rank)
            assert_memory_equal(t->dims, in[i].dims, (size_t)t->rank * 8);
        if (t->size)
            assert_memory_equal(t->data, in[i].data, t->size);
        if (t->dtype == DTYPE_F32 || t->dtype == DTYPE_I64)
            assert_int_equal((uintptr_t)t->data % 4, 0); /* the mapping starts at a page */
    }
    assert_null(safetensors_find(s, "none"));
    for (int i = 1; i < 5; i++)
        assert_true(strcmp(safetensors_at(s, i - 1)->name, safetensors_at(s, i)->name) < 0);
    safetensors_close(s);
    assert_true(safetensors_write(path, NULL, 0, d));
    s = safetensors_open(path, d);
    assert_int_equal(safetensors_count(s), 0);
    safetensors_close(s);
    free(path);
}

/* Bit patterns and values from the definitions of the formats. */
static void floats_of_all_widths(void **state)
{
    (void)state;
    static const uint16_t half[] = { 0x3C00, 0xC000, 0x7BFF, 0x0001, 0x03FF, 0x0400, 0x8000, 0x7C00, 0xFC00, 0x3555 };
    static const float half_values[] = { 1, -2, 65504, 0x1p-24f, 0x1p-14f - 0x1p-24f, 0x1p-14f, -0.0f, INFINITY, -INFINITY,
                                         0x1.554p-2f };
    static const uint16_t brain[] = { 0x3F80, 0xC000, 0x0001, 0x7F80, 0x8000 };
    static const float brain_values[] = { 1, -2, 0x1p-133f, INFINITY, -0.0f };
    static const double wide[] = { 1, -0.1, 1e300, 1e-300 };
    static const float wide_values[] = { 1, -0.1f, INFINITY, 0 };
    float out[16];
    Tensor t = { .dtype = DTYPE_F16, .data = half, .size = sizeof half };
    assert_true(tensor_to_floats(&t, out));
    assert_memory_equal(out, half_values, sizeof half_values);
    t = (Tensor){ .dtype = DTYPE_BF16, .data = brain, .size = sizeof brain };
    assert_true(tensor_to_floats(&t, out));
    assert_memory_equal(out, brain_values, sizeof brain_values);
    t = (Tensor){ .dtype = DTYPE_F64, .data = wide, .size = sizeof wide };
    assert_true(tensor_to_floats(&t, out));
    assert_memory_equal(out, wide_values, sizeof wide_values);
    static const uint16_t nan[] = { 0x7E01 };
    t = (Tensor){ .dtype = DTYPE_F16, .data = nan, .size = sizeof nan };
    assert_true(tensor_to_floats(&t, out));
    assert_true(isnan(out[0]));
    t.dtype = DTYPE_I32;
    assert_false(tensor_to_floats(&t, out));
}

static void accepts_what_the_format_allows(void **state)
{
    (void)state;
    assert_string_equal(parse("{}", 0), "");
    assert_string_equal(parse(" \n{} ", 0), "");
    assert_string_equal(parse("{" ENTRY("a", "F32", "", 0, 4) "}", 4), "");
    assert_string_equal(parse("{" ENTRY("a", "F32", "2,0", 0, 0) "}", 0), "");
    assert_string_equal(parse("{" ENTRY("b", "F16", "2", 4, 8) "," ENTRY("a", "U8", "4", 0, 4) "}", 8), "");
    assert_string_equal(parse("{" ENTRY("a", "F4", "4", 0, 2) "," ENTRY("e", "F32", "0", 2, 2) "}", 2), "");
    assert_string_equal(parse("{\"__metadata__\":{\"a\":\"b\"}," ENTRY("a", "BOOL", "1", 0, 1) "}", 1), "");
    assert_string_equal(parse("{\"__metadata__\":null}", 0), "");
}

static void refuses_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        const char *word;
    } cases[] = {
        { "", 0, "JSON" },
        { "[]", 0, "object" },
        { "3", 0, "object" },
        { "{\"a\":1}", 0, "lacks" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "lacks" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4, "lacks" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4.0]}}", 4, "whole number" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[\"1\"],\"data_offsets\":[0,4]}}", 4, "whole number" },
        { "{" ENTRY("a", "F33", "1", 0, 4) "}", 4, "F33" },
        { "{" ENTRY("a", "F32", "-1", 0, 4) "}", 4, "whole number" },
        { "{" ENTRY("a", "F32", "1", 0, 8) "}", 8, "match" },
        { "{" ENTRY("a", "F4", "1", 0, 1) "}", 1, "match" },
        { "{" ENTRY("a", "F32", "1", 4, 0) "}", 4, "match" },
        { "{" ENTRY("a", "F32", "1", -4, 0) "}", 4, "match" },
        { "{" ENTRY("a", "F32", "2", 0, 8) "}", 4, "outside" },
        { "{" ENTRY("a", "F32", "1", 4, 8) "}", 8, "hole" },
        { "{" ENTRY("a", "F32", "1", 0, 4) "}", 5, "no tensor" },
        { "{}", 1, "no tensor" },
        { "{" ENTRY("a", "F32", "1", 0, 4) "," ENTRY("b", "F32", "1", 0, 4) "}", 4, "overlap" },
        { "{" ENTRY("a", "F32", "2", 0, 8) "," ENTRY("b", "F32", "1", 4, 8) "}", 8, "overlap" },
        { "{" ENTRY("a", "F32", "1", 0, 4) "," ENTRY("b", "F32", "1", 8, 12) "}", 12, "hole" },
        { "{" ENTRY("a", "F32", "1", 0, 4) "," ENTRY("a", "F32", "1", 4, 8) "}", 8, "duplicate" },
        { "{" ENTRY("a", "F32", "4611686018427387904,4", 0, 0) "}", 0, "overflow" },
        { "{" ENTRY("a", "F32", "4294967296,4294967296", 0, 0) "}", 0, "overflow" },
        { "{" ENTRY("a", "F32", "4611686018427387904", 0, 0) "}", 0, "overflow" },
        { "{" ENTRY("a", "F32", "99999999999999999999", 0, 0) "}", 0, "too big" },
        { "{\"__metadata__\":{\"a\":1}}", 0, "metadata" },
        { "{\"__metadata__\":3}", 0, "metadata" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *message = parse(cases[i].header, cases[i].data);
        if (!strstr(message, cases[i].word))
            fail_msg("%s: expected '%s', got '%s'", cases[i].header, cases[i].word, message);
    }
}

/* The reference implementation's answers, and the words of ours that stand for its error. */
static void reference_cases(void **state)
{
    (void)state;
    static const char *const words[][3] = {
        { "error:MetadataIncompleteBuffer", "belong to no tensor", "outside the file" },
        { "error:HeaderTooLarge", "too large" },
        { "error:HeaderTooSmall", "too small" },
        { "error:InvalidHeaderLength", "ends inside its header" },
        { "error:InvalidHeader", "unable to decode" },
        { "error:InvalidHeaderDeserialization", "not JSON" },
        { "error:TensorInvalidInfo", "match" },
        { "error:ValidationOverflow", "overflow", "too big" },
        { "error:InvalidOffset", "overlap" },
    };
    json_t *manifest = json_read_file(shared_path("suites/safetensors/cases/manifest.json"), d), *c;
    size_t i;
    int seen = 0;
    json_array_foreach(json_object_get(manifest, "cases"), i, c) {
        const char *file = json_string_value(json_object_get(c, "file"));
        const char *expected = json_string_value(json_object_get(c, "expected"));
        const char *const *word = NULL;
        char relative[256];
        snprintf(relative, sizeof relative, "suites/safetensors/cases/%s", file);
        Safetensors *s = safetensors_open(shared_path(relative), d);
        if (s)
            read_all(s);
        for (size_t k = 0; k < sizeof words / sizeof *words; k++)
            if (!strcmp(words[k][0], expected))
                word = words[k];
        if (!word != !strcmp(expected, "ok"))
            fail_msg("%s: no word for '%s'", file, expected);
        if (!s != (word != NULL))
            fail_msg("%s: expected %s, was %s", file, expected, s ? "accepted" : ftc_diag_last(d));
        if (word && !strstr(ftc_diag_last(d), word[1]) && !(word[2] && strstr(ftc_diag_last(d), word[2])))
            fail_msg("%s: expected %s, got '%s'", file, expected, ftc_diag_last(d));
        safetensors_close(s);
        seen++;
    }
    assert_int_equal(seen, 18);
    json_decref(manifest);
}

static const char sample[] = "{\"__metadata__\":{\"format\":\"pt\"}," ENTRY("layer.bias", "F32", "3", 0, 12) ","
    ENTRY("layer.weight", "F16", "2,3", 12, 24) "," ENTRY("position_ids", "I64", "1,2", 24, 40) "}";

static void cut_files_are_refused(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = make_file(sample, 40, &size);
    for (size_t n = 0; n < size; n++) {
        unsigned char *part = malloc(n ? n : 1);
        memcpy(part, bytes, n);
        assert_null(safetensors_parse(part, n, "cut", d));
        free(part);
    }
    Safetensors *s = safetensors_parse(bytes, size, "whole", d);
    assert_non_null(s);
    safetensors_close(s);
    free(bytes);
}

static uint32_t next_random(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}

/* Whatever a few changed bytes make of it: an error, or a file whose tensors can be read. */
static void damaged_files_do_no_harm(void **state)
{
    (void)state;
    static const char telling[] = "0123456789-{}[]\",:.eE\\ \t\0\xff\x80";
    size_t size;
    unsigned char *bytes = make_file(sample, 40, &size), *copy = malloc(size);
    uint32_t x = 2463534242u;
    int accepted = 0;
    for (int i = 0; i < 20000; i++) {
        memcpy(copy, bytes, size);
        for (uint32_t k = next_random(&x) % 4 + 1; k; k--) {
            size_t at = next_random(&x) % (8 + sizeof sample);
            uint32_t how = next_random(&x);
            copy[at] = how % 2 ? (unsigned char)telling[how / 2 % (sizeof telling - 1)] : (unsigned char)(how >> 8);
        }
        Safetensors *s = safetensors_parse(copy, size, "damaged", d);
        if (s) {
            read_all(s);
            accepted++;
        }
        safetensors_close(s);
    }
    assert_true(accepted > 0 && accepted < 20000);
    free(copy);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_tensors_come_back),
        cmocka_unit_test(floats_of_all_widths),
        cmocka_unit_test(accepts_what_the_format_allows),
        cmocka_unit_test(refuses_what_is_wrong),
        cmocka_unit_test(reference_cases),
        cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(damaged_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
