/* A clock that only moves on, for measuring how long something took. */
#ifndef FTC_CLOCK_H
#define FTC_CLOCK_H

double clock_s(void);  /* seconds */
double clock_ms(void); /* milliseconds */

#endif
