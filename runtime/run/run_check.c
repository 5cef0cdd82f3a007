/* What was asked of a run and can't be; see run.h. */
#include "runtime/run/run.h"

#include <string.h>

/* Whoever reads standard input first would leave nothing for the other. */
static bool check_standard_input(const RunWork *w, FtcDiag *d)
{
    const struct {
        const char *name, *path;
    } inputs[] = { { "the spec", w->spec }, { "--train", w->train }, { "--dev", w->dev }, { "--eval", w->eval },
                   { "--predict", w->predict } };
    const char *first = NULL;
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        if (!inputs[i].path || strcmp(inputs[i].path, "-"))
            continue;
        if (first)
            return ftc_error(d, FTC_NOWHERE, "standard input can be read once: '-' is %s already, %s needs a file", first,
                             inputs[i].name);
        first = inputs[i].name;
    }
    return true;
}

bool run_check(const RunWork *w, FtcDiag *d)
{
    if (!w->train && !w->eval && !w->predict)
        return ftc_error(d, FTC_NOWHERE, "nothing to do: give a table with --train, --eval or --predict");
    if (!w->train && !w->model)
        return ftc_error(d, FTC_NOWHERE, "there is no trained model to use: give a model's folder, or a table with --train");
    if (!w->train && w->dev)
        return ftc_error(d, FTC_NOWHERE, "--dev is evaluated after each epoch of training; without --train, use --eval");
    if (w->predictions && !w->predict)
        return ftc_error(d, FTC_NOWHERE, "--predictions says where predictions go; give a table with --predict");
    return check_standard_input(w, d);
}
