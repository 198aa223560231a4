#!/usr/bin/env bash
# The shell as a person meets it: a terminal with prompt, history, completion, Ctrl-C, Ctrl-D, tables.
source "$(dirname "${BASH_SOURCE[0]}")/support/shell.bash"
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }

run 0 "$quire" demo.qdb 'create cities key country,id value name' 'use cities' 'put NO 1 Oslo' 'put NO 2 Lòria'
seq 200000 | sed 's/.*/&\tvalue/' >many.tsv

cat >drive.py <<'PYTHON'
import os, pty, re, select, sys, time

pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(TERM="xterm", COLUMNS="100", LC_ALL="C.UTF-8")
    os.execv(sys.argv[1], [sys.argv[1], "demo.qdb"])

seen = ""

def expect(pattern, what, seconds=20):
    """Reads until the pattern appears in what was not matched yet."""
    global seen
    end = time.monotonic() + seconds
    while True:
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r|\x07|.\x08", "", seen)
        match = re.search(pattern, plain)
        if match:
            seen = plain[match.end():]
            return match
        if time.monotonic() > end:
            sys.exit(f"FAILED: {what}: waited for {pattern!r}, saw {plain[-600:]!r}")
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                seen += os.read(terminal, 65536).decode("utf-8", "replace")
            except OSError:
                time.sleep(0.1)

def send(text):
    os.write(terminal, text.encode())

expect(r"Quire [0-9.]+, demo\.qdb, keyspace default\. Type help.*\n", "welcome")
expect(r"demo\.qdb> ", "prompt")
send("put a 'hello world'\n"); expect(r"ok\n", "put"); expect(r"demo\.qdb> ", "prompt")
send("get a\n"); expect(r"\nhello world\n", "get"); expect(r"> ", "prompt")
send("use ci\t"); expect(r"use cities ", "completion of a keyspace")
send("\n"); expect(r"demo\.qdb:cities> ", "prompt with keyspace")
send("scan\n"); expect(r"country +id +name\s*\n-+ +-+ +-+\s*\nNO +1 +Oslo\nNO +2 +Lòria\n\(2 rows\)\n", "table"); expect(r"> ", "prompt")
send("get NO 2\n"); expect(r"name +Lòria\n", "fields"); expect(r"> ", "prompt")
send("begin\n"); expect(r"demo\.qdb:cities\*> ", "prompt with transaction")
for _ in range(50):
    send("put NO 3 Bærum"); send("\x03"); expect(r"\^C", "Ctrl-C"); expect(r"cities\*> ", "prompt after Ctrl-C")
send("count\n"); expect(r"\n2\n", "the dropped line did nothing"); expect(r"> ", "prompt")
send("rollback\n"); expect(r"demo\.qdb:cities> ", "rollback")
send("\x1b[A\x1b[A\n"); expect(r"\n2\n", "history"); expect(r"> ", "prompt")
send("cout\n"); expect(r"error: unknown command 'cout'; did you mean count\?", "suggestion"); expect(r"> ", "prompt")
send("imp\tmany.t\t"); expect(r"import many\.tsv", "completion of a file")
send("\n"); expect(r"200 000 rows into many \(plain keys and values\) in ", "import", 150); expect(r"> ", "prompt")
send("use many\n"); expect(r"many> ", "use"); send("scan\n"); expect(r"\(|\n1 ", "scan begins")
send("\x03"); expect(r"(error: stopped|\(200 000 rows\))", "Ctrl-C stops a scan"); expect(r"many> ", "prompt")
send("use default\n"); expect(r"demo\.qdb> ", "use"); send("begin\n"); expect(r"demo\.qdb\*> ", "begin")
send("put a 1\n"); expect(r"ok\n", "put in a transaction"); send("session b\n"); expect(r"b demo\.qdb> ", "a second session")
send("put a 2\n"); expect(r"b: put a 2 waits for transaction \d+ \(session a\)\n", "a wait"); expect(r"b demo\.qdb> ", "prompt during a wait")
send("get a\n"); expect(r"error: session b waits: put a 2 waits for transaction \d+ \(session a\); session a goes there", "refusal"); expect(r"> ", "prompt")
send("locks\n"); expect(r"waits for \d+ \(a\)", "locks during a wait"); expect(r"> ", "prompt")
send("sess\t a\t\n"); expect(r"a demo\.qdb\*> ", "back, by completion")
send("commit\n"); expect(r"ok\nb: put a 2\nok\n", "the result of what had to wait"); expect(r"a demo\.qdb> ", "prompt")
send("get a\n"); expect(r"\n2\n", "what the second session put"); expect(r"> ", "prompt")
send("help scan\n"); expect(r"usage: scan", "help"); expect(r"> ", "prompt")
send("\x04")
for _ in range(200):
    ended, status = os.waitpid(pid, os.WNOHANG)
    if ended:
        sys.exit(os.waitstatus_to_exitcode(status))
    time.sleep(0.1)
os.kill(pid, 9)
sys.exit("FAILED: Ctrl-D does not end the shell")
PYTHON
timeout 240 python3 drive.py "$quire" || fail "the session ended with $?"
same 'the history is private' 600 "$(stat -c %a .quire_history)"
grep -q 'scan' .quire_history || fail 'the history lacks a line'
run 0 "$quire" demo.qdb 'count' verify
same 'what was put at the terminal' $'1\nok' "$out"

finish
