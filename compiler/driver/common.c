/* Flags that more than one command has; see common.h. */
#include "compiler/driver/common.h"

#include "compiler/spec/schema.h"
#include "compiler/support/timing.h"
#include "runtime/core/nearest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

CommonOptions common_defaults(Arena *a)
{
    return (CommonOptions){ .arena = a, .pipeline = { .level = 2, .off = "," }, .codegen = { .level = 2 } };
}

static void add_setting(CommonOptions *o, SpecSetting s)
{
    ARENA_GROW(o->arena, o->settings, o->n_settings, o->cap_settings);
    o->settings[o->n_settings++] = s;
}

static bool define(CommonOptions *o, const char *text, FtcDiag *d)
{
    SpecSetting s;
    if (!spec_setting_parse(o->arena, text, &s, d))
        return false;
    add_setting(o, s);
    return true;
}

static bool set_level(CommonOptions *o, const char *value, FtcDiag *d)
{
    if (!*value) /* as gcc's -O */
        value = "1";
    if (strlen(value) != 1 || *value < '0' || *value > '3')
        return ftc_error(d, FTC_NOWHERE, "there is no '-O%s'; the levels are -O0 to -O3", value);
    o->pipeline.level = o->codegen.level = *value - '0';
    return true;
}

static void list_passes(void)
{
    for (int i = 0; i < n_passes; i++)
        printf("  %-10s %s%s\n", pipeline[i].name, pipeline[i].why, pass_is_needed(&pipeline[i]) ? " (always runs)" : "");
}

static void show_cpu(void *arg, const char *name)
{
    (void)arg;
    puts(name);
}

/* Takes ",word," out of the list. */
static const char *without(Arena *a, const char *list, const char *word)
{
    const char *at = strstr(list, arena_printf(a, ",%s,", word));
    return at ? arena_printf(a, "%.*s%s", (int)(at - list), list, at + strlen(word) + 1) : list;
}

/* -fno-NAME and -fNAME: of several the last one counts. */
static bool switch_pass(CommonOptions *o, const char *name, bool on, FtcDiag *d)
{
    const Pass *p = find_pass(name);
    if (!strcmp(name, "help")) {
        list_passes();
        return o->done = true;
    }
    if (!p) {
        const char *names[MOST_PASSES];
        for (int i = 0; i < n_passes; i++)
            names[i] = pipeline[i].name;
        const char *near = nearest_word(name, names, n_passes), *what = on ? "unknown flag '-f" : "there is no pass '";
        return near ? ftc_error(d, FTC_NOWHERE, "%s%s'; did you mean '-f%s%s'?", what, name, on ? "" : "no-", near)
                    : ftc_error(d, FTC_NOWHERE, "%s%s'; --help=optimizers lists the passes", what, name);
    }
    if (pass_is_needed(p))
        return on || ftc_error(d, FTC_NOWHERE, "the pass '%s' can't be left out: %s", name, p->why);
    const char *plus = arena_printf(o->arena, "+%s", name);
    o->pipeline.off = without(o->arena, without(o->arena, o->pipeline.off, name), plus);
    o->pipeline.off = arena_printf(o->arena, "%s%s,", o->pipeline.off, on ? plus : name);
    return true;
}

/* As gcc's -Q --help=optimizers. */
static void help_optimizers(const CommonOptions *o, FtcDiag *d)
{
    PipelineOptions now = o->pipeline;
    now.machine = codegen_machine(&o->codegen, d);
    if (o->query)
        printf("The passes, in their order, and how they stand at -O%d with the flags given:\n", o->pipeline.level);
    else
        puts("The passes, in their order; -fno-NAME leaves one out, -fNAME takes it back, -O0 leaves all out (-Q says how they stand):");
    for (int i = 0; i < n_passes; i++) {
        const Pass *p = &pipeline[i];
        char flag[64];
        snprintf(flag, sizeof flag, "-f%s", p->name);
        if (o->query)
            printf("  %-12s %s\n", flag, pass_is_needed(p) ? "[always]" : pass_is_on(p, &now) ? "[enabled]" : "[disabled]");
        else if (pass_is_needed(p))
            printf("  %-12s always  %s\n", flag, p->why);
        else
            printf("  %-12s -O%d     %s\n", flag, p->level, p->why);
    }
}

