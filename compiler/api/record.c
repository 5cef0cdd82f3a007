/* Writing and reading run.json; see record.h. */
#include "compiler/api/record.h"

#include "runtime/core/files.h"
#include "runtime/core/json.h"
#include "runtime/core/jsonwrite.h"
#include "runtime/core/mem.h"
#include "runtime/core/sha256.h"

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FORMAT = 1 };

/* ---- digests -------------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *role;    /* "train"; of a file in the model's or encoder's folder: "weights" */
    char *given, *path;  /* as it was named; absolute, or "-": standard input */
    char sha256[65];     /* "": unknown */
} Input;

struct Inputs {
    Input *v;
    int n, cap;
    pthread_t thread;
    bool started;
};

static char *absolute(const char *path)
{
    char *real = strcmp(path, "-") ? realpath(path, NULL) : NULL;
    return real ? real : xstrdup(path);
}

static void add_input(Inputs *in, const char *role, const char *path)
{
    if (!path)
        return;
    GROW(in->v, in->n, in->cap);
    in->v[in->n++] = (Input){ .role = role, .given = xstrdup(path), .path = absolute(path) };
}

static int by_path(const void *a, const void *b) { return strcmp(((const Input *)a)->path, ((const Input *)b)->path); }

static bool is_model_file(const char *name)
{
    static const char *const names[] = { "config.json", "ftc.yaml", "tokenizer.json", "tokenizer_config.json", "vocab.txt",
                                         "model.safetensors.index.json" };
    size_t n = strlen(name), end = strlen(".safetensors");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return n > end && !strcmp(name + n - end, ".safetensors");
}

static void add_folder(Inputs *in, const char *folder)
{
    int first = in->n;
    DIR *dir = folder ? opendir(folder) : NULL;
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (is_model_file(e->d_name)) {
            char *path = path_join(folder, e->d_name);
            add_input(in, "folder", path);
            free(path);
        }
    if (dir)
        closedir(dir);
    qsort(in->v + first, (size_t)(in->n - first), sizeof *in->v, by_path);
}

static void digest_file(Input *f)
{
    FILE *file = strcmp(f->path, "-") ? fopen(f->path, "rb") : NULL;
    if (!file)
        return;
    Sha256 s;
    char buffer[1 << 16];
    size_t n;
    sha256_begin(&s);
    while ((n = fread(buffer, 1, sizeof buffer, file)) > 0)
        sha256_add(&s, buffer, n);
    if (!ferror(file))
        sha256_hex(&s, f->sha256);
    fclose(file);
}

static void *digest_files(void *arg)
{
    Inputs *in = arg;
    for (int i = 0; i < in->n; i++)
        digest_file(&in->v[i]);
    return NULL;
}

Inputs *inputs_start(const RunJob *job)
{
    Inputs *in = xcalloc(1, sizeof *in);
    add_input(in, "train", job->train);
    add_input(in, "dev", job->dev);
    add_input(in, "eval", job->eval);
    add_input(in, "predict", job->predict);
    add_folder(in, job->source.model ? job->source.model : job->source.init);
    in->started = pthread_create(&in->thread, NULL, digest_files, in) == 0;
    if (!in->started)
        digest_files(in);
    return in;
}

static void inputs_finish(Inputs *in)
{
    if (in->started)
        pthread_join(in->thread, NULL);
    in->started = false;
}

