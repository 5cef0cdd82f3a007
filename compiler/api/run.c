/* A job -> a classifier and the work with it; see run.h. */
#include "compiler/api/origin.h"
#include "compiler/api/record.h"

#include "runtime/core/files.h"
#include "runtime/core/mem.h"

#include <stdlib.h>

typedef struct {
    const RunJob *job;
    SpecModel model;
} Compilation;

static bool compile(void *user, FtcDiag *d)
{
    Compilation *k = user;
    return spec_model_compile(&k->model, k->job->train != NULL, &k->job->pipeline, &k->job->codegen, d);
}

static RunStatus run_opened(Compilation *k, const Origin *origin, Inputs *inputs)
{
    const RunJob *j = k->job;
    RunWork work = { .train = j->train, .dev = j->dev, .eval = j->eval, .predict = j->predict, .spec = j->source.spec, .stage = j->source.stage,
                     .model = j->source.model, .origin = origin, .inputs = inputs, .resume = j->resume ? checkpoint_read : NULL,
                     .output = j->output, .force = j->force, .predictions = j->predictions, .logits = j->logits, .log = j->log,
                     .json = j->json, .check_arena = j->check_arena, .find_nan = j->find_nan, .threads = j->threads, .notes = j->notes,
                     .judge = j->judge, .judge_user = j->judge_user, .compile = compile, .compile_user = k };
    return run_classifier(&k->model.c, &work);
}

static RunStatus run_from_start(const RunJob *j, FtcDiag *d)
{
    Compilation k = { .job = j };
    Arena *arena = arena_new();
    const Origin *origin = origin_of(arena, &j->pipeline, &j->codegen, j->source.init, d);
    RunStatus status = RUN_FAILED;
    if (origin) {
        Inputs *inputs = j->train ? job_inputs(j) : NULL;
        if (spec_model_open(&k.model, &j->source, d))
            status = run_opened(&k, origin, inputs);
        spec_model_close(&k.model);
        inputs_free(inputs);
    }
    arena_free(arena);
    return status;
}

/* The job that the folder's record tells of, in the place of the one given. */
static RunStatus resume(const RunJob *given, FtcDiag *d)
{
    char *path = xasprintf("%s/%s/run.json", given->resume, TRAINING_FOLDER);
    Record record = { 0 };
    RunStatus status = RUN_FAILED;
    if (!path_is_file(path)) {
        ftc_error(d, FTC_FILE(given->resume), "holds no run that isn't done: there is no %s", path);
    } else if (record_read(&record, path, given, d)) {
        record.job.output = given->resume;
        status = run_from_start(&record.job, d);
    }
    record_free(&record);
    free(path);
    return status;
}

RunStatus run_job(const RunJob *job, FtcDiag *d) { return job->resume ? resume(job, d) : run_from_start(job, d); }
