/* Unknown keys: what the person most likely meant.
 *
 * In order: a name of Hugging Face's, a key of ours in the wrong place, the nearest spelling here, all that could be here. */
#include "compiler/spec/schema.h"
#include "runtime/core/messages.h"
#include "runtime/core/nearest.h"

#include <string.h>

static const struct {
    const char *theirs, *ours;
} hf_names[] = {
#define HF(theirs, ours) { theirs, ours },
#include "compiler/spec/hf_names.def"
};

static const char *ours_for(const char *theirs)
{
    for (size_t i = 0; i < sizeof hf_names / sizeof *hf_names; i++)
        if (!strcmp(hf_names[i].theirs, theirs))
            return hf_names[i].ours;
    return NULL;
}

/* Whether the path is, or ends in, .name; or has it as a group on the way: "data" in "data.text". */
static bool path_has(const char *path, const char *name, size_t *end)
{
    size_t len = strlen(name);
    for (const char *p = path; p; p = strchr(p, '.')) {
        p += *p == '.';
        if (!strncmp(p, name, len) && (!p[len] || p[len] == '.')) {
            *end = (size_t)(p - path) + len;
            return true;
        }
    }
    return false;
}

/* The places where a key of that name belongs, "model.head.dropout or model.encoder.dropout", at most 3. */
static int places_for(const char *name, char *out, size_t size)
{
    const char *found[3];
    size_t length[3];
    int n = 0;
    for (int i = 0; i < n_schema_keys + n_schema_params && n < 3; i++) {
        const char *path = i < n_schema_keys ? schema_keys[i].path : schema_params[i - n_schema_keys].path;
        size_t end;
        bool known = !path_has(path, name, &end);
        for (int j = 0; j < n && !known; j++)
            known = length[j] == end && !strncmp(found[j], path, end);
        if (known)
            continue;
        found[n] = path;
        length[n++] = end;
    }
    size_t used = 0;
    for (int i = 0; i < n; i++)
        used += (size_t)snprintf(out + used, size - used, "%s'%.*s'", i ? " or " : "", (int)length[i], found[i]);
    return n;
}

const char *list_words(Arena *arena, const char *const *words, int n)
{
    const char *all = "";
    for (int i = 0; i < n; i++)
        all = arena_printf(arena, "%s%s%s", all, i ? ", " : "", words[i]);
    return all;
}

bool unknown_word(FtcDiag *d, FtcLoc at, const char *what, const char *word, const char *in, const char *const *valid,
                  int n_valid)
{
    const char *near = nearest_word(word, valid, n_valid);
    Arena *scratch = arena_new();
    ftc_suggest(d, near);
    const char *where = in ? arena_printf(scratch, " in '%s'", in) : "";
    if (near)
        ftc_error(d, at, DIAG_unknown_near, what, word, where, near);
    else
        ftc_error(d, at, DIAG_unknown_word, what, word, where, list_words(scratch, valid, n_valid));
    arena_free(scratch);
    return false;
}

void unknown_key(FtcDiag *d, const TreeItem *item, const char *path, const char *const *valid, int n_valid)
{
    char places[256], here[64];
    snprintf(here, sizeof here, *path ? "'%s'" : "a spec%s", path);
    const char *key = item->key, *ours = ours_for(key);
    if (ours)
        ftc_error(d, item->at, DIAG_key_of_theirs, key, ours);
    else if (places_for(key, places, sizeof places))
        ftc_error(d, item->at, DIAG_key_elsewhere, key, here, places);
    else
        unknown_word(d, item->at, "key", key, *path ? path : NULL, valid, n_valid);
}
