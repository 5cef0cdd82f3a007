/* A model as a picture: a box for each layer that the spec names, arrows for what it reads; for slides (--emit=svg), for Graphviz
 * (--emit=dot), and on the page of all stages.
 *
 * In:  the training step's forward graph as it was built, and the same with its gradients.
 * The idea: neighbouring values that one line of the spec made are a box.  Of layers that repeat the first is drawn, in a frame that
 * says how often.  Boxes stand one below the other, in the order of the graph; beside each are the gradients that come back
 * through it. */
#ifndef FTC_PICTURE_H
#define FTC_PICTURE_H

#include "compiler/ir/ir.h"

#include <stdio.h>

typedef struct Picture Picture;

Picture *picture_new(Arena *a, const char *model, const Graph *forward, const Graph *step);
void picture_svg(const Picture *p, bool alone, FILE *out); /* alone: a file of its own, with its style */
void picture_dot(const Picture *p, FILE *out);

#endif
