/* A model that was compiled -> what its trainer has inside (runtime/run/trainer.h). */
#ifndef FTC_API_TRAINER_H
#define FTC_API_TRAINER_H

#include "compiler/api/spec_model.h"
#include "runtime/run/trainer.h"

typedef struct {
    const char *spec;          /* the file's name, for those of folders; NULL: none was given */
    const Origin *origin;
    bool embed;                /* the weights of its folder, if it has one; else the program reads them */
} TrainerSource;

/* NULL after an error.  Lives as long as m, and borrows of it. */
const Trainer *trainer_of(SpecModel *m, const TrainerSource *source, FtcDiag *d);

#endif
