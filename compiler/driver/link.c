/* Calling the linker; see link.h.
 *
 * The objects go to a folder of their own for as long as it takes; the command is never read by a shell. */
#define _GNU_SOURCE
#include "compiler/driver/link.h"

#include "compiler/driver/show.h"
#include "runtime/core/files.h"
#include "runtime/core/mem.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* A command in the making; its words are owned. */
typedef struct {
    char **word;
    int n, cap;
} Words;

static void put(Words *c, char *word)
{
    GROW(c->word, c->n, c->cap);
    c->word[c->n++] = word;
}

static void put_words(Words *c, const char *words)
{
    for (const char *p = words + strspn(words, " "); *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        put(c, xstrndup(p, n));
        p += n;
    }
}

static void free_command(Words *c)
{
    for (int i = 0; i < c->n; i++)
        free(c->word[i]);
    free(c->word);
}

/* For the linker, whatever is in it. */
static void put_linker(Words *c, char *word)
{
    put(c, xstrdup("-Xlinker"));
    put(c, word);
}

/* ---- what is linked ---------------------------------------------------------------------------------------------------- */

/* The folder of the runtime library; free() it.  NULL after an error. */
static char *library_folder(FtcDiag *d)
{
    static const char *const places[] = { ".", "../../lib/ftc" };
    char *own = path_program(d);
    for (int i = 0; own && i < 2; i++) {
        char *folder = path_join(own, places[i]), *library = path_join(folder, "libftc_trainer.a");
        bool there = path_is_file(library);
        free(library);
        if (there) {
            free(own);
            return folder;
        }
        free(folder);
    }
    if (own)
        ftc_error(d, FTC_FILE(own), "has no libftc_trainer.a to link with, nor has ../../lib/ftc; install ftc as a whole (cmake --install "
                  "build)");
    free(own);
    return NULL;
}

/* Whether an object names a function of the BLAS; names are in its table of strings. */
static bool calls_blas(const ObjectFiles *f)
{
    static const char name[] = "\0cblas_sgemm";
    for (int i = 0; f && i < f->n; i++)
        if (memmem(f->v[i].data, f->v[i].size, name, sizeof name))
            return true;
    return false;
}

static void add_blas(Words *c)
{
    char *folder = xstrndup(FTC_OPENBLAS, (size_t)(path_base(FTC_OPENBLAS) - FTC_OPENBLAS - 1));
    put(c, xasprintf("-L%s", folder));
    put_linker(c, xasprintf("-rpath=%s", folder)); /* that library, not another: bits depend on it */
    put(c, xstrdup("-Wl,-u,openblas_set_num_threads,-u,openblas_get_parallel"));
    put(c, xstrdup("-lopenblas"));
    free(folder);
}

/* For as long as the linker needs it: not forced to the disk, as file_write does. */
static bool write_temporary(const char *path, const void *data, size_t size, FtcDiag *d)
{
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(data, 1, size, f) == size;
    if (f && fclose(f))
        ok = false;
    return ok || ftc_error(d, FTC_FILE(path), "can't be written: %s; TMPDIR names a folder for what is temporary", strerror(errno));
}

static bool write_objects(const LinkJob *j, const char *folder, Words *c, FtcDiag *d)
{
    bool ok = true;
    if (!j->objects)
        put(c, xasprintf("%s/%s.o", folder, j->symbol));
    for (int i = 0; ok && j->objects && i < j->objects->n; i++) {
        const ObjectFile *f = &j->objects->v[i];
        char *path = path_join(folder, f->name);
        ok = write_temporary(path, f->data, f->size, d);
        put(c, path);
    }
    return ok;
}

/* What others see of a shared library. */
static bool write_exports(const LinkJob *j, const char *folder, Words *c, FtcDiag *d)
{
    char *path = path_join(folder, "exports.map");
    const char *s = j->symbol;
    char *text = xasprintf("{ global: %s; %s_step; %s_eval; %s_accumulate; %s_encode; %s_main; local: *; };\n", s, s, s, s, s, s);
    bool ok = !j->objects || write_temporary(path, text, strlen(text), d);
    put_linker(c, xasprintf("--version-script=%s", path));
    put_linker(c, xasprintf("-soname=%s", path_base(j->output)));
    free(text);
    free(path);
    return ok;
}

