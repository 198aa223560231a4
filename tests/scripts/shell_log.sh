#!/usr/bin/env bash
# quire log as people call it: a database without a log, wrong usage, places where there is nothing.
source "$(dirname "${BASH_SOURCE[0]}")/support/shell.bash"

run 0 "$quire" a.qdb 'put a b'
sum=$(sha256sum <a.qdb)
for words in 'log a.qdb' 'a.qdb log' 'log a.qdb --ops' 'a.qdb log --from 5 --to 100'; do
  # shellcheck disable=SC2086  # a list of words
  run 0 "$quire" $words
  same "$words" "$work/a.qdb has no log: it is clean, everything is in the file" "$out"
done
run 0 "$quire" --json log a.qdb
[[ $out == '{"log":null,'* ]] || fail "JSON: $out"
same 'the file is untouched' "$sum" "$(sha256sum <a.qdb)"
same 'nothing lies beside it' a.qdb "$(ls)"

run 1 "$quire" log b.qdb
one_error 'a missing database' "no database 'b.qdb'"
[[ ! -e b.qdb ]] || fail 'log made a database'
echo 'This is a letter, not a database.' >text.qdb
run 2 "$quire" log text.qdb
one_error 'a letter' 'not a Quire database'
run 64 "$quire" log
run 64 "$quire" log a.qdb more
run 64 "$quire" log a.qdb --from here
one_error 'no number' 'an LSN'
run 64 "$quire" log a.qdb --svg
one_error 'an option of tree' 'belongs to tree and page'
run 64 "$quire" tree a.qdb --ops
one_error 'an option of log' 'belongs to log'
mkdir archive
run 1 "$quire" log a.qdb --archive archive
one_error 'an empty archive' 'no archived log of a.qdb'

# A directory of segments that are none.
printf 'not a segment' >archive/a.qdb-wal.0000000000000001
run 2 "$quire" log a.qdb --archive archive
one_error 'a damaged archive' 'a.qdb-wal.0000000000000001'
finish
