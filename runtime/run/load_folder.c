/* Weights from files, in a file of its own: what a trainer with its weights inside doesn't need (classifier.h). */
#include "runtime/run/classifier.h"

bool classifier_load_folder(Classifier *c, WeightsReport *report)
{
    return weights_load(c->folder, c->family, c->params->weight, c->params->n, report, c->diag);
}
