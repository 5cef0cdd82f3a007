/* ftc verify: a process that checks, and one that makes a small graph of what it found; see verify.h. */
#define _GNU_SOURCE
#include "compiler/api/verify_model.h"

#include "compiler/api/native.h"
#include "compiler/api/stage.h"
#include "compiler/verify/reduce.h"
#include "compiler/verify/shrink.h"
#include "runtime/core/crash.h"
#include "runtime/core/files.h"
#include "runtime/core/mem.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS_A_TRY = 20, MOST_SHOWN = 40 };
enum { CHILD_PASSED = 0, CHILD_FAILED = 10, CHILD_USER = 11 }; /* exit statuses; any other is a crash */

typedef struct {
    const VerifyJob *job;
    const char *file;        /* its input, for messages */
    FtcDiag *diag;
    Arena *arena;
    VerifiedModel model;
    StageText stage;
    const Graph *alone;      /* a graph without a model; NULL: the model is verified */
    Witness *witness;
} Verify;

/* ---- input --------------------------------------------------------------------------------------------------------------- */

static const char *name_of(Verify *v)
{
    const char *path = v->job->input ? path_base(v->job->input) : "bert_cls";
    char *name = arena_strndup(v->arena, path, strcspn(path, "."));
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
    return *name ? name : "model";
}

/* What a graph's text can say and no kernel can be made of. */
static bool check_alone(Verify *v, const Graph *g)
{
    FtcLoc at = FTC_FILE(v->file);
    if (!g->n_outputs && !(g->last && is_update(g->last)))
        return ftc_error(v->diag, at, "graph @%s has no output", g->name);
    for (int i = 0; i < g->n_outputs; i++)
        if (op_info[g->outputs[i].node->op].class == CLASS_STATE && !is_update(g->outputs[i].node))
            return ftc_error(v->diag, at, "the output '%s' of graph @%s is given, not computed", g->outputs[i].name, g->name);
    return true;
}

static bool read_graph(Verify *v)
{
    size_t size;
    char *text = input_read(v->job->input, LARGEST_STAGE, &size, v->diag);
    if (!text)
        return false;
    char *kept = arena_strndup(v->arena, text, size);
    free(text);
    ftc_diag_source(v->diag, v->file, kept, size);
    if (!is_stage(kept, size)) {
        v->alone = graph_parse(v->arena, v->file, kept, size, v->diag);
        return v->alone && check_alone(v, v->alone);
    }
    if (!stage_read(&v->stage, v->arena, v->file, kept, size, v->diag))
        return false;
    if (v->stage.stage >= STAGE_KERNELS)
        return ftc_error(v->diag, FTC_FILE(v->file), "has kernels, and what they compute is said by graphs; verify a stage up to "
                         "'fused'");
    SpecSource source = { .file = v->file, .text = v->stage.spec, .len = strlen(v->stage.spec) };
    v->model = (VerifiedModel){ .stage = &v->stage, .name = v->stage.model, .spec = spec_load(v->arena, &source, v->diag) };
    return v->model.spec != NULL;
}

static bool read_spec(Verify *v)
{
    SpecSource source = { .file = v->job->input, .over = v->job->over, .n_over = v->job->n_over };
    Spec *spec = spec_load(v->arena, &source, v->diag);
    if (!spec)
        return false;
    if (!v->job->full)
        shrink_spec(spec, v->arena);
    v->model = (VerifiedModel){ .spec = spec, .name = name_of(v) };
    return true;
}

/* ---- processes that may end early ---------------------------------------------------------------------------------------- */

typedef int ChildFn(void *ctx); /* an exit status */

/* What f answers, from a process of its own; a status that it can't answer where something ended it. */
static int in_child(ChildFn *f, void *ctx, bool quiet)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        return CHILD_PASSED;
    if (pid == 0) {
        crash_off();
        if (quiet) {
            int null = open("/dev/null", O_WRONLY);
            dup2(null, STDERR_FILENO);
            alarm(SECONDS_A_TRY);
        }
        int status = f(ctx);
        fflush(NULL);
        _exit(status);
    }
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int check_all(void *ctx)
{
    Verify *v = ctx;
    bool ok;
    if (v->alone) {
        NativeOptions native = { &v->job->codegen, v->diag };
        Runner run = native_runner(&native);
        Wanted any = { .kind = FAIL_NONE, .unfused = v->job->pipeline.level == 0 };
        v->witness->unfused = any.unfused;
        witness_graph(v->witness, v->alone);
        Wanted compiled = { .kind = FAIL_COMPILED, .unfused = any.unfused };
        ok = check_graph(v->alone, &any, &interpreter, &v->witness->failure) &&
             check_graph(v->alone, &compiled, &run, &v->witness->failure);
        if (ok && v->job->out)
            fprintf(v->job->out, "the graph's gradients, passes and kernels are right\n");
    } else if (!verify_model(v->job, &v->model, v->witness, &ok, v->diag))
        return CHILD_USER;
    return ok ? CHILD_PASSED : CHILD_FAILED;
}

