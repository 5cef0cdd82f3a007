/* Flags that more than one command has; see common.h. */
#include "compiler/driver/common.h"

#include "compiler/spec/schema.h"
#include "runtime/core/nearest.h"

#include <errno.h>
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
        printf("  %-10s %s%s\n", pipeline[i].name, pipeline[i].why, pipeline[i].needed ? " (always runs)" : "");
}

static bool leave_out(CommonOptions *o, const char *name, FtcDiag *d)
{
    const Pass *p = find_pass(name);
    if (!strcmp(name, "help")) {
        list_passes();
        return o->done = true;
    }
    if (!p) {
        const char *names[64];
        for (int i = 0; i < n_passes && i < 64; i++)
            names[i] = pipeline[i].name;
        const char *near = nearest_word(name, names, n_passes < 64 ? n_passes : 64);
        return near ? ftc_error(d, FTC_NOWHERE, "there is no pass '%s'; did you mean '-fno-%s'?", name, near)
                    : ftc_error(d, FTC_NOWHERE, "there is no pass '%s'; -fno-help lists them", name);
    }
    if (p->needed)
        return ftc_error(d, FTC_NOWHERE, "the pass '%s' can't be left out: %s", name, p->why);
    o->pipeline.off = arena_printf(o->arena, "%s%s,", o->pipeline.off, name);
    return true;
}

static bool set_warning(CommonOptions *o, const char *flag, FtcDiag *d)
{
    if (strcmp(flag, "help"))
        return ftc_warning_flag(d, flag);
    ftc_warnings_help(stdout);
    return o->done = true;
}

static void show_cpu(void *arg, const char *name)
{
    (void)arg;
    puts(name);
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
    case OPT_NO_PASS: *ok = leave_out(o, m->value, d); return true;
    case OPT_WARNING: *ok = set_warning(o, m->value, d); return true;
    case OPT_MARCH: *ok = set_cpu(o, m->value); return true;
    case OPT_OPT_INFO: o->opt_info = m->value; return true;
    case OPT_GEMM: *ok = set_gemm(o, m->value, d); return true;
    case OPT_NO_CACHE: o->codegen.no_cache = true; return true;
    case OPT_THREADS:
        *ok = option_number(m, 1, 4096, &n, d);
        o->threads = o->codegen.threads = *ok ? (int)n : 0;
        return true;
    default: return false;
    }
}

OptionMatch own_option(CommonOptions *o, OptionReader *r, bool *ok, FtcDiag *d)
{
    OptionMatch m;
    bool right;
    while ((m = options_next(r)).id != OPT_END && m.id != OPT_ERROR && !o->done) {
        if (!common_option(o, &m, &right, d))
            return m;
        *ok &= right;
    }
    *ok &= m.id != OPT_ERROR || o->done;
    return (OptionMatch){ OPT_END, NULL };
}

bool open_opt_info(CommonOptions *o, FtcDiag *d)
{
    if (!o->opt_info)
        return true;
    if (*o->opt_info && (*o->opt_info != '=' || !o->opt_info[1]))
        return ftc_error(d, FTC_NOWHERE, "-fopt-info takes =FILE or nothing, not '%s'", o->opt_info);
    o->pipeline.opt_info = *o->opt_info ? fopen(o->opt_info + 1, "w") : stderr;
    return o->pipeline.opt_info || ftc_error(d, FTC_FILE(o->opt_info + 1), "can't be written: %s", strerror(errno));
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
