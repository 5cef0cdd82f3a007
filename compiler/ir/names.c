/* Taking names apart; see names.h. */
#include "compiler/ir/names.h"

#include <ctype.h>
#include <string.h>

/* Whether some weight's name goes on with a number where this one does. */
static bool numbers_weights(const Graph *g, const char *name, size_t before)
{
    EACH_NODE(w, g)
    if (w->op == OP_weight && !strncmp(w->name, name, before) && isdigit((unsigned char)w->name[before]))
        return true;
    return false;
}

size_t layer_number_at(const Graph *g, const char *name)
{
    for (const char *p = name; (p = strchr(p, '.')); p++)
        if (isdigit((unsigned char)p[1]) && p[1 + strspn(p + 1, "0123456789")] == '.' &&
            numbers_weights(g, name, (size_t)(p + 1 - name)))
            return (size_t)(p + 1 - name);
    return 0;
}

const char *layer_of_value(Arena *a, const Graph *g, const char *name)
{
    if (!strncmp(name, "d.", 2))
        name += 2;
    else if (!strncmp(name, "update.", 7) || (strchr(name, ':') && strcspn(name, ":") < 3)) /* "m:pooler.weight" */
        return "update";
    size_t n = layer_number_at(g, name);
    n = n ? n + strspn(name + n, "0123456789") : strcspn(name, ".");
    return arena_strndup(a, name, n);
}

size_t common_name(const char *a, size_t n, const char *b)
{
    size_t same = 0;
    for (size_t i = 0;; i++) {
        bool ends_a = i == n || a[i] == '.', ends_b = !b[i] || b[i] == '.';
        if (ends_a && ends_b)
            same = i;
        if (i == n || !b[i] || a[i] != b[i])
            return same;
    }
}
