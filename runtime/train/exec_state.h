/* What exec.c and exec_room.c share: programs with addresses, and memory to run them in.  Private to the two. */
#ifndef FTC_EXEC_STATE_H
#define FTC_EXEC_STATE_H

#include "runtime/train/block.h"
#include "runtime/train/exec.h"

#define CACHE_LINE 64

static inline int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/* What a batch brings; named in exec.c. */
typedef enum {
    INPUT_IDS, INPUT_TYPES, INPUT_ROW_START, INPUT_ROW_OF, INPUT_LABELS, INPUT_ENCODED, INPUT_USED, INPUT_PLACE, INPUT_FIRST,
    INPUT_FIRST_OF, INPUT_TARGETS, INPUT_ROW_WEIGHTS,
    BATCH_INPUTS, NO_INPUT = -1
} BatchInput;

/* A program with addresses.  Buffers of kind weight, state and most inputs have theirs from the start, those of the arena and
 * outputs from exec_reserve on, inputs of the batch from run to run. */
typedef struct {
    const FtcProgram *program;
    void **buf;          /* [n_bufs] */
    BatchInput *input;   /* [n_bufs] */
    Block *own;          /* [n_bufs]: memory of an output or, where checked, of each value and each input of the batch */
    int32_t *first_call; /* [n_bufs]: the call that mentions it first */
    Block kept;          /* all that stays from run to run */
    bool is_prepared;    /* what is kept is as the weights are, as far as this program knows */
    int32_t *holds;      /* [n_slots], where checked: the buffer that a slot holds now, or -1 */
} Bound;

/* What a thread needs of its own, in memory of its own.  The addresses of a call are put together by each thread when
 * it takes its first piece of it. */
typedef struct {
    uint64_t call;
    FtcKernelArgs args;
    void **buf;
    Block *scratch;      /* one or, where checked, one for each scratch parameter */
} Lane;

typedef struct {
    const Bound *b;
    int32_t buf;         /* -1: none found */
    int64_t element;
} NanFound;

struct Exec {
    const FtcModel *model;
    Params *params;
    Pool *pool;
    ExecOptions options;
    ExecInputs inputs;
    Bound bound[4];      /* eval, step, accumulate, encode; those that there are */
    int n_bound;
    const Bound *last;   /* run; for exec_output */
    int64_t most[FTC_SYMBOLS], sym[FTC_SYMBOLS];
    Block arena, zeros;
    Block ones;          /* [B] where a batch has no row weights */
    Block row_of;        /* [T] the row of each token of the batch that runs */
    bool owns_weights;   /* nobody else writes them */
    UsedRows *used;      /* of tables that are trained by rows; NULL: there are none */
    Lane **lane;         /* [threads] */
    int n_lanes, n_scratch;
    int64_t arena_bytes, scratch_bytes, kept_bytes;
    double *profile;     /* by call; NULL: not measured */
    NanFound nan;

    /* the call that runs */
    uint64_t call;       /* counts all calls ever made */
    const Bound *now;
    const FtcCall *at;
};

/* exec_nan.c: keeps the first number that isn't finite, of what the call was the first to write. */
void exec_look_for_nan(Exec *e, const Bound *b, int32_t call);

/* Gives back all that exec_reserve reserved. */
void exec_free_room(Exec *e);

#endif
