/* The object cache: a second compilation reads it, damage is noticed and repaired, other options and other kernels get
 * other objects, writers may race, a folder that others can write to is not used, and old objects go first. */
#include "tests/support/testing.h"

#include "compiler/codegen/cache.h"
#include "compiler/codegen/codegen.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const texts[] = {
    "kernel @twice(in f32 %x, out f32 %y) { vec %i = 0 .. T { let %a = load %x[%i] let %b = add %a, %a store %y[%i] = %b } }",
    "kernel @square(in f32 %x, out f32 %y) { vec %i = 0 .. T { let %a = load %x[%i] let %b = mul %a, %a store %y[%i] = %b } }",
};
static Arena *arena;
static FtcDiag *diag;

static Kernel *kernel(int i) { return kernel_parse(arena, "test", texts[i], strlen(texts[i]), diag); }

/* Compiles both kernels, checks what they compute and returns how many objects came from the cache. */
static int compile(CodegenOptions o)
{
    Jit *j = jit_new(&o, diag);
    Kernel *k[] = { kernel(0), kernel(1) };
    FtcKernelFn *f[2];
    assert_true(j && jit_compile(j, k, 2, f));
    float x[5] = { 1, 2, 3, 4, 5 }, y[5];
    int64_t sym[FTC_SYMBOLS] = { 5 };
    for (int i = 0; i < 2; i++) {
        f[i](&(FtcKernelArgs){ (void *[]){ x, y }, sym, NULL }, 0);
        assert_true(y[4] == (i ? 25 : 10));
    }
    int cached = jit_stats(j).cached;
    jit_free(j);
    return cached;
}

/* The names of the folder's files; returns how many. */
static int files_in(const char *folder, char names[][300], int max)
{
    DIR *d = opendir(folder);
    int n = 0;
    for (struct dirent *f; d && (f = readdir(d));)
        if (*f->d_name != '.' && n < max)
            snprintf(names[n++], 300, "%s/%s", folder, f->d_name);
    if (d)
        closedir(d);
    return n;
}

static void test_hit_and_miss(void **state)
{
    (void)state;
    char folder[200], names[8][300];
    snprintf(folder, sizeof folder, "%s/deep/cache", temp_folder());
    CodegenOptions o = { .level = 2, .cache_dir = folder, .threads = 1 };
    assert_int_equal(compile(o), 0);
    assert_int_equal(files_in(folder, names, 8), 2);
    struct stat st;
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(compile(o), 2);
    o.level = 1;
    assert_int_equal(compile(o), 0);
    o.vector_bits = 32;
    assert_int_equal(compile(o), 0);
    o.no_cache = true;
    assert_int_equal(compile(o), 0);
    assert_int_equal(files_in(folder, names, 8), 6);
    /* one Jit: an equal kernel is compiled once, cache or not */
    Jit *j = jit_new(&o, diag);
    Kernel *k[] = { kernel(0), kernel(0) };
    FtcKernelFn *f[2], *again;
    assert_true(jit_compile(j, k, 2, f) && jit_compile(j, k, 1, &again));
    assert_true(f[0] == f[1] && f[0] == again);
    assert_int_equal(jit_stats(j).cached, 2);
    jit_free(j);
}

static void test_damage(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    char names[8][300];
    CodegenOptions o = { .level = 2, .cache_dir = folder, .threads = 1 };
    chmod(folder, 0700);
    compile(o);
    assert_int_equal(files_in(folder, names, 8), 2);
    struct stat st;
    stat(names[0], &st);
    for (int kind = 0; kind < 4; kind++) {
        int fd = open(names[0], O_RDWR);
        char byte;
        if (kind == 0) { /* one bit, in the code */
            assert_int_equal(pread(fd, &byte, 1, st.st_size / 2), 1);
            byte ^= 1;
            assert_int_equal(pwrite(fd, &byte, 1, st.st_size / 2), 1);
        } else /* cut short */
            assert_int_equal(ftruncate(fd, kind == 1 ? st.st_size - 1 : kind == 2 ? 20 : 0), 0);
        close(fd);
        assert_int_equal(compile(o), 1);
        assert_int_equal(compile(o), 2); /* and was written anew */
    }
}

static void test_no_folder(void **state)
{
    (void)state;
    CodegenOptions o = { .level = 2, .cache_dir = "/proc/no/such/place", .threads = 1 };
    assert_int_equal(compile(o), 0);
    const char *folder = temp_folder();
    chmod(folder, 0777); /* anyone could put code there */
    o.cache_dir = folder;
    assert_int_equal(compile(o), 0);
    assert_int_equal(compile(o), 0);
    char names[1][300];
    assert_int_equal(files_in(folder, names, 1), 0);
}

static void test_writers_race(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    chmod(folder, 0700);
    enum { WRITERS = 6, ROUNDS = 40, SIZE = 300000 };
    char *data = malloc(SIZE);
    memset(data, 7, SIZE);
    for (int w = 0; w < WRITERS; w++)
        if (fork() == 0) {
            Cache *c = cache_open(folder);
            bool whole = c != NULL;
            for (int r = 0; r < ROUNDS && whole; r++) {
                size_t size;
                cache_put(c, "k", data, SIZE);
                char *got = cache_get(c, "k", &size); /* there, and whole: renames replace it in one go */
                whole = got && size == SIZE && !memcmp(got, data, SIZE);
                free(got);
            }
            _exit(!whole);
        }
    for (int w = 0; w < WRITERS; w++) {
        int status;
        wait(&status);
        assert_int_equal(status, 0);
    }
    char names[8][300];
    assert_int_equal(files_in(folder, names, 8), 1); /* nothing left beside it */
    free(data);
}

static void test_bounded(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    chmod(folder, 0700);
    Cache *c = cache_open(folder);
    char data[1000] = { 1 };
    for (int i = 0; i < 10; i++) {
        char key[8], path[300];
        snprintf(key, sizeof key, "k%d", i);
        cache_put(c, key, data, sizeof data);
        snprintf(path, sizeof path, "%s/%s.o", folder, key);
        struct timespec age[2] = { { time(NULL) - 10000 + i, 0 }, { time(NULL) - 10000 + i, 0 } };
        assert_int_equal(utimensat(AT_FDCWD, path, age, 0), 0);
    }
    size_t size;
    free(cache_get(c, "k0", &size)); /* now the one used last */
    cache_trim(c, 4500);
    for (int i = 0; i < 10; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        void *got = cache_get(c, key, &size);
        assert_true((got != NULL) == (i == 0 || i > 6));
        free(got);
    }
    cache_close(c);
}

int main(void)
{
    arena = arena_new();
    diag = ftc_diag_new(stderr);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hit_and_miss), cmocka_unit_test(test_damage), cmocka_unit_test(test_no_folder),
        cmocka_unit_test(test_writers_race), cmocka_unit_test(test_bounded),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ftc_diag_free(diag);
    arena_free(arena);
    return failed;
}
