/* ftc compile: a spec, or a stage of one that was printed before, to native code or to any stage on the way. */
#define _GNU_SOURCE
#include "compiler/driver/common.h"
#include "compiler/driver/driver.h"

#include "compiler/api/page.h"
#include "compiler/api/stage.h"
#include "compiler/driver/emit.h"
#include "compiler/driver/make_trainer.h"
#include "compiler/driver/show.h"
#include "compiler/ir/outline.h"
#include "compiler/support/timing.h"
#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/core/nearest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* StageIds come first */
typedef enum { EMIT_SPEC = N_STAGES, EMIT_OUTLINE, EMIT_SVG, EMIT_DOT, EMIT_HTML, EMIT_LLVM, EMIT_ASM, EMIT_OBJ, N_EMITS, EMIT_TRAINER = N_EMITS } Emit;

static const char *const emit_words[] = { EMIT_WORDS };

typedef struct {
    const char *input, *output;
    char *text;              /* of the input, unless that is a folder */
    size_t text_size;
    bool is_stage;           /* and no spec */
    int emit;                /* StageId or Emit; -1: nothing was said */
    const char *language;    /* -x */
    const char *init;        /* an encoder's folder */
    LinkKind kind;
    bool no_embed;           /* its weights stay there */
    bool syntax_only, verbose, dry_run, mem_report;
    const char *save_temps;  /* "", "=cwd" or "=obj"; NULL: they go */
    int argc;                /* the command line, for -v */
    char **argv;
    const char *dump;        /* ",fuse,plan," or with "all" */
    CommonOptions common;
    FtcDiag *diag;
    /* on the way */
    StageCatch caught;
    StageCatch kept[N_STAGES]; /* for -save-temps */
    char *outline;           /* the step as formulas */
    Graph *built, *step;     /* as built, and with gradients: for pictures */
    char *stage_text[3];     /* of the step: as built, with gradients, fused; for the page */
    BenchProfile *profile;
    const char *line;        /* --line: only kernels of it */
    int values[2][3];        /* [step, eval]: nodes as built, nodes at last, groups */
    SpecModel model;
    char *symbol;
} Job;

static void print_help(void)
{
    puts("ftc compile [flags] SPEC.yaml | MODEL_DIR\n\n"
         "Makes a trainer, a.out: a program that needs no compiler to train this model, to evaluate and to predict.  Or an object to link\n"
         "with a program of your own (-c); or another stage (-E, -S, --emit=...).\n"
         "A stage that --emit printed can be edited and given instead of the spec (-x graph).  '-' is standard input.\n");
    options_help(CMD_COMPILE, stdout);
}

/* ---- flags -------------------------------------------------------------------------------------------------------------- */

