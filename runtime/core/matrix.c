/* The system call that lets a process use AMX; see matrix.h.  (Linux: Documentation/arch/x86/xstate.rst.) */
#define _GNU_SOURCE
#include "runtime/core/matrix.h"

#include <sys/syscall.h>
#include <unistd.h>

bool matrix_registers_allow(void)
{
#if defined __x86_64__ && defined SYS_arch_prctl
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 }; /* ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA */
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
    return false;
#endif
}
