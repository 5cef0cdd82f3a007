/* Reading, writing and replacing files and folders; see files.h. */
#define _GNU_SOURCE
#include "runtime/core/files.h"

#include "runtime/core/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ----- names ----- */

char *path_join(const char *folder, const char *name)
{
    size_t n = strlen(folder);
    return xasprintf("%s%s%s", folder, n && folder[n - 1] != '/' ? "/" : "", name);
}

char *path_program(FtcDiag *d)
{
    static const char self[] = "/proc/self/exe";
    char path[PATH_MAX];
    ssize_t n = readlink(self, path, sizeof path);
    if (n <= 0 || n == sizeof path) {
        ftc_error(d, FTC_FILE(self), "doesn't say where ftc lies, so its other parts can't be found: is /proc mounted?");
        return NULL;
    }
    while (n > 1 && path[n - 1] != '/')
        n--;
    return xstrndup(path, (size_t)n);
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool path_ends_with(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n > m && !strcmp(path + n - m, end);
}

bool path_stays_inside(const char *relative)
{
    if (!*relative || *relative == '/')
        return false;
    for (const char *part = relative; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (!strncmp(part, "..", 2) && (part[2] == '/' || !part[2]))
            return false;
    }
    return true;
}

bool path_is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

bool path_is_regular(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool path_is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool path_is_same(const char *a, const char *b)
{
    struct stat x, y;
    return a && b && stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino && S_ISREG(x.st_mode);
}

/* The folder that holds `path`; free() it. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return xstrdup(".");
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* `path` without links where it exists (what is replaced is the thing itself, not a link to it), and
 * without a slash at its end; free() it. */
static char *real_place(const char *path)
{
    char *real = realpath(path, NULL);
    if (real)
        return real;
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    return xstrndup(path, n);
}

/* ----- reading ----- */

static bool can_not(FtcDiag *d, const char *path, const char *what)
{
    return ftc_error(d, FTC_FILE(path), "can't be %s: %s", what, strerror(errno));
}

static int open_to_read(const char *path, struct stat *st, FtcDiag *d)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        can_not(d, path, "read");
        return -1;
    }
    if (fstat(fd, st) == 0 && S_ISDIR(st->st_mode)) {
        ftc_error(d, FTC_FILE(path), "is a folder; a file is needed here");
        close(fd);
        return -1;
    }
    return fd;
}

static char *read_whole(int fd, const struct stat *st, const char *path, size_t limit, size_t *size, FtcDiag *d)
{
    /* One byte more than expected tells the end of the file from a file that has grown. */
    size_t used = 0, cap = S_ISREG(st->st_mode) && (uintmax_t)st->st_size < limit ? (size_t)st->st_size + 2 : 65536;
    char *text = malloc(cap);
    for (;;) {
        if (!text) {
            ftc_error(d, FTC_FILE(path), "there is not enough memory to read it");
            break;
        }
        ssize_t n = read(fd, text + used, cap - 1 - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            can_not(d, path, "read");
            break;
        }
        used += (size_t)n;
        if (used > limit) {
            ftc_error(d, FTC_FILE(path), "is larger than the limit for such a file, %zu bytes", limit);
            break;
        }
        if (n == 0) {
            text[used] = '\0';
            *size = used;
            return text;
        }
        if (used == cap - 1) {
            char *more = cap <= SIZE_MAX / 2 ? realloc(text, cap *= 2) : NULL;
            if (!more)
                free(text);
            text = more;
        }
    }
    free(text);
    return NULL;
}

char *file_read(const char *path, size_t limit, size_t *size, FtcDiag *d)
{
    struct stat st;
    int fd = open_to_read(path, &st, d);
    if (fd < 0)
        return NULL;
    char *text = read_whole(fd, &st, path, limit, size, d);
    close(fd);
    return text;
}

static bool is_standard_input(const char *path) { return !strcmp(path, "-"); }

char *input_read(const char *path, size_t limit, size_t *size, FtcDiag *d)
{
    struct stat st = { 0 };
    if (!is_standard_input(path))
        return file_read(path, limit, size, d);
    fstat(STDIN_FILENO, &st);
    return read_whole(STDIN_FILENO, &st, input_name(path), limit, size, d);
}

const char *input_name(const char *path) { return is_standard_input(path) ? "<stdin>" : path; }

bool input_is_once(const char *path) { return is_standard_input(path) || (path_is_file(path) && !path_is_regular(path)); }

