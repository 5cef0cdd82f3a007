/* ftc compile: a spec to native code, or to any stage on the way. */
#include "compiler/driver/driver.h"

int compile_command(int argc, char **argv, FtcDiag *d)
{
    (void)argc, (void)argv;
    ftc_error(d, FTC_NOWHERE, "not there yet");
    return EXIT_USER;
}