void inputs_free(Inputs *in)
{
    if (!in)
        return;
    inputs_finish(in);
    for (int i = 0; i < in->n; i++) {
        free(in->v[i].given);
        free(in->v[i].path);
    }
    free(in->v);
    free(in);
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------- */

static void write_job(JsonWriter *w, const RunJob *j)
{
    char here[PATH_MAX];
    jsonw_object(w, "job");
    jsonw_string(w, "folder", getcwd(here, sizeof here)); /* which relative paths start from */
    jsonw_string(w, "init", j->source.init);
    jsonw_string(w, "model", j->source.model);
    jsonw_string(w, "train", j->train);
    jsonw_string(w, "dev", j->dev);
    jsonw_string(w, "eval", j->eval);
    jsonw_string(w, "predict", j->predict);
    jsonw_string(w, "output", j->output);
    jsonw_string(w, "predictions", j->predictions);
    jsonw_string(w, "log", j->log);
    jsonw_bool(w, "logits", j->logits);
    jsonw_int(w, "level", j->pipeline.level);
    jsonw_string(w, "passes_off", j->pipeline.off);
    jsonw_bool(w, "keep_encoded", j->pipeline.keep_encoded);
    jsonw_string(w, "march", j->codegen.cpu);
    jsonw_string(w, "gemm", gemm_names[j->codegen.gemm]);
    jsonw_end(w);
}

static void write_inputs(JsonWriter *w, Inputs *in)
{
    inputs_finish(in);
    jsonw_array(w, "inputs");
    for (int i = 0; i < in->n; i++) {
        jsonw_object(w, NULL);
        jsonw_string(w, "role", in->v[i].role);
        jsonw_string(w, "path", in->v[i].path);
        jsonw_string(w, "sha256", *in->v[i].sha256 ? in->v[i].sha256 : NULL);
        jsonw_end(w);
    }
    jsonw_end(w);
}

static void write_epochs(JsonWriter *w, const History *h)
{
    jsonw_array(w, "epochs");
    for (const EpochRecord *e = h->epoch; e < h->epoch + h->n_epochs; e++) {
        jsonw_object(w, NULL);
        jsonw_int(w, "epoch", e->epoch);
        jsonw_int(w, "step", e->step);
        jsonw_double(w, "train_loss", e->train_loss);
        for (int k = 0; k < METRIC_KINDS; k++)
            if (!isnan(e->dev[k])) {
                char name[64];
                snprintf(name, sizeof name, "dev_%s", metric_info[k].name);
                jsonw_double(w, name, e->dev[k]);
            }
        jsonw_double(w, "train_s", e->train_s);
        jsonw_double(w, "dev_s", e->dev_s);
        jsonw_end(w);
    }
    jsonw_end(w);
    if (h->best >= 0)
        jsonw_int(w, "best_epoch", h->epoch[h->best].epoch);
}

static void write_spec(JsonWriter *w, const Spec *s)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    spec_print(s, out);
    fclose(out);
    jsonw_string(w, "spec", text);
    free(text);
}

static char *describe_target(const RunJob *j)
{
    FtcDiag *quiet = ftc_diag_new(NULL);
    char *target = codegen_describe(&j->codegen, quiet);
    ftc_diag_free(quiet);
    return target;
}

static void print_record(FILE *out, const void *what)
{
    const RecordContents *r = what;
    char *build = codegen_build(), *target = describe_target(r->job);
    JsonWriter w;
    jsonw_begin(&w, out, JSON_PRETTY);
    jsonw_object(&w, NULL);
    jsonw_int(&w, "format", FORMAT);
    jsonw_string(&w, "build", build);
    jsonw_string(&w, "target", target);
    write_job(&w, r->job);
    write_inputs(&w, r->inputs);
    write_spec(&w, r->spec);
    write_epochs(&w, r->history);
    if (r->summary)
        summary_members(&w, r->summary);
    jsonw_end(&w);
    free(build);
    free(target);
}

bool record_write(const char *path, const RecordContents *r, FtcDiag *d) { return file_print(path, print_record, r, d); }

/* ---- reading ---------------------------------------------------------------------------------------------------------------- */

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
    job->source = (ClassifierSource){ .init = place_of(r, &j, "init", given->source.init),
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

/* Other data would make another run of it. */
static bool check_inputs(const Record *r, const json_t *inputs, FtcDiag *d)
{
    Inputs *now = inputs_start(&r->job);
    bool ok = true;
    inputs_finish(now);
    for (int i = 0; i < now->n; i++) {
        const Input *f = &now->v[i];
        const char *was = digest_in(inputs, f->role, path_base(f->path));
        if (!strcmp(f->path, "-"))
            ok = ftc_error(d, FTC_NOWHERE, "the run read its table '%s' from standard input, which can't be read again; --%s FILE "
                           "names a copy of it", f->role, f->role);
        else if (!*f->sha256)
            ok = ftc_error(d, FTC_FILE(f->given), "can't be read; the run was made from it%s%s%s",
                           strcmp(f->role, "folder") ? ": --" : "", strcmp(f->role, "folder") ? f->role : "",
                           strcmp(f->role, "folder") ? " FILE says where it is now" : "");
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
    if (!j->failed && (format != FORMAT || !r->build || !r->target))
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
