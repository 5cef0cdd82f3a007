/* Files and folders: what is written comes back, and what goes wrong leaves the old state whole. */
#define _GNU_SOURCE
#include "tests/support/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* The module is taken in as text, so that the system calls it makes can be made to fail. */
static int failing_exchange, failing_fsync, failing_rename; /* the errno, or 0 */
static int renames_until_failure;

static int failed(int error)
{
    errno = error;
    return -1;
}

#define renameat2(a, b, c, d, e) (failing_exchange ? failed(failing_exchange) : renameat2(a, b, c, d, e))
#define fsync(fd) (failing_fsync ? failed(failing_fsync) : fsync(fd))
#define rename(a, b) (failing_rename && renames_until_failure-- == 0 ? failed(failing_rename) : rename(a, b))
#include "runtime/core/files.c"

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

static char *in(const char *folder, const char *name)
{
    static char paths[64][512]; /* more than any test makes */
    static unsigned next;
    char *path = paths[next++ % 64];
    strcpy(path, folder);
    return strcat(strcat(path, "/"), name);
}

static void put(const char *path, const char *text) { assert_true(file_write(path, text, strlen(text), d)); }

static void assert_holds(const char *path, const char *text)
{
    size_t size;
    char *got = file_read(path, 1 << 20, &size, d);
    assert_non_null(got);
    assert_int_equal(size, strlen(text));
    assert_string_equal(got, text);
    free(got);
}

static int entries(const char *folder)
{
    DIR *dir = opendir(folder);
    int n = 0;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

static void joins_paths(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        { "a", "b", "a/b" }, { "a/", "b", "a/b" }, { "/", "b", "/b" }, { "", "b", "b" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path = path_join(cases[i][0], cases[i][1]);
        assert_string_equal(path, cases[i][2]);
        free(path);
    }
}

static void tells_inside_from_outside(void **state)
{
    (void)state;
    static const char *const inside[] = { "a", "a/b", "a..b", "..a", "a..", ".", "a/...", "model-00001-of-2.safetensors" };
    static const char *const outside[] = { "", "/", "/etc/passwd", "..", "../a", "a/..", "a/../b", "a/b/../../.." };
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        assert_true(path_stays_inside(inside[i]));
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        assert_false(path_stays_inside(outside[i]));
}

static void reads_what_was_written(void **state)
{
    (void)state;
    const char *folder = temp_folder(), *path = in(folder, "x");
    put(path, "hello");
    assert_holds(path, "hello");
    put(path, "");
    assert_holds(path, "");

    size_t n = 300000, size;
    char *big = malloc(n);
    for (size_t i = 0; i < n; i++)
        big[i] = (char)(i * 31 >> 3);
    FileWriter *w = file_create(path, d);
    for (size_t at = 0, step = 1; at < n; at += step, step = step * 3 % 100003 + 1) {
        if (step > n - at)
            step = n - at;
        assert_true(file_put(w, big + at, step));
    }
    assert_holds(path, ""); /* not there until it is committed */
    assert_true(file_commit(w));
    char *got = file_read(path, n, &size, d);
    assert_int_equal(size, n);
    assert_memory_equal(got, big, n);
    free(got);
    assert_null(file_read(path, n - 1, &size, d));
    assert_non_null(strstr(ftc_diag_last(d), "limit"));

    FileMap m;
    assert_true(file_map(path, &m, d));
    assert_int_equal(m.size, n);
    assert_memory_equal(m.data, big, n);
    file_unmap(&m);
    free(big);
    assert_int_equal(entries(folder), 1); /* no temporary file is left */
}

static void refuses_what_is_no_file(void **state)
{
    (void)state;
    size_t size;
    FileMap m;
    const char *folder = temp_folder();
    assert_null(file_read(folder, 10, &size, d));
    assert_non_null(strstr(ftc_diag_last(d), "folder"));
    assert_null(file_read(in(folder, "none"), 10, &size, d));
    assert_non_null(strstr(ftc_diag_last(d), "No such file"));
    assert_false(file_map(in(folder, "none"), &m, d));
    assert_false(file_map("/dev/null", &m, d));
    assert_false(file_write(in(folder, "none/x"), "x", 1, d));
    assert_false(file_write(folder, "x", 1, d));
    assert_true(path_is_folder(folder));
    put(in(folder, "empty"), "");
    assert_true(file_map(in(folder, "empty"), &m, d));
    assert_null(m.data);
}

static void reads_pipes(void **state)
{
    (void)state;
    int ends[2];
    char path[64];
    size_t size;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "through a pipe", 14), 14);
    close(ends[1]);
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    char *got = file_read(path, 100, &size, d);
    assert_string_equal(got, "through a pipe");
    free(got);
    close(ends[0]);
}

