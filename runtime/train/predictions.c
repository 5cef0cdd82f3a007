/* Writing predictions; see predictions.h. */
#include "runtime/train/predictions.h"

#include "runtime/core/files.h"
#include "runtime/train/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How many columns follow `predicted`, twice as many with logits. */
static int32_t probabilities(const PredictionColumns *c) { return c->task == FTC_REGRESSION ? 0 : c->classes; }

static bool check_separator(const PredictionColumns *c, FtcDiag *d)
{
    for (int32_t i = 0; i < c->classes && c->task == FTC_MULTI_LABEL; i++)
        if (strstr(c->labels[i], c->separator))
            return ftc_error(d, FTC_NOWHERE, "the label '%s' has a '%s' in it, which is to stand between the predicted labels; "
                             "data.label_separator names another", c->labels[i], c->separator);
    return true;
}

bool predictions_check(const Csv *table, const PredictionColumns *c, FtcDiag *d)
{
    int32_t n = probabilities(c);
    bool taken = csv_find_column(table, "predicted") >= 0;
    char *name = xstrdup("predicted");
    for (int32_t i = 0; !taken && i < 2 * n; i++) {
        if (i >= n && !c->logits)
            break;
        free(name);
        name = xasprintf("%s_%s", i < n ? "p" : "logit", c->labels[i % n]);
        taken = csv_find_column(table, name) >= 0;
    }
    if (taken)
        ftc_error(d, FTC_FILE(csv_name(table)), "already has a column '%s', where the prediction would go; predict from a "
                                                "table without it", name);
    free(name);
    return !taken && check_separator(c, d);
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

static void put_number(Bytes *line, double value)
{
    char text[40];
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
    int32_t n = probabilities(c);
    for (int32_t i = 0; i < (c->logits ? 2 : 1) * n; i++) {
        bytes_put(line, separator);
        put_text(line, i < n ? "p_" : "logit_", c->labels[i % n], separator);
    }
    bytes_put(line, '\n');
}

/* The predicted labels, joined. */
static void put_labels(Bytes *line, const PredictionColumns *c, const double *p, Bytes *joined, char separator)
{
    joined->n = 0;
    for (int32_t i = 0; i < c->classes; i++)
        if (p[i] >= (double)c->thresholds[i]) {
            if (joined->n)
                bytes_add(joined, c->separator, strlen(c->separator));
            bytes_add(joined, c->labels[i], strlen(c->labels[i]));
        }
    csv_put_field(line, (Slice){ joined->p, joined->n }, separator);
}

/* p [classes] and joined are room to work in. */
static void put_record(Bytes *line, const Csv *table, int64_t record, const PredictionColumns *c, const float *logits, double *p,
                       Bytes *joined)
{
    char separator = csv_separator(table);
    Slice text = csv_record(table, record);
    int32_t n = probabilities(c);
    bytes_add(line, text.p, text.n);
    bytes_put(line, separator);
    switch (c->task) {
    case FTC_SINGLE_LABEL:
        metrics_softmax(logits, n, p);
        csv_put_field(line, slice_of(c->labels[metrics_predict(logits, n)]), separator);
        break;
    case FTC_MULTI_LABEL:
        for (int32_t i = 0; i < n; i++)
            p[i] = metrics_sigmoid(logits[i]);
        put_labels(line, c, p, joined, separator);
        break;
    case FTC_REGRESSION: put_number(line, (double)logits[0]); break;
    }
    for (int32_t i = 0; i < (c->logits ? 2 : 1) * n; i++) {
        bytes_put(line, separator);
        put_number(line, i < n ? p[i] : (double)logits[i - n]);
    }
    bytes_put(line, '\n');
}

bool predictions_write(const char *path, const Csv *table, const PredictionColumns *c, const float *logits, FtcDiag *d)
{
    bool to_file = strcmp(path, "-") != 0;
    Sink s = { .file = to_file ? file_create(path, d) : NULL, .diag = d };
    if (to_file && !s.file)
        return false;
    double *p = xcalloc((size_t)c->classes, sizeof *p);
    Bytes line = { 0 }, joined = { 0 };
    put_header(&line, table, c);
    flush(&s, &line);
    for (int64_t i = 0; i < csv_records(table) && !s.failed; i++) {
        put_record(&line, table, i, c, logits + i * c->classes, p, &joined);
        flush(&s, &line);
    }
    bytes_free(&line);
    bytes_free(&joined);
    free(p);
    if (to_file)
        return file_commit(s.file);
    if (!s.failed && fflush(stdout))
        s.failed = !ftc_error(d, FTC_FILE("<standard output>"), "can't be written: %s", strerror(errno));
    return !s.failed;
}
