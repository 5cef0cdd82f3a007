/* The record of a run (runtime/run/record.h), read again: the job that it tells of. */
#ifndef FTC_RECORD_H
#define FTC_RECORD_H

#include "compiler/api/run.h"

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

/* The digests of what a job reads, started. */
Inputs *job_inputs(const RunJob *j);

#endif
