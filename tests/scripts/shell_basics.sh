#!/usr/bin/env bash
# The shell as programs call it: one-shot commands, pipes, scripts, exit codes, JSON.
source "$(dirname "${BASH_SOURCE[0]}")/support/shell.bash"

# --- put, get, del, count, scan
run 0 "$quire" a.qdb 'put k1 v1' 'put k2 "a\tb\\c\x00"' "put k3 'it''s æ'"
same 'put says nothing' '' "$out$err"
run 0 "$quire" a.qdb 'get k1'
same 'get prints the value' v1 "$out"
run 0 "$quire" a.qdb count 'count --prefix k' 'count k2' 'count k2 k3'
same 'count prints numbers' $'3\n3\n2\n1' "$out"
run 0 "$quire" a.qdb scan
same 'scan escapes' $'k1\tv1\nk2\ta\\x09b\\\\c\\x00\nk3\tit\'s æ' "$out"
run 0 "$quire" a.qdb 'scan --reverse --limit 2 --keys-only'
same 'scan options' $'k3\nk2' "$out"
run 0 "$quire" a.qdb 'scan k2 k3 --hex'
same 'scan in hexadecimal' $'6b32\t6109625c6300' "$out"
run 0 "$quire" a.qdb 'scan --prefix k1*' 'scan --prefix=k1' 'scan --limit 0'
same 'a prefix with and without star' $'k1\tv1\nk1\tv1' "$out"
run 0 "$quire" a.qdb 'del k1' 'count'
same 'del says nothing' 2 "$out$err"
run 0 "$quire" a.qdb '.stats' 'CHECKPOINT' 'verify'
same 'verify says ok' ok "${out##*$'\n'}"

# --- exit codes and errors
run 1 "$quire" a.qdb 'get nothere' 'put never x'
one_error 'a missing key' "no key 'nothere' in keyspace default"
run 1 "$quire" a.qdb 'get never'
run 1 "$quire" a.qdb 'del nothere'
run 1 "$quire" a.qdb "put '' x"
one_error 'an empty key' 'empty'
run 1 "$quire" a.qdb 'use nowhere'
one_error 'an unknown keyspace' "no keyspace 'nowhere'"
run 1 "$quire" a.qdb 'use defualt'
one_error 'a similar keyspace' 'did you mean default'
run 64 "$quire" a.qdb 'gett k2'
one_error 'an unknown command' 'did you mean get'
run 64 "$quire" a.qdb 'put k'
one_error 'wrong arguments' 'usage: put KEY VALUE'
run 64 "$quire" a.qdb 'scan --limit many'
one_error 'a wrong number' 'usage: scan'
run 64 "$quire" a.qdb "put 'k v"
one_error 'an open quote' 'not closed'
run 64 "$quire" a.qdb 'scan --revers'
one_error 'an unknown option' 'did you mean --reverse'
run 64 "$quire" --nonsense a.qdb
run 64 "$quire"
[[ $err == usage:* ]] || fail "quire alone shows its usage, not: $err"
run 64 "$quire" verify
run 0 "$quire" --help
run 0 "$quire" --version
[[ $out =~ ^quire\ [0-9]+\. ]] || fail "--version says $out"
run 1 "$quire" missing.qdb 'get k'
one_error 'a missing file' "missing.qdb"
[[ ! -e missing.qdb ]] || fail 'get made a database'
run 1 "$quire" --read-only missing.qdb 'put a b'
[[ ! -e missing.qdb ]] || fail '--read-only made a database'
run 1 "$quire" --read-only a.qdb 'put a b'
one_error 'writing read-only' 'read'
run 0 "$quire" --read-only a.qdb 'get k2 --hex'
run 64 "$quire" --page-size 5000 b.qdb 'put a b'
run 64 "$quire" --memory-limit 12 b.qdb 'put a b'
run 0 "$quire" --page-size 4096 --memory-limit 16M b.qdb 'put a b' 'stats'
[[ $out == *$'page_size\t4096'* ]] || fail "--page-size: $out"

# --- keyspaces, typed keys
run 0 "$quire" a.qdb 'create people key country,id value name,age' 'use people' 'put NO 1 Kari 42' 'put "NO,2" "Ola,"' \
  'put SE 10 "42" 1.5' 'put SE 9 07 NULL'
run 0 "$quire" a.qdb 'use people' scan
same 'typed scan orders numbers by value' $'NO,1\tKari,42\nNO,2\tOla,\nSE,9\t07,\nSE,10\t"42",1.5' "$out"
run 0 "$quire" a.qdb 'use people' 'get NO 1' "get 'NO,1'" 'count --prefix NO' 'scan --prefix N* --keys-only --limit 1' 'scan SE --keys-only' \
  'scan NO,2 SE,10 --keys-only'
same 'typed get, prefix and range' $'Kari,42\nKari,42\n2\nNO,1\nSE,9\nSE,10\nNO,2\nSE,9' "$out"
run 64 "$quire" a.qdb 'use people' 'get NO'
one_error 'too few columns' 'country,id'
run 64 "$quire" a.qdb 'use people' 'put NO 3 x'
one_error 'too few values' 'country,id,name,age'
run 1 "$quire" a.qdb 'create people'
one_error 'a keyspace twice' 'already there'
run 0 "$quire" a.qdb keyspaces
same 'keyspaces' $'default\t2\t\t\npeople\t4\tcountry,id\tname,age' "$out"
run 0 "$quire" a.qdb 'keyspace create extra' 'keyspace drop extra' 'drop people' 'keyspaces'
same 'drop' $'default\t2\t\t' "$out"
run 1 "$quire" a.qdb 'drop default'

