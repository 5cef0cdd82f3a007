/* Other values for keys of a spec that is compiled: those that reach the code as inputs, or the runtime alone (settings.def).
 *
 * In:  a model and a recipe, then keys and values as -D has them.
 * Out: copies of the two that have these values, and say so where they are printed; or an error: what -D would be one for before
 *      compiling, or what can't change any more. */
#ifndef FTC_SETTINGS_H
#define FTC_SETTINGS_H

#include "runtime/run/recipe.h"

typedef struct {
    FtcModel model;
    Recipe recipe;
    RecipeKey *keys;         /* owned */
    char **text;             /* owned: values and places */
    int n_text, cap_text;
} Settings;

void settings_begin(Settings *s, const FtcModel *model, const Recipe *recipe);
void settings_free(Settings *s);

/* `at` is what messages show: "--seed 7".  False after an error. */
bool settings_set(Settings *s, const char *key, const char *value, const char *at, FtcDiag *d);

/* "optimizer.lr=3e-5", as behind -D. */
bool settings_define(Settings *s, const char *text, FtcDiag *d);

/* The keys that can be set, with their values. */
void settings_help(const Settings *s, FILE *out);

/* The key that someone may have meant by --lr or --epochs, or NULL. */
const char *settings_key_like(const char *word);

/* Whether what was set goes together. */
bool settings_check(const Settings *s, FtcDiag *d);

#endif
