#!/usr/bin/env bash
# Import of real files, and export and import of everything exactly, in each format.
source "$(dirname "${BASH_SOURCE[0]}")/support/shell.bash"
need_data

# --- the four files
run 0 "$quire" demo.qdb "import $data/cities.csv into cities key country,name,id" "import $data/countries.csv" \
  "import $data/zipcodes.csv key state,zip_code" "import $data/flights.csv --row-number row"
same 'import says nothing in a pipe' '' "$out$err"
run 0 "$quire" demo.qdb 'use cities' count 'count --prefix NO' 'use countries' count 'use zipcodes' count 'use flights' count
same 'counts' "171075
$(grep -c ',NO,[^,]*$' "$data/cities.csv")
250
42049
200000" "$out"
run 0 "$quire" demo.qdb verify
same 'verify' ok "$out"

# --- looked up as a person would
run 0 "$quire" demo.qdb 'use cities' 'get NO Oslo 114866' 'scan --prefix NO,Oslo' 'scan --prefix NO,Os* --keys-only' 'scan NO,Z NP --keys-only --limit 1'
same 'Oslo' "59.91273,10.74609,12
NO,Oslo,114866"$'\t'"59.91273,10.74609,12
NO,Os,114867
NO,Oslo,114866
NO,Osøyro,114865" "$(head -5 <<<"$out")"
run 0 "$quire" demo.qdb 'use countries' 'get NA' 'use zipcodes' 'get NY,00501' 'use flights' 'get 1'
same 'text and numbers' 'Namibia,Africa,Southern Africa,825615,Windhoek
40.922326,-72.637078,Holtsville,Suffolk
0,1452,0.0' "$out"
run 0 "$quire" demo.qdb 'use cities' 'del NO Oslo 114866' 'count --prefix NO' 'put NO Oslo 114866 59.91273 10.74609 12'

# Scan order is key order: by country, then name as bytes, as sort sees it too.
"$quire" demo.qdb 'use cities' 'scan --prefix NO --keys-only' | cut -d, -f2 >names.txt
LC_ALL=C sort -c names.txt || fail 'names are out of order'

# --- export and import give the same bytes back (the large files in one format each, for time)
for pair in cities.csv countries.csv countries.jsonl countries.tsv zipcodes.jsonl flights.tsv; do
  keyspace=${pair%.*}
  run 0 "$quire" demo.qdb "export $pair $keyspace"
  columns=$("$quire" demo.qdb keyspaces | awk -F'\t' -v name=$keyspace '$1 == name {print "key " $3 " value " $4}')
  run 0 "$quire" copy.qdb "create $keyspace $columns" "import $pair"
  "$quire" demo.qdb "use $keyspace" 'scan --hex' >one.txt
  "$quire" copy.qdb "use $keyspace" 'scan --hex' >two.txt
  cmp -s one.txt two.txt || fail "$pair does not give the same entries back"
  rm -f copy.qdb
done

# --- values that are easily lost
printf '%s\n' '{"id":1,"v":null,"w":"42"}' '{"id":2,"v":42,"w":""}' '{"id":3,"v":1.0,"w":"a,b\"c\nd"}' '{"id":4,"v":true,"w":"x'"'00'"'"}' \
  '{"id":5,"v":{"b":[1,2.5,null],"a":"é"},"w":{"$blob":"00ff"}}' '{"id":6,"v":{"$float":"inf"},"w":" x"}' '{"id":"7"}' >odd.jsonl
run 0 "$quire" odd.qdb 'import odd.jsonl' 'export again.jsonl odd' 'export odd.csv odd' 'export odd.tsv odd'
run 0 "$quire" odd2.qdb 'import again.jsonl into odd'
same 'JSON lines keep everything' "$("$quire" odd.qdb 'use odd' 'scan --hex')" "$("$quire" odd2.qdb 'use odd' 'scan --hex')"
same 'CSV quotes text that looks like something else' 'id,v,w
1,,"42"
2,42,""
3,1.0,"a,b""c
d"
4,true,"x'"'00'"'"
5,"{""b"":[1,2.5,null],""a"":""é""}",x'"'00ff'"'
6,inf, x
"7",,' "$(cat odd.csv)"
run 0 "$quire" odd3.qdb 'import odd.csv' 'use odd' 'del 4' 'del 5' 'del 6'
run 0 "$quire" odd.qdb 'use odd' 'del 4' 'del 5' 'del 6'
same 'CSV keeps NULL, numbers, text and blobs' "$("$quire" odd.qdb 'use odd' 'scan --hex')" "$("$quire" odd3.qdb 'use odd' 'scan --hex')"

