/* Asking a recipe, and printing it; see recipe.h. */
#include "runtime/run/recipe.h"

#include <string.h>

const RecipeKey *recipe_key(const Recipe *r, const char *key)
{
    for (int32_t i = 0; i < r->n_keys; i++)
        if (!strcmp(r->keys[i].key, key))
            return &r->keys[i];
    return NULL;
}

FtcLoc recipe_loc(const Recipe *r, const char *key)
{
    const RecipeKey *k = recipe_key(r, key);
    return k ? k->at : FTC_FILE(r->file);
}

void recipe_print(const Recipe *r, const RecipeValue *values, int n, FILE *out)
{
    for (const RecipeKey *k = r->keys; k < r->keys + r->n_keys; k++) {
        const char *value = k->value;
        for (int i = 0; i < n; i++)
            if (!strcmp(values[i].key, k->key))
                value = values[i].value;
        if (k->value)
            fprintf(out, "%s%s\n", k->before, value);
    }
}
