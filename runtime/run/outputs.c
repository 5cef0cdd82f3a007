/* Where results go; see outputs.h. */
#include "runtime/run/outputs.h"

#include "runtime/core/files.h"
#include "runtime/core/mem.h"

#include <stdlib.h>
#include <string.h>

/* "models/tiny_cls.yaml" -> "tiny_cls"; free() it. */
static char *bare_name(const char *path)
{
    static const char *const endings[] = { ".yaml", ".yml", ".csv", ".tsv" };
    const char *name = path_base(path);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (path_ends_with(name, endings[i]))
            return xstrndup(name, strlen(name) - strlen(endings[i]));
    return strcmp(name, "-") ? xstrdup(name) : xstrdup("stdin");
}

char *outputs_default_folder(const char *spec, const char *train)
{
    char *name = bare_name(spec ? spec : train), *folder = xasprintf("%s-model", name);
    free(name);
    return folder;
}

/* Does once, with nothing in it, what the end of training will do. */
static bool try_folder(const char *folder, FtcDiag *d)
{
    char *made = folder_begin(folder, d);
    if (made)
        folder_remove(made);
    free(made);
    return made != NULL;
}

static bool prepare_folder(Outputs *o, const RunWork *j)
{
    o->folder = j->output ? xstrdup(j->output) : outputs_default_folder(j->spec, j->train);
    if (path_is_file(o->folder))
        return ftc_error(o->diag, FTC_FILE(o->folder), "is a file, where the model's folder would go; name another with -o");
    o->training = path_join(o->folder, TRAINING_FOLDER);
    if (j->resume)
        return try_folder(o->folder, o->diag);
    if (path_is_folder(o->training) && !j->force)
        return ftc_error(o->diag, FTC_FILE(o->folder), "holds a run that isn't done; go on with 'ftc run --resume %s', or begin anew "
                         "with --force", o->folder);
    if (path_is_folder(o->folder) && !j->force)
        return ftc_error(o->diag, FTC_FILE(o->folder), "exists; name another folder with -o, or replace this one with --force");
    return try_folder(o->folder, o->diag);
}

/* Whether the file can be made; leaves nothing behind. */
static bool try_file(const char *path, FtcDiag *d)
{
    FileWriter *w = file_create(path, d);
    if (w)
        file_abandon(w);
    return w != NULL;
}

/* A table that is read would be lost under what is written. */
static bool spares_tables(const Outputs *o, const RunWork *j)
{
    const char *const tables[] = { j->train, j->dev, j->eval, j->predict };
    for (int i = 0; i < 4; i++)
        if (path_is_same(o->predictions, tables[i]))
            return ftc_error(o->diag, FTC_FILE(o->predictions), "is a table that is read; give the predictions another file");
    return true;
}

static bool prepare_predictions(Outputs *o, const RunWork *j)
{
    if (j->predictions) {
        o->predictions = xstrdup(j->predictions);
        if (strcmp(j->predictions, "-"))
            return spares_tables(o, j) && try_file(j->predictions, o->diag);
        return !j->json || ftc_error(o->diag, FTC_NOWHERE, "--json and --predictions - both want standard output; give the "
                                                           "predictions a file");
    }
    const char *folder = o->folder ? o->folder : j->output ? j->output : j->model;
    o->predictions = path_join(folder, "predictions.csv");
    if (!spares_tables(o, j))
        return false;
    if (o->folder)
        return true;
    if (path_is_file(o->predictions) && !j->force)
        return ftc_error(o->diag, FTC_FILE(o->predictions), "exists; name another file with --predictions, or replace this one "
                                                            "with --force");
    return folder_make(folder, o->diag) && try_file(o->predictions, o->diag);
}

/* Into the trained model's folder; where nothing is trained, into the one of -o, if there is one. */
static bool prepare_sheets(Outputs *o, const RunWork *j)
{
    if (!o->folder && !j->output)
        return true;
    o->sheets = xstrdup(o->folder ? o->folder : j->output);
    if (o->folder)
        return true;
    char *page = path_join(o->sheets, "report.html");
    bool ok = j->force || !path_is_file(page) ||
              ftc_error(o->diag, FTC_FILE(page), "exists; name another folder with -o, or replace this one with --force");
    ok = ok && folder_make(o->sheets, o->diag) && try_file(page, o->diag);
    free(page);
    return ok;
}

bool outputs_prepare(Outputs *o, const RunWork *work, const Classifier *c)
{
    bool taken = work->json || (work->predictions && !strcmp(work->predictions, "-"));
    *o = (Outputs){ .diag = c->diag, .report = taken ? stderr : stdout };
    return (!work->train || prepare_folder(o, work)) && (!work->predict || prepare_predictions(o, work)) &&
           (!work->eval || prepare_sheets(o, work));
}

void outputs_free(Outputs *o)
{
    free(o->folder);
    free(o->training);
    free(o->predictions);
    free(o->sheets);
}

bool outputs_save(const Outputs *o, const Classifier *c, bool (*add)(void *arg, const char *folder), void *arg)
{
    return classifier_replace(c, o->folder, add, arg);
}

static bool holds(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    bool there = path_is_file(path);
    free(path);
    return there;
}

void outputs_keep_last_good(const Outputs *o, const Classifier *c, int64_t steps, bool (*add)(void *arg, const char *folder), void *arg)
{
    bool older = holds(o->folder, "ftc.yaml") || holds(o->folder, "config.json");
    if (steps == 0) {
        ftc_note(o->diag, FTC_NOWHERE, "nothing was learned yet, so nothing is saved%s%s%s", older ? "; " : "",
                 older ? o->folder : "", older ? " is as before" : "");
        return;
    }
    char *folder = older ? xasprintf("%s-diverged", o->folder) : xstrdup(o->folder);
    if (classifier_replace(c, folder, add, arg))
        ftc_note(o->diag, FTC_FILE(folder), "holds the model as it was after step %lld%s%s%s", (long long)steps,
                 older ? "; " : "", older ? o->folder : "", older ? " is as before" : "");
    free(folder);
}
