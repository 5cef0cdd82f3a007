/* Groups while they are being made: shared by fuse.c (ops and row reductions over one domain) and chain.c (such groups
 * and dots).  Private to passes. */
#ifndef FTC_FUSE_GROUPS_H
#define FTC_FUSE_GROUPS_H

#include "compiler/passes/passes.h"

#include "compiler/kernel/lower.h"

/* Numbers of groups; it grows to the largest. */
typedef struct {
    uint64_t *word;
    int n;
} GroupSet;

typedef struct {
    Node **member;
    int n, cap;
    Type domain;      /* the full type; its last dim is 1 while only row scalars are in */
    bool open;        /* may take more members */
    Region region;
    int into;         /* merged into this group; itself otherwise */
    GroupSet before;  /* that must run earlier */
    bool precedes;    /* it is in such a set of another */
} Group;

typedef struct Reader Reader;

typedef struct {
    Graph *g;
    Arena *a;
    Group *group;     /* from 1 */
    int n;
    Reader **readers; /* by id of a weight or state */
    int *own, n_own;  /* the groups that were not merged into others */
} Fuse;

Fuse new_fuse(Graph *g, Arena *a, int most); /* groups */
int new_group(Fuse *f, const Type *domain, Region region, bool open);
void add_member(Fuse *f, int group, Node *n);

/* The group that group i is part of now. */
int find_group(Fuse *f, int group);

/* What n reads must be there before its group runs. */
void depend(Fuse *f, int group, Node *n);

/* An update writes where others read: it runs after them. */
void order_updates(Fuse *f);

/* Two groups may become one if nothing runs between them. */
bool can_merge(Fuse *f, int a, int b);
void merge_groups(Fuse *f, int from, int into);

/* Buffers that a and b together, with one more node, read from outside. */
int outside_reads(Fuse *f, int a, int b, const Node *extra);

/* The place of each group in an order that can be run, from 1: dependencies first, else by the last member. */
int *group_order(Fuse *f);

#endif
