/* Running a record again and comparing digests; see rerun.h. */
#include "compiler/api/rerun.h"

#include "compiler/api/record.h"
#include "runtime/core/files.h"
#include "runtime/core/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where a run goes that is only to be compared; free() it. */
static char *temporary_folder(FtcDiag *d)
{
    const char *place = getenv("TMPDIR");
    char *path = xasprintf("%s/ftc-rerun-XXXXXX", place && *place ? place : "/tmp");
    if (mkdtemp(path))
        return path;
    ftc_error(d, FTC_FILE(path), "can't be made: %s; TMPDIR names a folder for what is temporary", strerror(errno));
    free(path);
    return NULL;
}

static char *record_of(const char *folder) { return path_join(folder, "run.json"); }

/* Same bits are promised for the same build and processor features only. */
static bool compare(const RerunJob *j, const Record *before, const Record *now, FtcDiag *d)
{
    const char *a = before->weights_sha256, *b = now->weights_sha256;
    bool other_build = strcmp(before->build, now->build) != 0, other_target = strcmp(before->target, now->target) != 0;
    if (a && b && !strcmp(a, b)) {
        printf("%s: same bits: the weights' SHA-256 is again %s\n", j->folder, a);
        return true;
    }
    ftc_error(d, FTC_FILE(j->folder), "other bits: the weights' SHA-256 was %.16s..., now it is %.16s...", a ? a : "unknown",
              b ? b : "unknown");
    if (other_build)
        ftc_note(d, FTC_NOWHERE, "the same bits are promised for the same build; it was ftc %s, now it is ftc %s", before->build,
                 now->build);
    if (other_target)
        ftc_note(d, FTC_NOWHERE, "the same bits are promised for the same processor features; it was %s, now it is %s", before->target,
                 now->target);
    return false;
}

static RunStatus run_record(const RerunJob *j, const Record *before, const char *output, FtcDiag *d)
{
    RunJob job = before->job;
    job.output = output;
    job.log = j->given.log;
    job.predictions = NULL;
    if (j->check)
        job.eval = job.predict = NULL; /* they change no weight */
    RunStatus status = run_job(&job, d);
    if (status != RUN_DONE)
        return status;
    Record now;
    char *path = record_of(output);
    bool ok = record_peek(&now, path, d) && compare(j, before, &now, d);
    record_free(&now);
    free(path);
    return ok ? RUN_DONE : RUN_FAILED;
}

RunStatus rerun(const RerunJob *j, FtcDiag *d)
{
    Record before;
    RunStatus status = RUN_FAILED;
    char *path = record_of(j->folder), *folder = NULL, *output = NULL;
    bool ok = record_read(&before, path, &j->given, d);
    if (ok && !before.weights_sha256)
        ok = ftc_error(d, FTC_FILE(path), "has no digest of the weights to compare with");
    if (ok && (!j->check || (folder = temporary_folder(d)))) {
        output = folder ? path_join(folder, "model") : xstrdup(j->given.output);
        status = run_record(j, &before, output, d);
    }
    if (folder)
        folder_remove(folder);
    record_free(&before);
    free(output);
    free(folder);
    free(path);
    return status;
}