static bool give_help(CommonOptions *o, Command command, FtcDiag *d)
{
    static const char *const classes[] = { "optimizers", "warnings", "target", "common" };
    const char *word = o->help_class;
    o->done = true;
    if (!strcmp(word, "optimizers"))
        help_optimizers(o, d);
    else if (!strcmp(word, "warnings"))
        ftc_warnings_help(stdout);
    else if (!strcmp(word, "target"))
        codegen_each_cpu(show_cpu, NULL);
    else if (!strcmp(word, "common"))
        options_help(command, stdout);
    else {
        const char *near = nearest_word(word, classes, 4);
        return ftc_error(d, FTC_NOWHERE, "--help= takes optimizers, warnings, target or common, not '%s'%s%s%s", word, near ? "; did you mean '" : "",
                         near ? near : "", near ? "'?" : "");
    }
    return true;
}

static bool set_bisect(CommonOptions *o, const char *value, FtcDiag *d)
{
    char *end;
    errno = 0;
    o->bisect.limit = strtol(value, &end, 10);
    o->pipeline.bisect = &o->bisect;
    return (end > value && !*end && !errno && o->bisect.limit >= -1) ||
           ftc_error(d, FTC_NOWHERE, "-fbisect-limit= takes how many passes may run, or -1 for all, not '%s'", value);
}

static bool set_warning(CommonOptions *o, const char *flag, FtcDiag *d)
{
    if (strcmp(flag, "help"))
        return ftc_warning_flag(d, flag);
    ftc_warnings_help(stdout);
    return o->done = true;
}

static bool set_cpu(CommonOptions *o, const char *name)
{
    if (!strcmp(name, "help")) {
        codegen_each_cpu(show_cpu, NULL);
        o->done = true;
    }
    o->codegen.cpu = name;
    return true;
}

/* -ftime-trace or -ftime-trace=FILE */
static bool set_time_trace(CommonOptions *o, const char *value, FtcDiag *d)
{
    if (*value && (*value != '=' || !value[1]))
        return ftc_error(d, FTC_NOWHERE, "-ftime-trace takes =FILE or nothing, not '%s'", value);
    o->time_trace = *value ? value + 1 : "ftc-trace.json";
    timing_start();
    return true;
}

static bool set_gemm(CommonOptions *o, const char *word, FtcDiag *d)
{
    return gemm_find(word, &o->codegen.gemm) ||
           ftc_error(d, FTC_NOWHERE, "-fgemm= takes auto, native or openblas, not '%s'", word);
}

/* --seed 7 -> train.seed = 7, whose place is the flag */
static void set_key(CommonOptions *o, const OptionMatch *m)
{
    const Option *option = &options[m->id];
    const char *value = m->value ? m->value : "false"; /* --no-shuffle */
    add_setting(o, (SpecSetting){ option->key, value, FTC_FILE(arena_printf(o->arena, "%s%s%s", option->name, m->value ? " " : "",
                                                                            m->value ? m->value : "")) });
}

/* --split dev=.15,test=.15 -> data.split.dev = .15, data.split.test = .15 */
static bool set_split(CommonOptions *o, const char *parts, FtcDiag *d)
{
    FtcLoc at = FTC_FILE(arena_printf(o->arena, "--split %s", parts));
    for (const char *p = parts; *p;) {
        int n = (int)strcspn(p, ","), name = (int)strcspn(p, "=,");
        if (name == 0 || name >= n - 1)
            return ftc_error(d, at, "write the parts' shares, such as --split dev=.15,test=.15");
        add_setting(o, (SpecSetting){ arena_printf(o->arena, "data.split.%.*s", name, p),
                                      arena_strndup(o->arena, p + name + 1, (size_t)(n - name - 1)), at });
        p += n + (p[n] == ',');
    }
    return *parts || ftc_error(d, at, "which parts? for example --split dev=.15,test=.15");
}