# --- transactions
run 0 "$quire" a.qdb begin 'put t1 x' 'create inside' commit 'get t1'
same 'commit' x "$out"
run 0 "$quire" a.qdb begin 'put t2 x' 'del t1' rollback 'get t1' keyspaces
same 'rollback' $'x\ndefault\t3\t\t\ninside\t0\t\t' "$out"
run 1 "$quire" a.qdb begin 'put t3 x'
one_error 'a transaction left open' 'not committed'
run 1 "$quire" a.qdb 'get t3'
run 1 "$quire" a.qdb begin begin
run 1 "$quire" a.qdb commit

# --- scripts
printf '# comment\nput s1 one\n\nput s2 two\r\nget s1\n' | "$quire" s.qdb >out.txt 2>err.txt || fail 'a script fails'
same 'a script prints' one "$(cat out.txt)"
printf 'put s3 x\nget none\nput s4 x\n' | "$quire" s.qdb >out.txt 2>err.txt && fail 'a failing script ends well'
same 'a script names the line' "error: line 2: no key 'none' in keyspace default" "$(cat err.txt)"
run 1 "$quire" s.qdb 'get s4'
printf 'get none\nbogus\nput s4 x\n' | "$quire" --continue s.qdb >out.txt 2>err.txt
same 'a continued script gives the first exit code' 1 $?
same 'a continued script goes on' 2 "$(wc -l <err.txt)"
run 0 "$quire" s.qdb 'get s4'
printf 'put a 1\nquit\nput b 2\n' | "$quire" s.qdb || fail 'quit in a script'
run 1 "$quire" s.qdb 'get b'

# --- every command is flushed: an answer comes before the next command is written
coproc shell { "$quire" s.qdb; }
echo 'get s4' >&"${shell[1]}"
read -r -t 20 answer <&"${shell[0]}" || fail 'no answer while the script is open'
same 'the answer' x "${answer:-}"
echo 'quit' >&"${shell[1]}"
wait

# --- busy: another process has it
coproc holder { "$quire" s.qdb; }
echo 'get s4' >&"${holder[1]}"
read -r -t 20 answer <&"${holder[0]}"
run 3 "$quire" s.qdb 'get s4'
one_error 'a busy file' '.'
echo 'quit' >&"${holder[1]}"
wait

# --- JSON
run 0 "$quire" --json a.qdb 'put j "x\xff"' 'get j' 'count' 'scan --prefix j' keyspaces verify stats
[[ $(printf '%s\n' "$out" | wc -l) == 7 ]] || fail "JSON is a line a command: $out"
same 'JSON put' '{"ok":true}' "$(sed -n 1p <<<"$out")"
same 'JSON get of bytes' '{"key":"j","value":{"$blob":"78ff"}}' "$(sed -n 2p <<<"$out")"
same 'JSON count' '{"count":4}' "$(sed -n 3p <<<"$out")"
run 1 "$quire" --json a.qdb 'get none'
same 'JSON error' "{\"error\":{\"code\":\"not_found\",\"message\":\"no key 'none' in keyspace default\"}}" "$out"
if command -v python3 >/dev/null; then
  "$quire" --json a.qdb scan keyspaces stats verify help 'help put' 'page 0' tree dump | python3 -c 'import json, sys; [json.loads(line) for line in sys.stdin]' ||
    fail 'JSON does not parse'
fi

# --- pipes that close early do not hang or complain
for i in $(seq 2000); do echo "put key$i value$i"; done | sed '1i begin' | sed '$a commit' | "$quire" p.qdb || fail 'a long script'
run 0 bash -c "'$quire' p.qdb scan | head -2"
same 'head of a scan' $'key1\tvalue1\nkey10\tvalue10' "$out"
same 'no complaint' '' "$err"

# --- tools
run 0 "$quire" verify p.qdb
same 'verify FILE' ok "$out"
for tool in stats dump tree page; do
  run 0 "$quire" $tool p.qdb
  [[ -n $out ]] || fail "$tool prints nothing"
done
run 0 "$quire" tree p.qdb default
run 1 "$quire" tree p.qdb nowhere
run 0 "$quire" page p.qdb 1
run 1 "$quire" page p.qdb 99999
run 64 "$quire" page p.qdb x
run 1 "$quire" verify none.qdb
[[ ! -e none.qdb ]] || fail 'a tool made a database'
before=$(sha256sum <p.qdb)
run 0 "$quire" bench p.qdb --rows 2000
[[ $(printf '%s\n' "$out" | wc -l) == 17 ]] || fail "bench prints: $out"
same 'bench leaves the file alone' "$before" "$(sha256sum <p.qdb)"
same 'bench cleans up' '' "$(ls | grep bench)"
cp p.qdb verify
run 0 "$quire" ./verify 'get key1'
same 'a file named like a tool' value1 "$out"

finish
