/* Writing run.json; see record.h. */
#define _GNU_SOURCE
#include "runtime/run/record.h"

#include "runtime/core/files.h"
#include "runtime/core/jsonwrite.h"
#include "runtime/core/mem.h"
#include "runtime/core/sha256.h"
#include "runtime/run/run.h"

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- digests -------------------------------------------------------------------------------------------------------------- */

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

static void digest_file(const Inputs *in, Input *f)
{
    FILE *file = strcmp(f->path, "-") && path_is_regular(f->path) ? fopen(f->path, "rb") : NULL;
    if (!file)
        return;
    Sha256 s;
    char buffer[1 << 16];
    size_t n;
    sha256_begin(&s);
    while (!atomic_load(&in->stop) && (n = fread(buffer, 1, sizeof buffer, file)) > 0)
        sha256_add(&s, buffer, n);
    if (feof(file))
        sha256_hex(&s, f->sha256);
    fclose(file);
}

static void *digest_files(void *arg)
{
    Inputs *in = arg;
    for (int i = 0; i < in->n; i++)
        digest_file(in, &in->v[i]);
    return NULL;
}

Inputs *inputs_start(const char *stage, const char *train, const char *dev, const char *eval, const char *predict, const char *folder)
{
    Inputs *in = xcalloc(1, sizeof *in);
    add_input(in, "stage", stage);
    add_input(in, "train", train);
    add_input(in, "dev", dev);
    add_input(in, "eval", eval);
    add_input(in, "predict", predict);
    add_folder(in, folder);
    in->started = pthread_create(&in->thread, NULL, digest_files, in) == 0;
    if (!in->started)
        digest_files(in);
    return in;
}

void inputs_finish(Inputs *in)
{
    if (in->started)
        pthread_join(in->thread, NULL);
    in->started = false;
}

void inputs_free(Inputs *in)
{
    if (!in)
        return;
    atomic_store(&in->stop, true);
    inputs_finish(in);
    for (int i = 0; i < in->n; i++) {
        free(in->v[i].given);
        free(in->v[i].path);
    }
    free(in->v);
    free(in);
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------- */

static void write_job(JsonWriter *w, const RunWork *j)
{
    const Origin *o = j->origin;
    char here[PATH_MAX];
    jsonw_object(w, "job");
    jsonw_string(w, "folder", getcwd(here, sizeof here)); /* which relative paths start from */
    if (j->stage)
        jsonw_string(w, "stage", j->stage);
    jsonw_string(w, "init", o->init);
    jsonw_string(w, "model", j->model);
    jsonw_string(w, "train", j->train);
    jsonw_string(w, "dev", j->dev);
    jsonw_string(w, "eval", j->eval);
    jsonw_string(w, "predict", j->predict);
    jsonw_string(w, "output", j->output);
    jsonw_string(w, "predictions", j->predictions);
    jsonw_string(w, "log", j->log);
    jsonw_bool(w, "logits", j->logits);
    jsonw_int(w, "level", o->level);
    jsonw_string(w, "passes_off", o->passes_off);
    jsonw_bool(w, "keep_encoded", o->keep_encoded);
    jsonw_string(w, "march", o->march);
    jsonw_string(w, "gemm", o->gemm);
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

static void write_spec(JsonWriter *w, const Recipe *r)
{
    char *text = NULL;
    size_t size;
    FILE *out = text_open(&text, &size);
    recipe_print(r, NULL, 0, out);
    fclose(out);
    jsonw_string(w, "spec", text);
    free(text);
}

static void print_record(FILE *out, const void *what)
{
    const RecordContents *r = what;
    JsonWriter w;
    jsonw_begin(&w, out, JSON_PRETTY);
    jsonw_object(&w, NULL);
    jsonw_int(&w, "format", RECORD_FORMAT);
    jsonw_string(&w, "build", r->work->origin->build);
    jsonw_string(&w, "target", r->work->origin->target);
    write_job(&w, r->work);
    write_inputs(&w, r->inputs);
    write_spec(&w, r->recipe);
    write_epochs(&w, r->history);
    if (r->summary)
        summary_members(&w, r->summary);
    jsonw_end(&w);
}

bool record_write(const char *path, const RecordContents *r, FtcDiag *d) { return file_print(path, print_record, r, d); }
