/* Numbers as text, with the fewest digits that come back unchanged: 0.1, not 0.10000000000000001. */
#ifndef FTC_SHORTEST_H
#define FTC_SHORTEST_H

#define SHORTEST_SIZE 32

/* As printf's %g writes them, with at least `least` digits asked for; the second is of a float, however wide it is kept.  Both
 * answer text. */
char *shortest_double(double x, int least, char text[SHORTEST_SIZE]);
char *shortest_float(double x, int least, char text[SHORTEST_SIZE]);

#endif
