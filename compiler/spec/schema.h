/* The schema as tables, and values as one writes them: for the parts of compiler/spec only. */
#ifndef FTC_SCHEMA_H
#define FTC_SCHEMA_H

#include "compiler/spec/spec.h"
#include "compiler/spec/spec_tree.h"
#include "runtime/core/scalar.h"

/* How a value is written                      and kept */
typedef enum {
    T_INT,     /* 12                           int64_t */
    T_FLOAT,   /* 0.1, 5e-5                    double */
    T_BOOL,    /* true, false                  bool */
    T_WORD,    /* one of a list of words       int, its place in the list */
    T_METRIC,  /* macro_f1                     int, 1 + MetricKind; 0: none */
    T_STRING,  /* anything, as written         const char * */
    T_STRINGS, /* one, or a list               SpecStrings */
    T_PAIR,    /* [0.9, 0.999]                 double[2] */
    T_WARMUP,  /* 0.1, 500                     SpecWarmup */
    T_WEIGHTS, /* balanced, [..], {label: w}   SpecWeights */
    T_THRESHOLDS, /* 0.5, tuned, [..], {label: p}  SpecThresholds */
    T_LABEL_MAP, /* {code: name}, or a file    SpecLabelMap; spec_label_map.c */
    T_LAYERS,  /* a list of layers             LayerList; read by spec_layers.c, as is */
    T_ENCODER, /* such a list, or a type       SpecEncoder */
} ValueType;

enum { SHAPE = 1, BELOW = SCALAR_BELOW, ABOVE = SCALAR_ABOVE };
enum { MAX_FIELDS = 8 }; /* of a layer */

typedef struct {
    const char *path; /* "optimizer.lr"; a layer's: "eps" */
    ValueType type;
    double low, high;
    const char *words, *off, *fallback, *only;
    unsigned flags;
    const char *doc;
    size_t offset; /* in Spec; a layer's in Layer */
} Key;

typedef struct {
    const char *name, *main, *doc;
} LayerInfo;

extern const Key schema_keys[], schema_params[];
extern const int n_schema_keys, n_schema_params;
extern const LayerInfo layer_info[N_LAYERS];

const Key *schema_key(const char *path);              /* NULL if there is none */
const Key *schema_param(const char *name);
int layer_fields(LayerKind kind, const Key **keys);   /* fills keys[MAX_FIELDS]; how many */
int layer_kind(const char *name);                     /* -1 if there is none */
const char *key_name(const Key *k);                   /* the last word of its path */

/* Reads t as k says and stores it at base + k->offset; reports and returns false. */
bool read_value(Arena *arena, const Key *k, const Tree *t, void *base, FtcDiag *d);

/* What messages and single values of it go by. */
ScalarRule key_rule(const Key *k);

/* Writes what read_value would read. */
void print_value(FILE *out, const Key *k, const void *base);

/* spec_print (spec.h), for one key that counts: what stands in front of its value; the value, with the line's end. */
void spec_print_before(FILE *out, const Spec *s, int key);
void spec_print_value(FILE *out, const Spec *s, int key);

/* What -D and defaults say, as a tree: text as it stands, or a list or mapping where it has their brackets.  k: the
 * key it is for, NULL if unknown. */
Tree *inline_tree(Arena *arena, const Key *k, const char *text, FtcLoc at, FtcDiag *d);

/* Whether a key counts: "optimizer.type=sgd" holds. */
bool key_counts(const Spec *s, const Key *k);

/* Report an unknown key of the group at `path` ("" for the top), or an unknown key or layer (`what`) of a layer (`in`, NULL:
 * of none), with the best suggestion there is.  `valid` are all that could be there.  unknown_word returns false. */
void unknown_key(FtcDiag *d, const TreeItem *item, const char *path, const char *const *valid, int n_valid);
bool unknown_word(FtcDiag *d, FtcLoc at, const char *what, const char *word, const char *in, const char *const *valid,
                  int n_valid);

/* "cls, mean": the words joined by commas. */
const char *list_words(Arena *arena, const char *const *words, int n);

/* Reads data.label_map into s, from the file that t names, if it names one. */
bool read_label_map(Arena *arena, const Tree *t, Spec *s, FtcDiag *d);
void print_label_map(FILE *out, const SpecLabelMap *m);

/* Reads model.encoder (NULL: not given) into s. */
bool read_encoder(Arena *arena, Spec *s, const TreeItem *item, FtcDiag *d);

/* A file built into the program: "layers/bert.yaml"; NULL if there is none. */
const char *shipped_file(const char *name, size_t *len);

#endif
