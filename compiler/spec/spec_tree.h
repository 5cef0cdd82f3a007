/* YAML text as a tree: what libyaml's events say, with a place for every key and value.
 *
 * In:  bytes, as a person wrote them (block and flow style both).
 * Out: scalars, sequences and mappings; scalars are text, never typed here: yes, no and 0 stay what they are.
 *
 * A spec is small and has no use for YAML's far corners, so these are refused with a message: duplicate keys, keys
 * that are no scalars, anchors and aliases, tags, more than one document, and whatever passes the limits below.  Any bytes
 * end in a tree or a diagnostic. */
#ifndef FTC_SPEC_TREE_H
#define FTC_SPEC_TREE_H

#include "compiler/support/arena.h"
#include "ftc/diag.h"

#include <stdbool.h>

enum {
    TREE_MAX_BYTES = 1 << 20,
    TREE_MAX_DEPTH = 40,
    TREE_MAX_KEYS = 4096,   /* of one mapping */
    TREE_MAX_NODES = 65536,
};

typedef enum { TREE_SCALAR, TREE_SEQUENCE, TREE_MAPPING } TreeKind;

typedef struct Tree Tree;

typedef struct {
    const char *key; /* NULL in a sequence */
    FtcLoc at;       /* of the key */
    Tree *value;
} TreeItem;

struct Tree {
    TreeKind kind;
    bool quoted;      /* scalar: written in quotes or as a block */
    FtcLoc at;
    const char *text; /* scalar */
    TreeItem *items;  /* sequence, mapping */
    int n, cap;
};

/* The tree of one document, in the arena; NULL after an error.  `file` names the text in messages. */
Tree *tree_parse(Arena *arena, const char *file, const char *text, size_t len, FtcDiag *d);

Tree *tree_scalar(Arena *arena, const char *text, FtcLoc at);
Tree *tree_mapping(Arena *arena, FtcLoc at);
TreeItem *tree_find(const Tree *mapping, const char *key); /* NULL if absent */
TreeItem *tree_append(Arena *arena, Tree *t, const char *key, FtcLoc at, Tree *value);

#endif