static void writes_through_to_devices_and_links(void **state)
{
    (void)state;
    struct stat st;
    put("/dev/null", "x");
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));

    const char *folder = temp_folder();
    put(in(folder, "real"), "old");
    assert_int_equal(symlink("real", in(folder, "link")), 0);
    put(in(folder, "link"), "new");
    assert_holds(in(folder, "real"), "new");
    assert_int_equal(lstat(in(folder, "link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
}

/* A limit on file sizes stands in for a full disk: write() fails part of the way. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void failed_writes_leave_the_old_file(void **state)
{
    (void)state;
    const char *folder = temp_folder(), *path = in(folder, "x");
    static char big[200000];
    put(path, "old");
    for (rlim_t room = 0; room < sizeof big; room += 40000) {
        limit_files(room);
        int before = ftc_diag_errors(d);
        bool ok = file_write(path, big, sizeof big, d);
        limit_files(RLIM_INFINITY);
        assert_false(ok);
        assert_int_equal(ftc_diag_errors(d), before + 1);
        assert_non_null(strstr(ftc_diag_last(d), "untouched"));
        assert_holds(path, "old");
    }
    FileWriter *w = file_create(path, d);
    file_put(w, "half", 4);
    file_abandon(w);
    assert_holds(path, "old");
    assert_int_equal(entries(folder), 1);
}

/* The disk is found to be full only when the data has to reach it. */
static void full_disks_are_named(void **state)
{
    (void)state;
    const char *folder = temp_folder(), *path = in(folder, "x");
    put(path, "old");
    failing_fsync = ENOSPC;
    bool ok = file_write(path, "new", 3, d);
    failing_fsync = 0;
    assert_false(ok);
    assert_string_equal(ftc_diag_last(d), "can't be written: the disk is full; the file that was there before is untouched; "
                                          "make room and run again");
    assert_holds(path, "old");
    assert_int_equal(entries(folder), 1);
}

static void makes_folders(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    assert_true(folder_make(in(folder, "a/b//c/"), d));
    assert_true(path_is_folder(in(folder, "a/b/c")));
    assert_true(folder_make(in(folder, "a/b"), d));
    put(in(folder, "file"), "");
    assert_false(folder_make(in(folder, "file"), d));
    assert_false(folder_make(in(folder, "file/x"), d));
    assert_true(path_is_file(in(folder, "file")));
    folder_remove(in(folder, "a"));
    assert_false(path_is_folder(in(folder, "a")));
}

static void tries_whether_a_folder_is_writable(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    assert_true(folder_check_writable(folder, d));
    assert_true(folder_check_writable(in(folder, "new/er"), d));
    assert_int_equal(entries(folder), 0);
    put(in(folder, "file"), "");
    assert_false(folder_check_writable(in(folder, "file"), d));
    assert_false(folder_check_writable(in(folder, "file/x"), d));
    assert_false(folder_check_writable("/proc", d)); /* not even for root */
    assert_false(folder_check_writable("/proc/none", d));
    if (geteuid() != 0) {
        mkdir(in(folder, "closed"), 0500);
        assert_false(folder_check_writable(in(folder, "closed"), d));
    }
}

static void replaces_folders_whole(void **state)
{
    (void)state;
    const char *folder = temp_folder(), *place = in(folder, "model");
    static const char *const drop[] = { "tokenizer.json", NULL };

    char *made = folder_begin(in(folder, "model/"), d);
    assert_non_null(made);
    put(in(made, "weights"), "first");
    assert_false(path_is_folder(place)); /* nothing to see before the end */
    assert_true(folder_commit(made, place, drop, d));
    free(made);
    assert_holds(in(place, "weights"), "first");

    put(in(place, "notes.txt"), "mine");
    put(in(place, "tokenizer.json"), "of the first");
    mkdir(in(place, "plots"), 0777);
    put(in(place, "plots/a"), "plot");
    chmod(place, 0750);
    made = folder_begin(place, d);
    put(in(made, "weights"), "second");
    assert_holds(in(place, "weights"), "first");
    assert_true(folder_commit(made, place, drop, d));
    assert_false(path_is_folder(made));
    free(made);
    assert_holds(in(place, "weights"), "second");
    assert_holds(in(place, "notes.txt"), "mine");
    assert_holds(in(place, "plots/a"), "plot");
    assert_false(path_is_file(in(place, "tokenizer.json")));
    struct stat st;
    stat(place, &st);
    assert_int_equal(st.st_mode & 0777, 0750);
    assert_int_equal(entries(folder), 1);
}

/* Where the file system can't exchange two names, it takes three renames; any of them may fail. */
static void replaces_folders_without_exchange(void **state)
{
    (void)state;
    for (int failure = -1; failure < 3; failure++) {
        const char *folder = temp_folder(), *place = in(folder, "model");
        mkdir(place, 0777);
        put(in(place, "weights"), "old");
        put(in(place, "notes.txt"), "mine");
        char *made = folder_begin(place, d);
        put(in(made, "weights"), "new");
        failing_exchange = EINVAL;
        failing_rename = failure < 0 ? 0 : EACCES;
        renames_until_failure = failure;
        bool ok = folder_commit(made, place, NULL, d);
        failing_exchange = failing_rename = 0;
        assert_int_equal(ok, failure < 0);
        if (!ok)
            folder_remove(made);
        free(made);
        assert_holds(in(place, "weights"), ok ? "new" : "old");
        assert_holds(in(place, "notes.txt"), "mine");
        assert_int_equal(entries(folder), 1);
    }
}

/* What can't be carried over stays beside, with a warning; the new folder is in place. */
static void nothing_is_lost_when_carrying_over_fails(void **state)
{
    (void)state;
    const char *folder = temp_folder(), *place = in(folder, "model");
    mkdir(place, 0777);
    put(in(place, "weights"), "old");
    put(in(place, "notes.txt"), "mine");
    char *made = folder_begin(place, d);
    put(in(made, "weights"), "new");
    int before = ftc_diag_warnings(d);
    failing_rename = EACCES;
    renames_until_failure = 0;
    assert_true(folder_commit(made, place, NULL, d));
    failing_rename = 0;
    assert_int_equal(ftc_diag_warnings(d), before + 1);
    assert_holds(in(place, "weights"), "new");
    assert_holds(in(made, "notes.txt"), "mine");
    free(made);
}

static void given_up_replacement_changes_nothing(void **state)
{
    (void)state;
    const char *folder = temp_folder(), *place = in(folder, "model");
    mkdir(place, 0777);
    put(in(place, "weights"), "old");
    char *made = folder_begin(place, d), *other = folder_begin(place, d);
    assert_string_not_equal(made, other);
    put(in(made, "weights"), "new");
    folder_remove(made);
    folder_remove(other);
    assert_false(folder_commit(made, place, NULL, d)); /* gone */
    free(made);
    free(other);
    assert_holds(in(place, "weights"), "old");
    assert_int_equal(entries(folder), 1);
}

static void replaces_the_target_of_a_link(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    mkdir(in(folder, "disk"), 0777);
    mkdir(in(folder, "disk/model"), 0777);
    assert_int_equal(symlink("disk/model", in(folder, "model")), 0);
    char *made = folder_begin(in(folder, "model"), d);
    put(in(made, "weights"), "new");
    assert_true(folder_commit(made, in(folder, "model"), NULL, d));
    free(made);
    assert_holds(in(folder, "disk/model/weights"), "new");
    struct stat st;
    lstat(in(folder, "model"), &st);
    assert_true(S_ISLNK(st.st_mode));
}

static void keeps_the_working_folder(void **state)
{
    (void)state;
    assert_null(folder_begin(".", d));
    assert_null(folder_begin("/", d));
    assert_null(folder_begin("..", d));
    assert_non_null(strstr(ftc_diag_last(d), "runs in"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_paths),
        cmocka_unit_test(tells_inside_from_outside),
        cmocka_unit_test(reads_what_was_written),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(reads_pipes),
        cmocka_unit_test(writes_through_to_devices_and_links),
        cmocka_unit_test(failed_writes_leave_the_old_file),
        cmocka_unit_test(full_disks_are_named),
        cmocka_unit_test(makes_folders),
        cmocka_unit_test(tries_whether_a_folder_is_writable),
        cmocka_unit_test(replaces_folders_whole),
        cmocka_unit_test(replaces_folders_without_exchange),
        cmocka_unit_test(nothing_is_lost_when_carrying_over_fails),
        cmocka_unit_test(given_up_replacement_changes_nothing),
        cmocka_unit_test(replaces_the_target_of_a_link),
        cmocka_unit_test(keeps_the_working_folder),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
