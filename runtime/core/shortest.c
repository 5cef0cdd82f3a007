/* The fewest digits; see shortest.h. */
#include "runtime/core/shortest.h"

#include <stdio.h>
#include <stdlib.h>

char *shortest_double(double x, int least, char text[SHORTEST_SIZE])
{
    for (int digits = least; digits <= 17; digits++) {
        snprintf(text, SHORTEST_SIZE, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    return text;
}

char *shortest_float(double x, int least, char text[SHORTEST_SIZE])
{
    for (int digits = least; digits <= 9; digits++) {
        snprintf(text, SHORTEST_SIZE, "%.*g", digits, x);
        if (strtof(text, NULL) == (float)x)
            break;
    }
    return text;
}
