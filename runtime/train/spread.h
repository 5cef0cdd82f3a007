/* How much a number varies from run to run. */
#ifndef FTC_SPREAD_H
#define FTC_SPREAD_H

#include "runtime/train/intervals.h"

typedef struct {
    int n;             /* of the values that aren't NAN */
    double mean;       /* NAN: n is 0 */
    double deviation;  /* standard deviation, n - 1 below the line; NAN below two values */
    Interval interval; /* 95 % of the mean, by Student's t; NAN below two values */
} Spread;

Spread spread_of(const double *value, int n);

/* The t that 97.5 % of Student's distribution lie below. */
double student_t_975(int degrees);

#endif
