/* A spec as the runtime reads it. */
#ifndef FTC_API_RECIPE_H
#define FTC_API_RECIPE_H

#include "compiler/spec/spec.h"
#include "runtime/run/recipe.h"

/* Lives in the arena, and borrows of the spec. */
const Recipe *recipe_of(Arena *arena, const Spec *spec);

#endif
