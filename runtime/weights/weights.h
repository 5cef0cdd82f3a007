/* The weights of a model, as masters: f32, in Hugging Face's layout (a linear layer's weight is [out, in]).
 *
 * In:  what a model wants, by ftc's names, and a folder in the style of Hugging Face (or the reverse).
 * Out: the masters filled (or the folder written).
 *
 * Names in files are those of the family (names.def); with HF_NONE they are ftc's own. */
#ifndef FTC_WEIGHTS_H
#define FTC_WEIGHTS_H

#include "ftc/diag.h"
#include "runtime/weights/hf.h"

#include <stdbool.h>
#include <stdint.h>

#define WEIGHT_RANK 4

typedef struct {
    const char *name;            /* ftc's */
    int rank;
    int64_t dims[WEIGHT_RANK];
    float *data;                 /* as many as the product of dims */
    bool may_be_missing;         /* a new head: left as it is where the folder doesn't have it */
    bool starts_anew;            /* left as it is in any case, and no word said of it */
    bool loaded;                 /* out, by weights_load */
} Weight;

typedef struct {
    char **missing;              /* ftc's names of weights that were left as they are */
    char **unused;               /* names in the files that nothing asked for */
    int n_missing, n_unused;
} WeightsReport;

/* Fills w[0 .. n - 1] from `folder`: model.safetensors, or the parts its index names.  Names with and without the
 * family's prefix and of the oldest files (LayerNorm.gamma) are understood.  An error is: a weight that isn't
 * there and must be, another shape than wanted, elements that are no floats.  The report may be NULL; it is
 * to be freed in any case. */
bool weights_load(const char *folder, HfFamily f, Weight *w, int n, WeightsReport *report, FtcDiag *d);
void weights_report_free(WeightsReport *report);

/* Writes model.safetensors into `folder` and, for a config other than NULL, config.json. */
bool weights_save(const char *folder, const HfConfig *c, const Weight *w, int n, FtcDiag *d);

/* Whether a classifier of the family with so many layers has exactly these weights, so that a folder with
 * them loads elsewhere; if not, `why` names the first difference. */
bool weights_fit(HfFamily f, int64_t layers, const Weight *w, int n, char *why, size_t size);

/* SHA-256 over all weights in the order of their names' bytes: of each the name, a NUL, the dims as 64-bit
 * and the elements as 32-bit little-endian numbers. */
void weights_sha256(const Weight *w, int n, char hex[65]);

#endif
