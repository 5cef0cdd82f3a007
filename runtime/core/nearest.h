/* Spelling suggestions: the word a person most likely meant. */
#ifndef FTC_NEAREST_H
#define FTC_NEAREST_H

/* The candidate with the fewest letters inserted, dropped, changed or swapped, or NULL where none is near: at most one
 * change for every three letters. */
const char *nearest_word(const char *word, const char *const *candidates, int n);

#endif
