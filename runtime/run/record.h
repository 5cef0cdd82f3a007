/* The record of a run, run.json: what it was made of and what came out, so that it can be gone on with, done again and compared.
 *
 * In:  the work as it was asked for, how its programs were made, and the spec as it was resolved, with every override.
 * Out: JSON with the spec, the tables and folders read and a SHA-256 of each of their files, the build of ftc and the processor it
 *      compiled for, the epochs, and the weights' digest.  compiler/api/record.h reads it again.
 * A run on the same inputs gives the same bits with the same build on the same processor features, at any number of threads. */
#ifndef FTC_RUNTIME_RECORD_H
#define FTC_RUNTIME_RECORD_H

#include "runtime/run/recipe.h"
#include "runtime/train/history.h"
#include "runtime/train/log.h"

#include <pthread.h>
#include <stdatomic.h>

enum { RECORD_FORMAT = 1 };

/* How the programs were made that run. */
typedef struct {
    const char *version;        /* of ftc */
    const char *build, *target; /* codegen_build, codegen_describe */
    const char *init;           /* the encoder's folder, NULL: none */
    int32_t level;
    const char *passes_off;
    bool keep_encoded;
    const char *march, *gemm;
} Origin;

/* ---- digests of what a run reads ------------------------------------------------------------------------------------------ */

typedef struct {
    const char *role;    /* "train"; of a file in the model's or encoder's folder: "folder" */
    char *given, *path;  /* as it was named; absolute, or "-": standard input */
    char sha256[65];     /* "": unknown */
} Input;

typedef struct {
    Input *v;
    int n, cap;
    pthread_t thread;
    bool started;
    atomic_bool stop;
} Inputs;

/* Starts to digest the tables (NULL: none) and the files of a folder, on a thread of its own.  Standard input and other pipes leave no
 * digest. */
Inputs *inputs_start(const char *stage, const char *train, const char *dev, const char *eval, const char *predict, const char *folder);
void inputs_finish(Inputs *in); /* waits for the digests */
void inputs_free(Inputs *in);   /* NULL is fine; doesn't wait for what nobody asked for */

/* ---- the file --------------------------------------------------------------------------------------------------------------- */

typedef struct {
    const struct RunWork *work;
    const Recipe *recipe;
    Inputs *inputs;
    const History *history;
    const RunSummary *summary;  /* NULL: the run isn't over */
} RecordContents;

bool record_write(const char *path, const RecordContents *r, FtcDiag *d);

#endif
