#!/usr/bin/env bash
# Durability as people meet it: kill -9 and what is there afterwards, the log, an archive, a restore to a moment.
#
# A shell is fed through a pipe and killed once it has answered; its answers say how far it came.
source "$(dirname "${BASH_SOURCE[0]}")/support/shell.bash"

# start_shell [option...]: a shell that takes commands by `tell`; $shell is its process.
start_shell() {
  rm -f feed && mkfifo feed
  "$quire" --json "$@" <feed >answers 2>errors &
  shell=$!
  exec 3>feed
}

# tell COMMAND...: the shell has answered all of them when this returns.
tell() {
  local command expected i
  expected=$(($(wc -l <answers) + $#))
  for command in "$@"; do printf '%s\n' "$command" >&3; done
  for ((i = 0; i < 1000; i++)); do
    (($(wc -l <answers) >= expected)) && return
    kill -0 "$shell" 2>/dev/null || break
    sleep 0.01
  done
  fail "no answer to $*: $(cat errors)"
}

kill_shell() {
  kill -9 "$shell" 2>/dev/null
  wait "$shell" 2>/dev/null
  exec 3>&-
}

segments() { find . -maxdepth 1 -name "$1-wal.*" | wc -l; }

# member NAME: the numbers or words of that member in the JSON lines on the input, in order.
member() { sed -n "s/.*\"$1\":\"\\{0,1\\}\\([^,\"}]*\\).*/\\1/p"; }
commits() { grep '"type":"COMMIT"' | member "$1"; }

# Killed, with a transaction open: what was acknowledged is in the log, and then in the database.
start_shell a.qdb
tell 'put a 1' 'put b 2' begin 'put open 1'
[[ $(segments a.qdb) -ge 1 ]] || fail 'no log beside an open database'
run 3 "$quire" a.qdb 'put x 1'
one_error 'a second writer' "process $shell"
run 0 "$quire" log a.qdb
[[ $out == *COMMIT*COMMIT*'is being written'* ]] || fail "the log of a running shell: $out"
kill_shell
run 0 "$quire" log a.qdb --ops
[[ $out == *"put tree 3 #1 key 'a' value '1'"*"put tree 3 #1 key 'b' value '2'"*'end at LSN'* ]] || fail "the log after a kill: $out"
[[ $out != *"'open'"* ]] || fail "what was not committed is in the log: $out"
sum=$(cat a.qdb a.qdb-wal.* | sha256sum)
run 0 "$quire" --read-only a.qdb scan
same 'read without recovery' $'a\t1\nb\t2' "$out"
run 0 "$quire" verify a.qdb
same 'verified without recovery' ok "$out"
same 'reading changes no byte' "$sum" "$(cat a.qdb a.qdb-wal.* | sha256sum)"
run 0 "$quire" a.qdb scan verify
same 'recovered' $'a\t1\nb\t2\nok' "$out"
same 'nothing lies beside a closed database' 0 "$(segments a.qdb)"
run 0 "$quire" log a.qdb
[[ $out == *'has no log: it is clean'* ]] || fail "the log of a closed database: $out"

# The classes, and what they may not be combined with.
for class in sync process; do
  start_shell --durability $class $class.qdb
  tell durability 'put k v'
  same "the class $class" "{\"durability\":\"$class\"}" "$(head -1 answers)"
  kill_shell
  run 0 "$quire" $class.qdb 'get k'
  same "$class survives kill -9" v "$out"
done
run 0 "$quire" a.qdb durability 'durability lazy' durability begin 'durability process' 'put c 3' commit 'del c'
same 'a class of the session' $'sync\nlazy' "$out"
run 64 "$quire" a.qdb 'durability never'
one_error 'an unknown class' 'sync, process or lazy'
run 64 "$quire" --durability never a.qdb
one_error 'an unknown class at the start' 'sync, process or lazy'
run 64 "$quire" --journal paper a.qdb
run 64 "$quire" --log-limit 1K a.qdb
one_error 'a small limit' 'at least 64'
run 64 "$quire" --journal copy-on-write --durability lazy a.qdb
run 64 "$quire" --journal copy-on-write --archive . a.qdb
run 64 "$quire" --durability lazy verify a.qdb
run 64 "$quire" --archive . verify a.qdb
start_shell --journal copy-on-write c.qdb
tell 'put k v'
same 'no log without a log' 0 "$(segments c.qdb)"
kill_shell
run 0 "$quire" log c.qdb
run 0 "$quire" c.qdb 'get k'
same 'copy-on-write survives kill -9' v "$out"

# Backup, archive, restore. The last commit is made by a shell that is killed, and archived by the next opening.
mkdir archive
run 0 "$quire" --archive archive b.qdb 'put n 0' 'backup monday.qdb' 'put n 1' 'put n 2'
run 0 "$quire" --archive archive b.qdb 'put n 3' checkpoint 'put n 4'
start_shell --archive archive b.qdb
tell 'put n 5'
kill_shell
run 0 "$quire" --archive archive b.qdb 'get n'
same 'the last commit' 5 "$out"
"$quire" --json log b.qdb --archive archive >log.json || fail 'the archive cannot be read'
mapfile -t lsns < <(commits lsn <log.json)
mapfile -t times < <(commits time <log.json)
mapfile -t microseconds < <(commits wall_us <log.json)
same 'commits in the archive' 6 ${#lsns[@]}

# restored VALUE OPTION...: a restore gives a database where n is that.
restored() {
  local value=$1
  shift
  rm -f r.qdb
  run 0 "$quire" --json restore monday.qdb archive r.qdb "$@"
  report=$out
  run 0 "$quire" r.qdb 'get n' verify
  same "restored with $*" "$value"$'\nok' "$out"
}
for i in 1 2 3 4 5; do
  restored $i --to-lsn "${lsns[i]}"
  same "the commit of $i" "${lsns[i]}" "$(member last_lsn <<<"$report")"
  same "commits up to $i" $i "$(member commits <<<"$report")"
  restored $i --to-time "${times[i]}"
  restored $i --to-time "${microseconds[i]}"
  restored $((i - 1)) --to-time $((microseconds[i] - 1))
done
restored 5
same 'nothing is left in the archive' false "$(member more <<<"$report")"
restored 3 --to-lsn "$((lsns[3] + 1))"
same 'more is in the archive' true "$(member more <<<"$report")"
restored 0 --to-time '1970-01-02 00:00:00'
rm r.qdb
run 0 "$quire" restore monday.qdb archive r.qdb --to-lsn "${lsns[2]}"
[[ $out == "r.qdb: the backup and 2 commits of the archive, the last at LSN ${lsns[2]}, made ${times[2]}; the archive holds later commits" ]] || fail "the report: $out"

# What cannot be restored says why and leaves nothing.
run 1 "$quire" restore monday.qdb archive r.qdb
one_error 'a target that exists' 'exists already; a restore never replaces a file'
rm r.qdb
refused() {
  local code=$1 name=$2 pattern=$3
  shift 3
  run "$code" "$quire" restore "$@"
  one_error "$name" "$pattern"
  [[ ! -e r.qdb ]] || { fail "$name left a file"; rm -f r.qdb; }
}
refused 1 'an LSN before the backup' 'is before the backup' monday.qdb archive r.qdb --to-lsn 1
refused 1 'an LSN behind the archive' 'ends before LSN 1000000000' monday.qdb archive r.qdb --to-lsn 1000000000
refused 1 'a foreign archive' 'holds no log of the database of the backup' a.qdb archive r.qdb
refused 1 'a missing backup' 'none.qdb' none.qdb archive r.qdb
refused 1 'a missing archive' 'nowhere' monday.qdb nowhere r.qdb
refused 64 'no time' 'a time is like' monday.qdb archive r.qdb --to-time noon
refused 64 'two points' 'one of --to-lsn and --to-time' monday.qdb archive r.qdb --to-lsn 5 --to-time 5
run 64 "$quire" restore monday.qdb archive
run 64 "$quire" log b.qdb --to-lsn 5
missing=$(find archive -name 'b.qdb-wal.*' | sort | sed -n 2p)
mv "$missing" elsewhere
refused 2 'a missing segment' 'archive' monday.qdb archive r.qdb
mv elsewhere "$missing"
restored 5

# A log that is not the database's, or is gone.
start_shell d.qdb
tell 'put a 1' 'put b 2'
kill_shell
mkdir aside && mv d.qdb-wal.* aside
run 2 "$quire" d.qdb scan
one_error 'a missing log' 'the log is missing'
start_shell e.qdb
tell 'put a 1'
kill_shell
for file in e.qdb-wal.*; do cp "$file" "d.qdb-wal.${file#e.qdb-wal.}"; done
run 2 "$quire" d.qdb scan
one_error "another database's log" 'd.qdb-wal'
rm d.qdb-wal.* && mv aside/* .
run 0 "$quire" d.qdb scan
same 'with its own log again' $'a\t1\nb\t2' "$out"
finish
