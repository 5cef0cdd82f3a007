/* Writing predictions; see predictions.h. */
#include "runtime/train/predictions.h"

#include "runtime/core/files.h"
#include "runtime/train/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool predictions_check(const Csv *table, const PredictionColumns *c, FtcDiag *d)
{
    bool taken = csv_find_column(table, "predicted") >= 0;
    char *name = xstrdup("predicted");
    for (int32_t i = 0; !taken && i < 2 * c->classes; i++) {
        if (i >= c->classes && !c->logits)
            break;
        free(name);
        name = xasprintf("%s_%s", i < c->classes ? "p" : "logit", c->labels[i % c->classes]);
        taken = csv_find_column(table, name) >= 0;
    }
    if (taken)
        ftc_error(d, FTC_FILE(csv_name(table)), "already has a column '%s', where the prediction would go; predict from a "
                                                "table without it", name);
    free(name);
    return !taken;
}

/* Where the bytes go: a file in the making, or standard output. */
typedef struct {
    FileWriter *file;
    FtcDiag *diag;
    bool failed;
} Sink;

static void flush(Sink *s, Bytes *line)
{
    if (s->failed)
        return;
    if (s->file)
        s->failed = !file_put(s->file, line->p, line->n);
    else if (fwrite(line->p, 1, line->n, stdout) != line->n)
        s->failed = !ftc_error(s->diag, FTC_FILE("<standard output>"), "can't be written: %s", strerror(errno));
    line->n = 0;
}

static void put_text(Bytes *line, const char *prefix, const char *text, char separator)
{
    char *whole = xasprintf("%s%s", prefix, text);
    csv_put_field(line, slice_of(whole), separator);
    free(whole);
}

static void put_number(Bytes *line, double value, char separator)
{
    char text[40];
    bytes_put(line, separator);
    bytes_add(line, text, (size_t)snprintf(text, sizeof text, "%.9g", value));
}

static void put_header(Bytes *line, const Csv *table, const PredictionColumns *c)
{
    char separator = csv_separator(table);
    for (int i = 0; i < csv_columns(table); i++) {
        csv_put_field(line, slice_of(csv_column_name(table, i)), separator);
        bytes_put(line, separator);
    }
    put_text(line, "", "predicted", separator);
    for (int32_t i = 0; i < (c->logits ? 2 : 1) * c->classes; i++) {
        bytes_put(line, separator);
        put_text(line, i < c->classes ? "p_" : "logit_", c->labels[i % c->classes], separator);
    }
    bytes_put(line, '\n');
}

static void put_record(Bytes *line, const Csv *table, int64_t record, const PredictionColumns *c, const float *logits,
                       double *p)
{
    char separator = csv_separator(table);
    Slice text = csv_record(table, record);
    bytes_add(line, text.p, text.n);
    bytes_put(line, separator);
    csv_put_field(line, slice_of(c->labels[metrics_predict(logits, c->classes)]), separator);
    metrics_softmax(logits, c->classes, p);
    for (int32_t i = 0; i < c->classes; i++)
        put_number(line, p[i], separator);
    for (int32_t i = 0; c->logits && i < c->classes; i++)
        put_number(line, (double)logits[i], separator);
    bytes_put(line, '\n');
}

bool predictions_write(const char *path, const Csv *table, const PredictionColumns *c, const float *logits, FtcDiag *d)
{
    bool to_file = strcmp(path, "-") != 0;
    Sink s = { .file = to_file ? file_create(path, d) : NULL, .diag = d };
    if (to_file && !s.file)
        return false;
    double *p = xcalloc((size_t)c->classes, sizeof *p);
    Bytes line = { 0 };
    put_header(&line, table, c);
    flush(&s, &line);
    for (int64_t i = 0; i < csv_records(table) && !s.failed; i++) {
        put_record(&line, table, i, c, logits + i * c->classes, p);
        flush(&s, &line);
    }
    bytes_free(&line);
    free(p);
    if (to_file)
        return file_commit(s.file);
    if (!s.failed && fflush(stdout))
        s.failed = !ftc_error(d, FTC_FILE("<standard output>"), "can't be written: %s", strerror(errno));
    return !s.failed;
}
