/* JSON lines of a run; see log.h. */
#include "runtime/train/log.h"

#include "runtime/core/jsonwrite.h"
#include "runtime/core/mem.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct Log {
    FILE *out;
    char *path;
    int error; /* errno of the first write that failed */
};

Log *log_open(const char *path, FtcDiag *d)
{
    FILE *out = fopen(path, "w");
    if (!out) {
        ftc_error(d, FTC_FILE(path), "can't be written: %s", strerror(errno));
        return NULL;
    }
    setvbuf(out, NULL, _IOLBF, 1 << 16);
    Log *log = xcalloc(1, sizeof *log);
    *log = (Log){ .out = out, .path = xstrdup(path) };
    return log;
}

static void note_error(Log *log)
{
    if (ferror(log->out) && !log->error)
        log->error = errno ? errno : EIO;
}

bool log_close(Log *log, FtcDiag *d)
{
    if (!log)
        return true;
    errno = 0;
    if (fclose(log->out) && !log->error)
        log->error = errno ? errno : EIO;
    bool ok = !log->error || ftc_error(d, FTC_FILE(log->path), "the log is incomplete: %s", strerror(log->error));
    free(log->path);
    free(log);
    return ok;
}

void log_step(Log *log, const StepRecord *r)
{
    if (!log)
        return;
    JsonWriter w;
    errno = 0;
    jsonw_begin(&w, log->out, JSON_LINE);
    jsonw_object(&w, NULL);
    jsonw_int(&w, "step", r->step);
    jsonw_int(&w, "epoch", r->epoch);
    jsonw_float(&w, "loss", (float)r->loss);
    jsonw_double(&w, "lr", r->lr);
    jsonw_int(&w, "tokens", r->tokens);
    jsonw_float(&w, "ms", (float)r->ms);
    jsonw_end(&w);
    note_error(log);
}

double peak_rss_mib(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss / 1024;
}

static void write_classes(JsonWriter *w, const RunSummary *s)
{
    jsonw_array(w, "per_class");
    for (int32_t c = 0; c < s->eval->classes; c++) {
        const ClassMetrics *k = &s->eval->by_class[c];
        jsonw_object(w, NULL);
        jsonw_string(w, "label", s->labels[c]);
        jsonw_double(w, "precision", k->precision);
        jsonw_double(w, "recall", k->recall);
        jsonw_double(w, "f1", k->f1);
        jsonw_int(w, "support", k->support);
        jsonw_end(w);
    }
    jsonw_end(w);
}

static void write_confusion(JsonWriter *w, const Metrics *m)
{
    jsonw_array(w, "confusion");
    for (int32_t r = 0; r < m->classes; r++) {
        jsonw_array(w, NULL);
        for (int32_t c = 0; c < m->classes; c++)
            jsonw_int(w, NULL, m->confusion[(int64_t)r * m->classes + c]);
        jsonw_end(w);
    }
    jsonw_end(w);
}

void summary_members(JsonWriter *w, const RunSummary *s)
{
    const Metrics *m = s->eval;
    jsonw_int(w, "steps", s->steps);
    jsonw_double(w, "train_s", s->train_s);
    jsonw_double(w, "encode_s", s->encode_s);
    jsonw_double(w, "compile_s", s->compile_s);
    jsonw_double(w, "eval_s", s->eval_s);
    jsonw_double(w, "predict_s", s->predict_s);
    jsonw_double(w, "total_s", s->total_s);
    jsonw_double(w, "tokens_per_s", s->tokens_per_s);
    jsonw_double(w, "peak_rss_mib", peak_rss_mib());
    jsonw_int(w, "seed", s->seed);
    jsonw_double(w, "accuracy", m ? m->accuracy : NAN);
    jsonw_double(w, "eval_loss", m ? m->loss : NAN);
    jsonw_double(w, "macro_f1", m ? m->macro_f1 : NAN);
    jsonw_double(w, "weighted_f1", m ? m->weighted_f1 : NAN);
    jsonw_double(w, "balanced_accuracy", m ? m->balanced_accuracy : NAN);
    jsonw_double(w, "micro_f1", m ? m->micro_f1 : NAN);
    jsonw_double(w, "pearson", m ? m->pearson : NAN);
    jsonw_double(w, "spearman", m ? m->spearman : NAN);
    if (m && m->by_class)
        write_classes(w, s);
    else
        jsonw_null(w, "per_class");
    if (m && m->confusion)
        write_confusion(w, m);
    else
        jsonw_null(w, "confusion");
    jsonw_array(w, "labels");
    for (int32_t c = 0; c < s->n_labels; c++)
        jsonw_string(w, NULL, s->labels[c]);
    jsonw_end(w);
    jsonw_string(w, "weights_sha256", s->weights_sha256);
}

void summary_write(const RunSummary *s, FILE *out)
{
    JsonWriter w;
    jsonw_begin(&w, out, JSON_LINE);
    jsonw_object(&w, NULL);
    jsonw_string(&w, "event", "end");
    summary_members(&w, s);
    jsonw_end(&w);
}

void log_end(Log *log, const RunSummary *s)
{
    if (!log)
        return;
    errno = 0;
    summary_write(s, log->out);
    note_error(log);
}
