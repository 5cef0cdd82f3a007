/* data.label_map: {code: name}, or a file with a line "code<TAB>name" for each -> SpecLabelMap.
 *
 * The resolved spec has all codes in it, so that a model's folder needs no file beside it. */
#include "compiler/spec/schema.h"
#include "runtime/core/files.h"
#include "runtime/core/messages.h"
#include "runtime/text/textfile.h"

#include <string.h>

static void add(SpecLabelMap *m, const char *code, const char *name)
{
    m->code[m->n] = code;
    m->name[m->n++] = name;
}

static SpecLabelMap new_map(Arena *arena, int most)
{
    return (SpecLabelMap){ 0, NEW_ARRAY(arena, const char *, most), NEW_ARRAY(arena, const char *, most) };
}

static bool read_mapping(Arena *arena, const Tree *t, SpecLabelMap *m, FtcDiag *d)
{
    *m = new_map(arena, t->n);
    for (int i = 0; i < t->n; i++) {
        const Tree *name = t->items[i].value;
        if (name->kind != TREE_SCALAR || !*name->text)
            return ftc_error(d, name->at, DIAG_map_name, t->items[i].key);
        add(m, t->items[i].key, name->text);
    }
    return m->n || ftc_error(d, t->at, DIAG_map_empty);
}

/* ---- files -------------------------------------------------------------------------------------------------------- */

/* The line from `begin` on, `end` being its end. */
static bool read_line(Arena *arena, const TextFile *f, size_t begin, size_t end, SpecLabelMap *m, FtcDiag *d)
{
    const char *line = f->text + begin, *tab = memchr(line, '\t', end - begin), *stop = f->text + end;
    FtcLoc at = textfile_loc(f, begin, end);
    if (!tab || tab == line || tab + 1 == stop || memchr(tab + 1, '\t', (size_t)(stop - tab - 1)))
        return ftc_error(d, at, DIAG_map_line);
    const char *code = arena_strndup(arena, line, (size_t)(tab - line));
    for (int i = 0; i < m->n; i++)
        if (!strcmp(m->code[i], code))
            return ftc_error(d, at, DIAG_map_code_twice, code, m->name[i]);
    if (m->n == TREE_MAX_KEYS)
        return ftc_error(d, at, DIAG_map_too_large, TREE_MAX_KEYS);
    add(m, code, arena_strndup(arena, tab + 1, (size_t)(stop - tab - 1)));
    return true;
}

static bool read_lines(Arena *arena, const TextFile *f, SpecLabelMap *m, FtcDiag *d)
{
    *m = new_map(arena, TREE_MAX_KEYS);
    for (size_t at = f->start; at < f->size;) {
        const char *nl = memchr(f->text + at, '\n', f->size - at);
        size_t next = nl ? (size_t)(nl - f->text) + 1 : f->size, end = nl ? next - 1 : f->size;
        if (end > at && f->text[end - 1] == '\r')
            end--;
        if (end > at && !read_line(arena, f, at, end, m, d))
            return false;
        at = next;
    }
    return m->n || ftc_error(d, FTC_FILE(f->name), DIAG_map_file_empty);
}

/* A path in the spec starts from the spec's folder and stays there; a flag's is taken as it is. */
static bool read_file(Arena *arena, const Tree *t, Spec *s, FtcDiag *d)
{
    const char *path = t->text, *slash = strrchr(s->file, '/');
    if (!*path)
        return ftc_error(d, t->at, DIAG_map_no_value);
    if (!strcmp(t->at.file, s->file)) {
        if (!path_stays_inside(path))
            return ftc_error(d, t->at, DIAG_map_folder);
        path = arena_printf(arena, "%.*s%s", slash ? (int)(slash - s->file) + 1 : 0, s->file, path);
    }
    path = arena_strdup(arena, path);
    TextFile f;
    bool ok = textfile_read(&f, path, TEXT_UTF8, d) && read_lines(arena, &f, &s->data.label_map, d);
    textfile_free(&f);
    if (!ok)
        ftc_note(d, t->at, "the label map is asked for here");
    return ok;
}

/* ---- all together ------------------------------------------------------------------------------------------------- */

bool read_label_map(Arena *arena, const Tree *t, Spec *s, FtcDiag *d)
{
    if (t->kind == TREE_SEQUENCE)
        return ftc_error(d, t->at, DIAG_map_is_list);
    return t->kind == TREE_MAPPING ? read_mapping(arena, t, &s->data.label_map, d) : read_file(arena, t, s, d);
}

void print_label_map(FILE *out, const SpecLabelMap *m)
{
    for (int i = 0; i < m->n; i++) {
        fputs(i ? ", " : "{", out);
        scalar_put_string(out, m->code[i]);
        fputs(": ", out);
        scalar_put_string(out, m->name[i]);
    }
    fputc('}', out);
}
