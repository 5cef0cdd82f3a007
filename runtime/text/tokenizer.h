/* Text to token ids, exactly as Hugging Face's BertTokenizerFast.
 *
 * In:  one text or a pair of texts, UTF-8.
 * Out: ids with their special tokens: [CLS] a [SEP], or [CLS] a [SEP] b [SEP].
 *
 * A text is cut at added tokens (such as a literal "[SEP]"), the rest is normalized, split into words, and each
 * word into the longest pieces the vocabulary has (WordPiece; Schuster and Nakajima 2012). Runs of plain ASCII
 * skip normalization, and a small cache per thread remembers the ids of words, so that most words cost one
 * comparison.
 *
 * A Tokenizer doesn't change once it is made: threads share it, each with a TokenScratch of its own. */
#ifndef FTC_TOKENIZER_H
#define FTC_TOKENIZER_H

#include "ftc/diag.h"
#include "runtime/text/slice.h"
#include "runtime/text/unicode.h"
#include "runtime/text/vocab.h"

#include <stdbool.h>
#include <stdint.h>

/* A token that is looked for in the text itself, before any splitting. */
typedef struct {
    char *text;                  /* owned; where `normalized`, what it becomes in normalized text is matched instead */
    int32_t id;
    bool special;                /* structure, not language: "[SEP]" */
    bool normalized;             /* looked for in the normalized text, not in the raw one */
    bool single_word;            /* not inside a word */
    bool lstrip, rstrip;         /* takes the white space before or behind it along */
} AddedToken;

/* The tokens of one kind (raw or normalized), ready to be searched for. */
typedef struct {
    struct {
        Slice text;
        const AddedToken *token;
    } *item;                     /* longest first */
    int n;
    bool first[256];             /* bytes an item may begin with */
    int only;                    /* the one such byte, or -1 */
} AddedSet;

/* The fields above the line are facts of the model, read by whoever writes it to a file. */
typedef struct Tokenizer {
    Vocab *vocab;
    char *prefix;                /* of pieces inside a word: "##" */
    Normalizer normalizer;
    int max_word_chars;          /* a longer word is unknown */
    int32_t unk, cls, sep;       /* ids */
    int32_t pad, mask;           /* -1 where the vocabulary has none */
    AddedToken *added;
    int n_added, cap_added;
    /* ---- made by tokenizer_ready */
    int32_t size;
    AddedSet raw, normalized;
    unsigned char byte_class[256];
} Tokenizer;

/* --- making one -------------------------------------------------------------------------------------- */

/* The tokenizer of a Hugging Face folder: tokenizer.json if it is there, else vocab.txt with
 * tokenizer_config.json. NULL after an error. Truncation and padding that tokenizer.json may ask for are the
 * caller's affair and ignored. */
Tokenizer *tokenizer_load(const char *folder, FtcDiag *d);
Tokenizer *tokenizer_load_json(const char *path, FtcDiag *d);
Tokenizer *tokenizer_load_vocab(const char *path, bool lowercase, FtcDiag *d);

/* From tokens in the order of their ids; [UNK], [CLS] and [SEP] must be among them. */
Tokenizer *tokenizer_from_tokens(const Slice *tokens, int32_t n, bool lowercase, FtcDiag *d);

void tokenizer_free(Tokenizer *t);

/* Writes vocab.txt, tokenizer.json, tokenizer_config.json and special_tokens_map.json into an existing folder,
 * such that transformers' AutoTokenizer gives the same ids. max_length is what the model was trained with. */
bool tokenizer_save(const Tokenizer *t, const char *folder, int max_length, FtcDiag *d);

/* For those who fill in the fields themselves (the loaders): an empty tokenizer with BERT's defaults; added
 * tokens (text is copied); and the end of making, after which nothing changes any more. */
Tokenizer *tokenizer_new(const char *prefix);
void tokenizer_add(Tokenizer *t, AddedToken token);
void tokenizer_ready(Tokenizer *t);

/* --- using it ---------------------------------------------------------------------------------------- */

/* A growing array of ids.  Start from { 0 }; free(v). */
typedef struct {
    int32_t *v;
    size_t n, cap;
} TokenIds;

/* Of one encoded text or pair. */
typedef struct {
    int32_t tokens;  /* ids appended */
    int32_t first;   /* of these, how many belong to segment 0: [CLS] a [SEP]; the others have segment 1 */
    int32_t uncut;   /* what `tokens` would be without max_length */
} Encoded;

/* What one thread needs to encode; made for one tokenizer, which must outlive it. */
typedef struct TokenScratch TokenScratch;
TokenScratch *token_scratch_new(const Tokenizer *t);
void token_scratch_free(TokenScratch *s);

/* Appends the ids of `a`, or of the pair `a`, `*b` where b isn't NULL. At most max_length ids (0: any number),
 * where a pair loses tokens from the longer side first; the 2 or 3 special tokens stay even if max_length is
 * less. */
Encoded tokenizer_encode(TokenScratch *s, Slice a, const Slice *b, int max_length, TokenIds *out);

int32_t tokenizer_size(const Tokenizer *t);              /* largest id + 1: rows of an embedding table */
Slice tokenizer_token(const Tokenizer *t, int32_t id);   /* empty where there is no such token */

#endif
