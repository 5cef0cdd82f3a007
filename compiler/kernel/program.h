/* A lowered program: kernels, buffers, and calls in order; what step.h's tables are made from.
 * In: lower.c.  Out: passes/plan.c gives arena buffers their slots; codegen makes native code and tables of it. */
#ifndef FTC_PROGRAM_H
#define FTC_PROGRAM_H

#include "compiler/kernel/kernel.h"
#include "ftc/step.h"

typedef struct {
    FtcBufKind kind;
    Elem elem;
    const char *name; /* binding, or the value's name */
    Poly size;        /* elements, in symbols */
    int slot;         /* arena: set by plan; -1 before */
    int first, last;  /* arena: calls that write it first and read it last */
    const Node *node; /* arena: the value in it, or the one that it helps to compute; NULL where the program was read from text */
} Buf;

typedef struct {
    int kernel;
    int *bufs;        /* one for each parameter that isn't scratch */
    int32_t *imms;
    Region region;
    const Node *node; /* the group's last node, for names and places */
} Call;

enum { MOST_PANEL_TOKENS = 1024, MOST_SLOTS = 1 << 20 };

typedef struct {
    Arena *arena;
    const char *name;
    Kernel **kernels;
    int n_kernels, cap_kernels;
    Buf *bufs;
    int n_bufs, cap_bufs;
    Call *calls;
    int n_calls, cap_calls;
    int n_prepare;    /* so many calls come before the step: they make what is kept from weights, and are left out while it is up to date */
    int n_slots;      /* 0 before plan */
    int panel_tokens; /* P is ftc_panels of T and this */
} Program;

/* Adds k, or finds the kernel of the same structure that is there already; its number. */
int program_kernel(Program *p, Kernel *k);

/* Kernels, then buffers and calls; program_parse reads it back.  NULL after an error. */
void program_print(const Program *p, FILE *out);
Program *program_parse(Arena *arena, const char *file, const char *text, size_t len, FtcDiag *d);

/* The symbols of a batch, for this program: P is its own. */
void program_symbols(const Program *p, const int64_t *batch, int64_t sym[N_SYMBOLS]);

/* Bytes of the arena in a batch: of each slot, [n_slots], which is its largest value's; of all slots; of a value; of all values, had
 * each a slot of its own.  sym[N_SYMBOLS]: T, B, L, C, V, U, P. */
void slot_sizes(const Program *p, const int64_t *sym, int64_t *bytes);
int64_t slots_bytes(const Program *p, const int64_t *sym);
int64_t value_bytes(const Buf *b, const int64_t *sym);
int64_t values_bytes(const Program *p, const int64_t *sym);

/* Which arena values are alive when, and most of all where; lines of comments. */
void program_print_arena(const Program *p, const int64_t *sym, FILE *out);

/* The constant tables for the runtime, in the program's arena; fns are left for codegen to fill in. */
FtcProgram *program_tables(const Program *p);

/* Runs the program in the kernel interpreter: bufs[i] is the memory of buffer i (arena buffers are allocated here when NULL). */
void program_interpret(const Program *p, void **bufs, const int64_t *sym);

/* One call of it; all buffers are there. */
void program_interpret_call(const Program *p, int call, void *const *bufs, const int64_t *sym);

#endif
