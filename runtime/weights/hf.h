/* Hugging Face model folders: config.json, and what weights are called.
 *
 * In:  a folder with config.json (and model.safetensors, see weights.h).
 * Out: one neutral description for all families ftc knows; and back, so that
 *      AutoModelForSequenceClassification.from_pretrained loads what ftc trained. */
#ifndef FTC_HF_H
#define FTC_HF_H

#include "ftc/diag.h"
#include "ftc/model.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    HF_NONE, /* no architecture of theirs: files hold ftc's own names */
#define FAMILY(id, model_type, prefix, class) HF_##id,
#define NAME(id, ours, theirs, parts)
#include "runtime/weights/names.def"
#undef FAMILY
#undef NAME
    HF_FAMILIES
} HfFamily;

typedef struct {
    HfFamily family;
    int64_t vocab_size, hidden, layers, heads, intermediate, max_positions;
    int64_t type_vocab;             /* segments; 0 where the family has none */
    double layer_norm_eps;
    char *activation;               /* their name: "gelu", "gelu_new", "relu", ... */
    double dropout, attention_dropout;
    double classifier_dropout;      /* resolved: where config.json has none, what the family falls back to */
    double initializer_range;
    int64_t pad_token_id;
    bool is_classifier;             /* the folder holds a sequence classifier, not an encoder alone */
    char *problem_type;             /* "single_label_classification", ... or NULL */
    char **labels;                  /* by class number; NULL where it is no classifier */
    int n_labels;
} HfConfig;

/* Reads `folder`/config.json.  Keys it lacks get the values `transformers` gives them. */
bool hf_config_load(const char *folder, HfConfig *c, FtcDiag *d);
void hf_config_free(HfConfig *c);

/* Writes `folder`/config.json for a classifier.  c may be borrowed parts put together by hand. */
bool hf_config_save(const char *folder, const HfConfig *c, FtcDiag *d);

/* What the classifier predicts, as transformers understands config.json: by its problem_type or, where it has none, a number where
 * there is one label.  False: no task that ftc knows.  task may be NULL. */
bool hf_task(const HfConfig *c, FtcTask *task);
const char *hf_problem_type(FtcTask task);

const char *hf_family_name(HfFamily f);   /* as in model_type */
const char *hf_family_prefix(HfFamily f); /* what an encoder's weights are called by in a classifier's file: "bert." */

/* Their name of ftc's parameter; free() it.  NULL where the family has no such parameter. */
char *hf_weight_name(HfFamily f, const char *ours);

/* The i-th of ftc's parameters a classifier of the family must have, for i from 0 until NULL; free() it. */
char *hf_expected_weight(HfFamily f, int64_t layers, int64_t i);

#endif
