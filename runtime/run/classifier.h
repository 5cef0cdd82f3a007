/* A classifier: all that belongs together to train and to predict.
 *
 * In:  a recipe and, by the time parameters are made, a compiled model; a tokenizer and labels, or tables that they follow from;
 *      weights from somewhere.
 * Out: parameters and an Exec that runs the model; and a folder.
 *
 * A folder that transformers can load holds config.json, model.safetensors and the tokenizer's files; ours has the
 * resolved spec, ftc.yaml, beside them, with the labels in it.  A spec that is no architecture of theirs is saved without
 * config.json, its weights by ftc's own names. */
#ifndef FTC_CLASSIFIER_H
#define FTC_CLASSIFIER_H

#include "runtime/run/recipe.h"
#include "runtime/text/tokenizer.h"
#include "runtime/train/exec.h"
#include "runtime/weights/weights.h"

/* Of a model's folder: what a run needs to go on, while it isn't done. */
#define TRAINING_FOLDER "training"

typedef struct Classifier Classifier;
struct Classifier {
    FtcDiag *diag;
    const Recipe *recipe;
    const FtcModel *model;          /* NULL before it is compiled */
    double compile_ms;              /* which took so long; 0: it was compiled before */
    const char *random_encoder;     /* the frozen encoder can't be run once for all epochs, but only because its dropout is on: flags
                                       that turn it off, or ""; else NULL */

    const char *folder;             /* where weights and tokenizer come from; NULL: from nowhere */
    bool continues;                 /* that folder's head and labels are kept */
    HfFamily family;                /* of the names in it */
    /* Fills the parameters, as weights_load does; NULL: there are no weights to start from.  (A pointer, so that a program links
     * only what it needs.) */
    bool (*load)(Classifier *c, WeightsReport *report);
    void *load_user;

    Tokenizer *tokenizer;           /* owned */
    int64_t vocab;                  /* rows of the token table; 0: as many as the tokenizer has tokens */
    const char **labels;            /* owned */
    int32_t n_labels;               /* 0: not known yet; 1 where a number is predicted */
    float *threshold;               /* owned; [n_labels] multi-label: the probability a label is predicted from on; NULL before
                                       classifier_set_thresholds, and for other tasks */
    Pool *pool;                     /* borrowed */
    Params *params;
    Exec *exec;
    bool find_nan;                  /* ExecOptions'; place says where values come from */
    ExecPlaceFn *place;
    void *place_user;
};

void classifier_close(Classifier *c);

/* Lets go of the Exec, and with it of the pool. */
void classifier_stop(Classifier *c);

/* Copies the labels; for a classifier that has none yet. */
void classifier_set_labels(Classifier *c, const char *const *labels, int32_t n);

/* What data.threshold says of the labels, which are known by now; of tuned ones the usual, until someone tunes them.  False after an
 * error. */
bool classifier_set_thresholds(Classifier *c);

/* `load` for a folder of files. */
bool classifier_load_folder(Classifier *c, WeightsReport *report);

/* Fills the parameters with what there is for them, of a whole model all weights, of an encoder those without its classifier; the
 * report is as that of weights_load. */
bool classifier_load(Classifier *c, WeightsReport *report);

/* Rows of the token table. */
int64_t classifier_vocab(const Classifier *c);

/* Parameters: random numbers, then what the folder has.  Notes say what is new and what was not used. */
bool classifier_make(Classifier *c, Pool *pool, bool check_arena);

/* Whether transformers can load what classifier_save writes; if not, `why` says it in a clause.  After classifier_make. */
bool classifier_is_hf(const Classifier *c, char *why, size_t size);

/* Writes everything into an existing folder. */
bool classifier_save(const Classifier *c, const char *folder);

/* As classifier_save, but makes `folder`, or replaces it as a whole: whatever fails, what was there stays.  `add`, which may be NULL,
 * puts more files into it before it takes its place; it answers false after an error. */
bool classifier_replace(const Classifier *c, const char *folder, bool (*add)(void *arg, const char *folder), void *arg);

#endif
