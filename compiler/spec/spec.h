/* The spec: what a person wants trained, read from YAML, checked, every default filled in.
 *
 * In:  a spec's text, what a pre-trained encoder's folder says (below it), -D settings and flags (above it).
 * Out: a Spec, or diagnostics that name file, line, column and a way out (all that can be found in one go).
 * The idea: one tree of keys; defaults < base < spec < -D are merged as trees, then checked once against one
 * table (schema.def).  An encoder is a list of layers; 'type: bert' is short for a shipped list. */
#ifndef FTC_SPEC_H
#define FTC_SPEC_H

#include "compiler/support/arena.h"
#include "compiler/support/loc.h"
#include "ftc/diag.h"
#include "ftc/model.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- values ------------------------------------------------------------------------------------------------------- */

/* In the order of the words in schema.def. */
typedef enum { ACT_GELU, ACT_GELU_NEW, ACT_RELU, ACT_SILU, ACT_TANH } Activation;
typedef enum { POOL_CLS, POOL_MEAN } Pooling;
typedef enum { HEAD_NORMAL, HEAD_ZEROS } HeadInit;
typedef enum { TOKENIZER_WORDPIECE } TokenizerType;
typedef enum { LOSS_CROSS_ENTROPY, LOSS_FOCAL, LOSS_BINARY_CROSS_ENTROPY, LOSS_MSE } LossType;
typedef enum { OPT_ADAMW, OPT_SGD } OptimizerType;
typedef enum { SCHEDULE_CONSTANT, SCHEDULE_LINEAR, SCHEDULE_COSINE } ScheduleType;
typedef enum { PRECISION_F32, PRECISION_BF16 } Precision;
typedef enum { METHOD_SKLEARN, METHOD_HASH } SplitMethod;
typedef enum { SAMPLING_NONE, SAMPLING_OVER, SAMPLING_UNDER, SAMPLING_WEIGHTED } Sampling;
typedef enum { ROWS_ERROR, ROWS_DROP } RowsWithout;
typedef enum { WEIGHTS_NONE, WEIGHTS_BALANCED, WEIGHTS_LIST, WEIGHTS_BY_LABEL } WeightsKind;

typedef struct {
    int n;
    const char **v;
} SpecStrings;

typedef struct {
    int n; /* 0: none */
    const char **code, **name;
} SpecLabelMap;

typedef struct {
    double share;  /* of all steps, rounded down; counts where steps is 0 */
    int64_t steps;
} SpecWarmup;

typedef struct {
    WeightsKind kind;
    int n;
    const char **label; /* by label: what is left out weighs 1 */
    double *weight;
} SpecWeights;

typedef struct {
    bool tuned;         /* then there are no numbers */
    int n;              /* 1: for all labels alike, where it is not by label */
    const char **label; /* by label; NULL: in label order */
    double *value;
} SpecThresholds;

/* ---- the encoder -------------------------------------------------------------------------------------------------- */

typedef enum {
#define LAYER(name, main, doc) LAYER_##name,
#include "compiler/spec/schema.def"
    N_LAYERS
} LayerKind;

/* One layer; which members count is in schema.def.  Vectors of width_in numbers go in, of width_out come out. */
typedef struct Layer Layer;
typedef struct {
    int n;
    Layer *v;
} LayerList;
struct Layer {
    LayerKind kind;
    const char *name; /* of its parameters, below those of the repeats around it: "layers.%d." */
    int64_t size, count, heads;
    double eps, rate;
    bool bias;
    int activation; /* Activation */
    LayerList body; /* residual, repeat */
    int64_t width_in, width_out;
    const Loc *loc;
};

typedef struct {
    const char *name, *text; /* a parameter of the layer list and its value as written */
    FtcLoc at;
    bool given; /* in the spec; else it is the list's default */
} SpecParam;

typedef struct {
    const char *type; /* "bert", "distilbert", a file's name; NULL for a list in the spec itself */
    bool shipped;
    int n_params;
    SpecParam *params;
    LayerList layers;
    int64_t width;         /* of the vectors that come out */
    int64_t max_positions; /* rows of the smallest position table; 0: there is none */
    int64_t segments;      /* rows of the smallest segment table; 0: there is none */
    int n_layers;          /* all of them, repeats counted */
} SpecEncoder;

/* ---- the spec ----------------------------------------------------------------------------------------------------- */

