/* The way from a spec to a program: which stages there are, in which order, and why. */
#ifndef FTC_PIPELINE_H
#define FTC_PIPELINE_H

#include "compiler/build/build.h"
#include "compiler/kernel/lower.h"
#include "compiler/passes/opt_notes.h"

/* What a stage works on; each fills or rewrites its part. */
typedef struct {
    const Spec *spec;
    Forward *forward;
    Graph *graph;
    Program *program;  /* NULL before lowering */
    Arena *arena;
    OptNotes *notes;   /* NULL: nobody asked */
} Stage;

typedef struct Pass Pass;

enum { MOST_PASSES = 32 };

/* Only the first so many passes that could be left out run; each says on standard error which it is (-fbisect-limit, as LLVM's
 * -opt-bisect-limit).  A pass that the weight table knows of runs for all programs, or for none. */
typedef struct {
    long limit;        /* -1: all */
    long n;            /* so far */
    signed char model[MOST_PASSES]; /* by pass: 1 it ran for the first program, -1 it didn't, 0 none came by */
} Bisect;

typedef struct {
    int level;         /* 0: one kernel an op; from 1 on, all passes that pay */
    const char *from;  /* the pass after which the graph or program was taken: those behind it run; NULL: all */
    bool keep_encoded; /* from level 1 on: a frozen encoder becomes a program of its own, for a runtime that keeps what it says */
    bool accumulate;   /* where the spec's train.accumulate says so: programs for a runtime that makes a step of several batches */
    const char *off;   /* passes to leave out, each between commas: ",remat,fuse,"; "+chain": to run though the level doesn't; NULL: none */
    const Pass *const *chosen; /* these, in this order and switched on, in the place of the list's; NULL: the list */
    int n_chosen;
    void (*after)(void *ctx, const char *pass, const Stage *s); /* to print a stage; may be NULL */
    void *ctx;
    FILE *opt_info;    /* where to print what the passes did; NULL: nowhere */
    int opt_kinds;     /* which of it: OptNoteKinds, or'ed */
    Bisect *bisect;    /* NULL: all passes run */
    bool debug;        /* -g */
    Machine machine;   /* that code will be for */
} PipelineOptions;

struct Pass {
    const char *name;
    int level;                      /* from which -O on it runs; 0: always, it can't be switched off */
    const char *why;
    void (*run)(Stage *s);          /* what it does */
    void (*instead)(Stage *s);      /* what is done where it is switched off; NULL: nothing */
    bool training;                  /* only for a training step */
    const char *with;               /* it is off where this pass is; or NULL */
    bool model;                     /* needs Stage.spec and forward: what a graph alone doesn't say */
    bool matrix;                    /* pays only where code has matrix registers */
};

extern const Pass pipeline[];
extern const int n_passes;

const Pass *find_pass(const char *name);
static inline bool pass_is_needed(const Pass *p) { return !p->level; }
bool pass_is_on(const Pass *p, const PipelineOptions *o); /* as -O and -f say; -fbisect-limit may still leave it out */

/* Runs all passes over s->graph (a forward graph); training says whether it becomes a step.  s->program holds the result. */
void run_pipeline(Stage *s, bool training, const PipelineOptions *o, FtcDiag *d);

#endif