bool file_map(const char *path, FileMap *m, FtcDiag *d)
{
    struct stat st;
    *m = (FileMap){ NULL, 0 };
    int fd = open_to_read(path, &st, d);
    if (fd < 0)
        return false;
    bool ok = true;
    if (!S_ISREG(st.st_mode)) {
        ok = ftc_error(d, FTC_FILE(path), "is no regular file, so it can't be mapped");
    } else if (st.st_size > 0) {
        void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            ok = can_not(d, path, "mapped");
        else
            *m = (FileMap){ data, (size_t)st.st_size };
    }
    close(fd);
    return ok;
}

void file_unmap(FileMap *m)
{
    if (m->data)
        munmap((void *)m->data, m->size);
    *m = (FileMap){ NULL, 0 };
}

/* ----- writing ----- */

struct FileWriter {
    char *path, *made;    /* the file being made beside path; NULL: path itself is written to */
    FtcDiag *diag;
    int fd;
    bool failed, existed;
    size_t used;          /* bytes in the buffer */
    char buffer[65536];
};

/* A folder's entry is safe on disk only when the folder is. */
static bool sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0 || errno == EINVAL || errno == EROFS; /* some file systems can't */
    close(fd);
    return ok;
}

static bool writing_failed(FileWriter *w)
{
    if (w->failed)
        return false;
    w->failed = true;
    bool full = errno == ENOSPC || errno == EDQUOT;
    return ftc_error(w->diag, FTC_FILE(w->path), "can't be written: %s%s%s",
                     full ? "the disk is full" : strerror(errno),
                     w->made && w->existed ? "; the file that was there before is untouched" : "",
                     full ? "; make room and run again" : "");
}

FileWriter *file_create(const char *path, FtcDiag *d)
{
    FileWriter *w = xmalloc(sizeof *w);
    struct stat st;
    w->path = real_place(path);
    w->made = NULL;
    w->diag = d;
    w->failed = false;
    w->used = 0;
    w->existed = stat(w->path, &st) == 0;
    if (w->existed && !S_ISREG(st.st_mode)) {
        w->fd = open(w->path, O_WRONLY | O_CLOEXEC);
    } else {
        w->made = xasprintf("%s.tmp-%ld", w->path, (long)getpid());
        unlink(w->made);
        w->fd = open(w->made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    if (w->fd < 0) {
        writing_failed(w);
        file_abandon(w);
        return NULL;
    }
    return w;
}

static bool write_all(FileWriter *w, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(w->fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return writing_failed(w);
        data += n;
        size -= (size_t)n;
    }
    return true;
}

bool file_put(FileWriter *w, const void *data, size_t size)
{
    if (w->failed)
        return false;
    if (size > sizeof w->buffer - w->used) {
        size_t held = w->used;
        w->used = 0;
        if (!write_all(w, w->buffer, held))
            return false;
        if (size >= sizeof w->buffer)
            return write_all(w, data, size);
    }
    if (size)
        memcpy(w->buffer + w->used, data, size);
    w->used += size;
    return true;
}

bool file_commit(FileWriter *w)
{
    if (!w->failed)
        write_all(w, w->buffer, w->used);
    if (!w->failed && w->made && fsync(w->fd) && errno != EINVAL)
        writing_failed(w);
    if (close(w->fd) && !w->failed)
        writing_failed(w);
    w->fd = -1;
    if (!w->failed && w->made) {
        char *folder = folder_of(w->path);
        if (rename(w->made, w->path) || !sync_folder(folder))
            writing_failed(w);
        free(folder);
    }
    bool ok = !w->failed;
    file_abandon(w);
    return ok;
}

void file_abandon(FileWriter *w)
{
    if (w->fd >= 0)
        close(w->fd);
    if (w->made)
        unlink(w->made); /* gone already after a rename */
    free(w->made);
    free(w->path);
    free(w);
}

bool file_write(const char *path, const void *data, size_t size, FtcDiag *d)
{
    FileWriter *w = file_create(path, d);
    if (!w)
        return false;
    file_put(w, data, size);
    return file_commit(w);
}

bool output_write(const char *path, const void *data, size_t size, FtcDiag *d)
{
    if (path && strcmp(path, "-"))
        return file_write(path, data, size, d);
    return fwrite(data, 1, size, stdout) == size || ftc_error(d, FTC_FILE("<standard output>"), "can't be written");
}

bool file_print(const char *path, void (*print)(FILE *out, const void *what), const void *what, FtcDiag *d)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out)
        print(out, what);
    bool ok = out && !ferror(out);
    if (out)
        ok = !fclose(out) && ok;
    ok = ok ? file_write(path, text, size, d) : ftc_error(d, FTC_FILE(path), "there is not enough memory to write it");
    free(text);
    return ok;
}

/* ----- folders ----- */

