/* The pictures of the result sheet's page, as inline SVG.
 *
 * Colours are classes of the page's style sheet (html.c), so that one picture serves light and dark. */
#ifndef FTC_SHEET_SVG_H
#define FTC_SHEET_SVG_H

#include "runtime/train/html.h"
#include "runtime/train/sheet.h"

/* An interval and a baseline on a line from 0 to 1. */
void svg_interval(double value, const Interval *i, double baseline, FILE *out);

bool svg_has_metric_curve(const Sheet *s);
void svg_loss_curve(const Sheet *s, FILE *out);    /* with a history of steps */
void svg_metric_curve(const Sheet *s, FILE *out);  /* with svg_has_metric_curve */

enum { CONFUSION_MOST = 80, CONFUSION_FITS = 30 }; /* classes: drawn at all; within the page's width */
void svg_confusion(const Sheet *s, FILE *out);     /* single label, at most CONFUSION_MOST classes */
void svg_reliability(const Sheet *s, FILE *out);   /* single label */
void svg_precision_recall(const Sheet *s, FILE *out); /* single label and multi-label */
void svg_scatter(const Sheet *s, FILE *out);       /* regression */

#endif
