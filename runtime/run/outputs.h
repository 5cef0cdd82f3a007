/* Where a run's results go.  Everything is settled, and tried, before the work begins.  Private to run.c and its like. */
#ifndef FTC_OUTPUTS_H
#define FTC_OUTPUTS_H

#include "runtime/run/run.h"

typedef struct {
    FtcDiag *diag;
    char *folder;          /* the model's; NULL where nothing is trained */
    char *training;        /* in it: checkpoints and record of a run that isn't done */
    char *predictions;     /* a file or "-"; NULL where nothing is predicted */
    FILE *report;          /* what an evaluation says */
    char *sheets;          /* a folder for report.json and report.html; NULL: they aren't written */
} Outputs;

/* Where a model goes whose place isn't named: ./NAME-model, NAME from the spec's file (NULL: there is none) or else the table's; free()
 * it. */
char *outputs_default_folder(const char *spec, const char *train);

/* False after an error: a folder that exists, without --force; a place that can't be written to. */
bool outputs_prepare(Outputs *o, const RunWork *work, const Classifier *c);
void outputs_free(Outputs *o);

/* The trained model into its folder, with what `add` puts there (classifier_replace). */
bool outputs_save(const Outputs *o, const Classifier *c, bool (*add)(void *arg, const char *folder), void *arg);

/* Training broke off after `steps` good steps: keeps what there is, but replaces no older model. */
void outputs_keep_last_good(const Outputs *o, const Classifier *c, int64_t steps, bool (*add)(void *arg, const char *folder), void *arg);

#endif
