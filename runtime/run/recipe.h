/* What a run has to know of a spec, beside the compiled model: plain data, fit to live in an object file.
 *
 * In:  the compiler fills one Recipe per resolved spec (compiler/api/recipe.c).
 * Out: the runtime reads tables, chooses, saves and reports as it says.  What a pointer names outlives its uses.
 * The idea: `ftc run` and a trainer that was compiled earlier run the same code on the same data; only the first has a spec. */
#ifndef FTC_RECIPE_H
#define FTC_RECIPE_H

#include "ftc/model.h"
#include "runtime/core/scalar.h"
#include "runtime/data/split_table.h"
#include "runtime/train/dataset.h"
#include "runtime/weights/hf.h"

/* A key of the resolved spec. */
typedef struct {
    const char *key;          /* "optimizer.lr" */
    const char *before;       /* what stands in the file in front of its value: the group's name, where it begins one, and its own */
    const char *value;        /* as it is written: "5e-5"; NULL: the key doesn't count here, and is left out */
    FtcLoc at;                /* where it was given; the spec's file where it was not */
    ScalarRule rule;          /* of keys with single values */
} RecipeKey;

/* The probability from which on a label is predicted. */
typedef struct {
    bool tuned;               /* on the dev table, after training; then there are no numbers */
    int32_t n;                /* 1: for all labels alike, where it is not by label */
    const char *const *label; /* by label; NULL: in label order */
    const double *value;
} RecipeThresholds;

typedef struct {
    const char *file;         /* the spec's, for messages */
    const RecipeKey *keys;    /* in the order of the file */
    int32_t n_keys;
    FtcTask task;
    DatasetColumns columns;   /* of the training table; of others, those that are asked for */
    const char *label_separator; /* where one column has a row's labels */
    TableSplit split;
    const char *positive;     /* the label that F1 is of; NULL: of two the last */
    RecipeThresholds thresholds;
    int32_t max_length;       /* tokens of a row */
    int32_t best;             /* as FtcTrain has it: asked for before there is a model */
    bool lowercase;           /* a tokenizer that is learned */
    int32_t vocab_size;       /*   has at most so many tokens */
    HfConfig hf;              /* the architecture as transformers would describe it, without labels and sizes of vocabularies */
    const char *not_hf;       /* why it can't, in a clause; NULL: it can */
} Recipe;

/* Where a key was given. */
FtcLoc recipe_loc(const Recipe *r, const char *key);

/* NULL: there is none of this name. */
const RecipeKey *recipe_key(const Recipe *r, const char *key);

/* The resolved spec as YAML.  values[0 .. n) stand in place of those of the keys of these names. */
typedef struct {
    const char *key, *value;
} RecipeValue;
void recipe_print(const Recipe *r, const RecipeValue *values, int n, FILE *out);

#endif
