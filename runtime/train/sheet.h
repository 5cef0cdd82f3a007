/* The result sheet: all that a reader needs to judge a model by one table.
 *
 * In:  what was scored, and what is known besides: labels, the table itself, the history of training, times.
 * Out: the sheet as text for a terminal, as JSON, and as one HTML page with pictures that needs nothing else.
 * The idea: every number stands with its 95 % interval and beside what a baseline gets that never looks at a text.  It knows this
 * table's shares of the classes (labels), or its mean, and nothing else: so it always says the most frequent class. */
#ifndef FTC_SHEET_H
#define FTC_SHEET_H

#include "runtime/train/dataset.h"
#include "runtime/train/history.h"
#include "runtime/train/intervals.h"
#include "runtime/train/ranks.h"

/* Borrowed; what may be missing is NULL, or NAN. */
typedef struct {
    const Scored *scored;
    const char *const *labels;     /* [classes]; regression: one, the column's name */
    const Dataset *table;          /* the rows that were scored; may be missing */
    const History *history;        /* of training; may be missing */
    const char *model, *table_name; /* titles; may be missing */
    const char *version;           /* of ftc; may be missing */
    double train_s, eval_s, tokens_per_s;
    uint64_t seed;                 /* of the bootstrap */
    Pool *pool;                    /* may be missing */
} SheetSource;

enum { WORST_ROWS = 20 };

typedef struct {
    SheetSource source;
    Metrics *metrics, *baseline;
    Intervals *intervals;
    Tally *tally;
    int64_t worst[WORST_ROWS];     /* of the rows that are wrong (regression: of all) those of the highest loss, highest first */
    int n_worst;
} Sheet;

Sheet *sheet_new(const SheetSource *source);
void sheet_free(Sheet *s);

/* Hands the metrics over; the sheet has none from here on, and can only be freed. */
Metrics *sheet_take_metrics(Sheet *s);

void sheet_print(const Sheet *s, FILE *out);
void sheet_write_json(const Sheet *s, FILE *out);
void sheet_write_html(const Sheet *s, FILE *out);

/* report.json and report.html, into a folder that exists.  False after an error. */
bool sheet_save(const Sheet *s, const char *folder, FtcDiag *d);

/* ---- for the three of them ----------------------------------------------------------------------------------------------- */

/* Whether a number belongs into a table of the most important ones. */
bool sheet_shows(const Sheet *s, MetricKind kind);

/* Its title, with the class where it is of one: "F1 of 'yes'". */
void sheet_title(const Sheet *s, MetricKind kind, char *title, size_t size);

/* What the baseline says, as a clause: "always 'payment'". */
void sheet_baseline(const Sheet *s, char *text, size_t size);

/* A row in its table: its line in the file (0: not known) and its text, which may point into scratch. */
int sheet_line(const Sheet *s, int64_t row);
Slice sheet_text(const Sheet *s, int64_t row, Bytes *scratch);

/* The probability of a class of a row. */
double sheet_probability(const Sheet *s, int64_t row, int32_t class);

/* A mistake and how often it is made, the most frequent first; free() it. */
typedef struct {
    int64_t count;
    int32_t is, said;
} Mistake;
Mistake *sheet_mistakes(const Metrics *m, int64_t *n);

#endif
