/* The compiled program: what generated code and the runtime that calls it agree on.
 *
 * A compiled model is a set of kernels (native functions, compiled once per structure) and constant tables that say in which order
 * they are called on which buffers.  The tables hold no addresses, so the same object serves the JIT, a .o file and an
 * executable.  A program serves every batch, class count and vocabulary: sizes are polynomials in the symbols below.
 *
 *   symbols    T tokens in the batch, B rows, L longest row, P panels of tokens (batch time); C classes, V vocabulary (load time);
 *              U entries of the vocabulary that training has used so far
 *   buffers    weights, optimizer state, inputs, results, and one arena for everything in between
 *   calls      kernel, buffers, run-time arguments; in order.  Pieces of one call run in parallel. */
#ifndef FTC_STEP_H
#define FTC_STEP_H

#include <stdbool.h>
#include <stdint.h>

enum { FTC_T, FTC_B, FTC_L, FTC_C, FTC_V, FTC_U, FTC_P, FTC_SYMBOLS };

/* What is computed token by token goes by panels: panel p has the tokens 2 * floor(p * (T + 1) / 2P) and on, below the next
 * one's first: it begins at an even token, has at most `most`, and as many as any other but for two.  Threads share panels evenly: P
 * is a multiple of 4 or 8, where there are tokens enough.  It depends on T and the program alone, so that sums don't depend on the
 * number of threads. */
static inline int64_t ftc_panels(int64_t tokens, int64_t most)
{
    int64_t n = (tokens + most - 1) / most, unit = n <= 2 ? 1 : n <= 16 ? 4 : 8;
    return (n + unit - 1) / unit * unit;
}

typedef enum { FTC_F32, FTC_BF16, FTC_I32, FTC_BOOL } FtcElem;

/* A batch without padding: rows laid end to end (DESIGN: ragged batches). */
typedef struct {
    int32_t rows, tokens, longest;      /* B, T, L */
    const int32_t *ids, *types;         /* [T] token and segment ids */
    const int32_t *row_start;           /* [B+1]; row_start[B] = T */
    const int32_t *labels;              /* [B]; NULL when there are none */
    const int64_t *record;              /* [B] record number in the table, for messages */
    const float *encoded;               /* [B,...] what FtcModel.encode says of the rows; NULL: it runs first, where it is needed */
    const float *targets;               /* [B,C] in place of labels, for tasks that have such; NULL when there are none */
    const float *row_weights;           /* [B] how much each row counts in the loss; NULL: alike */
} FtcBatch;

/* What a kernel gets.  buf[i] is its i-th parameter; scratch parameters point into the calling thread's own scratch. */
typedef struct {
    void *const *buf;
    const int64_t *sym;                 /* [FTC_SYMBOLS] */
    const int32_t *imm;                 /* run-time arguments: random sites */
} FtcKernelArgs;
typedef void FtcKernelFn(const FtcKernelArgs *args, int64_t piece);

/* coef * T^e[0] * B^e[1] * L^e[2] * C^e[3] * V^e[4] * U^e[5] * P^e[6]; a form is a sum of n terms. */
typedef struct {
    int64_t coef;
    uint8_t e[FTC_SYMBOLS];
} FtcTerm;
typedef struct {
    int32_t n;
    FtcTerm t[4];
} FtcForm;

/* KEPT: panels of weights, which stay from run to run.  A program's first calls make them; its updates keep them up to date. */
typedef enum { FTC_BUF_WEIGHT, FTC_BUF_STATE, FTC_BUF_INPUT, FTC_BUF_ARENA, FTC_BUF_OUTPUT, FTC_BUF_KEPT } FtcBufKind;

typedef struct {
    FtcBufKind kind;
    FtcElem elem;
    const char *name;                   /* weight, state, input or output name; arena: the value's, for reading */
    FtcForm size;                       /* elements */
    int32_t slot;                       /* arena: which slot holds it, as large as the largest it holds; it begins at a line of 64 bytes */
} FtcBuf;

typedef struct {
    const char *name;
    FtcForm begin[3], end[3];           /* par dims */
    int64_t step[3];
    int32_t n_par, n_params, n_scratch; /* scratch parameters are the last ones */
    const FtcForm *scratch;             /* [n_scratch] elements of 4 bytes */
} FtcKernelInfo;

typedef struct {
    int32_t kernel;
    int32_t first_buf;                  /* into call_bufs: n_params - n_scratch of them */
    int32_t first_imm;                  /* into call_imms */
} FtcCall;

/* A trainable tensor, as the weight table lists it: f32 master in Hugging Face's layout. */
typedef struct {
    const char *name;                   /* "layers.3.ffn.up.weight" */
    int32_t rank;
    int64_t dim[4];                     /* >= 0, or -1-symbol for C and V */
    uint8_t init;                       /* FtcInit */
    bool decay, frozen, head;           /* head: may be missing in a loaded encoder */
    bool by_rows;                       /* a table of V rows, of which a step trains those in use: see model.h */
    float init_scale;                   /* standard deviation for FTC_INIT_NORMAL */
} FtcWeight;
typedef enum { FTC_INIT_ZEROS, FTC_INIT_ONES, FTC_INIT_NORMAL } FtcInit;

/* One entry point: forward + backward + update (step), or forward only (eval, encode). */
typedef struct {
    const char *name;
    int32_t n_bufs, n_slots, n_kernels, n_calls;
    const FtcBuf *bufs;
    const FtcKernelInfo *kernels;
    FtcKernelFn *const *fns;            /* [n_kernels] */
    const FtcCall *calls;
    const int32_t *call_bufs;
    const int32_t *call_imms;
    int32_t update_from;                /* calls from here on are the update region; n_calls if there is none */
    int32_t panel_tokens;               /* P is ftc_panels of T and this */
    int32_t step_from;                  /* calls before this one make what is kept, from weights that somebody else has written */
} FtcProgram;

#endif
