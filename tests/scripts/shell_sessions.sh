#!/usr/bin/env bash
# Sessions in a script: waits are notes, results come when they can, a deadlock stops the script, nothing hangs at its end.
source "$(dirname "${BASH_SOURCE[0]}")/support/shell.bash"

# script NAME CODE: runs the script on standard input; output in $out, notes and errors in $err.
script() {
  local code=0
  timeout 100 "$quire" "${@:3}" demo.qdb >"$work/.out" 2>"$work/.err" || code=$?
  out=$(cat "$work/.out")
  err=$(cat "$work/.err")
  [[ $code == "$2" ]] || fail "$1: exit code $code instead of $2: $out $err"
}

run 0 "$quire" demo.qdb 'put k 0'
script 'waiting in turn' 0 <<'SCRIPT'
begin
put k 1
session b
put k 2
session c
get k
session b
session a
commit
get k
SCRIPT
same 'c reads a snapshot and does not wait' $'0\n2' "$out"
same 'who waits' 'note: b: put k 2 waits for transaction 1 (session a)' "$err"

deadlock=$'begin\nput a 1\nsession b\nbegin\nput b 2\nput c 2\nsession a\nput b 1\nsession b\nput a 2\ncommit\nscan --prefix a'
script 'a deadlock' 1 <<<"$deadlock"
[[ $err == *'error: line 8: deadlock of 2: '*'; the transaction was rolled back'* ]] || fail "the deadlock is told as $err"
same 'it stopped the script' '' "$out"
script 'a deadlock that does not stop it' 1 --continue <<<"$deadlock"
same 'the other one went on' $'a\t2' "$out"

script 'left while waiting' 1 <<'SCRIPT'
begin
put x 1
session b
begin
put x 2
SCRIPT
[[ $err == *'error: session a: the open transaction was not committed; its changes are dropped; session b: '* ]] || fail "the end is told as $err"
run 1 "$quire" demo.qdb 'get x'

finish
