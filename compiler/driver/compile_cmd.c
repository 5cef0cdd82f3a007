/* ftc compile: a spec, or a stage of one that was printed before, to native code or to any stage on the way.  What it writes is
 * compile_write.c's. */
#include "compiler/driver/compile_cmd.h"
#include "compiler/driver/driver.h"

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

static const char *const emit_words[] = { EMIT_WORDS };

static void print_help(void)
{
    puts("ftc compile [flags] SPEC.yaml | MODEL_DIR\n\n"
         "Makes a trainer, a.out: a program that needs no compiler to train this model, to evaluate and to predict.  Or an object to link\n"
         "with a program of your own (-c); or another stage (-E, -S, --emit=...).\n"
         "A stage that --emit printed can be edited and given instead of the spec (-x graph).  '-' is standard input.\n");
    options_help(CMD_COMPILE, stdout);
}

/* ---- flags -------------------------------------------------------------------------------------------------------------- */

static bool set_emit(CompileJob *j, const char *word)
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

static bool set_dump(CompileJob *j, const char *pass)
{
    if (strcmp(pass, "all") && strcmp(pass, "build") && !find_pass(pass))
        return ftc_error(j->diag, FTC_NOWHERE, "there is no pass '%s'; -fno-help lists them", pass);
    j->dump = arena_printf(j->common.arena, "%s%s,", j->dump ? j->dump : ",", pass);
    return true;
}

static bool set_save_temps(CompileJob *j, const char *where)
{
    j->save_temps = where;
    return !*where || !strcmp(where, "=cwd") || !strcmp(where, "=obj") ||
           ftc_error(j->diag, FTC_NOWHERE, "'-save-temps' takes =cwd or =obj, not '%s'", where);
}

static bool set_language(CompileJob *j, const char *word)
{
    j->language = word;
    return !strcmp(word, "spec") || !strcmp(word, "graph") || !strcmp(word, "kernels") ||
           ftc_error(j->diag, FTC_NOWHERE, "'-x' takes spec, graph or kernels, not '%s'", word);
}

static bool set_input(CompileJob *j, const char *word)
{
    if (j->input)
        return ftc_error(j->diag, FTC_NOWHERE, "one spec at a time: '%s' or '%s'", j->input, word);
    j->input = word;
    return true;
}

static bool read_flags(CompileJob *j, OptionReader *r)
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

static void dump(const CompileJob *j, const char *pass, const Stage *s)
{
    char word[64];
    snprintf(word, sizeof word, ",%s,", pass);
    if (!j->dump || !(strstr(j->dump, word) || strstr(j->dump, ",all,")))
        return;
    char *text = stage_entry_text(s);
    fprintf(stderr, "#---- after %s\n%s", pass, text);
    free(text);
}

static void catch_outline(CompileJob *j, const Graph *g)
{
    size_t size;
    FILE *out = text_open(&j->outline, &size);
    graph_outline(g, out);
    fclose(out);
}

/* Pictures and formulas are made of the training step. */
static void catch_step(CompileJob *j, const char *pass, const Graph *g)
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
static void catch_texts(CompileJob *j, const char *pass, const Graph *g)
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
    CompileJob *j = ctx;
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
static bool read_input(CompileJob *j)
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
static bool compile_printed(CompileJob *j, const PipelineOptions *o)
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
static ClassifierSource source_of(const CompileJob *j)
{
    ClassifierSource source = { .init = j->init, .spec_text = j->text, .spec_size = j->text_size, .over = j->common.settings,
                                .n_over = j->common.n_settings };
    *(j->text ? &source.spec : &source.model) = j->input;
    return source;
}

static bool load_spec(CompileJob *j)
{
    ClassifierSource source = source_of(j);
    const char *name = j->input ? j->input : j->init;
    if (source.model && source.init)
        return ftc_error(j->diag, FTC_NOWHERE, "'%s' is a model of its own; leave --init out to compile it, or the folder to start anew from "
                         "'%s'", source.model, source.init);
    j->symbol = symbol_of(!strcmp(name, input_name("-")) ? "stdin" : name);
    return spec_model_open(&j->model, &source, j->diag);
}

static bool compile_spec_of(CompileJob *j, const PipelineOptions *o)
{
    Compiled *compiled = compile_spec(j->model.spec, j->symbol, true, o, j->diag);
    if (compiled)
        spec_model_take(&j->model, compiled);
    return compiled != NULL;
}

static bool compile(CompileJob *j)
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

/* ---- all together --------------------------------------------------------------------------------------------------------- */

/* A few rows, so that it takes no minutes; the page says how many.  A stage that someone edited is not run for it. */
static bool measure_for_page(CompileJob *j)
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

static bool check_line(CompileJob *j)
{
    const char *colon = j->line ? strrchr(j->line, ':') : NULL;
    if (!j->line)
        return true;
    if (!colon || colon == j->line || !isdigit((unsigned char)colon[1]))
        return ftc_error(j->diag, FTC_NOWHERE, "'--line' takes FILE:LINE, such as bert.yaml:29, not '%s'", j->line);
    return j->emit == STAGE_KERNELS || j->emit == EMIT_LLVM || j->emit == EMIT_ASM ||
           ftc_error(j->diag, FTC_NOWHERE, "--line chooses kernels: it goes with --emit=kernels, llvm or asm");
}

static bool run(CompileJob *j)
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
        return j->emit != EMIT_TRAINER || compile_write(j);
    if (j->save_temps && j->model.compiled && !compile_save_temps(j))
        return false;
    bool ok = compile_write(j);
    if (ok && !quiet)
        compile_summarize(j);
    if (ok && j->mem_report && j->model.compiled)
        show_memory(j->model.compiled, stderr);
    return ok;
}

int compile_command(int argc, char **argv, FtcDiag *d)
{
    OptionReader r = { .command = CMD_COMPILE, .argv = argv, .argc = argc, .key_like = key_like, .diag = d };
    Arena *a = arena_new();
    CompileJob j = { .emit = -1, .common = common_defaults(a), .diag = d, .argc = argc, .argv = argv };
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
