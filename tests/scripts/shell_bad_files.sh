#!/usr/bin/env bash
# Files that are no sound database: one clear line, exit code 2, and not a byte of the file changed.
source "$(dirname "${BASH_SOURCE[0]}")/support/shell.bash"

run 0 "$quire" good.qdb 'create typed key a value b' 'put k v'
for i in $(seq 3000); do echo "put key$i $(printf '%040d' "$i")"; done | { echo begin; cat; echo commit; } | "$quire" good.qdb || fail 'filling'
run 0 "$quire" verify good.qdb
size=$(stat -c %s good.qdb)

# refused FILE NAME: every way of opening says damaged and leaves the file as it is.
refused() {
  local sum
  sum=$(sha256sum <"$1")
  run 2 "$quire" "$1" 'get k'
  one_error "$2, get" '.'
  run 2 "$quire" "$1" 'put k v'
  one_error "$2, put" '.'
  run 2 "$quire" --read-only "$1" 'get k'
  run 2 "$quire" verify "$1"
  one_error "$2, verify" '.'
  [[ -z $out ]] || fail "$2: verify prints $out"
  run 2 "$quire" --json "$1" 'get k'
  [[ $out == '{"error":'* ]] || fail "$2, JSON: $out"
  echo 'put k v' | "$quire" "$1" >/dev/null 2>&1
  same "$2, script" 2 $?
  same "$2: the file is untouched" "$sum" "$(sha256sum <"$1")"
}

echo 'This is a letter, not a database.' >text.qdb
refused text.qdb 'a short text'
seq 100000 >long.qdb
refused long.qdb 'a long text'
head -c 100000 /dev/urandom >junk.qdb
refused junk.qdb junk
printf 'SQLite format 3\0' >sqlite.qdb
head -c 20000 /dev/urandom >>sqlite.qdb
refused sqlite.qdb 'a file of SQLite'
[[ -x /usr/bin/gzip ]] && gzip -c good.qdb >good.gz && refused good.gz 'a compressed file'

# Cut off at many sizes: in the superblocks, behind them, in the middle, just before the end.
for keep in 1 100 511 512 4095 4096 4097 8191 8192 8193 12288 $((size / 2)) $((size - 4096)); do
  head -c "$keep" good.qdb >cut.qdb
  sum=$(sha256sum <cut.qdb)
  code=0
  "$quire" --read-only cut.qdb verify >.out 2>.err </dev/null || code=$?
  ((code == 2)) || { ((code == 0 && keep > size - 8192)); } || fail "cut at $keep of $size: exit code $code: $(cat .out .err)"
  ((code != 2 || $(wc -l <.err) == 1)) || fail "cut at $keep: $(cat .err)"
  same "cut at $keep: untouched" "$sum" "$(sha256sum <cut.qdb)"
done

# Zeroed from the start. A file of zeros alone was never a database.
for zeros in 512 4096 8192; do
  cp good.qdb zeroed.qdb
  dd if=/dev/zero of=zeroed.qdb bs=1 count=$zeros conv=notrunc status=none
  if ((zeros == 8192)); then refused zeroed.qdb 'both superblocks zeroed'; fi
done
cp good.qdb zeroed.qdb
dd if=/dev/zero of=zeroed.qdb bs=4096 seek=2 count=$((size / 4096 - 2)) conv=notrunc status=none
code=0
"$quire" zeroed.qdb verify >.out 2>.err </dev/null || code=$?
same 'all pages zeroed' 2 $code

# A page that rotted is found by verify, which names it, and never read as something else.
for ((i = 0; i < 20; i++)); do
  cp good.qdb rotten.qdb
  printf 'ROT' | dd of=rotten.qdb bs=1 seek=$((8192 + RANDOM * 7 % (size - 8192))) conv=notrunc status=none
  code=0
  "$quire" --read-only rotten.qdb verify >.out 2>.err </dev/null || code=$?
  ((code == 2)) || ((code == 0)) || fail "rot: exit code $code: $(cat .err)"
  "$quire" --read-only rotten.qdb scan >rotten.txt 2>/dev/null </dev/null && { "$quire" good.qdb scan | cmp -s - rotten.txt || fail 'rot: a scan that ends well is wrong'; }
done

# A newer version: the number in every copy of the superblock, with checksums that hold, is left to the
# engine's tests; here the number alone, which is looked at first.
cp good.qdb newer.qdb
for at in 8 2056 4104 6152; do printf '\xff\0\0\0' | dd of=newer.qdb bs=1 seek=$at conv=notrunc status=none; done
refused newer.qdb 'a newer version'

# Not files at all, and places that cannot be written.
mkdir directory
run 1 "$quire" directory 'get k'
one_error 'a directory' 'directory'
run 1 "$quire" nowhere/x.qdb 'put a b'
one_error 'a missing directory' 'nowhere'
run 1 "$quire" /dev/null 'get k'
one_error 'a device' '/dev/null'

# A file of no bytes is not damaged: it becomes a database.
: >empty.qdb
run 0 "$quire" empty.qdb 'put a b' 'get a'
same 'an empty file' b "$out"

run 0 "$quire" verify good.qdb
finish