/* ---- reducing ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    const Graph *g;
    Wanted wanted;
    const Runner *run;
} Try;

static int try_graph(void *ctx)
{
    const Try *t = ctx;
    Failure f;
    return check_graph(t->g, &t->wanted, t->run, &f) || f.kind != t->wanted.kind ? CHILD_PASSED : CHILD_FAILED;
}

static bool fails(void *ctx, const Graph *g)
{
    Try *t = ctx;
    t->g = g;
    int status = in_child(try_graph, t, true);
    bool ended = status == CHILD_PASSED || status == CHILD_FAILED || status == CHILD_USER;
    return t->wanted.kind == FAIL_CRASH ? !ended : status == CHILD_FAILED;
}

/* The witness alone, made small; as it is where it doesn't fail alone, or can't be made smaller. */
static Graph *reduce(Verify *v, VerifyReport *r)
{
    Graph *g = graph_parse(v->arena, "the failure", v->witness->text, v->witness->n, v->diag);
    if (!g)
        return NULL;
    NativeOptions native = { &v->job->codegen, v->diag };
    Runner compiled = native_runner(&native);
    const Failure *f = &v->witness->failure;
    Try t = { .wanted = { .kind = f->kind, .pass = f->pass, .unfused = v->witness->unfused }, .run = &interpreter };
    r->nodes = r->nodes_before = count_nodes(g);
    bool shows = fails(&t, g); /* the kernels are wrong as such; else their native code is, or nothing that a graph shows alone */
    if (!shows) {
        t.run = &compiled;
        shows = fails(&t, g);
    }
    if (shows)
        g = reduce_graph(g, fails, &t, v->arena);
    r->nodes = count_nodes(g);
    return g;
}

static bool write_witness(Verify *v, VerifyReport *r, const Graph *g)
{
    const char *path = v->job->output, *name = v->alone ? name_of(v) : v->model.name;
    if (!path)
        path = arena_printf(v->arena, "%s-failure.ftir", name);
    char *text = graph_text(g);
    char *all = xasprintf("# %s\n# %d values of %d; to see it again: ftc verify %s-x graph %s\n%s", v->witness->failure.message, r->nodes,
                          r->nodes_before, v->witness->unfused ? "-O0 " : "", path, text);
    bool ok = file_write(path, all, strlen(all), v->diag);
    if (ok) {
        snprintf(r->file, sizeof r->file, "%s", path);
        if (v->job->out && r->nodes <= MOST_SHOWN)
            fputs(all, v->job->out);
    }
    free(text);
    free(all);
    return ok;
}

static void report_failure(Verify *v, VerifyReport *r)
{
    Failure *f = &v->witness->failure;
    if (f->kind == FAIL_NONE) {
        f->kind = FAIL_CRASH;
        snprintf(f->message, sizeof f->message, "the compiler, or what it made, did not come to its end; the last pass before was '%s'",
                 *f->pass ? f->pass : "none");
    }
    Graph *g = f->kind == FAIL_THREADS || !v->witness->n ? NULL : reduce(v, r);
    r->failure = *f;
    ftc_error(v->diag, FTC_FILE(v->file), "%s", f->message);
    if (g && write_witness(v, r, g))
        ftc_note(v->diag, FTC_FILE(r->file), "shows it in %d values, of %d", r->nodes, r->nodes_before);
}

bool verify_run(const VerifyJob *j, VerifyReport *report, FtcDiag *d)
{
    Verify v = { .job = j, .file = j->input ? input_name(j->input) : "bert_cls.yaml", .diag = d, .arena = arena_new() };
    *report = (VerifyReport){ .nodes = 0 };
    v.witness = mmap(NULL, sizeof *v.witness, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool ok = v.witness != MAP_FAILED || ftc_error(d, FTC_NOWHERE, "no memory to verify with: %s", strerror(errno));
    ok = ok && (j->is_graph ? read_graph(&v) : read_spec(&v));
    if (ok) {
        int status = in_child(check_all, &v, false);
        ok = status != CHILD_USER;
        if (ok && status != CHILD_PASSED)
            report_failure(&v, report);
    }
    if (v.witness != MAP_FAILED)
        munmap(v.witness, sizeof *v.witness);
    arena_free(v.arena);
    return ok;
}
