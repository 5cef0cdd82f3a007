/* Objects -> a program or a shared library, by the system's C compiler. */
#ifndef FTC_LINK_H
#define FTC_LINK_H

#include "compiler/codegen/codegen.h"

typedef enum { LINK_PROGRAM, LINK_STATIC, LINK_SHARED } LinkKind;

typedef struct {
    LinkKind kind;
    const char *output;
    const ObjectFiles *objects;
    const char *symbol;        /* shared: SYMBOL and SYMBOL_... are what others see */
    bool reads_weights;        /* the program opens folders of weights, which takes a reader of JSON */
    bool verbose;              /* print the command */
} LinkJob;

/* Links with the runtime library, which lies beside this program or in ../../lib/ftc, with $CC or cc.  False after an error, and then
 * the output is as it was. */
bool link_trainer(const LinkJob *job, FtcDiag *d);

/* Only prints the command that would be run; the objects' names are not known yet, and it says SYMBOL.o for them. */
bool link_show(const LinkJob *job, FtcDiag *d);

#endif