bool common_option(CommonOptions *o, const OptionMatch *m, bool *ok, FtcDiag *d)
{
    long long n;
    *ok = true;
    if (m->id < N_OPTIONS && options[m->id].key) {
        set_key(o, m);
        return true;
    }
    switch (m->id) {
    case OPT_DEFINE: *ok = define(o, m->value, d); return true;
    case OPT_SPLIT: *ok = set_split(o, m->value, d); return true;
    case OPT_LEVEL: *ok = set_level(o, m->value, d); return true;
    case OPT_NO_PASS: *ok = switch_pass(o, m->value, false, d); return true;
    case OPT_PASS_ON: *ok = switch_pass(o, m->value, true, d); return true;
    case OPT_BISECT: *ok = set_bisect(o, m->value, d); return true;
    case OPT_HELP_CLASS: o->help_class = m->value; return true;
    case OPT_DEBUG: o->pipeline.debug = o->codegen.debug = true; return true;
    case OPT_PERF_MAP: o->codegen.perf_map = true; return true;
    case OPT_QUERY: o->query = true; return true;
    case OPT_TIME_REPORT: o->time_report = true; timing_start(); return true;
    case OPT_TIME_TRACE: *ok = set_time_trace(o, m->value, d); return true;
    case OPT_WARNING: *ok = set_warning(o, m->value, d); return true;
    case OPT_MARCH: case OPT_MCPU: *ok = set_cpu(o, m->value); return true;
    case OPT_OPT_INFO: o->opt_info = m->value; return true;
    case OPT_NO_STREAM: return o->codegen.no_stream = true;
    case OPT_NO_AMX: return o->codegen.no_amx = true;
    case OPT_GEMM: *ok = set_gemm(o, m->value, d); return true;
    case OPT_NO_CACHE: o->codegen.no_cache = true; return true;
    case OPT_THREADS:
        *ok = option_number(m, 1, 4096, &n, d);
        o->threads = o->codegen.threads = *ok ? (int)n : 0;
        return true;
    default: return false;
    }
}

bool common_end(CommonOptions *o, Command command, FtcDiag *d)
{
    return o->done || !o->help_class || give_help(o, command, d);
}

bool common_timing(const CommonOptions *o, FtcDiag *d)
{
    if (o->time_report)
        timing_report(stderr);
    if (!o->time_trace)
        return true;
    FILE *f = fopen(o->time_trace, "w");
    if (f)
        timing_trace(f);
    bool failed = !f || ferror(f);
    return (!(f && fclose(f)) && !failed) || ftc_error(d, FTC_FILE(o->time_trace), "can't be written: %s", strerror(errno));
}

OptionMatch own_option(CommonOptions *o, OptionReader *r, bool *ok, FtcDiag *d)
{
    OptionMatch m;
    bool right;
    while (!o->done && (m = options_next(r)).id != OPT_END && m.id != OPT_ERROR) {
        if (!common_option(o, &m, &right, d))
            return m;
        *ok &= right;
    }
    *ok &= (o->done || m.id != OPT_ERROR) && common_end(o, r->command, d);
    return (OptionMatch){ OPT_END, NULL };
}

/* "-missed=FILE" -> which kinds, and what follows: "=FILE" or "" */
static const char *opt_info_kinds(const char *value, int *kinds)
{
    static const struct { const char *word; int kinds; } words[] = {
        { "-optimized", OPT_OPTIMIZED }, { "-missed", OPT_MISSED }, { "-all", OPT_OPTIMIZED | OPT_MISSED },
    };
    *kinds = OPT_OPTIMIZED;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strncmp(value, words[i].word, strlen(words[i].word))) {
            *kinds = words[i].kinds;
            return value + strlen(words[i].word);
        }
    return value;
}

bool open_opt_info(CommonOptions *o, FtcDiag *d)
{
    if (!o->opt_info)
        return true;
    const char *file = opt_info_kinds(o->opt_info, &o->pipeline.opt_kinds);
    if (*file && (*file != '=' || !file[1]))
        return ftc_error(d, FTC_NOWHERE, "-fopt-info takes -optimized, -missed or -all, and =FILE, not '%s'", file);
    o->opt_info = file;
    o->pipeline.opt_info = *file ? fopen(file + 1, "w") : stderr;
    return o->pipeline.opt_info || ftc_error(d, FTC_FILE(file + 1), "can't be written: %s", strerror(errno));
}

bool close_opt_info(CommonOptions *o, FtcDiag *d)
{
    FILE *f = o->pipeline.opt_info;
    o->pipeline.opt_info = NULL;
    if (!f || f == stderr)
        return true;
    bool failed = ferror(f);
    return (fclose(f) == 0 && !failed) || ftc_error(d, FTC_FILE(o->opt_info + 1), "can't be written: %s", strerror(errno));
}

const char *key_like(const char *word)
{
    while (*word == '-')
        word++;
    for (int i = 0; *word && i < n_schema_keys; i++) {
        const char *key = schema_keys[i].path, *dot = strrchr(key, '.');
        if (!strcmp(dot + 1, word))
            return key;
    }
    return NULL;
}
