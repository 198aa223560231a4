#!/usr/bin/env bash
# What README.md shows of a tree that grows and shrinks, with the numbers looked at; the trace of input and output, and
# savepoints, as the program takes them.
source "$(dirname "${BASH_SOURCE[0]}")/support/shell.bash"

{
  echo country,name,population
  for country in DE FR JP NO SE US; do
    for n in $(seq -f %03g 150); do echo "$country,city $n,$((10#$n * 7919 % 90000 + 1000))"; done
  done
} >many.csv

size() { stat -c %s grow.qdb; }
pages() { grep -c 'font-weight="bold">page ' "$1"; }

run 0 "$quire" --page-size 4096 grow.qdb 'import many.csv into cities key country,name' 'tree cities -o full.svg'
full=$(size)
run 0 "$quire" grow.qdb 'use cities' 'del --prefix SE' 'del --prefix US' 'tree cities -o deleted.svg' 'count'
same 'rows that are left' 600 "${out##*$'\n'}"
run 0 "$quire" grow.qdb compact 'tree cities -o compact.svg'
same 'compact in a pipe' '' "$out"
run 0 "$quire" verify grow.qdb
(($(pages full.svg) >= 10)) || fail "the tree has $(pages full.svg) pages"
(($(pages deleted.svg) < $(pages full.svg))) || fail "no page went: $(pages full.svg) and $(pages deleted.svg)"
(($(size) < full * 9 / 10)) || fail "the file had $full bytes and has $(size)"

# --- the trace: on the error stream or in a file, and nothing about pages that are in memory
run 0 "$quire" --trace-io grow.qdb 'use cities' 'get NO "city 001"'
[[ $out == NO,* || $out == *1* ]] || fail "get under a trace prints: $out"
[[ $err == *$'read\tsuperblock\tA and B\tblock 0+2\topen'* ]] || fail "no superblock in the trace: $err"
[[ $err == *$'read\tleaf\t'*$'\tfault'* ]] || fail "no fault in the trace: $err"
once=$err
run 0 "$quire" --trace-io=trace.tsv grow.qdb 'use cities' 'get NO "city 001"' 'get NO "city 001"'
same 'a trace in a file is the same, and a second look adds nothing' "$(grep -c $'\tfault' <<<"$once")" "$(grep -c $'\tfault' trace.tsv)"
same 'nothing on the error stream' '' "$err"
run 0 "$quire" --trace-io=trace.tsv --json grow.qdb 'use cities' 'count' 'stats'
misses=$(sed -n 's/.*"page_misses":\([0-9]*\).*/\1/p' <<<"$out")
same 'misses and faults' "$misses" "$(cut -f1,5 trace.tsv | grep -c $'read\tfault')"
run 1 "$quire" --trace-io=/nowhere/trace grow.qdb count
one_error 'a trace that cannot be written' '/nowhere/trace'

# --- savepoints in a script
printf 'begin\nput a 1\nsavepoint s\nput a 2\nrollback to savepoint s\ncommit\nget a\n' | "$quire" save.qdb >.out 2>.err || fail "savepoints: $(cat .err)"
same 'what the savepoint kept' 1 "$(cat .out)"
printf 'begin\nput a 3\nrollback to nowhere\n' | "$quire" save.qdb >.out 2>.err && fail 'an unknown savepoint is no error'
grep -q "^error: line 3: this transaction has no savepoint" .err || fail "unknown savepoint: $(cat .err)"
run 0 "$quire" save.qdb 'get a'
same 'the transaction was rolled back' 1 "$out"

finish
