#!/usr/bin/env bash
# Pictures of trees and pages, dump, stats and bench as programs and people call them.
source "$(dirname "${BASH_SOURCE[0]}")/support/shell.bash"

{
  echo begin
  for i in $(seq -f %04g 1500); do echo "put key$i 'value $i ............................................................'"; done
  printf 'put "\\xff\\x00<&>" v\nput 東京 v\ncommit\n'
} | "$quire" a.qdb || fail 'filling'
run 0 "$quire" a.qdb 'create towns key country,id value name' 'use towns' begin 'put NO 1 Oslo' 'put NO 2 "Bergen & <co>"' 'put SE 1 Lund' commit
keys=1502

# --- tree: formats, ways to ask for them
run 0 "$quire" tree a.qdb
[[ $out == 'keyspace default: height 2, 1502 rows, '* ]] || fail "tree as text: ${out:0:200}"
same 'a line a page' "$(($(wc -l <<<"$out") - 1))" "$("$quire" stats a.qdb | awk -F'\t' '/^default\.(leaf|inner)_pages/ {n += $2} END {print n}')"
for format in dot svg json; do
  run 0 "$quire" tree a.qdb default --format $format
  cp .out one
  if [[ $format != json ]]; then
    run 0 "$quire" a.qdb tree default --$format
    cmp -s one .out || fail "FILE tree --$format is not tree FILE --format $format"
  fi
  run 0 "$quire" a.qdb "tree --format $format"
  cmp -s one .out || fail "the shell's tree --format $format is another one"
  run 0 "$quire" tree a.qdb -o tree.$format
  cmp -s one tree.$format || fail "-o tree.$format has another content"
done
run 0 "$quire" a.qdb tree towns -o towns.svg --keys 10
grep -q 'NO,1' towns.svg && grep -q 'SE,1' towns.svg || fail 'typed keys are not in the picture'
run 0 "$quire" a.qdb 'use towns' tree
[[ $out == *'NO,1 | NO,2 | SE,1'* ]] || fail "typed keys as text: $out"
run 0 "$quire" --json a.qdb tree
[[ $out == '{"keyspace":"default",'* ]] || fail "--json tree: ${out:0:100}"
run 0 "$quire" tree a.qdb --nodes 5
[[ $out == *'more pages ...'* ]] || fail 'a large tree is not summed up'
run 64 "$quire" tree a.qdb --format gif
one_error 'an unknown format' 'text, dot, svg, json and png'
run 64 "$quire" tree a.qdb --svg --dot
run 64 "$quire" stats a.qdb --svg
run 1 "$quire" tree a.qdb nowhere --svg
run 1 "$quire" tree a.qdb -o /nonexistent/x.svg
one_error 'a place that cannot be written' 'cannot be written'
[[ -z $(ls | grep part) ]] || fail 'a temporary file is left'

# --- page
run 0 "$quire" page a.qdb 3
for word in 'map, ' 'H header 128' 'slot 0'; do grep -qF "$word" .out || fail "page lacks '$word'"; done
run 0 "$quire" page a.qdb 3 -o page.svg
run 0 "$quire" page a.qdb 3 --format json
cp .out page.json
run 0 "$quire" a.qdb "put big $(head -c 100000 /dev/zero | tr '\0' b)"
run 0 "$quire" page a.qdb
data=$(awk -F'\t' '/overflow_data/ {print $1; exit}' .out)
index=$(awk -F'\t' '/overflow_index/ {print $1; exit}' .out)
run 0 "$quire" page a.qdb "$data"
grep -q 'bbbbbbbbbbbbbbbb$' .out || fail 'an overflow page without its bytes'
run 0 "$quire" page a.qdb "$index"
grep -q '^data pages: ' .out || fail 'an overflow index without its pages'
run 0 "$quire" page a.qdb "$index" -o index.svg
run 64 "$quire" page a.qdb 3 --dot

# --- png: by another program, found in PATH
here=$(command -v rsvg-convert || command -v dot || true)
if [[ -n $here ]]; then
  run 0 "$quire" tree a.qdb -o 'a tree.png'
  [[ $(head -c 4 'a tree.png' | tail -c 3) == PNG ]] || fail 'no PNG'
fi
mkdir empty
run 1 env PATH="$work/empty" "$quire" tree a.qdb -o none.png
one_error 'png without a program' 'librsvg2-bin.*graphviz.*--svg works without'
[[ ! -e none.png ]] || fail 'an empty picture'

# --- dump and stats
run 0 "$quire" dump a.qdb towns
same 'dump' 'keyspace towns' "${out%%$'\n'*}"
grep -q '^  NO,1 = Oslo$' .out || fail "dump: $out"
run 0 "$quire" stats a.qdb
for name in page_hits page_misses page_evictions page_writes free_bytes default.leaf_fill_histogram default.key_lengths.mean default.value_lengths.max \
  default.leaf_rows.min towns.rows; do
  grep -q "^$name"$'\t' .out || fail "stats lacks $name"
done
same 'the longest value' $'default.value_lengths.max\t100000' "$(grep '^default.value_lengths.max' .out)"

if command -v python3 >/dev/null; then
  run 0 "$quire" --json dump a.qdb
  cp .out dump.json
  run 0 "$quire" stats a.qdb --json
  cp .out stats.json
  python3 - "$keys" <<'PYTHON' || fail 'a picture is not well-formed or not complete'
import json, sys, xml.dom.minidom
for name in ("tree.svg", "towns.svg", "page.svg", "index.svg"):
    xml.dom.minidom.parse(name)
tree = json.load(open("tree.json"))
leaves = tree["levels"][-1]["nodes"]
assert sum(len(leaf["keys"]) for leaf in leaves) == int(sys.argv[1]) == tree["rows"]
assert [leaf["right"] for leaf in leaves] == [leaf["page"] for leaf in leaves[1:]] + [None]
assert tree["levels"][0]["nodes"][0]["children"] == [leaf["page"] for leaf in leaves]
assert sum(region["bytes"] for region in json.load(open("page.json"))["regions"]) == tree["page_size"]
dump = json.load(open("dump.json"))["keyspaces"]
assert {k["keyspace"]: len(k["entries"]) for k in dump} == {"default": int(sys.argv[1]) + 1, "towns": 3}
assert dump[1]["entries"][0] == {"country": "NO", "id": 1, "name": "Oslo"}
stats = json.load(open("stats.json"))
assert sum(stats["trees"][0]["leaf_fill_histogram"]) == stats["trees"][0]["leaf_pages"]
PYTHON
fi

# --- bench: in $TMPDIR or beside a file, cleaned up, also when it fails
mkdir scratch
run 0 env TMPDIR="$work/scratch" "$quire" bench --rows 1000
same 'bench measures all' 17 "$(wc -l <.out)"
grep -q 'sharingan-db$' .out || fail 'bench names no document'
same 'bench cleans up' '' "$(ls scratch)"
run 1 env TMPDIR="$work/nothere" "$quire" bench --rows 1000
mkdir a.qdb.bench
run 1 "$quire" bench a.qdb --rows 1000
one_error 'a bench directory that is there' 'already'
rmdir a.qdb.bench

finish
