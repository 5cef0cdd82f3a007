/* The manual page and bash's completion, from the tables that the command line itself is made of.  Run by the build.
 * In: "man" or "bash".  Out: text on standard output. */
#include "compiler/driver/emit.h"
#include "compiler/driver/options.h"
#include "compiler/passes/pipeline.h"

#include <string.h>

static const struct {
    const char *name, *what;
    Command id;
} commands[] = {
#define COMMAND(name, id, what, own) { name, what, CMD_##id },
#include "compiler/driver/commands.def"
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static const char *const warnings[] = {
#define WARNING(name, doc) name,
#include "ftc/warnings.def"
};

static bool is_joined(const Option *o) { return o->value && *o->value == '='; }

/* ---- man ----------------------------------------------------------------------------------------------------------- */

/* Text of a line: nothing in it is a request. */
static void put_text(const char *s)
{
    if (*s == '.' || *s == '\'')
        fputs("\\&", stdout);
    for (; *s; s++)
        if (*s == '-')
            fputs("\\-", stdout);
        else if (*s == '\\')
            fputs("\\e", stdout);
        else
            putchar(*s);
}

static void put_flag(const Option *o)
{
    fputs(".TP\n\\fB", stdout);
    put_text(o->name);
    fputs("\\fR", stdout);
    if (o->value) {
        fputs(is_joined(o) ? "\\fI" : " \\fI", stdout);
        put_text(o->value + is_joined(o));
        fputs("\\fR", stdout);
    }
    putchar('\n');
    put_text(o->help);
    putchar('\n');
}

static void print_man(void)
{
    puts(".TH FTC 1 \"\" \"ftc " FTC_VERSION "\" \"User commands\"\n.SH NAME\nftc \\- a fine-tuning compiler\n.SH SYNOPSIS");
    for (int i = 0; i < N_COMMANDS; i++)
        printf("%s\\fBftc %s\\fR [\\fIflags\\fR] ...\n", i ? ".br\n" : "", commands[i].name);
    puts(".SH DESCRIPTION\nA YAML spec of an encoder, a head and a loss, and a table of labelled texts, become a classifier.  "
         "The spec is compiled to the "
         "native code of one training step; a small runtime feeds it.\n.PP\nFlags and arguments may be mixed; of flags that "
         "say the same the last one counts; "
         "behind \\fB\\-\\-\\fR all are arguments.");
    puts(".SH COMMANDS");
    for (int i = 0; i < N_COMMANDS; i++) {
        printf(".SS ftc %s\n", commands[i].name);
        put_text(commands[i].what);
        putchar('\n');
        for (int k = 0; k < N_OPTIONS; k++)
            if (options[k].commands & commands[i].id && options[k].help)
                put_flag(&options[k]);
    }
    puts(".SH EXIT STATUS\n.TP\n0\nAll went well.\n.TP\n1\nA mistake of the user's, which standard error names with its "
         "place.\n.TP\n3\nTraining diverged.\n"
         ".TP\n4\nA bug in ftc.\n.TP\n130\nThe run was interrupted, and can be gone on with.");
    puts(".SH ENVIRONMENT\n.TP\n\\fBXDG_CACHE_HOME\\fR\nCompiled kernels are kept in its folder ftc; else in "
         "~/.cache/ftc.\n.TP\n\\fBCC\\fR\nThe C compiler that "
         "links trainers; else cc.\n.TP\n\\fBTMPDIR\\fR\nWhere objects lie while they are linked; else /tmp.");
}

/* ---- bash ---------------------------------------------------------------------------------------------------------- */

static void print_words(const char *before, const char *const *words, int n)
{
    for (int i = 0; i < n; i++)
        printf("%s%s%s", i ? " " : "", before, words[i]);
}

static void print_pass_flags(const char *before)
{
    for (int i = 0; i < n_passes; i++)
        if (!pass_is_needed(&pipeline[i]))
            printf(" %s%s", before, pipeline[i].name);
}

static void print_flags(Command c)
{
    for (int k = 0, n = 0; k < N_OPTIONS; k++)
        if (options[k].commands & c && strlen(options[k].name) > 1 && strcmp(options[k].name, "-f") &&
            strcmp(options[k].name, "-fno-") && strcmp(options[k].name, "-W"))
            printf("%s%s", n++ ? " " : "", options[k].name);
    if (options[OPT_NO_PASS].commands & c) {
        print_pass_flags("-fno-");
        print_pass_flags("-f");
    }
    if (options[OPT_WARNING].commands & c) {
        putchar(' ');
        print_words("-W", warnings, sizeof warnings / sizeof *warnings);
        fputs(" -Wall -Werror", stdout);
    }
}

static void print_bash(void)
{
    static const char *const stages[] = { EMIT_WORDS };
    puts("# bash completion for ftc; made by the build\n_ftc()\n{\n    local word=${COMP_WORDS[COMP_CWORD]} "
         "before=${COMP_WORDS[COMP_CWORD-1]} flags\n"
         "    if [ \"$COMP_CWORD\" = 1 ]; then");
    fputs("        COMPREPLY=($(compgen -W \"", stdout);
    for (int i = 0; i < N_COMMANDS; i++)
        printf("%s ", commands[i].name);
    puts("--help --version\" -- \"$word\"))\n        return\n    fi");
    fputs("    case $before in\n    --emit | =) COMPREPLY=($(compgen -W \"", stdout);
    print_words("", stages, sizeof stages / sizeof *stages);
    puts("\" -- \"$word\")); [ ${#COMPREPLY[@]} -gt 0 ] && return ;;\n    -x) COMPREPLY=($(compgen -W \"spec graph kernels\" "
         "-- \"$word\")); return ;;\n    esac");
    puts("    case $word in\n    -*) ;;\n    *) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n    esac\n    case "
         "${COMP_WORDS[1]} in");
    for (int i = 0; i < N_COMMANDS; i++) {
        printf("    %s) flags=\"", commands[i].name);
        print_flags(commands[i].id);
        puts("\" ;;");
    }
    puts("    esac\n    COMPREPLY=($(compgen -W \"$flags\" -- \"$word\"))\n}\ncomplete -o filenames -F _ftc ftc");
}

int main(int argc, char **argv)
{
    if (argc != 2 || (strcmp(argv[1], "man") && strcmp(argv[1], "bash"))) {
        fputs("usage: ftc-manual man | bash\n", stderr);
        return 1;
    }
    strcmp(argv[1], "man") ? print_bash() : print_man();
    return fflush(stdout) ? 1 : 0;
}
