/* ftc: the command line.  In: argv.  Out: an exit status: 0; 1 a user's error; 3 training diverged; 4 a bug of ours.
 * Each command has a file of its own, NAME_cmd.c.  What needs the compiler runs in another program: see start_compiler.c. */
#include "compiler/driver/driver.h"

#include "runtime/core/nearest.h"

#include <string.h>

static const struct {
    const char *name, *what;
    int (*run)(int argc, char **argv, FtcDiag *d); /* NULL: ftc-compiler's */
} commands[] = {
    { "run", "train, evaluate and predict", NULL },
    { "rerun", "make a model again from its record, and compare the bits", NULL },
    { "cv", "train and judge on folds of one table", NULL },
    { "compare", "judge several models by one table", NULL },
    { "data", "split tables, and look into them", NULL },
    { "compile", "a spec to native code, or to any stage on the way", NULL },
    { "verify", "hold a model's compilation against the reference evaluator", NULL },
    { "opt", "chosen passes over a stage", NULL },
    { "bench", "time a training step, fused and unfused, kernel by kernel", NULL },
    { "tokenize", "texts to token ids", tokenize_command },
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
        printf("ftc %s\n", FTC_VERSION);
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
