/* The record of a run, run.json: what it was made of and what came out, so that it can be gone on with, done again and compared.
 *
 * In:  a job as it was asked for, and the spec as it was resolved, with every override.
 * Out: JSON with the spec, the tables and folders read and a SHA-256 of each of their files, the build of ftc and the processor it
 *      compiled for, the epochs, and the weights' digest; and from such a file the job again.
 * A run on the same inputs gives the same bits with the same build on the same processor features, at any number of threads. */
#ifndef FTC_RECORD_H
#define FTC_RECORD_H

#include "compiler/api/run.h"
#include "runtime/train/history.h"
#include "runtime/train/log.h"

/* ---- digests of what a run reads ------------------------------------------------------------------------------------------ */

typedef struct Inputs Inputs;

/* Starts to digest the job's tables and the files of its folder, on a thread of its own.  Standard input leaves no digest. */
Inputs *inputs_start(const RunJob *job);
void inputs_free(Inputs *in);   /* NULL is fine */

/* ---- the file --------------------------------------------------------------------------------------------------------------- */

typedef struct {
    const RunJob *job;
    const Spec *spec;
    Inputs *inputs;
    const History *history;
    const RunSummary *summary;  /* NULL: the run isn't over */
} RecordContents;

bool record_write(const char *path, const RecordContents *r, FtcDiag *d);

typedef struct {
    Arena *arena;               /* all of it lives here */
    RunJob job;
    const char *build, *target;
    const char *weights_sha256; /* NULL: the run isn't over */
} Record;

/* Reads a record and checks that the files it was made from are what they were; `given` may name them at other places, and brings
 * what is no part of a record: threads, notes, json.  False after an error; record_free in any case. */
bool record_read(Record *r, const char *path, const RunJob *given, FtcDiag *d);
void record_free(Record *r);

/* Only build, target and digest, of a record that was just written: reads no other file. */
bool record_peek(Record *r, const char *path, FtcDiag *d);

#endif
