/* Reading run.json; see record.h. */
#include "compiler/api/record.h"

#include "runtime/core/files.h"
#include "runtime/core/json.h"
#include "runtime/run/record.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *text_of(Record *r, JsonReader *j, const char *key)
{
    const char *text = json_get_string(j, key, NULL);
    return text ? arena_strdup(r->arena, text) : NULL;
}

/* A place given on the command line is stronger: the file may have been moved since. */
static const char *place_of(Record *r, JsonReader *j, const char *key, const char *given)
{
    char here[PATH_MAX];
    const char *recorded = text_of(r, j, key), *folder = json_get_string(j, "folder", NULL);
    if (given || !recorded || *recorded == '/' || !strcmp(recorded, "-") || !folder)
        return given ? given : recorded;
    bool same = getcwd(here, sizeof here) && !strcmp(here, folder);
    return same ? recorded : arena_printf(r->arena, "%s/%s", folder, recorded);
}

/* What the run never had would make it another one. */
static bool had(const json_t *job, const char *path, const char *key, const char *given, FtcDiag *d)
{
    return !given || json_is_string(json_object_get(job, key)) ||
           ftc_error(d, FTC_FILE(path), "the run had no --%s; leave it out, or start anew", key);
}

static bool read_job(Record *r, const char *path, const json_t *object, const RunJob *given, FtcDiag *d)
{
    JsonReader j = { .object = object, .file = path, .diag = d };
    RunJob *job = &r->job;
    *job = *given;
    job->source = (ClassifierSource){ .stage = place_of(r, &j, "stage", NULL), .init = place_of(r, &j, "init", given->source.init),
                                      .model = place_of(r, &j, "model", given->source.model) };
    job->train = place_of(r, &j, "train", given->train);
    job->dev = place_of(r, &j, "dev", given->dev);
    job->eval = place_of(r, &j, "eval", given->eval);
    job->predict = place_of(r, &j, "predict", given->predict);
    job->output = place_of(r, &j, "output", given->output);
    job->predictions = place_of(r, &j, "predictions", given->predictions);
    job->log = place_of(r, &j, "log", given->log);
    job->logits = json_get_bool(&j, "logits", false);
    job->pipeline.level = job->codegen.level = (int)json_get_int(&j, "level", 2, 0, 3);
    job->pipeline.off = text_of(r, &j, "passes_off");
    job->pipeline.keep_encoded = json_get_bool(&j, "keep_encoded", true);
    job->pipeline.accumulate = true;
    job->codegen.cpu = text_of(r, &j, "march");
    gemm_find(json_get_string(&j, "gemm", gemm_names[GEMM_AUTO]), &job->codegen.gemm);
    if (!had(object, path, "init", given->source.init, d) || !had(object, path, "dev", given->dev, d))
        return false;
    if (!job->train && !j.failed)
        return ftc_error(d, FTC_FILE(path), "is no record of a training run");
    return !j.failed;
}

static const char *digest_in(const json_t *inputs, const char *role, const char *name)
{
    size_t i;
    json_t *entry;
    json_array_foreach(inputs, i, entry) {
        const char *r = json_string_value(json_object_get(entry, "role")), *p = json_string_value(json_object_get(entry, "path"));
        if (r && p && !strcmp(r, role) && (strcmp(role, "folder") || !strcmp(path_base(p), name)))
            return json_string_value(json_object_get(entry, "sha256"));
    }
    return NULL;
}

/* A file of the folder that the run read, and that is gone. */
static bool check_folder(const Inputs *now, const json_t *inputs, FtcDiag *d)
{
    size_t i;
    json_t *entry;
    json_array_foreach(inputs, i, entry) {
        const char *role = json_string_value(json_object_get(entry, "role")), *path = json_string_value(json_object_get(entry, "path"));
        bool there = !role || !path || strcmp(role, "folder") != 0;
        for (int k = 0; k < now->n && !there; k++)
            there = !strcmp(path_base(now->v[k].path), path_base(path));
        if (!there)
            return ftc_error(d, FTC_FILE(path), "is gone; the run was made from it");
    }
    return true;
}

Inputs *job_inputs(const RunJob *j)
{
    const ClassifierSource *s = &j->source;
    return inputs_start(s->stage, j->train, j->dev, j->eval, j->predict, s->model ? s->model : s->init);
}

/* Other data would make another run of it. */
static bool check_inputs(const Record *r, const json_t *inputs, FtcDiag *d)
{
    Inputs *now = job_inputs(&r->job);
    bool ok = true;
    inputs_finish(now);
    for (int i = 0; i < now->n; i++) {
        const Input *f = &now->v[i];
        const char *was = digest_in(inputs, f->role, path_base(f->path));
        bool has_flag = strcmp(f->role, "folder") && strcmp(f->role, "stage");
        if (!strcmp(f->path, "-"))
            ok = ftc_error(d, FTC_NOWHERE, "the run read its table '%s' from standard input, which can't be read again; --%s FILE "
                           "names a copy of it", f->role, f->role);
        else if (!*f->sha256)
            ok = ftc_error(d, FTC_FILE(f->given), "can't be read; the run was made from it%s%s%s",
                           has_flag ? ": --" : "", has_flag ? f->role : "", has_flag ? " FILE says where it is now" : "");
        else if (was && strcmp(was, f->sha256))
            ok = ftc_error(d, FTC_FILE(f->given), "has changed since the run began, which would make it another run: its SHA-256 was "
                           "%.16s..., now it is %.16s...", was, f->sha256);
    }
    ok = ok && check_folder(now, inputs, d);
    inputs_free(now);
    return ok;
}

/* What it says of itself, for both ways to read it. */
static json_t *open_record(Record *r, const char *path, JsonReader *j, FtcDiag *d)
{
    *r = (Record){ .arena = arena_new() };
    json_t *root = json_read_file(path, d);
    if (!root)
        return NULL;
    *j = (JsonReader){ .object = root, .file = path, .diag = d };
    int64_t format = json_get_int(j, "format", 0, 0, INT_MAX);
    r->build = text_of(r, j, "build");
    r->target = text_of(r, j, "target");
    r->weights_sha256 = text_of(r, j, "weights_sha256");
    if (!j->failed && (format != RECORD_FORMAT || !r->build || !r->target))
        j->failed = !ftc_error(d, FTC_FILE(path), "is no record of this version of ftc");
    return root;
}

bool record_peek(Record *r, const char *path, FtcDiag *d)
{
    JsonReader j = { .failed = true };
    json_decref(open_record(r, path, &j, d));
    return !j.failed;
}

bool record_read(Record *r, const char *path, const RunJob *given, FtcDiag *d)
{
    JsonReader j = { .failed = true };
    json_t *root = open_record(r, path, &j, d);
    if (!root)
        return false;
    const char *spec = text_of(r, &j, "spec");
    const json_t *job = json_get_object(&j, "job"), *inputs = json_get_array(&j, "inputs");
    bool ok = !j.failed;
    if (ok && (!spec || !job || !inputs))
        ok = ftc_error(d, FTC_FILE(path), "is no record of this version of ftc");
    ok = ok && read_job(r, path, job, given, d);
    if (ok) {
        r->job.source.spec = arena_printf(r->arena, "%s (its spec)", path);
        r->job.source.spec_text = spec;
        r->job.source.spec_size = strlen(spec);
        ftc_diag_source(d, r->job.source.spec, spec, strlen(spec));
        ok = check_inputs(r, inputs, d);
    }
    json_decref(root);
    return ok;
}

void record_free(Record *r)
{
    if (r->arena)
        arena_free(r->arena);
    *r = (Record){ 0 };
}