bool folder_make(const char *path, FtcDiag *d)
{
    char *part = xstrdup(path);
    bool ok = true;
    for (char *end = part + 1; ok; end++) {
        if (*end && *end != '/')
            continue;
        char was = *end;
        *end = '\0';
        if (mkdir(part, 0777) && !(errno == EEXIST && path_is_folder(part)))
            ok = ftc_error(d, FTC_FILE(part), "can't be made: %s", strerror(errno == EEXIST ? ENOTDIR : errno));
        *end = was;
        if (!was)
            break;
    }
    free(part);
    return ok;
}

bool folder_check_writable(const char *path, FtcDiag *d)
{
    char *folder = real_place(path);
    while (access(folder, F_OK) && errno == ENOENT && strcmp(folder, ".")) {
        char *above = folder_of(folder);
        free(folder);
        folder = above;
    }
    char *trial = path_join(folder, ".ftc-trial-XXXXXX");
    int fd = mkstemp(trial);
    if (fd >= 0) {
        close(fd);
        unlink(trial);
    } else {
        ftc_error(d, FTC_FILE(path), "can't be written to: %s; choose another folder", strerror(errno));
    }
    free(trial);
    free(folder);
    return fd >= 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    remove(path);
    return 0;
}

void folder_remove(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

char *folder_begin(const char *path, FtcDiag *d)
{
    char *place = real_place(path), here[PATH_MAX];
    size_t n = strlen(place);
    if (getcwd(here, sizeof here) && *place == '/' && !strncmp(here, place, n) &&
        (!here[n] || here[n] == '/' || n == 1)) {
        ftc_error(d, FTC_FILE(path), "the folder ftc runs in can't be replaced; name a folder inside it");
        free(place);
        return NULL;
    }
    char *above = folder_of(place);
    char *made = xasprintf("%s.tmp-%ld", place, (long)getpid());
    bool ok = folder_make(above, d);
    /* One that is there may hold what a killed run was about to carry over: leave it alone. */
    for (int i = 2; ok && mkdir(made, 0777); i++) {
        if (errno != EEXIST) {
            ok = can_not(d, made, "made");
            break;
        }
        free(made);
        made = xasprintf("%s.tmp-%ld-%d", place, (long)getpid(), i);
    }
    free(above);
    free(place);
    if (ok)
        return made;
    free(made);
    return NULL;
}

static bool listed(const char *name, const char *const *list)
{
    for (; list && *list; list++)
        if (!strcmp(name, *list))
            return true;
    return false;
}

/* Moves what the new folder doesn't replace out of the old one; false if something had to stay. */
static bool carry_over(const char *old, const char *new, const char *const *drop, FtcDiag *d)
{
    DIR *dir = opendir(old);
    bool ok = dir != NULL;
    if (!ok)
        ftc_warn(d, "left-behind", FTC_FILE(old), "can't be read: %s; its files were not moved to '%s'",
                 strerror(errno), new);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || listed(e->d_name, drop))
            continue;
        char *from = path_join(old, e->d_name), *to = path_join(new, e->d_name);
        struct stat st;
        if (lstat(to, &st) && rename(from, to)) {
            ftc_warn(d, "left-behind", FTC_FILE(from), "can't be moved to '%s': %s", new, strerror(errno));
            ok = false;
        }
        free(from);
        free(to);
    }
    if (dir)
        closedir(dir);
    return ok;
}

/* Two folders trade names; without help of the file system in three steps, undone where one fails. */
static bool exchange(const char *made, const char *place)
{
    if (renameat2(AT_FDCWD, made, AT_FDCWD, place, RENAME_EXCHANGE) == 0)
        return true;
    if (errno != ENOSYS && errno != EINVAL)
        return false;
    char *old = xasprintf("%s.old-%ld", place, (long)getpid());
    int done = 0;
    if (rename(place, old) == 0 && ++done && rename(made, place) == 0 && ++done && rename(old, made) == 0)
        done++;
    int cause = errno;
    if (done == 2)
        rename(place, made);
    if (done == 1 || done == 2)
        rename(old, place);
    errno = cause;
    free(old);
    return done == 3;
}

bool folder_commit(const char *made, const char *path, const char *const *drop, FtcDiag *d)
{
    char *place = real_place(path), *above = folder_of(place);
    struct stat st;
    bool exists = stat(place, &st) == 0;
    if (exists)
        chmod(made, st.st_mode & 07777);
    bool ok = sync_folder(made) && (exists ? exchange(made, place) : rename(made, place) == 0);
    if (!ok) {
        ftc_error(d, FTC_FILE(path), "can't be replaced: %s; it is as it was", strerror(errno));
    } else {
        if (exists && carry_over(made, place, drop, d))
            folder_remove(made);
        sync_folder(place);
        sync_folder(above);
    }
    free(above);
    free(place);
    return ok;
}
