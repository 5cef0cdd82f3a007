/* The command line: one table of flags for all commands, which the help is printed from too.
 *
 * In:  argv.
 * Out: matches, one by one, in order; or an error that names the nearest flag.
 * Manners are gcc's: a value of a one-letter flag may be joined (-oFILE), that of a long one follows a blank or '='
 * (--seed 7, --seed=7); flags and arguments may be mixed; behind "--" all are arguments; "-" is one. */
#ifndef FTC_OPTIONS_H
#define FTC_OPTIONS_H

#include "ftc/diag.h"

#include <stdio.h>

typedef enum {
    CMD_RUN = 1, CMD_COMPILE = 2, CMD_TOKENIZE = 4, CMD_BENCH = 8, CMD_RERUN = 16, CMD_COMPARE = 32, CMD_CV = 64, CMD_DATA = 128,
    CMD_TRAINER = 256 /* a compiled trainer */,
    CMD_VERIFY = 512, CMD_OPT = 1024, CMD_TRACE = 2048
} Command;

typedef enum {
#define OPTION(id, commands, name, value, key, help) OPT_##id,
#include "compiler/driver/options.def"
    N_OPTIONS,
    OPT_ARGUMENT,   /* no flag */
    OPT_END,        /* nothing is left */
    OPT_ERROR,      /* reported */
} OptionId;

typedef struct {
    int commands;       /* Command, or'ed */
    const char *name;
    const char *value;  /* what the help calls the value; NULL: a switch; "=..." the value is joined to the name */
    const char *key;    /* the spec's key that it is short for, or NULL */
    const char *help;   /* NULL: not shown */
} Option;

extern const Option options[];

typedef struct {
    Command command;
    char **argv;
    int argc, at;
    bool only_arguments;    /* "--" was seen */
    const char *(*key_like)(const char *word); /* the spec's key that an unknown flag may mean; NULL: the command has no spec */
    FtcDiag *diag;
} OptionReader;

typedef struct {
    OptionId id;
    const char *value;      /* of the flag, or the argument itself */
} OptionMatch;

OptionMatch options_next(OptionReader *r);

/* A whole number from low on; false after an error. */
bool option_number(const OptionMatch *m, long long low, long long high, long long *out, FtcDiag *d);

/* The flags of a command, a line or more each. */
void options_help(Command c, FILE *out);

#endif
