/* ftc: the command line.  In: argv.  Out: an exit status: 0; 1 a user's error; 3 training diverged; 4 a bug of ours.
 * Each command has a file of its own, NAME_cmd.c.  What needs the compiler runs in another program: see start_compiler.c. */
#include "compiler/driver/driver.h"

#include "runtime/core/nearest.h"

#include <string.h>

static const struct {
    const char *name, *what;
    int (*run)(int argc, char **argv, FtcDiag *d); /* NULL: ftc-compiler's */
} commands[] = {
#define COMMAND(name, id, what, own) { name, what, own },
#include "compiler/driver/commands.def"
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *out)
{
    fputs("ftc, a fine-tuning compiler: a spec and a table of labelled texts become a classifier.\n\n", out);
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  ftc %-10s %s\n", commands[i].name, commands[i].what);
    fputs("\n  ftc run --train train.csv --eval test.csv      the columns 'text' and 'label' are all it needs\n"
          "  ftc run --init ENCODER_DIR --train train.csv   start from a pre-trained encoder: better, sooner\n\n"
          "ftc COMMAND --help lists its flags.  ftc --version\n", out);
}

/* As the GNU standards have it.  What code is compiled with, and for, 'ftc compile -v' says. */
static void print_version(void)
{
    printf("ftc %s\n\nCopyright (C) 2026 the authors of ftc.\nLicence Apache-2.0: <https://www.apache.org/licenses/LICENSE-2.0>.\n"
           "There is no warranty, to the extent permitted by law.\n", FTC_VERSION);
}

static int unknown_command(const char *word, FtcDiag *d)
{
    const char *names[N_COMMANDS];
    for (int i = 0; i < N_COMMANDS; i++)
        names[i] = commands[i].name;
    const char *near = nearest_word(word, names, N_COMMANDS);
    if (near)
        ftc_error(d, FTC_NOWHERE, "unknown command '%s'; did you mean 'ftc %s'?", word, near);
    else
        ftc_error(d, FTC_NOWHERE, "unknown command '%s'; ftc --help lists them", word);
    return EXIT_USER;
}

static int run(int argc, char **argv, FtcDiag *d)
{
    for (int i = 0; i < N_COMMANDS; i++)
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run ? commands[i].run(argc - 2, argv + 2, d) : start_compiler(argv, d);
    return unknown_command(argv[1], d);
}

int main(int argc, char **argv)
{
    catch_bugs();
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USER;
    }
    if (!strcmp(argv[1], "--version")) {
        print_version();
        return EXIT_OK;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        print_help(stdout);
        return EXIT_OK;
    }
    FtcDiag *d = ftc_diag_new(stderr);
    int status = final_status(run(argc, argv, d), d);
    ftc_diag_free(d);
    return status;
}
