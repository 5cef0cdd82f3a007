/* ftc trace: flags to a job.  The work is compiler/api/trace.c. */
#include "compiler/driver/common.h"
#include "compiler/driver/driver.h"

#include "compiler/api/trace.h"
#include "runtime/core/files.h"
#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>

static void print_help(void)
{
    puts("ftc trace SPEC.yaml | MODEL_DIR --text TEXT --label LABEL [flags]\n\n"
         "One text through one training step, with its numbers: tokens, embedding, attention, logits, loss, gradients, and "
         "weights before\n"
         "and after the update.  They are compiled code's, with dropout off; nothing is saved.\n");
    options_help(CMD_TRACE, stdout);
}

typedef struct {
    TraceJob job;
    bool html;
    const char *output; /* NULL: standard output */
} TraceFlags;

static bool set_input(TraceJob *j, const char *word, FtcDiag *d)
{
    const char *before = j->source.model ? j->source.model : j->source.spec;
    if (before)
        return ftc_error(d, FTC_NOWHERE, "one spec or model at a time: '%s' or '%s'", before, word);
    *(path_is_folder(word) ? &j->source.model : &j->source.spec) = word;
    return true;
}

static bool read_flags(TraceFlags *f, CommonOptions *o, OptionReader *r, FtcDiag *d)
{
    OptionMatch m;
    bool ok = true;
    while ((m = own_option(o, r, &ok, d)).id != OPT_END)
        switch (m.id) {
        case OPT_HELP:
        case OPT_HELP_SHORT:
            print_help();
            o->done = true;
            return true;
        case OPT_INIT: f->job.source.init = m.value; break;
        case OPT_TEXT: f->job.text = m.value; break;
        case OPT_TEXT_B: f->job.text_b = m.value; break;
        case OPT_LABEL: f->job.label = m.value; break;
        case OPT_HTML: f->html = true; break;
        case OPT_OUT_FILE: f->output = m.value; break;
        case OPT_ARGUMENT: ok &= set_input(&f->job, m.value, d); break;
        default: ftc_bug("trace: the flag '%s' is in the table, but not read", options[m.id].name);
        }
    return ok;
}

static bool check_job(const TraceJob *j, FtcDiag *d)
{
    if (!j->text)
        return ftc_error(d, FTC_NOWHERE, "which text? --text \"...\"");
    if (!j->label)
        return ftc_error(d, FTC_NOWHERE, "what should come out? --label LABEL");
    return !j->source.model || !j->source.init ||
           ftc_error(d, FTC_NOWHERE, "'%s' is a model of its own; leave --init out", j->source.model);
}

static bool write_trace(const Trace *t, const TraceFlags *f, FtcDiag *d)
{
    char *text = NULL;
    size_t size;
    FILE *out = text_open(&text, &size);
    if (f->html)
        trace_html(t, out);
    else
        trace_print(t, out);
    fclose(out);
    bool ok = output_write(f->output, text, size, d);
    free(text);
    return ok;
}

int trace_command(int argc, char **argv, FtcDiag *d)
{
    Arena *a = arena_new();
    OptionReader r = { .command = CMD_TRACE, .argv = argv, .argc = argc, .key_like = key_like, .diag = d };
    CommonOptions o = common_defaults(a);
    TraceFlags f = { 0 };
    bool ok = read_flags(&f, &o, &r, d);
    if (ok && !o.done) {
        f.job.source.over = o.settings;
        f.job.source.n_over = o.n_settings;
        f.job.codegen = o.codegen;
        f.job.threads = o.threads;
        ok = check_job(&f.job, d) && codegen_check_options(&o.codegen, d);
        const Trace *t = ok ? trace_text_step(&f.job, a, d) : NULL;
        ok = t && write_trace(t, &f, d);
    }
    arena_free(a);
    return ok ? EXIT_OK : EXIT_USER;
}
