/* Telling what is done; see show.h. */
#include "compiler/driver/show.h"

#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/train/form.h"
#include "runtime/train/log.h"

#include <stdlib.h>

bool show_version(const CodegenOptions *o, FtcDiag *d)
{
    char *build = codegen_build(), *target = codegen_describe(o, d);
    if (target)
        fprintf(stderr, "ftc version %s\ntarget: %s\n", build, target);
    free(build);
    free(target);
    return target != NULL;
}

static void show_word(const char *word)
{
    fputs(" \"", stderr);
    for (; *word; word++) {
        if (*word == '"' || *word == '\\' || *word == '$' || *word == '`')
            fputc('\\', stderr);
        fputc(*word, stderr);
    }
    fputc('"', stderr);
}

void show_command(char *const *words)
{
    for (; *words; words++)
        show_word(*words);
    fputc('\n', stderr);
}

void show_compiler(const char *command, int argc, char **argv, FtcDiag *d)
{
    char *folder = path_program(d);
    if (!folder)
        return;
    char *program = path_join(folder, "ftc-compiler");
    show_word(program);
    show_word(command);
    for (int i = 0; i < argc; i++)
        show_word(argv[i]);
    fputc('\n', stderr);
    free(program);
    free(folder);
}

/* ---- memory ---------------------------------------------------------------------------------------------------------------- */

static double buffers_mib(const FtcProgram *p, FtcBufKind kind, const int64_t *sym)
{
    double total = 0;
    int64_t bytes;
    for (int i = 0; i < p->n_bufs; i++)
        if (p->bufs[i].kind == kind && buf_bytes(&p->bufs[i], sym, &bytes))
            total += (double)bytes;
    return total / (1 << 20);
}

static double arena_mib(const FtcProgram *p, const int64_t *sym)
{
    double total = 0;
    int64_t *bytes = xcalloc((size_t)p->n_slots + 1, sizeof *bytes);
    for (int i = 0; slots_at(p, sym, bytes) && i < p->n_slots; i++)
        total += (double)bytes[i];
    free(bytes);
    return total / (1 << 20);
}

/* Of one thread: the most that a kernel asks for. */
static double scratch_mib(const FtcProgram *p, const int64_t *sym)
{
    double most = 0;
    for (int i = 0; i < p->n_kernels; i++) {
        double total = 0;
        for (int k = 0; k < p->kernels[i].n_scratch; k++)
            total += 4 * (double)form_at(&p->kernels[i].scratch[k], sym);
        most = total > most ? total : most;
    }
    return most / (1 << 20);
}

void show_memory(const Compiled *c, FILE *out)
{
    int64_t sym[N_SYMBOLS];
    usual_symbols(c->spec, c->eval->panel_tokens, sym);
    const FtcProgram *p[2] = { c->model.step ? c->model.step : c->model.eval, c->model.eval };
    fprintf(out, "Memory report, for %lld rows with %lld tokens in all (MiB)\n  %-28s %10s %10s\n", (long long)sym[FTC_B],
            (long long)sym[FTC_T], "", "step", "eval");
    static const struct {
        const char *what;
        FtcBufKind kind;
    } rows[] = {
        { "weights", FTC_BUF_WEIGHT },
        { "optimizer's state", FTC_BUF_STATE },
        { "kept panels of weights", FTC_BUF_KEPT },
        { "batch", FTC_BUF_INPUT },
        { "results", FTC_BUF_OUTPUT },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        fprintf(out, "  %-28s %10.2f %10.2f\n", rows[i].what, buffers_mib(p[0], rows[i].kind, sym),
                buffers_mib(p[1], rows[i].kind, sym));
    fprintf(out, "  %-28s %10.2f %10.2f\n", "arena", arena_mib(p[0], sym), arena_mib(p[1], sym));
    fprintf(out, "  %-28s %10.2f %10.2f\n", "scratch of each thread", scratch_mib(p[0], sym), scratch_mib(p[1], sym));
    fprintf(out, "  %-28s %10.2f\n", "ftc itself, at most so far", peak_rss_mib());
}