static bool make_command(const LinkJob *j, const char *folder, const char *library, const char *output, Words *c, FtcDiag *d)
{
    const char *cc = getenv("CC");
    put_words(c, cc && *cc ? cc : "cc");
    if (!c->n)
        put(c, xstrdup("cc"));
    if (j->kind == LINK_SHARED)
        put(c, xstrdup("-shared"));
    if (j->kind == LINK_STATIC)
        put(c, xstrdup("-static"));
    put(c, xstrdup("-o"));
    put(c, xstrdup(output));
    if (!write_objects(j, folder, c, d) || (j->kind == LINK_SHARED && !write_exports(j, folder, c, d)))
        return false;
    put(c, path_join(library, "libftc_trainer.a"));
    put(c, path_join(library, "libftc_runtime.a"));
    put_words(c, "-Wl,--gc-sections -Wl,--as-needed " FTC_LINK_FLAGS);
    if (calls_blas(j->objects))
        add_blas(c);
    if (j->reads_weights)
        put(c, xstrdup("-ljansson"));
    put_words(c, "-lutf8proc -lpthread -lm");
    put(c, NULL);
    c->n--;
    return true;
}

/* ---- running it ---------------------------------------------------------------------------------------------------------- */

static bool run(Words *c, FtcDiag *d)
{
    pid_t child;
    int status;
    int error = posix_spawnp(&child, c->word[0], NULL, NULL, c->word, environ);
    if (error)
        return ftc_error(d, FTC_FILE(c->word[0]), "can't be started to link the program: %s; CC names the C compiler (Debian: gcc)",
                         strerror(error));
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return ftc_error(d, FTC_FILE(c->word[0]), "can't be waited for: %s", strerror(errno));
    if (WIFSIGNALED(status))
        return ftc_error(d, FTC_FILE(c->word[0]), "was ended by signal %d while it linked the program", WTERMSIG(status));
    return WEXITSTATUS(status) == 0 || ftc_error(d, FTC_FILE(c->word[0]), "could not link the program (status %d); what it says stands above",
                                                 WEXITSTATUS(status));
}

static bool is_device(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

/* The linked file comes to its place as a whole; a device, as /dev/null, is written to and stays. */
static bool link_in(const LinkJob *j, const char *folder, FtcDiag *d)
{
    bool device = is_device(j->output);
    char *library = library_folder(d), *made = device ? xstrdup(j->output) : xasprintf("%s.%ld.tmp", j->output, (long)getpid());
    Words c = { 0 };
    bool ok = library && make_command(j, folder, library, made, &c, d);
    if (ok && j->verbose)
        show_command(c.word);
    ok = ok && run(&c, d);
    if (ok && !path_is_file(made))
        ok = ftc_error(d, FTC_FILE(c.word[0]), "linked no program; CC names the C compiler (Debian: gcc)");
    if (ok && !device && rename(made, j->output))
        ok = ftc_error(d, FTC_FILE(j->output), "can't be written: %s", strerror(errno));
    if (!ok && !device)
        unlink(made);
    free_command(&c);
    free(made);
    free(library);
    return ok;
}

bool link_show(const LinkJob *j, FtcDiag *d)
{
    char *library = library_folder(d);
    Words c = { 0 };
    bool ok = library && make_command(j, "/tmp/ftc-link-XXXXXX", library, j->output, &c, d);
    if (ok)
        show_command(c.word);
    free_command(&c);
    free(library);
    return ok;
}

bool link_trainer(const LinkJob *j, FtcDiag *d)
{
    const char *place = getenv("TMPDIR");
    if (path_is_folder(j->output))
        return ftc_error(d, FTC_FILE(j->output), "is a folder, where the program would go; name another file with -o");
    char *folder = xasprintf("%s/ftc-link-XXXXXX", place && *place ? place : "/tmp");
    if (!mkdtemp(folder)) {
        ftc_error(d, FTC_FILE(folder), "can't be made: %s; TMPDIR names a folder for what is temporary", strerror(errno));
        free(folder);
        return false;
    }
    bool ok = link_in(j, folder, d);
    folder_remove(folder);
    free(folder);
    return ok;
}
