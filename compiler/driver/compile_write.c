/* What ftc compile writes, of what it has compiled: a stage or picture, code, a trainer; every stage for -save-temps; a summary. */
#include "compiler/driver/compile_cmd.h"

#include "compiler/api/page.h"
#include "compiler/ir/outline.h"
#include "runtime/core/files.h"
#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>

/* NAME.ending, or where -o says; free() it. */
static char *output_path(const CompileJob *j, const char *ending)
{
    if (j->output)
        return xstrdup(j->output);
    return *ending ? xasprintf("%s%s", j->symbol, ending) : xstrdup("-");
}

static bool emit_page(CompileJob *j, const Picture *picture, FILE *out)
{
    PipelineOptions none = { .level = 0 };
    Compiled *plain = compile_spec(j->model.spec, j->symbol, true, &none, j->diag);
    PageJob job = { .model = j->symbol, .picture = picture, .outline = j->outline, .stage = { j->stage_text[0], j->stage_text[1], j->stage_text[2] },
                    .built = j->built, .compiled = j->model.compiled, .plain = plain, .codegen = &j->common.codegen, .profile = j->profile };
    bool ok = plain && page_write(&job, out, j->diag);
    compiled_free(plain);
    return ok;
}

/* The kernels that a line of the spec is in. */
static bool emit_line(CompileJob *j, FILE *out)
{
    const Program *p = j->model.compiled->step;
    const char *colon = strrchr(j->line, ':');
    char *file = xasprintf("%.*s", (int)(colon - j->line), j->line);
    int found = 0;
    for (int i = 0; i < p->n_kernels; i++)
        if (kernel_has_line(p->kernels[i], file, atoi(colon + 1))) {
            char *text = NULL;
            if (j->emit == STAGE_KERNELS)
                kernel_print(p->kernels[i], out);
            else
                text = emit_kernel_text(&j->common.codegen, j->emit == EMIT_LLVM ? TEXT_LLVM : TEXT_ASM, p->kernels[i], j->diag);
            fputs(text ? text : "", out);
            free(text);
            found++;
        }
    free(file);
    return found || ftc_error(j->diag, FTC_NOWHERE, "no kernel comes from '%s'; 'ftc compile --emit=kernels' names the lines of each", j->line);
}

static bool emit_stage(CompileJob *j, FILE *out)
{
    if (j->line)
        return emit_line(j, out);
    if (j->emit == EMIT_SPEC) {
        spec_print(j->model.spec, out);
        return true;
    }
    if (j->emit == EMIT_OUTLINE && j->outline) {
        fprintf(out, "# A training step of %s as formulas.\n%s%s", j->symbol, outline_legend, j->outline);
        return true;
    }
    if (j->emit > EMIT_OUTLINE && j->built) {
        Picture *p = picture_new(j->common.arena, j->symbol, j->built, j->step);
        if (j->emit == EMIT_HTML)
            return emit_page(j, p, out);
        if (j->emit == EMIT_SVG)
            picture_svg(p, true, out);
        else
            picture_dot(p, out);
        return true;
    }
    StageId wanted = j->emit == EMIT_OUTLINE ? STAGE_GRAD : j->emit > EMIT_OUTLINE ? STAGE_GRAPH : (StageId)j->emit;
    return stage_print(&j->caught, j->symbol, j->model.compiled->spec, out) ||
           ftc_error(j->diag, FTC_FILE(j->input), "is behind the stage '%s' already", stage_names[wanted]);
}

static bool write_stage(CompileJob *j)
{
    char *text = NULL, *path = output_path(j, "");
    size_t size;
    FILE *out = text_open(&text, &size);
    bool ok = emit_stage(j, out);
    fclose(out);
    ok = ok && output_write(path, text, size, j->diag);
    free(text);
    free(path);
    return ok;
}

/* Both programs' kernels as text; free() it. */
static char *kernels_text(CompileJob *j, TextKind kind)
{
    const Compiled *c = j->model.compiled;
    int n = c->step->n_kernels + c->eval->n_kernels;
    Kernel **kernels = NEW_ARRAY(j->common.arena, Kernel *, n);
    memcpy(kernels, c->step->kernels, sizeof *kernels * (size_t)c->step->n_kernels);
    memcpy(kernels + c->step->n_kernels, c->eval->kernels, sizeof *kernels * (size_t)c->eval->n_kernels);
    return emit_text(&j->common.codegen, kind, kernels, n, j->diag);
}

static bool write_text(CompileJob *j)
{
    char *text = kernels_text(j, j->emit == EMIT_LLVM ? TEXT_LLVM : TEXT_ASM);
    char *path = output_path(j, j->emit == EMIT_LLVM ? ".ll" : ".s");
    bool ok = text && output_write(path, text, strlen(text), j->diag);
    free(text);
    free(path);
    return ok;
}

