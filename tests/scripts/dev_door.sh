#!/usr/bin/env bash
# The door itself: help lists every command, a wrong one is refused with exit code 64 and nothing on stdout.
set -euo pipefail
dev=$QUIRE_SOURCE/dev

fail() { echo "dev_door: $1"; exit 1; }

help=$("$dev" help)
for command in run test ci build lint fmt golden bench fuzz soak docs; do
  grep -qE "^  $command " <<<"$help" || fail "help does not list $command"
  grep -qE "^cmd_$command\(\)" "$dev" || fail "$command has no function"
done
[[ $("$dev") == "$help" ]] || fail "no command does not print the help"

code=0
output=$("$dev" nonsense 2>/dev/null) || code=$?
[[ $code == 64 ]] || fail "a wrong command exits with $code, expected 64"
[[ -z $output ]] || fail "a wrong command writes to stdout"
for command in fuzz soak; do
  code=0
  "$dev" "$command" long 2>/dev/null || code=$?
  [[ $code == 64 ]] || fail "$command long exits with $code, expected 64"
done
echo "dev_door: ok"
