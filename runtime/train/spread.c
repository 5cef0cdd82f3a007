/* Mean, deviation and interval; see spread.h. */
#include "runtime/train/spread.h"

#include <math.h>

/* How much of Student's distribution lies between -t and t: a finite sum for a whole number of degrees of freedom. */
static double student_middle(double t, int degrees)
{
    const double pi = 3.14159265358979323846;
    double angle = atan(t / sqrt((double)degrees)), c = cos(angle), sum = 0, term = degrees % 2 ? c : 1;
    for (int k = degrees % 2 ? 3 : 2; k <= degrees; k += 2) {
        sum += term;
        term *= c * c * (k - 1) / k;
    }
    return degrees % 2 ? 2 / pi * (angle + sin(angle) * sum) : sin(angle) * sum;
}

double student_t_975(int degrees)
{
    double low = 0, high = 13; /* 12.7 for one degree is the largest */
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (student_middle(middle, degrees) < 0.95)
            low = middle;
        else
            high = middle;
    }
    return low;
}

Spread spread_of(const double *value, int n)
{
    Spread s = { 0, NAN, NAN, { NAN, NAN } };
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        if (!isnan(value[i])) {
            sum += value[i];
            s.n++;
        }
    if (s.n > 0)
        s.mean = sum / s.n;
    for (int i = 0; i < n; i++)
        if (!isnan(value[i]))
            squares += (value[i] - s.mean) * (value[i] - s.mean);
    if (s.n > 1) {
        s.deviation = sqrt(squares / (s.n - 1));
        double half = student_t_975(s.n - 1) * s.deviation / sqrt((double)s.n);
        s.interval = (Interval){ s.mean - half, s.mean + half };
    }
    return s;
}
