/* ftc bench: flags to a job.  The work is compiler/api/bench.c. */
#include "compiler/driver/common.h"
#include "compiler/driver/driver.h"

#include "compiler/api/bench.h"
#include "compiler/spec/spec_tree.h"
#include "runtime/core/files.h"

#include <signal.h>
#include <stdlib.h>

static void print_help(void)
{
    puts("ftc bench [SPEC.yaml] [flags]\n\n"
         "Times training steps: as ftc compiles them, without fusion, and as the plain reference (-O0), turn by turn and each in a\n"
         "process of its own; then where the time goes, kernel by kernel.  Without --init, weights are random.\n");
    options_help(CMD_BENCH, stdout);
}

static bool read_flags(BenchJob *j, CommonOptions *o, OptionReader *r, FtcDiag *d)
{
    OptionMatch m;
    long long n = 0;
    bool ok = true;
    while ((m = own_option(o, r, &ok, d)).id != OPT_END)
        switch (m.id) {
        case OPT_HELP: case OPT_HELP_SHORT: print_help(); o->done = true; return true;
        case OPT_INIT: j->source.init = m.value; break;
        case OPT_BATCH: ok &= option_number(&m, 1, 1 << 20, &n, d); j->rows = n; break;
        case OPT_SEQ: ok &= option_number(&m, 1, 1 << 20, &n, d); j->tokens = n; break;
        case OPT_LENGTHS: j->lengths = m.value; break;
        case OPT_DATA: j->data = m.value; break;
        case OPT_REPEATS: ok &= option_number(&m, 1, 1 << 20, &n, d); j->repeats = (int)n; break;
        case OPT_QUICK: j->quick = true; break;
        case OPT_BY_LINE: j->by_line = true; break;
        case OPT_ABLATE: j->ablate = true; break;
        case OPT_JSON: j->json = true; break;
        case OPT_ARGUMENT:
            if (j->source.spec)
                ok = ftc_error(d, FTC_NOWHERE, "one spec at a time: '%s' or '%s'", j->source.spec, m.value);
            j->source.spec = m.value;
            break;
        default: ftc_bug("bench: the flag '%s' is in the table, but not read", options[m.id].name);
        }
    return ok;
}

/* Each variant opens the spec: one that can be read once is read here. */
static bool read_spec(ClassifierSource *s, Arena *a, FtcDiag *d)
{
    if (!s->spec || !input_is_once(s->spec))
        return true;
    char *text = input_read(s->spec, TREE_MAX_BYTES, &s->spec_size, d);
    if (!text)
        return false;
    s->spec_text = arena_strndup(a, text, s->spec_size);
    s->spec = input_name(s->spec);
    free(text);
    return true;
}

static bool check_job(const BenchJob *j, FtcDiag *d)
{
    if ((j->tokens != 0) + (j->lengths != NULL) + (j->data != NULL) > 1)
        return ftc_error(d, FTC_NOWHERE, "how long are the rows? --seq, --lengths or --data: one of them");
    return true;
}

int bench_command(int argc, char **argv, FtcDiag *d)
{
    Arena *a = arena_new();
    OptionReader r = { .command = CMD_BENCH, .argv = argv, .argc = argc, .key_like = key_like, .diag = d };
    CommonOptions o = common_defaults(a);
    BenchJob j = { .repeats = 7 };
    bool ok = read_flags(&j, &o, &r, d);
    if (ok && !o.done) {
        SpecSetting *over = NEW_ARRAY(a, SpecSetting, o.n_settings + 1);
        for (int i = 0; i < o.n_settings; i++)
            over[i] = o.settings[i];
        j.source.n_over = o.n_settings;
        if (j.tokens)
            over[j.source.n_over++] = (SpecSetting){ "data.max_length", arena_printf(a, "%lld", (long long)j.tokens), FTC_FILE("--seq") };
        j.source.over = over;
        j.pipeline = o.pipeline;
        j.codegen = o.codegen;
        j.threads = o.threads;
        signal(SIGPIPE, SIG_IGN);
        ok = check_job(&j, d) && codegen_check_options(&j.codegen, d) && read_spec(&j.source, a, d) && bench_run(&j, stdout, d);
    }
    arena_free(a);
    return ok ? EXIT_OK : EXIT_USER;
}
