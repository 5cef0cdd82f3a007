/* The rows of rtcalls.def as an enum, and what the rest of codegen asks about them.  Private to codegen. */
#ifndef FTC_RTCALLS_H
#define FTC_RTCALLS_H

#include "compiler/codegen/emit.h"

typedef enum {
#define RTCALL(symbol, signature, memory) RT_##symbol,
#include "compiler/codegen/rtcalls.def"
    N_RTCALLS
} RtCall;

/* The function, declared in e's module with its row's signature and side effects. */
LLVMValueRef rtcall_declare(Emit *e, RtCall which);

/* Where it is in this process. */
void *rtcall_address(RtCall which);

/* Before any of them is called: OpenBLAS must bear calls from several threads, and use none of its own.  False after an
 * error: it can't. */
bool rtcalls_prepare(FtcDiag *d);

#endif
