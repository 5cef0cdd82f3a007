/* A classifier with the spec it is made of.
 *
 * In:  what a person names: a spec, a pre-trained encoder's folder (init), or the folder of a whole model.
 * Out: the spec and, in `c`, what the runtime needs (runtime/run/classifier.h).
 * The idea: three steps, so that whoever has a table can do other things in between:
 *
 *   spec_model_open      what is known without data: the spec, and of a folder its tokenizer and labels
 *                        then fill in c.tokenizer and c.labels where they are still open
 *   spec_model_compile   the programs; needs only the spec, so it may run beside the work on the data
 *   classifier_make      parameters with their first values, ready to run */
#ifndef FTC_SPEC_MODEL_H
#define FTC_SPEC_MODEL_H

#include "compiler/api/stage.h"
#include "runtime/run/classifier.h"

typedef struct {
    const char *spec;               /* a file, "-", or NULL: the shipped bert_cls.yaml */
    const char *spec_text;          /* the text of `spec`, where it was read already; NULL: it is read */
    size_t spec_size;               /* in bytes */
    const char *stage;              /* a stage's file, whose spec and graphs are taken in the place of a spec; NULL: none */
    const char *init;               /* an encoder's folder, or NULL */
    const char *model;              /* a model's folder, or NULL; then no init, and a spec only as text */
    const SpecSetting *over;        /* -D and flags */
    int n_over;
} ClassifierSource;

typedef struct {
    Classifier c;
    Arena *arena, *kept;
    const Spec *spec;
    StageText stage;                /* its file is NULL where the spec is what is compiled */
    HfConfig config;                /* of the folder; its family is HF_NONE where it has none of theirs */
    Compiled *compiled;
} SpecModel;

/* False after an error.  spec_model_close in any case. */
bool spec_model_open(SpecModel *m, const ClassifierSource *source, FtcDiag *d);
void spec_model_close(SpecModel *m);

/* Takes an arena over, whose strings the source's settings are made of. */
void spec_model_keep(SpecModel *m, Arena *a);

/* The two steps apart, for whoever brings a spec of his own (then with an arena), or what it was compiled to: recipe and labels from
 * m->spec; the model from `compiled`, which is taken over. */
void spec_model_describe(SpecModel *m);
void spec_model_take(SpecModel *m, Compiled *compiled);

/* False after an error, which goes to d.  May run on another thread until it returns, as long as it has a d of its own. */
bool spec_model_compile(SpecModel *m, bool training, const PipelineOptions *pipeline, const CodegenOptions *codegen, FtcDiag *d);

#endif
