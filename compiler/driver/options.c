/* Reading the command line; see options.h. */
#include "compiler/driver/options.h"

#include "runtime/core/nearest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const Option options[] = {
#define OPTION(id, commands, name, value, key, help) { commands, name, value, key, help },
#include "compiler/driver/options.def"
};

static bool is_joined(const Option *o) { return o->value && *o->value == '='; }
static bool is_long(const Option *o) { return !strncmp(o->name, "--", 2); }

/* Whether `word` is this flag; *value is what is joined to it, or NULL. */
static bool matches(const Option *o, const char *word, const char **value)
{
    size_t n = strlen(o->name);
    *value = NULL;
    if (strncmp(word, o->name, n))
        return false;
    if (is_joined(o)) {
        *value = word + n;
        return true;
    }
    if (!word[n])
        return true;
    if (!o->value)
        return false;
    if (is_long(o) && word[n] != '=')
        return false;
    *value = word + n + is_long(o);
    return is_long(o) || n == 2; /* -oFILE */
}

static OptionMatch unknown(const OptionReader *r, const char *word)
{
    const char *names[N_OPTIONS];
    char name[64];
    int n = 0;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    for (int i = 0; i < N_OPTIONS; i++)
        if (options[i].commands & r->command)
            names[n++] = options[i].name;
    const char *near = nearest_word(name, names, n), *key = r->key_like ? r->key_like(name) : NULL;
    if (key)
        ftc_error(r->diag, FTC_NOWHERE, "unknown flag '%s'; the spec's keys are set with -D: -D %s=VALUE", word, key);
    else if (near)
        ftc_error(r->diag, FTC_NOWHERE, "unknown flag '%s'; did you mean '%s'?", word, near);
    else
        ftc_error(r->diag, FTC_NOWHERE, "unknown flag '%s'; --help lists those there are", word);
    return (OptionMatch){ OPT_ERROR, NULL };
}

/* How diagnostics are written, in every command. */
static bool set_format(FtcDiag *d, const char *value)
{
    if (!strcmp(value, "json"))
        ftc_diag_json(d);
    return !strcmp(value, "json") || !strcmp(value, "text") ||
           ftc_error(d, FTC_NOWHERE, "'-fdiagnostics-format=' takes text or json, not '%s'", value);
}

static bool set_color(FtcDiag *d, const char *value)
{
    static const char *const words[] = { "=auto", "=always", "=never" }; /* in the order of FtcColor */
    for (int i = 0; i < 3; i++)
        if (!strcmp(*value ? value : "=always", words[i])) {
            ftc_diag_color(d, (FtcColor)i);
            return true;
        }
    return ftc_error(d, FTC_NOWHERE, "'-fdiagnostics-color=' takes auto, always or never, not '%s'", value + (*value == '='));
}

static OptionMatch next(OptionReader *r)
{
    if (r->at >= r->argc)
        return (OptionMatch){ OPT_END, NULL };
    const char *word = r->argv[r->at++];
    if (!r->only_arguments && !strcmp(word, "--")) {
        r->only_arguments = true;
        return next(r);
    }
    if (r->only_arguments || word[0] != '-' || !word[1])
        return (OptionMatch){ OPT_ARGUMENT, word };
    /* an exact flag before one that takes the rest of the word: -fcheck-arena, -emit-llvm */
    for (int joined = 0; joined < 2; joined++)
        for (int i = 0; i < N_OPTIONS; i++) {
            const Option *o = &options[i];
            const char *value;
            if (!(o->commands & r->command) || !matches(o, word, &value) || (value != NULL) != (joined != 0))
                continue;
            if (o->value && !value) {
                if (r->at == r->argc) {
                    ftc_error(r->diag, FTC_NOWHERE, "'%s' needs a value: %s %s", o->name, o->name, o->value);
                    return (OptionMatch){ OPT_ERROR, NULL };
                }
                value = r->argv[r->at++];
            }
            return (OptionMatch){ (OptionId)i, value };
        }
    return unknown(r, word);
}

OptionMatch options_next(OptionReader *r)
{
    OptionMatch m;
    bool ok = true;
    while (ok && ((m = next(r)).id == OPT_DIAGNOSTICS_FORMAT || m.id == OPT_DIAGNOSTICS_COLOR))
        ok = m.id == OPT_DIAGNOSTICS_FORMAT ? set_format(r->diag, m.value) : set_color(r->diag, m.value);
    return ok ? m : (OptionMatch){ OPT_ERROR, NULL };
}

bool option_number(const OptionMatch *m, long long low, long long high, long long *out, FtcDiag *d)
{
    char *end;
    errno = 0;
    *out = strtoll(m->value, &end, 10);
    if (end == m->value || *end || errno || *out < low || *out > high)
        return ftc_error(d, FTC_NOWHERE, "'%s' takes a whole number from %lld to %lld, not '%s'", options[m->id].name, low, high,
                         m->value);
    return true;
}

void options_help(Command c, FILE *out)
{
    for (int i = 0; i < N_OPTIONS; i++) {
        const Option *o = &options[i];
        char left[64];
        if (!(o->commands & c) || !o->help)
            continue;
        snprintf(left, sizeof left, "%s%s%s", o->name, o->value && !is_joined(o) ? " " : "", o->value ? o->value + is_joined(o) : "");
        fprintf(out, "  %-22s  %s\n", left, o->help);
    }
}
