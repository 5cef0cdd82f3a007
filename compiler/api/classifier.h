/* A classifier: all that belongs together to train and to predict.
 *
 * In:  what a person names: a spec, a pre-trained encoder's folder (init), or the folder of a whole model.
 * Out: spec, labels, tokenizer, compiled programs, parameters, and an Exec that runs them; and a folder again.
 * The idea: three steps, so that whoever has a table can do other things in between:
 *
 *   classifier_open      what is known without data: the spec, and of a folder its tokenizer and labels
 *                        then fill in `tokenizer` and `labels` where they are still open
 *   classifier_compile   the programs; needs only the spec, so it may run beside the work on the data
 *   classifier_make      parameters with their first values, ready to run
 *
 * A folder that transformers can load holds config.json, model.safetensors and the tokenizer's files; ours has the
 * resolved spec, ftc.yaml, beside them, with the labels in it.  A spec that is no architecture of theirs is saved without
 * config.json, its weights by ftc's own names. */
#ifndef FTC_CLASSIFIER_H
#define FTC_CLASSIFIER_H

#include "compiler/api/compile.h"
#include "runtime/text/tokenizer.h"
#include "runtime/train/exec.h"
#include "runtime/weights/hf.h"

/* Of a model's folder: what a run needs to go on, while it isn't done. */
#define TRAINING_FOLDER "training"

typedef struct {
    const char *spec;               /* a file, "-", or NULL: the shipped bert_cls.yaml */
    const char *spec_text;          /* the text of `spec`, where it was read already; NULL: it is read */
    const char *init;               /* an encoder's folder, or NULL */
    const char *model;              /* a model's folder, or NULL; then no init, and a spec only as text */
    const SpecSetting *over;        /* -D and flags */
    int n_over;
} ClassifierSource;

typedef struct {
    FtcDiag *diag;
    Arena *arena, *kept;
    const Spec *spec;
    const char *folder;             /* where weights and tokenizer come from; NULL: from nowhere */
    bool continues;                 /* that folder's head and labels are kept */
    HfConfig config;                /* of that folder; its family is HF_NONE where it has none of theirs */

    Tokenizer *tokenizer;           /* owned */
    int64_t vocab;                  /* rows of the token table where neither folder nor tokenizer says it */
    const char **labels;            /* in the arena */
    int32_t n_labels;               /* 0: not known yet; 1 where a number is predicted */
    float *threshold;               /* [n_labels] multi-label: the probability a label is predicted from on; NULL before
                                       classifier_set_thresholds, and for other tasks */

    Compiled *compiled;
    Pool *pool;                     /* borrowed */
    Params *params;
    Exec *exec;
} Classifier;

/* False after an error.  classifier_close in any case. */
bool classifier_open(Classifier *c, const ClassifierSource *source, FtcDiag *d);
void classifier_close(Classifier *c);

/* Takes an arena over, whose strings the source's settings are made of. */
void classifier_keep(Classifier *c, Arena *a);

/* Copies the labels; for a classifier that has none yet. */
void classifier_set_labels(Classifier *c, const char *const *labels, int32_t n);

/* What data.threshold says of the labels, which are known by now; of tuned ones the usual, until someone tunes them.  False after an
 * error. */
bool classifier_set_thresholds(Classifier *c);

/* False after an error, which goes to d.  May run on another thread until it returns, as long as it has a d of its own. */
bool classifier_compile(Classifier *c, bool training, const PipelineOptions *pipeline, const CodegenOptions *codegen, FtcDiag *d);

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
