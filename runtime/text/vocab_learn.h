/* Learning a WordPiece vocabulary from texts.
 *
 * In:  the training texts, one by one.
 * Out: a tokenizer: [PAD] [UNK] [CLS] [SEP] [MASK], the texts' characters (at the beginning of a word and, as
 *      "##c", inside), and the pieces that merging the most frequent pair of neighbours, again and again, makes
 *      of them.
 *
 * The way is byte-pair encoding's (Sennrich, Haddow and Birch 2016) with BERT's prefix, as Hugging Face's
 * WordPieceTrainer goes. The result depends on the texts alone, not on their order. */
#ifndef FTC_VOCAB_LEARN_H
#define FTC_VOCAB_LEARN_H

#include "ftc/diag.h"
#include "runtime/text/tokenizer.h"

typedef struct VocabLearner VocabLearner;

VocabLearner *vocab_learner_new(bool lowercase);
void vocab_learner_free(VocabLearner *l);

void vocab_learner_add(VocabLearner *l, Slice text);

/* Adds the texts of another one, which was made alike and is only to be freed then. */
void vocab_learner_merge(VocabLearner *l, VocabLearner *other);

/* A tokenizer of at most `cap` tokens (of more than the 5 special ones). Characters and pairs that occur only
 * once are left out; where the characters alone are too many, the rarest are. NULL after an error: there was no
 * word at all. */
Tokenizer *vocab_learner_finish(VocabLearner *l, int32_t cap, FtcDiag *d);

#endif
