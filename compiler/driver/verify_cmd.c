/* ftc verify: flags to a job.  The work is compiler/api/verify.c. */
#include "compiler/driver/common.h"
#include "compiler/driver/driver.h"

#include "compiler/api/verify.h"

#include <signal.h>
#include <string.h>

static void print_help(void)
{
    puts("ftc verify [flags] SPEC.yaml\n\n"
         "Holds what ftc makes of the spec against the reference evaluator, in double: gradients against differences, each pass,\n"
         "each kernel, the whole step with and without the passes, and on several threads.  Layers and sizes are shrunk.\n"
         "A failure is reduced to a small graph; -x graph takes it, or any stage that 'ftc compile --emit' printed.\n");
    options_help(CMD_VERIFY, stdout);
    puts("\nExit status: 0 all is right; 1 an error of the user's, or a graph that is wrong; 4 a bug in ftc.");
}

static bool set_language(VerifyJob *j, const char *word, FtcDiag *d)
{
    j->is_graph = !strcmp(word, "graph");
    return j->is_graph || !strcmp(word, "spec") || ftc_error(d, FTC_NOWHERE, "'-x' takes spec or graph here, not '%s'", word);
}

static bool set_input(VerifyJob *j, const char *word, FtcDiag *d)
{
    if (j->input)
        return ftc_error(d, FTC_NOWHERE, "one spec at a time: '%s' or '%s'", j->input, word);
    j->input = word;
    return true;
}

static bool read_flags(VerifyJob *j, CommonOptions *o, OptionReader *r, FtcDiag *d)
{
    OptionMatch m;
    bool ok = true;
    while ((m = own_option(o, r, &ok, d)).id != OPT_END)
        switch (m.id) {
        case OPT_HELP: case OPT_HELP_SHORT: print_help(); o->done = true; return true;
        case OPT_FULL: j->full = true; break;
        case OPT_FAILURE: j->output = m.value; break;
        case OPT_LANGUAGE: ok &= set_language(j, m.value, d); break;
        case OPT_ARGUMENT: ok &= set_input(j, m.value, d); break;
        default: ftc_bug("verify: the flag '%s' is in the table, but not read", options[m.id].name);
        }
    return ok;
}

static bool check_job(const VerifyJob *j, FtcDiag *d)
{
    if (j->is_graph && !j->input)
        return ftc_error(d, FTC_NOWHERE, "which graph? -x graph FILE");
    if (j->is_graph && (j->n_over || j->full))
        return ftc_error(d, FTC_FILE(j->input), "is a graph, with the sizes it has: -D and --full are for a spec");
    return true;
}

int verify_command(int argc, char **argv, FtcDiag *d)
{
    Arena *a = arena_new();
    OptionReader r = { .command = CMD_VERIFY, .argv = argv, .argc = argc, .key_like = key_like, .diag = d };
    CommonOptions o = common_defaults(a);
    VerifyJob j = { .out = stdout };
    VerifyReport report = { .nodes = 0 };
    o.pipeline.accumulate = true;
    bool ok = read_flags(&j, &o, &r, d);
    if (ok && !o.done) {
        j.over = o.settings;
        j.n_over = o.n_settings;
        j.pipeline = o.pipeline;
        j.codegen = o.codegen;
        signal(SIGPIPE, SIG_IGN); /* who reads no further is no failure of a check */
        ok = check_job(&j, d) && codegen_check_options(&j.codegen, d) && verify_run(&j, &report, d);
    }
    arena_free(a);
    if (!ok || (report.failure.kind && j.is_graph))
        return EXIT_USER;
    return report.failure.kind ? EXIT_BUG : EXIT_OK;
}
