#!/usr/bin/env bash
# The benchmark runs: every row on a tiny database beside LMDB and SQLite, where they were found, and answers that are
# checked.
#
# The debug build does not make quire_bench; then the one of a release build beside it is run.
set -u -o pipefail

bench=${QUIRE_BIN:-.}/quire_bench
[[ -x $bench ]] || bench=${QUIRE_BIN:-.}/../../release/bin/quire_bench
[[ -x $bench ]] || { echo "skipped: no quire_bench in ${QUIRE_BIN:-QUIRE_BIN, which is not set,} or in a release build beside it"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/quire-test.XXXXXX")
trap 'rm -rf "$work"' EXIT

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  cat "$work/out" "$work/err" >&2
  exit 1
}

"$bench" --full --n 2000 --engines quire,lmdb,sqlite --dir "$work" --json "$work/numbers.json" >"$work/out" 2>"$work/err" </dev/null || fail "exit code $?"
rows="import-batch import-one bulk-load fill-random fill-random-one file-bytes get get-2 get-missing multi-get scan scan-reverse range-100 open"
rows+=" ycsb-a ycsb-a-2 ycsb-b ycsb-b-2 ycsb-c ycsb-c-2 ycsb-d ycsb-d-2 ycsb-e ycsb-e-2 ycsb-f ycsb-f-2"
rows+=" serializable-4r4w serializable-4r4w-2 one-writer two-writers"
rows+=" raw-sync put-one put-one-cow put-8 latency write-bytes write-bytes-batch recovery replay recovery-small-cache"
for row in $rows; do
  grep -A 2 "\"row\": \"$row\"" "$work/numbers.json" | grep -q '"engine": "quire"' || fail "no number for $row of Quire"
done
# One that is killed on purpose leaves nothing behind either.
[[ -z $(find "$work" -mindepth 1 -maxdepth 1 -name 'quire-bench*') ]] || fail "databases were left behind"

for promise in durable process lazy; do
  grep -q "\"promise\": \"$promise\"" "$work/numbers.json" || fail "no number with the promise $promise"
done

"$bench" --n 100 --rows get --engines quire --dir "$work" >"$work/out" 2>"$work/err" </dev/null || fail "one row: exit code $?"
# A beginning of names stands for all of them; few rows leave little room for those that are inserted.
"$bench" --n 10 --operations 1000 --rows ycsb --engines quire --dir "$work" --json "$work/numbers.json" >"$work/out" 2>"$work/err" </dev/null ||
  fail "all rows of YCSB: exit code $?"
[[ $(grep -c '"counts": "operations/s"' "$work/numbers.json") == 12 ]] || fail "YCSB has twelve rows"
# Measured as root, else skipped with a reason; right both ways.
"$bench" --larger-than-memory 2000 --engines quire --markdown --dir "$work" >"$work/out" 2>"$work/err" </dev/null || fail "larger than memory: exit code $?"
grep -qE '^\| larger than memory|^larger than memory: skipped, ' "$work/out" || fail "larger than memory: neither a number nor a reason"
code=0
"$bench" --rows nonsense >"$work/out" 2>"$work/err" </dev/null || code=$?
[[ $code == 64 ]] || fail "an unknown row: exit code $code instead of 64"
echo ok