/* Members are named as the keys are.  0 stands for a key's "none", NULL for that of a string (data.split.by: its "text"); an empty
 * data.labels for auto. */
typedef struct {
    struct {
        SpecStrings text, label;
        const char *label_separator, *weight;
        SpecThresholds threshold;
        SpecStrings labels;
        const char *positive;
        int64_t max_length, limit;
        int separator; /* CsvSeparator */
        int encoding;  /* TextEncoding */
        int missing;   /* RowsWithout */
        SpecLabelMap label_map;
        int unmapped;  /* RowsWithout */
        struct {
            double dev, test;
            int method; /* SplitMethod */
            bool stratify;
            int64_t seed;
            const char *group, *by;
        } split;
    } data;
    struct {
        struct {
            int type; /* TokenizerType */
            bool lowercase;
            int64_t vocab_size;
        } tokenizer;
        SpecEncoder encoder;
        double init_std;
        struct {
            int pool; /* Pooling */
            bool pooler;
            int activation; /* Activation */
            double dropout;
            int init; /* HeadInit */
        } head;
    } model;
    struct {
        int type; /* LossType */
        double gamma, label_smoothing;
        SpecWeights class_weights;
    } loss;
    struct {
        int type; /* OptimizerType */
        double lr, weight_decay, betas[2], eps, momentum;
        bool nesterov;
        double clip_norm;
        struct {
            int type; /* ScheduleType */
            SpecWarmup warmup;
        } schedule;
    } optimizer;
    struct {
        int64_t epochs, batch, accumulate, eval_batch, seed;
        bool shuffle;
        int sampling; /* Sampling */
        int64_t max_steps;
        double memory_limit; /* GiB */
        SpecStrings freeze;
        int precision; /* Precision */
        int64_t eval_every; /* steps; FTC_EVERY_EPOCH */
        int best;           /* 1 + MetricKind; 0: none */
        struct {
            int64_t patience;
            double threshold;
        } early_stop;
        struct {
            int64_t every, keep; /* every: steps; FTC_EVERY_EPOCH, FTC_EVERY_MINUTES; 0: none */
        } checkpoint;
    } train;

    const char *file;
    struct SpecPlaces *places; /* where each key was given */
} Spec;

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/* One value from elsewhere: key "optimizer.lr", value as one would write it in the spec; `at` is what messages show,
 * FTC_FILE("--seed 7"), FTC_FILE("minilm/config.json"). */
typedef struct {
    const char *key, *value;
    FtcLoc at;
} SpecSetting;

typedef struct {
    const char *file;         /* NULL: the shipped bert_cls.yaml; "-": standard input */
    const char *text;         /* its text, if it was read already; must then outlive the diagnostics */
    size_t len;
    const SpecSetting *base;  /* what a pre-trained encoder is: counts where the spec is silent, must agree where */
    int n_base;               /*   a key is structural */
    const SpecSetting *over;  /* -D and flags: stronger than the spec, the last one wins */
    int n_over;
} SpecSource;

/* NULL after errors.  The Spec, and text of a pipe that d may show, live in the arena. */
Spec *spec_load(Arena *arena, const SpecSource *source, FtcDiag *d);

/* "optimizer.lr=3e-5" -> a setting whose place is "-D optimizer.lr=3e-5". */
bool spec_setting_parse(Arena *arena, const char *arg, SpecSetting *out, FtcDiag *d);

/* ---- asking ------------------------------------------------------------------------------------------------------- */

/* Where a key, or the group nearest to it, was given; the spec's file where it was not. */
FtcLoc spec_loc(const Spec *s, const char *key);
bool spec_given(const Spec *s, const char *key);

/* A parameter of the layer list by name; NULL where it has none of that name. */
const SpecParam *spec_param(const Spec *s, const char *name);

/* What the loss asks for. */
FtcTask spec_task(const Spec *s);

int64_t spec_warmup_steps(const Spec *s, int64_t total_steps);

/* The resolved spec as YAML, every default filled in; reads back as the same Spec. */
void spec_print(const Spec *s, FILE *out);

/* The same; before each line of a key, a group or a layer place(ctx, at) says where it was given, or nowhere. */
typedef void SpecPlaceFn(void *ctx, FtcLoc at);
void spec_print_places(const Spec *s, FILE *out, SpecPlaceFn *place, void *ctx);

#endif
