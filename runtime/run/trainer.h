/* A compiled trainer: all that a program without compiler and spec needs to train, evaluate and predict.
 *
 * In:  constants of an object file, which the compiler writes (compiler/codegen/trainer_tables.c).
 * Out: a classifier that is open, for run_classifier. */
#ifndef FTC_TRAINER_H
#define FTC_TRAINER_H

#include "runtime/run/run.h"
#include "runtime/run/settings.h"

typedef struct {
    const char *name;           /* ftc's, as in the weight table */
    const float *data;
    int64_t n;                  /* elements */
} EmbeddedWeight;

typedef struct {
    const char *prefix;
    Normalizer normalizer;
    int32_t max_word_chars, unk, cls, sep, pad, mask;
    const AddedToken *added;
    int32_t n_added;
    int32_t n_tokens;
    const int32_t *length;      /* [n_tokens] bytes of each token, -1: there is none of this id */
    const char *text;           /* end to end */
} EmbeddedTokenizer;

typedef struct Trainer {
    const FtcModel *model;
    const Recipe *recipe;
    const Origin *origin;
    const char *spec;           /* the spec's file; NULL: none was given */
    const char *folder;         /* where weights and tokenizer are from; NULL: from nowhere */
    bool continues;             /* as Classifier has them, from here on */
    HfFamily family;
    int64_t vocab;
    const char *random_encoder;
    int32_t n_labels;
    const char *const *labels;
    const EmbeddedTokenizer *tokenizer; /* NULL: it is learned */
    const EmbeddedWeight *weights;
    int32_t n_weights;          /* 0: the program starts from random numbers, or from a folder */
    int32_t n_unused;
    const char *const *unused;  /* names of that folder's weights that the model has no place for */
    bool (*load)(Classifier *c, WeightsReport *report); /* reads the folder when the program runs; NULL: it is not needed */
} Trainer;

/* The classifier, with these settings, which must outlive it; classifier_close. */
void trainer_open(Classifier *c, const Trainer *t, const Settings *s, FtcDiag *d);

#endif
