#!/usr/bin/env bash
# kill -9 in a loop: every put that the shell acknowledged is there afterwards, and the file verifies.
#
# Each round feeds numbered puts to a shell whose answers go to a file, kills it at a random moment, opens
# the database again and compares. A transaction writes two keys, which must both be there or both not.
# QUIRE_KILL_ROUNDS (default 20) says how often, QUIRE_KILL_SEED makes the moments repeatable.
source "$(dirname "${BASH_SOURCE[0]}")/support/shell.bash"
rounds=${QUIRE_KILL_ROUNDS:-20}
RANDOM=${QUIRE_KILL_SEED:-$$}
echo "replay: QUIRE_KILL_SEED=${QUIRE_KILL_SEED:-$$} QUIRE_KILL_ROUNDS=$rounds" >&2

# The commands of round $1: forever, single puts and transactions in turn, a number on each.
feed() {
  local i
  for ((i = 1; i < 1000000; i++)); do
    printf 'put r%s.s%s value%s\n' "$1" $i $i
    printf 'begin\nput r%s.a%s x\nput r%s.b%s x\ncommit\n' "$1" $i "$1" $i
  done
}

for ((round = 1; round <= rounds; round++)); do
  mkfifo feed
  feed "$round" >feed 2>/dev/null &
  feeder=$!
  "$quire" --json k.qdb <feed >answers 2>errors &
  shell=$!
  # Some rounds end before the file is made, most in the middle of commits.
  sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
  ((RANDOM % 2)) && sleep "0.$((RANDOM % 4))"
  kill -9 $shell 2>/dev/null
  wait $shell 2>/dev/null
  kill $feeder 2>/dev/null
  wait $feeder 2>/dev/null
  rm -f feed
  [[ ! -s errors ]] || fail "round $round: $(head -1 errors)"
  if grep -vn '^{"ok":true}$' answers | head -n -1 | grep -q .; then fail "round $round: an answer is not ok: $(head -2 answers)"; fi

  # Five answers a number: put, begin, put, put, commit. Only whole lines count.
  acknowledged=$(grep -c '^{"ok":true}$' answers)
  singles=$(((acknowledged + 4) / 5))
  pairs=$((acknowledged / 5))
  if [[ ! -e k.qdb ]]; then
    ((acknowledged == 0)) || fail "round $round: $acknowledged answers and no file"
    continue
  fi
  "$quire" k.qdb verify >verified 2>&1 || fail "round $round: verify: $(cat verified)"
  "$quire" k.qdb "scan --prefix r$round. --keys-only" >there || fail "round $round: scan"
  there_singles=$(grep -c '\.s' there)
  there_a=$(sed -n 's/.*\.a//p' there | sort)
  there_b=$(sed -n 's/.*\.b//p' there | sort)
  ((there_singles >= singles && there_singles <= singles + 1)) || fail "round $round: $singles puts acknowledged, $there_singles there"
  there_pairs=$(grep -c . <<<"$there_a")
  ((there_pairs >= pairs && there_pairs <= pairs + 1)) || fail "round $round: $pairs transactions acknowledged, $there_pairs there"
  [[ $there_a == "$there_b" ]] || fail "round $round: half of a transaction is there"
  # What earlier rounds left is still there.
  count=$("$quire" k.qdb count)
  ((count == ${expected:-0} + $(wc -l <there))) || fail "round $round: $count entries, expected ${expected:-0} and $(wc -l <there) more"
  expected=$count
  ((failures == 0)) || { cp k.qdb "${TMPDIR:-/tmp}/quire-kill-failed.qdb"; break; }
done
echo "$rounds rounds, ${expected:-0} entries" >&2
finish