# --- plain keyspaces
run 0 "$quire" plain.qdb 'put "\x00\xff" "\tx\n"' 'put 42 007' 'put "a,b" ""' 'put æ "\\"'
for format in csv jsonl tsv; do
  run 0 "$quire" plain.qdb "export plain.$format"
  rm -f copy.qdb
  run 0 "$quire" copy.qdb "import plain.$format into default"
  same "plain bytes through $format" "$("$quire" plain.qdb 'scan --hex')" "$("$quire" copy.qdb 'scan --hex')"
  run 0 "$quire" copy.qdb "import plain.$format into other --plain" 'use other'
  same "plain bytes into a new keyspace through $format" "$("$quire" plain.qdb 'scan --hex')" "$("$quire" copy.qdb 'use other' 'scan --hex')"
done
"$quire" plain.qdb scan >scan.tsv
rm -f copy.qdb
run 0 "$quire" copy.qdb 'import scan.tsv'
same 'what scan prints is a file to import' "$("$quire" plain.qdb 'scan --hex')" "$("$quire" copy.qdb 'use scan' 'scan --hex')"
run 0 "$quire" copy.qdb 'export - scan --format tsv'
same 'export to the output' "$(cat scan.tsv)" "$out"

# --- what people have lying about
printf '\xef\xbb\xbfid;name\r\n1;"Ola ""the;man"""\r\n2;\r\n' >wild.csv
run 0 "$quire" wild.qdb 'import wild.csv' 'use wild' scan
same 'byte order mark, semicolons, CRLF' $'1\t"Ola ""the;man"""\n2\t' "$out"
printf '5|x\n6|y\n' >bare.dat
run 0 "$quire" wild.qdb 'import bare.dat --format csv --delimiter | --columns id,v' 'use bare' scan
same 'a file without a head' $'5\tx\n6\ty' "$out"
run 0 "$quire" wild.qdb 'import wild.csv into w2 key name, id' 'use w2' 'count'
same 'a list with a blank after the comma' 2 "$out"

# --- errors: one line with file and line, nothing imported
printf 'id,name\n1,a\n2,b\n1,c\n' >twice.csv
run 1 "$quire" e.qdb 'import twice.csv'
one_error 'a key twice' 'twice.csv:4: the key 1 .*--replace'
run 0 "$quire" e.qdb keyspaces
same 'nothing was imported' $'default\t0\t\t' "$out"
run 0 "$quire" e.qdb 'import twice.csv --replace' 'use twice' scan
same 'later rows win' $'1\tc\n2\tb' "$out"
run 1 "$quire" e.qdb 'import twice.csv into batched --batch 2'
one_error 'a key twice in batches' 'the first 2 rows are imported'
run 0 "$quire" e.qdb 'use batched' count
same 'what was committed stays' 2 "$out"
printf 'id,name\n1,a\n2\n' >short.csv
run 1 "$quire" e.qdb 'import short.csv'
one_error 'a short line' 'short.csv:3: 1 fields'
printf 'id,name\n1,"a\n2,b\n' >open.csv
run 1 "$quire" e.qdb 'import open.csv'
one_error 'an open quote' 'open.csv:2: .*never closed'
printf '{"a":1}\n{"a":\n' >bad.jsonl
run 1 "$quire" e.qdb 'import bad.jsonl'
one_error 'bad JSON' 'bad.jsonl:2: not JSON'
run 1 "$quire" e.qdb 'import short.csv into twice'
printf 'id,nam\n1,a\n' >other.csv
run 1 "$quire" e.qdb 'import other.csv into twice'
one_error 'other columns' 'the file lacks name, the keyspace lacks nam'
run 1 "$quire" e.qdb 'import twice.csv into new key nme'
one_error 'an unknown column' "no column 'nme'; did you mean name"
run 1 "$quire" e.qdb 'import twice.csv into twice key name'
one_error 'another key' 'its key is id, not name'
run 1 "$quire" e.qdb 'import none.csv'
one_error 'a missing file' "no file 'none.csv'"
mkdir directory.csv
run 1 "$quire" e.qdb 'import directory.csv'
one_error 'a directory' 'is a directory'
run 1 "$quire" e.qdb 'import e.qdb'
one_error 'the database itself' 'is the open database'
run 1 "$quire" e.qdb 'export e.qdb'
one_error 'over the database itself' 'is the open database'
run 0 "$quire" e.qdb verify
: >empty.csv
run 1 "$quire" e.qdb 'import empty.csv'
one_error 'an empty file' 'empty'
run 64 "$quire" e.qdb 'import twice.csv onto x'
run 64 "$quire" e.qdb 'import twice.csv --format xml'
run 1 "$quire" e.qdb 'export nowhere/x.csv twice'
[[ -z $(ls ./*.part 2>/dev/null) ]] || fail 'an export left a part of a file'

# --- inside a transaction
run 0 "$quire" e.qdb begin 'import twice.csv into inside --replace' rollback keyspaces
[[ $out != *inside* ]] || fail "rollback of an import: $out"
run 1 "$quire" e.qdb begin 'import twice.csv into inside'
[[ $err == *'holds 2 rows'* ]] || fail "an import that fails in a transaction: $err"

finish