static bool set_emit(Job *j, const char *word)
{
    for (int i = 0; i < N_EMITS; i++)
        if (!strcmp(word, emit_words[i])) {
            j->emit = i;
            return true;
        }
    const char *near = nearest_word(word, emit_words, N_EMITS);
    return ftc_error(j->diag, FTC_NOWHERE, "there is no stage '%s'%s%s%s; they are outline, graph, grad, fused, kernels, plan, "
                     "llvm, asm, obj, svg, dot and html", word, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

static bool set_dump(Job *j, const char *pass)
{
    if (strcmp(pass, "all") && strcmp(pass, "build") && !find_pass(pass))
        return ftc_error(j->diag, FTC_NOWHERE, "there is no pass '%s'; -fno-help lists them", pass);
    j->dump = arena_printf(j->common.arena, "%s%s,", j->dump ? j->dump : ",", pass);
    return true;
}

static bool set_save_temps(Job *j, const char *where)
{
    j->save_temps = where;
    return !*where || !strcmp(where, "=cwd") || !strcmp(where, "=obj") ||
           ftc_error(j->diag, FTC_NOWHERE, "'-save-temps' takes =cwd or =obj, not '%s'", where);
}

static bool set_language(Job *j, const char *word)
{
    j->language = word;
    return !strcmp(word, "spec") || !strcmp(word, "graph") || !strcmp(word, "kernels") ||
           ftc_error(j->diag, FTC_NOWHERE, "'-x' takes spec, graph or kernels, not '%s'", word);
}

static bool set_input(Job *j, const char *word)
{
    if (j->input)
        return ftc_error(j->diag, FTC_NOWHERE, "one spec at a time: '%s' or '%s'", j->input, word);
    j->input = word;
    return true;
}

static bool read_flags(Job *j, OptionReader *r)
{
    OptionMatch m;
    bool ok = true;
    while ((m = own_option(&j->common, r, &ok, j->diag)).id != OPT_END)
        switch (m.id) {
        case OPT_HELP: case OPT_HELP_SHORT: print_help(); j->common.done = true; return true;
        case OPT_OUT_FILE: j->output = m.value; break;
        case OPT_SPEC_ONLY: j->emit = EMIT_SPEC; break;
        case OPT_ASSEMBLY: j->emit = j->emit == EMIT_LLVM ? EMIT_LLVM : EMIT_ASM; break; /* as clang: -S -emit-llvm */
        case OPT_EMIT_LLVM: j->emit = EMIT_LLVM; break;
        case OPT_OBJECT: j->emit = EMIT_OBJ; break;
        case OPT_SHARED: j->kind = LINK_SHARED; break;
        case OPT_STATIC: j->kind = LINK_STATIC; break;
        case OPT_INIT: j->init = m.value; break;
        case OPT_NO_KEEP_ENCODED: j->common.pipeline.keep_encoded = false; break;
        case OPT_NO_EMBED: j->no_embed = true; break;
        case OPT_SYNTAX_ONLY: j->syntax_only = true; break;
        case OPT_SAVE_TEMPS: ok &= set_save_temps(j, m.value); break;
        case OPT_VERBOSE: j->verbose = true; break;
        case OPT_DRY_RUN: j->verbose = j->dry_run = true; break;
        case OPT_MEM_REPORT: j->mem_report = true; break;
        case OPT_LINE: j->line = m.value; break;
        case OPT_EMIT: ok &= set_emit(j, m.value); break;
        case OPT_DUMP: ok &= set_dump(j, m.value); break;
        case OPT_LANGUAGE: ok &= set_language(j, m.value); break;
        case OPT_ARGUMENT: ok &= set_input(j, m.value); break;
        default: ftc_bug("compile: the flag '%s' is in the table, but not read", options[m.id].name);
        }
    return ok;
}

/* ---- compiling ---------------------------------------------------------------------------------------------------------- */

static void dump(const Job *j, const char *pass, const Stage *s)
{
    char word[64];
    snprintf(word, sizeof word, ",%s,", pass);
    if (!j->dump || !(strstr(j->dump, word) || strstr(j->dump, ",all,")))
        return;
    char *text = stage_entry_text(s);
    fprintf(stderr, "#---- after %s\n%s", pass, text);
    free(text);
}

static void catch_outline(Job *j, const Graph *g)
{
    size_t size;
    FILE *out = text_open(&j->outline, &size);
    graph_outline(g, out);
    fclose(out);
}

/* Pictures and formulas are made of the training step. */
static void catch_step(Job *j, const char *pass, const Graph *g)
{
    if (j->emit < EMIT_OUTLINE || j->emit > EMIT_HTML)
        return;
    if (!strcmp(pass, "build"))
        j->built = graph_copy(g, j->common.arena);
    if (strcmp(pass, stage_last_pass(STAGE_GRAD)))
        return;
    catch_outline(j, g);
    j->step = graph_copy(g, j->common.arena);
}

/* The page has the graph's text after three of the passes. */
static void catch_texts(Job *j, const char *pass, const Graph *g)
{
    static const StageId stages[] = { STAGE_GRAPH, STAGE_GRAD, STAGE_FUSED };
    for (int i = 0; i < 3 && j->emit == EMIT_HTML; i++)
        if (!strcmp(pass, stage_last_pass(stages[i]))) {
            free(j->stage_text[i]);
            j->stage_text[i] = graph_text(g);
        }
}

static void after_pass(void *ctx, const char *pass, const Stage *s)
{
    Job *j = ctx;
    dump(j, pass, s);
    if (j->emit < N_STAGES)
        stage_catch(&j->caught, pass, s);
    for (int i = 0; j->save_temps && i < N_STAGES; i++) {
        j->kept[i].wanted = (StageId)i;
        stage_catch(&j->kept[i], pass, s);
    }
    if (s->program)
        return;
    if (strcmp(s->graph->name, "step") == 0) {
        catch_step(j, pass, s->graph);
        catch_texts(j, pass, s->graph);
    }
    int *values = j->values[strcmp(s->graph->name, "step") != 0], n = 0, groups = 0;
    EACH_NODE(x, s->graph) {
        n++;
        groups = x->group > groups ? x->group : groups;
    }
    if (!strcmp(pass, "build"))
        values[0] = n;
    values[1] = n;
    values[2] = groups;
}

/* "models/my-spec.yaml" -> "my_spec", a name in C; free() it. */
static char *symbol_of(const char *path)
{
    const char *name = path_base(path);
    char *symbol = xasprintf("%s%.*s", isdigit((unsigned char)*name) ? "_" : "", (int)strcspn(name, "."), name);
    for (char *c = symbol; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
    if (*symbol)
        return symbol;
    free(symbol);
    return xstrdup("model");
}

/* Once: it may be a pipe. */
static bool read_input(Job *j)
{
    j->is_stage = j->language && strcmp(j->language, "spec");
    if (j->is_stage && !j->input)
        return ftc_error(j->diag, FTC_NOWHERE, "which stage? -x %s FILE", j->language);
    if (!j->input || (!j->is_stage && path_is_folder(j->input)))
        return true;
    j->text = input_read(j->input, LARGEST_STAGE, &j->text_size, j->diag);
    if (!j->text)
        return false;
    j->input = input_name(j->input);
    j->is_stage |= !j->language && is_stage(j->text, j->text_size);
    return true;
}

/* The input is a printed stage. */
static bool compile_printed(Job *j, const PipelineOptions *o)
{
    StageText t;
    if (j->emit == EMIT_SPEC || j->common.n_settings)
        return ftc_error(j->diag, FTC_FILE(j->input), "is a stage behind the spec: -E and -D are for a spec");
    if (!stage_read(&t, j->common.arena, j->input, j->text, j->text_size, j->diag))
        return false;
    ftc_diag_source(j->diag, j->input, j->text, j->text_size);
    j->symbol = xstrdup(t.model);
    Compiled *compiled = compile_stage(&t, o, j->diag);
    if (!compiled)
        return false;
    j->model = (SpecModel){ .c.diag = j->diag, .arena = arena_new(), .spec = compiled->spec };
    spec_model_describe(&j->model);
    spec_model_take(&j->model, compiled);
    return true;
}

/* Of a spec or a folder. */
static ClassifierSource source_of(const Job *j)
{
    ClassifierSource source = { .init = j->init, .spec_text = j->text, .spec_size = j->text_size, .over = j->common.settings,
                                .n_over = j->common.n_settings };
    *(j->text ? &source.spec : &source.model) = j->input;
    return source;
}

static bool load_spec(Job *j)
{
    ClassifierSource source = source_of(j);
    const char *name = j->input ? j->input : j->init;
    if (source.model && source.init)
        return ftc_error(j->diag, FTC_NOWHERE, "'%s' is a model of its own; leave --init out to compile it, or the folder to start anew from "
                         "'%s'", source.model, source.init);
    j->symbol = symbol_of(!strcmp(name, input_name("-")) ? "stdin" : name);
    return spec_model_open(&j->model, &source, j->diag);
}

static bool compile_spec_of(Job *j, const PipelineOptions *o)
{
    Compiled *compiled = compile_spec(j->model.spec, j->symbol, true, o, j->diag);
    if (compiled)
        spec_model_take(&j->model, compiled);
    return compiled != NULL;
}

static bool compile(Job *j)
{
    PipelineOptions o = j->common.pipeline;
    o.machine = codegen_machine(&j->common.codegen, j->diag);
    o.after = after_pass;
    o.ctx = j;
    if (j->emit != EMIT_TRAINER)
        o.keep_encoded = o.accumulate = false; /* what is compiled to a stage is whole */
    if (j->is_stage)
        return compile_printed(j, &o);
    double start = timing_now();
    bool ok = load_spec(j);
    timing_add(TIMING_STEP, "read the spec", start);
    return ok && (j->emit == EMIT_SPEC || j->syntax_only || j->dry_run || compile_spec_of(j, &o));
}

/* ---- what comes out ------------------------------------------------------------------------------------------------------- */

static bool write_out(Job *j, const char *path, const void *data, size_t size)
{
    if (strcmp(path, "-"))
        return file_write(path, data, size, j->diag);
    return fwrite(data, 1, size, stdout) == size || ftc_error(j->diag, FTC_FILE("<standard output>"), "can't be written");
}

/* NAME.ending, or where -o says; free() it. */
static char *output_path(const Job *j, const char *ending)
{
    if (j->output)
        return xstrdup(j->output);
    return *ending ? xasprintf("%s%s", j->symbol, ending) : xstrdup("-");
}

static bool emit_page(Job *j, const Picture *picture, FILE *out)
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
static bool emit_line(Job *j, FILE *out)
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

static bool emit_stage(Job *j, FILE *out)
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

static bool write_stage(Job *j)
{
    char *text = NULL, *path = output_path(j, "");
    size_t size;
    FILE *out = text_open(&text, &size);
    bool ok = emit_stage(j, out);
    fclose(out);
    ok = ok && write_out(j, path, text, size);
    free(text);
    free(path);
    return ok;
}

/* Both programs' kernels as text; free() it. */
static char *kernels_text(Job *j, TextKind kind)
{
    const Compiled *c = j->model.compiled;
    int n = c->step->n_kernels + c->eval->n_kernels;
    Kernel **kernels = NEW_ARRAY(j->common.arena, Kernel *, n);
    memcpy(kernels, c->step->kernels, sizeof *kernels * (size_t)c->step->n_kernels);
    memcpy(kernels + c->step->n_kernels, c->eval->kernels, sizeof *kernels * (size_t)c->eval->n_kernels);
    return emit_text(&j->common.codegen, kind, kernels, n, j->diag);
}

static bool write_text(Job *j)
{
    char *text = kernels_text(j, j->emit == EMIT_LLVM ? TEXT_LLVM : TEXT_ASM);
    char *path = output_path(j, j->emit == EMIT_LLVM ? ".ll" : ".s");
    bool ok = text && write_out(j, path, text, strlen(text));
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

static bool write_object(Job *j)
{
    const Compiled *c = j->model.compiled;
    ObjectModel m = { j->symbol, &c->model, c->step->kernels, c->eval->kernels };
    void *data = NULL;
    size_t size;
    if (!emit_object(&j->common.codegen, &m, &data, &size, j->diag))
        return false;
    char *path = output_path(j, ".o"), *header = emit_header(&m, NULL), *beside = header_path(path);
    bool ok = write_out(j, path, data, size);
    if (ok && strcmp(path, "-"))
        ok = write_out(j, beside, header, strlen(header));
    free(data);
    free(path);
    free(header);
    free(beside);
    return ok;
}

static bool write_trainer(Job *j)
{
    TrainerJob job = { .model = &j->model, .symbol = j->symbol, .spec = j->input, .init = j->init, .output = j->output, .kind = j->kind,
                       .embed = !j->no_embed, .verbose = j->verbose, .show_only = j->dry_run, .pipeline = &j->common.pipeline, .codegen = &j->common.codegen };
    return make_trainer(&job, j->diag);
}

/* ---- -save-temps -------------------------------------------------------------------------------------------------------- */

static bool save(Job *j, int number, const char *ending, const char *text)
{
    const char *folder = j->save_temps && !strcmp(j->save_temps, "=obj") && j->output ? j->output : "";
    char *path = xasprintf("%.*s%s.%d.%s", (int)(path_base(folder) - folder), folder, j->symbol, number, ending);
    bool ok = text && file_write(path, text, strlen(text), j->diag);
    free(path);
    return ok;
}

/* Every stage, in the order in which they were made: NAME.0.yaml, NAME.1.graph ... NAME.7.s */
static bool save_temps(Job *j)
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

static void summarize(const Job *j)
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

/* ---- all together ----------------------------------------------------------------------------------------------------------- */

/* A few rows, so that it takes no minutes; the page says how many.  A stage that someone edited is not run for it. */
static bool measure_for_page(Job *j)
{
    if (j->is_stage)
        return true;
    BenchJob b = { .source = source_of(j), .rows = 8, .tokens = 32, .repeats = 3, .quick = true, .threads = j->common.threads,
                   .pipeline = j->common.pipeline, .codegen = j->common.codegen };
    b.pipeline.opt_info = NULL;
    b.pipeline.keep_encoded = b.pipeline.accumulate = false;
    j->profile = xcalloc(1, sizeof *j->profile);
    return bench_profile(&b, j->profile, j->diag);
}

static bool check_line(Job *j)
{
    const char *colon = j->line ? strrchr(j->line, ':') : NULL;
    if (!j->line)
        return true;
    if (!colon || colon == j->line || !isdigit((unsigned char)colon[1]))
        return ftc_error(j->diag, FTC_NOWHERE, "'--line' takes FILE:LINE, such as bert.yaml:29, not '%s'", j->line);
    return j->emit == STAGE_KERNELS || j->emit == EMIT_LLVM || j->emit == EMIT_ASM ||
           ftc_error(j->diag, FTC_NOWHERE, "--line chooses kernels: it goes with --emit=kernels, llvm or asm");
}

static bool run(Job *j)
{
    bool quiet = j->emit >= 0 || !isatty(STDERR_FILENO);
    j->emit = j->emit >= 0 ? j->emit : EMIT_TRAINER;
    j->caught.wanted = j->emit < N_STAGES ? (StageId)j->emit : STAGE_GRAPH;
    if (!j->input && !j->init && j->verbose)
        return show_version(&j->common.codegen, j->diag); /* as gcc -v alone */
    if (!j->input && !j->init)
        return ftc_error(j->diag, FTC_NOWHERE, "which spec? for example: ftc compile models/tiny_cls.yaml");
    if (!codegen_check_options(&j->common.codegen, j->diag) || !open_opt_info(&j->common, j->diag))
        return false;
    if (!check_line(j) || !read_input(j) || (j->emit == EMIT_HTML && !measure_for_page(j)))
        return false;
    if (j->verbose && !show_version(&j->common.codegen, j->diag))
        return false;
    if (j->verbose)
        show_compiler("compile", j->argc, j->argv, j->diag);
    bool compiled = compile(j);
    if (!close_opt_info(&j->common, j->diag) || !compiled)
        return false;
    if (j->syntax_only)
        return true;
    if (j->dry_run)
        return j->emit != EMIT_TRAINER || write_trainer(j);
    if (j->save_temps && j->model.compiled && !save_temps(j))
        return false;
    bool ok = j->emit <= EMIT_HTML || j->line ? write_stage(j)
              : j->emit == EMIT_OBJ     ? write_object(j)
              : j->emit == EMIT_TRAINER ? write_trainer(j)
                                        : write_text(j);
    if (ok && !quiet)
        summarize(j);
    if (ok && j->mem_report && j->model.compiled)
        show_memory(j->model.compiled, stderr);
    return ok;
}

int compile_command(int argc, char **argv, FtcDiag *d)
{
    OptionReader r = { .command = CMD_COMPILE, .argv = argv, .argc = argc, .key_like = key_like, .diag = d };
    Arena *a = arena_new();
    Job j = { .emit = -1, .common = common_defaults(a), .diag = d, .argc = argc, .argv = argv };
    j.common.pipeline.keep_encoded = j.common.pipeline.accumulate = true; /* as ftc run has them */
    bool ok = read_flags(&j, &r) && (j.common.done || run(&j));
    ok = common_timing(&j.common, d) && ok;
    for (int i = 0; i < N_STAGES; i++)
        stage_catch_free(&j.kept[i]);
    if (j.model.arena)
        spec_model_close(&j.model);
    stage_catch_free(&j.caught);
    free(j.text);
    free(j.outline);
    free(j.profile);
    for (int i = 0; i < 3; i++)
        free(j.stage_text[i]);
    free(j.symbol);
    arena_free(a);
    return ok ? EXIT_OK : EXIT_USER;
}
