/* libyaml's events -> Tree; see spec_tree.h.
 *
 * libyaml counts code points from the start of the text; diagnostics count bytes of a line.  Places go from one to the
 * other through two small tables: the byte of every 64th code point, and the byte at which each line starts. */
#include "compiler/spec/spec_tree.h"

#include "runtime/core/messages.h"

#include <stdint.h>
#include <string.h>
#include <yaml.h>

enum { STRIDE = 64 };

typedef struct {
    yaml_parser_t yaml;
    yaml_event_t event; /* the one being looked at */
    Arena *arena;
    FtcDiag *diag;
    const char *file, *text;
    size_t len, skipped; /* bytes before the first that libyaml sees: a byte order mark */
    size_t *stride;      /* [i]: the byte of code point i * STRIDE */
    size_t *line;        /* [i]: the byte at which line i + 1 starts */
    size_t n_strides, n_lines;
    int nodes;
} Reader;

/* ---- places ------------------------------------------------------------------------------------------------------- */

static bool starts_code_point(char c) { return ((unsigned char)c & 0xC0) != 0x80; }

static void make_tables(Reader *r)
{
    size_t points = 0, lines = 1;
    for (size_t i = r->skipped; i < r->len; i++) {
        points += starts_code_point(r->text[i]);
        lines += r->text[i] == '\n';
    }
    r->stride = NEW_ARRAY(r->arena, size_t, points / STRIDE + 1);
    r->line = NEW_ARRAY(r->arena, size_t, lines);
    r->stride[0] = r->skipped;
    r->n_strides = 1;
    r->n_lines = 1;
    points = 0;
    for (size_t i = r->skipped; i < r->len; i++) {
        if (starts_code_point(r->text[i]) && points++ % STRIDE == 0 && i > r->skipped)
            r->stride[r->n_strides++] = i;
        if (r->text[i] == '\n')
            r->line[r->n_lines++] = i + 1;
    }
}

static size_t byte_of(const Reader *r, size_t point)
{
    size_t s = point / STRIDE;
    if (s >= r->n_strides)
        return r->len;
    size_t i = r->stride[s];
    for (size_t left = point % STRIDE; left && i < r->len; left--)
        do
            i++;
        while (i < r->len && !starts_code_point(r->text[i]));
    return i;
}

/* The place of bytes begin .. end - 1; a range only where they share a line. */
static FtcLoc place(const Reader *r, size_t begin, size_t end)
{
    size_t low = 0, high = r->n_lines;
    while (high - low > 1) {
        size_t mid = (low + high) / 2;
        if (r->line[mid] <= begin)
            low = mid;
        else
            high = mid;
    }
    size_t start = r->line[low], stop = low + 1 < r->n_lines ? r->line[low + 1] : r->len;
    FtcLoc at = { r->file, (int)low + 1, (int)(begin - start) + 1, 0 };
    if (end > begin && end <= stop)
        at.end_col = (int)(end - start) + 1;
    return at;
}

static FtcLoc place_of_mark(const Reader *r, yaml_mark_t m)
{
    size_t byte = byte_of(r, m.index);
    return place(r, byte, byte);
}

static FtcLoc place_of_event(const Reader *r)
{
    return place(r, byte_of(r, r->event.start_mark.index), byte_of(r, r->event.end_mark.index));
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

static bool syntax_error(Reader *r)
{
    const yaml_parser_t *y = &r->yaml;
    const char *problem = y->problem ? y->problem : "unreadable text";
    if (y->error == YAML_MEMORY_ERROR)
        return ftc_error(r->diag, FTC_FILE(r->file), "no memory left to read it");
    if (y->error == YAML_READER_ERROR) {
        size_t byte = r->skipped + y->problem_offset;
        if (byte > r->len)
            byte = r->len;
        FtcLoc at = place(r, byte, byte);
        if (y->problem_value < 0)
            return ftc_error(r->diag, at, DIAG_not_utf8, problem);
        return ftc_error(r->diag, at, DIAG_not_utf8_byte, problem, (unsigned)y->problem_value);
    }
    size_t byte = byte_of(r, y->problem_mark.index);
    if (byte < r->len && r->text[byte] == '\t')
        problem = "a tab can't indent; use spaces";
    ftc_error(r->diag, place(r, byte, byte), DIAG_yaml, problem);
    if (y->context && (y->context_mark.index || y->context_mark.line) && y->context_mark.index != y->problem_mark.index)
        ftc_note(r->diag, place_of_mark(r, y->context_mark), "%s that starts here", y->context);
    return false;
}

static bool next(Reader *r)
{
    yaml_event_delete(&r->event);
    if (!yaml_parser_parse(&r->yaml, &r->event))
        return syntax_error(r);
    return true;
}

static bool plain_node(Reader *r, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor)
        return ftc_error(r->diag, place_of_event(r), DIAG_anchor, (const char *)anchor);
    if (tag)
        return ftc_error(r->diag, place_of_event(r), DIAG_tag);
    return true;
}

static const char *scalar_text(Reader *r)
{
    const char *value = (const char *)r->event.data.scalar.value;
    size_t length = r->event.data.scalar.length;
    if (memchr(value, '\0', length)) {
        ftc_error(r->diag, place_of_event(r), DIAG_nul);
        return NULL;
    }
    return arena_strndup(r->arena, value, length);
}

static Tree *read_node(Reader *r, int depth);

