/* ftc tokenize: texts to lines of ids.  The work is runtime/text/tokenize_file.c. */
#include "compiler/driver/driver.h"

#include "runtime/text/tokenize_file.h"

static void print_help(void)
{
    puts("ftc tokenize --init DIR FILE|-\n\n"
         "One line of ids for each text, special tokens included.  FILE: .csv or .tsv, the column 'text'; .jsonl, the key\n"
         "'text', or 'a' and 'b' for pairs; anything else, and '-' for standard input: a text a line.\n");
    options_help(CMD_TOKENIZE, stdout);
}

int tokenize_command(int argc, char **argv, FtcDiag *d)
{
    OptionReader r = { .command = CMD_TOKENIZE, .argv = argv, .argc = argc, .diag = d };
    TokenizeOptions o = { 0 };
    const char *init = NULL, *file = NULL;
    long long n = 0;
    for (;;) {
        OptionMatch m = options_next(&r);
        if (m.id == OPT_END)
            break;
        switch (m.id) {
        case OPT_HELP: case OPT_HELP_SHORT: print_help(); return EXIT_OK;
        case OPT_INIT: init = m.value; break;
        case OPT_TOKENS: o.tokens = true; break;
        case OPT_COLUMN: o.column = m.value; break;
        case OPT_COLUMN_B: o.column_b = m.value; break;
        case OPT_MAX_LENGTH:
            if (!option_number(&m, 3, 1 << 24, &n, d))
                return EXIT_USER;
            o.max_length = (int)n;
            break;
        case OPT_THREADS:
            if (!option_number(&m, 1, 4096, &n, d))
                return EXIT_USER;
            o.threads = (int)n;
            break;
        case OPT_ARGUMENT:
            if (file) {
                ftc_error(d, FTC_NOWHERE, "one file at a time: '%s' or '%s'", file, m.value);
                return EXIT_USER;
            }
            file = m.value;
            break;
        default: return EXIT_USER;
        }
    }
    if (!init)
        ftc_error(d, FTC_NOWHERE, "whose tokenizer? give a model's folder with --init DIR");
    if (!file)
        ftc_error(d, FTC_NOWHERE, "which texts? give a file, or '-' for standard input");
    if (!init || !file)
        return EXIT_USER;
    Tokenizer *t = tokenizer_load(init, d);
    bool ok = t && tokenize_file(t, file, &o, stdout, d);
    tokenizer_free(t);
    return ok ? EXIT_OK : EXIT_USER;
}