/* "x.o" -> "x.h"; free() it. */
static char *header_path(const char *object)
{
    size_t n = strlen(object);
    return n > 2 && !strcmp(object + n - 2, ".o") ? xasprintf("%.*s.h", (int)n - 2, object) : xasprintf("%s.h", object);
}

static bool write_object(CompileJob *j)
{
    const Compiled *c = j->model.compiled;
    ObjectModel m = { j->symbol, &c->model, c->step->kernels, c->eval->kernels };
    void *data = NULL;
    size_t size;
    if (!emit_object(&j->common.codegen, &m, &data, &size, j->diag))
        return false;
    char *path = output_path(j, ".o"), *header = emit_header(&m, NULL), *beside = header_path(path);
    bool ok = output_write(path, data, size, j->diag);
    if (ok && strcmp(path, "-"))
        ok = file_write(beside, header, strlen(header), j->diag);
    free(data);
    free(path);
    free(header);
    free(beside);
    return ok;
}

static bool write_trainer(CompileJob *j)
{
    TrainerJob job = { .model = &j->model, .symbol = j->symbol, .spec = j->input, .init = j->init, .output = j->output, .kind = j->kind,
                       .embed = !j->no_embed, .verbose = j->verbose, .show_only = j->dry_run, .pipeline = &j->common.pipeline, .codegen = &j->common.codegen };
    return make_trainer(&job, j->diag);
}

bool compile_write(CompileJob *j)
{
    return j->emit <= EMIT_HTML || j->line ? write_stage(j)
           : j->emit == EMIT_OBJ           ? write_object(j)
           : j->emit == EMIT_TRAINER       ? write_trainer(j)
                                           : write_text(j);
}

/* ---- -save-temps -------------------------------------------------------------------------------------------------------- */

static bool save(CompileJob *j, int number, const char *ending, const char *text)
{
    const char *folder = !strcmp(j->save_temps, "=obj") && j->output ? j->output : "";
    char *path = xasprintf("%.*s%s.%d.%s", (int)(path_base(folder) - folder), folder, j->symbol, number, ending);
    bool ok = text && file_write(path, text, strlen(text), j->diag);
    free(path);
    return ok;
}

bool compile_save_temps(CompileJob *j)
{
    bool ok = true;
    for (int i = 0; ok && i <= N_STAGES; i++) {
        char *text = NULL;
        size_t size;
        FILE *out = text_open(&text, &size);
        bool any = true;
        if (i)
            any = stage_print(&j->kept[i - 1], j->symbol, j->model.compiled->spec, out);
        else
            spec_print(j->model.compiled->spec, out);
        fclose(out);
        if (any)
            ok = save(j, i, i ? stage_names[i - 1] : "yaml", text);
        free(text);
    }
    static const char *const endings[] = { "ll", "s" };
    for (int i = 0; ok && i < 2; i++) {
        char *text = kernels_text(j, i ? TEXT_ASM : TEXT_LLVM);
        ok = save(j, N_STAGES + 1 + i, endings[i], text);
        free(text);
    }
    return ok;
}

/* ---- summary -------------------------------------------------------------------------------------------------------------- */

static double mib(const Program *p, const int64_t *sym) { return (double)slots_bytes(p, sym) / (1 << 20); }

static double parameters(const FtcModel *m, const int64_t *sym)
{
    double total = 0;
    for (int i = 0; i < m->n_weights; i++) {
        double n = 1;
        for (int k = 0; k < m->weights[i].rank; k++) {
            int64_t dim = m->weights[i].dim[k];
            n *= (double)(dim >= 0 ? dim : sym[-1 - dim]);
        }
        total += n;
    }
    return total;
}

void compile_summarize(const CompileJob *j)
{
    const Compiled *c = j->model.compiled;
    int64_t sym[N_SYMBOLS];
    usual_symbols(c->spec, c->eval->panel_tokens, sym);
    fprintf(stderr, "%-10s %10s %10s\n", j->symbol, "step", "eval");
    if (j->values[0][0])
        fprintf(stderr, "%-10s %10d %10d  values as built\n", "graph", j->values[0][0], j->values[1][0]);
    if (j->values[0][1])
        fprintf(stderr, "%-10s %10d %10d  values after the last pass\n%-10s %10d %10d  groups\n", "", j->values[0][1],
                j->values[1][1], "fused", j->values[0][2], j->values[1][2]);
    fprintf(stderr, "%-10s %10d %10d  kernels\n%-10s %10d %10d  calls\n", "kernels", c->step->n_kernels, c->eval->n_kernels, "",
            c->step->n_calls, c->eval->n_calls);
    fprintf(stderr, "%-10s %10.1f %10.1f  MiB of arena, for a batch of %lld x %lld tokens\n", "plan", mib(c->step, sym),
            mib(c->eval, sym), (long long)sym[FTC_B], (long long)sym[FTC_L]);
    fprintf(stderr, "%.0f parameters, with %lld classes and a vocabulary of %lld\n", parameters(&c->model, sym), (long long)sym[FTC_C],
            (long long)sym[FTC_V]);
}
