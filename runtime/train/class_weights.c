/* Class weights; see class_weights.h.  Balanced ones are those of scikit-learn's compute_class_weight("balanced"):
 * n / (classes * count); or, where a row may have any number of labels, (n - count) / count.  A class that no row has, or a label
 * that all have, gets 1. */
#include "runtime/train/class_weights.h"

#include "runtime/core/mem.h"
#include "runtime/train/labels.h"

#include <stdlib.h>
#include <string.h>

static void balance(int32_t classes, const Examples *x, float *out)
{
    int64_t *count = xcalloc((size_t)classes, sizeof *count);
    for (int64_t i = 0; i < x->n && !x->targets; i++)
        count[x->labels[i]]++;
    for (int64_t i = 0; i < x->n && x->targets; i++)
        for (int32_t c = 0; c < classes; c++)
            count[c] += x->targets[i * classes + c] > 0;
    for (int32_t c = 0; c < classes; c++) {
        double n = (double)x->n, with = (double)count[c];
        if (count[c] && (!x->targets || count[c] < x->n))
            out[c] = (float)(x->targets ? (n - with) / with : n / ((double)classes * with));
    }
    free(count);
}

static bool unknown_label(FtcLoc at, const char *name, const char *const *labels, int32_t classes, FtcDiag *d)
{
    char list[400];
    labels_text(labels, classes, list, sizeof list);
    return ftc_error(d, at, "there is no label '%s' to give a class weight; the labels are %s", name, list);
}

bool class_weights_resolve(const FtcLoss *loss, const char *const *labels, int32_t classes, const Examples *x, float *out, FtcDiag *d)
{
    for (int32_t c = 0; c < classes; c++)
        out[c] = 1;
    switch (loss->mode) {
    case FTC_WEIGHTS_NONE: break;
    case FTC_WEIGHTS_BALANCED: balance(classes, x, out); break;
    case FTC_WEIGHTS_LISTED:
        if (loss->n_class_weights != classes)
            return ftc_error(d, loss->class_weights_at, "there are %d class weights for %d classes", loss->n_class_weights,
                             classes);
        for (int32_t c = 0; c < classes; c++)
            out[c] = (float)loss->class_weights[c];
        break;
    case FTC_WEIGHTS_NAMED:
        for (int32_t i = 0; i < loss->n_class_weights; i++) {
            int32_t c = 0;
            while (c < classes && strcmp(labels[c], loss->class_names[i]))
                c++;
            if (c == classes)
                return unknown_label(loss->class_weights_at, loss->class_names[i], labels, classes, d);
            out[c] = (float)loss->class_weights[i];
        }
        break;
    }
    return true;
}
