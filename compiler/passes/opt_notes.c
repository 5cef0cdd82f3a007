/* Collecting and printing what passes did; see opt_notes.h. */
#include "compiler/passes/opt_notes.h"

#include "runtime/core/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *pass;
    FtcLoc at;
    int layer;         /* the number in the value's name, or -1 */
    const char *name;  /* of the value noted last; "" for the program */
    const char *what;
    int values;
    OptNoteKinds kind;
} Note;

struct OptNotes {
    Arena *arena;
    const char *pass;
    Note *note;
    int n, cap;
};

OptNotes *opt_notes_new(void)
{
    OptNotes *o = xcalloc(1, sizeof *o);
    o->arena = arena_new();
    return o;
}

void opt_notes_free(OptNotes *o)
{
    if (!o)
        return;
    arena_free(o->arena);
    free(o);
}

void opt_notes_during(OptNotes *o, const char *pass)
{
    if (o)
        o->pass = pass;
}

/* ---- layers ------------------------------------------------------------------------------------------------------------ */

/* The digits behind the next "layers." in s, or NULL. */
static const char *layer_digits(const char *s)
{
    while ((s = strstr(s, "layers.")) && !isdigit((unsigned char)s[7]))
        s += 7;
    return s ? s + 7 : NULL;
}

static int layer_of(const char *name)
{
    const char *digits = layer_digits(name);
    return digits ? atoi(digits) : -1;
}

/* "layers.3.ffn.up" -> "layers.*.ffn.up" */
static const char *of_any_layer(Arena *a, const char *s)
{
    char *out = arena_strdup(a, s), *to = out;
    for (const char *digits; (digits = layer_digits(s)); s = digits + strspn(digits, "0123456789")) {
        memcpy(to, s, (size_t)(digits - s));
        to += digits - s;
        *to++ = '*';
    }
    strcpy(to, s);
    return out;
}

/* ---- notes ------------------------------------------------------------------------------------------------------------- */

static void add_note(OptNotes *o, OptNoteKinds kind, const Node *n, const char *fmt, va_list args)
{
    char what[512];
    vsnprintf(what, sizeof what, fmt, args);
    Note new = { .kind = kind, .pass = o->pass, .at = n && n->loc ? n->loc->at : FTC_NOWHERE, .layer = n ? layer_of(n->name) : -1, .values = 1,
                 .name = arena_strdup(o->arena, n ? n->name : "") };
    for (int i = o->n - 1; i >= 0 && !strcmp(o->note[i].pass, new.pass); i--) {
        Note *old = &o->note[i];
        if (old->kind == kind && old->layer == new.layer && place_same(old->at, new.at) && !strcmp(old->what, what)) {
            old->name = new.name;
            old->values++;
            return;
        }
    }
    new.what = arena_strdup(o->arena, what);
    ARENA_GROW(o->arena, o->note, o->n, o->cap);
    o->note[o->n++] = new;
}

void opt_note(OptNotes *o, const Node *n, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (o)
        add_note(o, OPT_OPTIMIZED, n, fmt, args);
    va_end(args);
}

void opt_missed(OptNotes *o, const Node *n, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (o)
        add_note(o, OPT_MISSED, n, fmt, args);
    va_end(args);
}

static void print_note(const Note *n, int layers, FILE *out)
{
    fputs(n->at.file ? n->at.file : "ftc", out);
    if (n->at.line)
        fprintf(out, ":%d:%d", n->at.line, n->at.col);
    fprintf(out, ": %s: %s%s", n->kind == OPT_MISSED ? "missed" : "optimized", n->name, *n->name ? " " : "");
    if (n->values > 1)
        fprintf(out, "(%d values) ", n->values);
    fprintf(out, "%s [%s]", n->what, n->pass);
    if (layers > 1)
        fprintf(out, " x%d", layers);
    fputc('\n', out);
}

void opt_notes_print(const OptNotes *o, int kinds, FILE *out)
{
    Arena *a = arena_new();
    Note *any = NEW_ARRAY(a, Note, o->n + 1); /* as they are without the layers' numbers */
    bool *done = NEW_ARRAY(a, bool, o->n + 1);
    char *text = NULL;
    size_t size;
    FILE *f = text_open(&text, &size);
    for (int i = 0; i < o->n; i++) {
        any[i] = o->note[i];
        any[i].name = of_any_layer(a, any[i].name);
        any[i].what = of_any_layer(a, any[i].what);
    }
    for (int i = 0; i < o->n; i++) {
        int layers = 1;
        done[i] |= !(o->note[i].kind & kinds);
        for (int k = i + 1; k < o->n && !done[i]; k++)
            if (any[k].kind == any[i].kind && !strcmp(any[k].pass, any[i].pass) && place_same(any[k].at, any[i].at) &&
                any[k].values == any[i].values &&
                !strcmp(any[k].name, any[i].name) && !strcmp(any[k].what, any[i].what)) {
                done[k] = true;
                layers++;
            }
        if (!done[i])
            print_note(layers > 1 ? &any[i] : &o->note[i], layers, f);
    }
    fclose(f);
    fputs(text, out);
    fflush(out);
    free(text);
    arena_free(a);
}
