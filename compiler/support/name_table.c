/* Names in use; see name_table.h. */
#include "compiler/support/name_table.h"

#include <string.h>

static unsigned hash_name(const char *s)
{
    unsigned h = 2166136261u;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return h;
}

/* Where the name is, or would be. */
static int find_name(const NameTable *t, const char *name)
{
    unsigned i = hash_name(name) & (unsigned)(t->cap - 1);
    while (t->name[i] && strcmp(t->name[i], name))
        i = (i + 1) & (unsigned)(t->cap - 1);
    return (int)i;
}

static void make_room(NameTable *t, Arena *a)
{
    if (2 * (t->n + 1) <= t->cap)
        return;
    NameTable old = *t;
    t->cap = old.cap ? 2 * old.cap : 64;
    t->name = NEW_ARRAY(a, const char *, t->cap);
    t->number = NEW_ARRAY(a, int, t->cap);
    for (int i = 0; i < old.cap; i++)
        if (old.name[i]) {
            int j = find_name(t, old.name[i]);
            t->name[j] = old.name[i];
            t->number[j] = old.number[i];
        }
}

static void take(NameTable *t, int at, const char *name)
{
    t->name[at] = name;
    t->n++;
}

int *names_number(NameTable *t, Arena *a, const char *name)
{
    make_room(t, a);
    int at = find_name(t, name);
    if (!t->name[at])
        take(t, at, name);
    return &t->number[at];
}

void names_add(NameTable *t, Arena *a, const char *name) { (void)names_number(t, a, name); }

const char *names_take(NameTable *t, Arena *a, const char *want, const char *dash, int first)
{
    make_room(t, a); /* before `at` is found; then there is room for this one */
    int at = find_name(t, want), free = at;
    const char *name = want;
    for (; t->name[free]; free = find_name(t, name)) {
        int number = t->number[at] ? t->number[at] + 1 : first;
        t->number[at] = number;
        name = arena_numbered(a, want, dash, number);
    }
    name = name == want ? arena_strdup(a, want) : name;
    take(t, free, name);
    return name;
}
