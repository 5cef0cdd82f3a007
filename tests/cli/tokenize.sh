#!/bin/bash
# ftc tokenize: texts, tables, pairs, standard input; the same ids for every number of threads.
set -eu
ftc=$1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$out"
fail() { echo "FAILED: $*"; exit 1; }
mkdir m
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' a good day bad ya '##ys' , > m/vocab.txt
printf 'A good day\n\nbad  Yays, DAYS\n' > texts.txt
printf '2 5 6 7 3\n2 3\n2 8 9 10 11 1 3\n' > wanted
"$ftc" tokenize --init m texts.txt | diff wanted - || fail "texts"
"$ftc" tokenize --init m - < texts.txt | diff wanted - || fail "standard input"
"$ftc" tokenize --init=m --threads=3 -- texts.txt | diff wanted - || fail "threads"
"$ftc" tokenize --init m --tokens texts.txt | diff <(printf '[CLS] a good day [SEP]\n[CLS] [SEP]\n[CLS] bad ya ##ys , [UNK] [SEP]\n') - || fail "--tokens"
"$ftc" tokenize --init m --max-length 4 texts.txt | diff <(printf '2 5 6 3\n2 3\n2 8 9 3\n') - || fail "--max-length"
printf 'n,text,other\n1,"A good, day",bad\n2,bad,a\n' > t.csv
"$ftc" tokenize --init m t.csv | diff <(printf '2 5 6 11 7 3\n2 8 3\n') - || fail "a table"
"$ftc" tokenize --init m --column other t.csv | diff <(printf '2 8 3\n2 5 3\n') - || fail "--column"
"$ftc" tokenize --init m --pair-column other t.csv | diff <(printf '2 5 6 11 7 3 8 3\n2 8 3 5 3\n') - || fail "--pair-column"
printf '{"text": "a day"}\n{"a": "good", "b": "bad"}\n' > t.jsonl
"$ftc" tokenize --init m t.jsonl | diff <(printf '2 5 7 3\n2 6 3 8 3\n') - || fail "JSON lines"
if "$ftc" tokenize --init m t.csv --column txet 2> err; then fail "a missing column"; fi
grep -q "there is no column 'txet' (did you mean 'text'?)" err || fail "the message of a missing column"
if "$ftc" tokenize --init m nothing.txt 2> err; then fail "a missing file"; fi
if "$ftc" tokenize --init m texts.txt > /dev/full 2> err; then fail "a full disk"; fi
grep -q 'No space left' err || fail "the message of a full disk"
