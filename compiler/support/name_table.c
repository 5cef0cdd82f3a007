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

/* Where the name of this hash is, or would be. */
static struct NameEntry *find_hashed(const NameTable *t, const char *name, unsigned hash)
{
    unsigned i = hash & (unsigned)(t->cap - 1);
    while (t->entry[i].name && (t->entry[i].hash != hash || strcmp(t->entry[i].name, name)))
        i = (i + 1) & (unsigned)(t->cap - 1);
    return &t->entry[i];
}

static void make_room(NameTable *t, Arena *a)
{
    if (2 * (t->n + 1) <= t->cap)
        return;
    NameTable old = *t;
    t->cap = old.cap ? 2 * old.cap : 64;
    t->entry = NEW_ARRAY(a, struct NameEntry, t->cap);
    for (int i = 0; i < old.cap; i++)
        if (old.entry[i].name)
            *find_hashed(t, old.entry[i].name, old.entry[i].hash) = old.entry[i];
}

static void take(NameTable *t, struct NameEntry *at, const char *name, unsigned hash)
{
    at->name = name;
    at->hash = hash;
    t->n++;
}

int *names_number(NameTable *t, Arena *a, const char *name)
{
    make_room(t, a);
    unsigned hash = hash_name(name);
    struct NameEntry *at = find_hashed(t, name, hash);
    if (!at->name)
        take(t, at, name, hash);
    return &at->number;
}

void names_add(NameTable *t, Arena *a, const char *name) { (void)names_number(t, a, name); }

const char *names_take(NameTable *t, Arena *a, const char *want, const char *dash, int first)
{
    make_room(t, a); /* before `at` is found; then there is room for this one */
    unsigned hash = hash_name(want);
    struct NameEntry *at = find_hashed(t, want, hash), *free = at;
    const char *name = want;
    while (free->name) {
        at->number = at->number ? at->number + 1 : first;
        name = arena_numbered(a, want, dash, at->number);
        hash = hash_name(name);
        free = find_hashed(t, name, hash);
    }
    name = name == want ? arena_strdup(a, want) : name;
    take(t, free, name, hash);
    return name;
}
