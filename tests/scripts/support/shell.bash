# Helpers of the shell's script tests: a directory of its own, runs of quire, comparisons.
#
# QUIRE_BIN     directory of the program quire
# QUIRE_SHARED  directory whose data/ has the files to import; unset or missing: tests that need it are skipped
set -u -o pipefail

[[ -n ${QUIRE_BIN:-} && -x $QUIRE_BIN/quire ]] || { echo "skipped: QUIRE_BIN has no program quire"; exit 77; }
quire=$QUIRE_BIN/quire
work=$(mktemp -d "${TMPDIR:-/tmp}/quire-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export HOME=$work
failures=0

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  failures=$((failures + 1))
}

# same NAME EXPECTED ACTUAL
same() {
  [[ $2 == "$3" ]] || fail "$1: expected
$2
but got
$3"
}

# run CODE COMMAND...: runs it with no input, keeps its output in $out and $err, checks its exit code.
run() {
  local expected=$1 code=0
  shift
  "$@" >"$work/.out" 2>"$work/.err" </dev/null || code=$?
  out=$(cat "$work/.out")
  err=$(cat "$work/.err")
  [[ $code == "$expected" ]] || fail "exit code $code instead of $expected: ${*:2}
$out
$err"
}

# one_error NAME PATTERN: $err is one line `error: ...` that matches.
one_error() {
  [[ $err == error:\ * && $err != *$'\n'* && $err =~ $2 ]] || fail "$1: the error is
$err
and should be one line that matches $2"
}

need_data() {
  [[ -n ${QUIRE_SHARED:-} && -f $QUIRE_SHARED/data/cities.csv ]] || { echo "skipped: no QUIRE_SHARED/data"; exit 77; }
  data=$QUIRE_SHARED/data
}

finish() {
  ((failures == 0)) || { echo "$failures checks failed" >&2; exit 1; }
  echo ok
}