static bool read_pair(Reader *r, Tree *t, int depth)
{
    FtcLoc at = place_of_event(r);
    if (r->event.type == YAML_ALIAS_EVENT)
        return ftc_error(r->diag, at, DIAG_alias_key);
    if (r->event.type != YAML_SCALAR_EVENT)
        return ftc_error(r->diag, at, DIAG_key_form);
    if (!plain_node(r, r->event.data.scalar.anchor, r->event.data.scalar.tag))
        return false;
    const char *key = scalar_text(r);
    if (!key)
        return false;
    const TreeItem *before = tree_find(t, key);
    if (before) {
        ftc_error(r->diag, at, DIAG_value_twice, key);
        ftc_note(r->diag, before->at, "the first one");
        return false;
    }
    if (t->n == TREE_MAX_KEYS)
        return ftc_error(r->diag, at, DIAG_keys_too_many, TREE_MAX_KEYS);
    if (!next(r))
        return false;
    Tree *value = read_node(r, depth + 1);
    return value && tree_append(r->arena, t, key, at, value);
}

static Tree *read_node(Reader *r, int depth)
{
    FtcLoc at = place_of_event(r);
    if (++r->nodes > TREE_MAX_NODES) {
        ftc_error(r->diag, at, DIAG_values_too_many, TREE_MAX_NODES);
        return NULL;
    }
    if (depth > TREE_MAX_DEPTH) {
        ftc_error(r->diag, at, DIAG_nested_too_deep, TREE_MAX_DEPTH);
        return NULL;
    }
    Tree *t = NEW(r->arena, Tree);
    t->at = at;
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        if (!plain_node(r, r->event.data.scalar.anchor, r->event.data.scalar.tag))
            return NULL;
        t->kind = TREE_SCALAR;
        t->quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        t->text = scalar_text(r);
        return t->text ? t : NULL;
    case YAML_SEQUENCE_START_EVENT:
        if (!plain_node(r, r->event.data.sequence_start.anchor, r->event.data.sequence_start.tag))
            return NULL;
        t->kind = TREE_SEQUENCE;
        while (next(r) && r->event.type != YAML_SEQUENCE_END_EVENT) {
            Tree *value = read_node(r, depth + 1);
            if (!value)
                return NULL;
            tree_append(r->arena, t, NULL, value->at, value);
        }
        break;
    case YAML_MAPPING_START_EVENT:
        if (!plain_node(r, r->event.data.mapping_start.anchor, r->event.data.mapping_start.tag))
            return NULL;
        t->kind = TREE_MAPPING;
        while (next(r) && r->event.type != YAML_MAPPING_END_EVENT)
            if (!read_pair(r, t, depth))
                return NULL;
        break;
    case YAML_ALIAS_EVENT:
        ftc_error(r->diag, at, DIAG_alias, (const char *)r->event.data.alias.anchor);
        return NULL;
    default:
        ftc_bug("unexpected YAML event %d", (int)r->event.type);
    }
    if (r->event.type == YAML_NO_EVENT) /* next() failed */
        return NULL;
    size_t begin = byte_of(r, r->event.start_mark.index), end = byte_of(r, r->event.end_mark.index);
    if (end > begin) { /* flow style: the closing bracket is the end; a block's end has no place of its own */
        FtcLoc last = place(r, begin, end);
        if (last.line == at.line)
            t->at.end_col = last.end_col;
    } else
        t->at.end_col = 0;
    return t;
}

static Tree *read_document(Reader *r)
{
    if (!next(r) || !next(r)) /* stream start; then a document or the end */
        return NULL;
    if (r->event.type == YAML_STREAM_END_EVENT) {
        ftc_error(r->diag, FTC_FILE(r->file), DIAG_spec_empty);
        return NULL;
    }
    if (!next(r))
        return NULL;
    Tree *t = read_node(r, 0);
    if (!t || !next(r) || !next(r)) /* document end; then the stream's */
        return NULL;
    if (r->event.type != YAML_STREAM_END_EVENT) {
        ftc_error(r->diag, place_of_event(r), DIAG_second_document);
        return NULL;
    }
    return t;
}

Tree *tree_parse(Arena *arena, const char *file, const char *text, size_t len, FtcDiag *d)
{
    Reader r = { .arena = arena, .diag = d, .file = file, .text = text, .len = len };
    if (len > TREE_MAX_BYTES) {
        ftc_error(d, FTC_FILE(file), DIAG_spec_too_large, TREE_MAX_BYTES);
        return NULL;
    }
    if (len >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3))
        r.skipped = 3;
    make_tables(&r);
    if (!yaml_parser_initialize(&r.yaml)) {
        ftc_error(d, FTC_FILE(file), "no memory left to read it");
        return NULL;
    }
    yaml_parser_set_encoding(&r.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.yaml, (const unsigned char *)text + r.skipped, len - r.skipped);
    Tree *t = read_document(&r);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.yaml);
    return t;
}

/* ---- trees -------------------------------------------------------------------------------------------------------- */

Tree *tree_scalar(Arena *arena, const char *text, FtcLoc at)
{
    Tree *t = NEW(arena, Tree);
    *t = (Tree){ .kind = TREE_SCALAR, .at = at, .text = text };
    return t;
}

Tree *tree_mapping(Arena *arena, FtcLoc at)
{
    Tree *t = NEW(arena, Tree);
    *t = (Tree){ .kind = TREE_MAPPING, .at = at };
    return t;
}

TreeItem *tree_find(const Tree *mapping, const char *key)
{
    for (int i = 0; i < mapping->n; i++)
        if (!strcmp(mapping->items[i].key, key))
            return &mapping->items[i];
    return NULL;
}

TreeItem *tree_append(Arena *arena, Tree *t, const char *key, FtcLoc at, Tree *value)
{
    ARENA_GROW(arena, t->items, t->n, t->cap);
    t->items[t->n] = (TreeItem){ key, at, value };
    return &t->items[t->n++];
}
