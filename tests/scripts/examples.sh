#!/usr/bin/env bash
# The examples run, twice on one file, and print what they promise.
set -u -o pipefail

[[ -n ${QUIRE_BIN:-} && -x $QUIRE_BIN/example_hello ]] || { echo "skipped: QUIRE_BIN has no examples"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/quire-examples.XXXXXX")
trap 'rm -rf "$work"' EXIT
failures=0

# expect NAME LINE [argument...]: the example succeeds, also on the file it left, and prints the line.
expect() {
  local name=$1 line=$2 round
  shift 2
  for round in first second; do
    if ! out=$("$QUIRE_BIN/example_$name" "$work/$name.qdb" "$@" 2>&1); then
      printf 'FAILED: the %s run of example_%s: %s\n' "$round" "$name" "$out" >&2
      failures=$((failures + 1))
    elif ! grep -qF -- "$line" <<<"$out"; then
      printf 'FAILED: example_%s does not print "%s" but\n%s\n' "$name" "$line" "$out" >&2
      failures=$((failures + 1))
    fi
  done
}

expect hello 'hello world'
expect crud 'ada: mathematician'
expect ranges '  NO Bergen 291940'
expect bulk_import '20000 rows in' 20000
expect recovery 'process: of 2000 commits 2000 survived kill -9'
expect recovery 'lazy: of 2000 commits'
expect backup_restore '2 commits after the backup: 9 apples again'
# Where no file can be, an example says so and fails.
if "$QUIRE_BIN/example_hello" "$work/missing/a.qdb" 2>/dev/null; then
  echo 'FAILED: example_hello succeeds without a file' >&2
  failures=$((failures + 1))
fi
exit $((failures > 0))
