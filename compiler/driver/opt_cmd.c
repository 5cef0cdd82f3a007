/* ftc opt: flags to passes.  The work is compiler/api/opt.c. */
#include "compiler/driver/common.h"
#include "compiler/driver/driver.h"

#include "compiler/api/opt.h"
#include "runtime/core/files.h"
#include "runtime/core/mem.h"
#include "runtime/core/nearest.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_CHOSEN = 64 };

typedef struct {
    const char *input, *output;
    const Pass *pass[MOST_CHOSEN];
    int n;
} OptJob;

static void print_help(void)
{
    puts("ftc opt [-PASS...] STAGE\n\n"
         "Runs passes, in the order given, over a stage that 'ftc compile --emit' printed, and prints the stage they lead to:\n\n"
         "  ftc compile --emit=grad -o step.txt SPEC.yaml\n"
         "  ftc opt -remat -fuse -o fused.txt step.txt\n"
         "  ftc compile -x graph fused.txt\n\n"
         "'-' is standard input, so that the three can be one pipe.\n\n");
    for (int i = 0; i < n_passes; i++)
        printf("  -%-20s  %s\n", pipeline[i].name, pipeline[i].why);
    options_help(CMD_OPT, stdout);
}

static bool add_pass(OptJob *j, const char *name, FtcDiag *d)
{
    const Pass *p = find_pass(name);
    if (!p) {
        const char *names[MOST_CHOSEN];
        for (int i = 0; i < n_passes && i < MOST_CHOSEN; i++)
            names[i] = pipeline[i].name;
        const char *near = nearest_word(name, names, n_passes < MOST_CHOSEN ? n_passes : MOST_CHOSEN);
        return near ? ftc_error(d, FTC_NOWHERE, "there is no pass '%s'; did you mean '-%s'?", name, near)
                    : ftc_error(d, FTC_NOWHERE, "there is no flag or pass '-%s'; --help lists them", name);
    }
    if (j->n == MOST_CHOSEN)
        return ftc_error(d, FTC_NOWHERE, "at most %d passes at a time", MOST_CHOSEN);
    j->pass[j->n++] = p;
    return true;
}

static bool set_input(OptJob *j, const char *word, FtcDiag *d)
{
    if (j->input)
        return ftc_error(d, FTC_NOWHERE, "one stage at a time: '%s' or '%s'", j->input, word);
    j->input = word;
    return true;
}

static bool read_flags(OptJob *j, CommonOptions *o, OptionReader *r, FtcDiag *d)
{
    OptionMatch m;
    bool ok = true;
    while ((m = own_option(o, r, &ok, d)).id != OPT_END)
        switch (m.id) {
        case OPT_HELP: case OPT_HELP_SHORT: print_help(); o->done = true; return true;
        case OPT_OUT_FILE: j->output = m.value; break;
        case OPT_PASS: ok &= add_pass(j, m.value, d); break;
        case OPT_ARGUMENT: ok &= set_input(j, m.value, d); break;
        default: ftc_bug("opt: the flag '%s' is in the table, but not read", options[m.id].name);
        }
    return ok;
}

static bool run(const OptJob *j, Arena *a, FtcDiag *d)
{
    StageText t;
    size_t size, n;
    if (!j->input)
        return ftc_error(d, FTC_NOWHERE, "which stage? for example: ftc compile --emit=grad -o step.txt SPEC.yaml, and then ftc opt -remat "
                                         "step.txt");
    char *text = input_read(j->input, LARGEST_STAGE, &size, d), *result = NULL;
    if (!text)
        return false;
    const char *name = input_name(j->input);
    ftc_diag_source(d, name, text, size);
    FILE *out = text_open(&result, &n);
    bool ok = stage_read(&t, a, name, text, size, d) && opt_stage(&t, j->pass, j->n, out, d);
    fclose(out);
    ok = ok && output_write(j->output, result, n, d);
    free(result);
    free(text);
    return ok;
}

int opt_command(int argc, char **argv, FtcDiag *d)
{
    Arena *a = arena_new();
    OptionReader r = { .command = CMD_OPT, .argv = argv, .argc = argc, .diag = d };
    CommonOptions o = common_defaults(a);
    OptJob j = { .n = 0 };
    bool ok = read_flags(&j, &o, &r, d) && (o.done || run(&j, a, d));
    arena_free(a);
    return ok ? EXIT_OK : EXIT_USER;
}
