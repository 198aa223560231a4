# Exhaustive checks of what makes a file recoverable: superblocks, notes, the flag `logged`, the log's files, the promises of commits.
#  L  lives of one file: begin a log, changes, commits through the log and through checkpoints mixed, rollback, checkpoints beside
#     them, clean close, power loss or kill in every state, recovery step by step with checkpoints in between (a full disk), the
#     crash inside it, opening for reading only. One writer, as the engine has; M1 (checkpoint_model.py) has several.
# In every state of L, for every disk that a power loss, a kill, or one rotten superblock can leave:
#     the file opens                          (a rotten superblock may also be refused)
#     what was acknowledged is there          (sync: after any crash; process: after a kill)
#     nothing is there that was not committed, and what is there is a prefix of the commits
#     the counts of rows are right
#     what a recovery has found once is what every later one finds, so recovery can be repeated
#     without its log the file is refused if the log holds anything, and opens when it was closed or recovered
# Bounds: 2 rows, see the end for the numbers of transactions, checkpoints and crashes; a transaction changes one row or both.
# A file that is at rest - closed, or recovered - is given one name for all that has the same future, so each life is explored once.
# Not here: pages and blocks (M2 of checkpoint_model.py), chunks and savepoints (M1), segments (one record is one), archives but for the
# place where a log ended.
# What the rules do not promise (GAPS) must FAIL too; if it does not, it has become a promise, and is to be said so.
# Every rule can be switched off and must then FAIL; otherwise the checker proves nothing.
import itertools, operator, sys
from collections import namedtuple, deque
sys.dont_write_bytecode = True
from report import finish, report

SB = namedtuple('SB', 'gen inc clean logged lsn mem und xid head cnt')  # und: in undo pages; xid, head, cnt: in the notes
Log = namedtuple('Log', 'inc base recs written synced')  # records from LSN base on; written, synced: LSNs
RULES = (
    'a commit of class sync is acknowledged when the log is durable',
    'a commit of class process is acknowledged when the log is written',
    'a commit through a checkpoint is acknowledged when that is published',
    'the notes are those of the flip',
    'the notes are durable before the superblock is written',
    'a change of the notes alone is published',
    'the log is durable up to the flip before the superblock is written',
    'the log is released after the publish',
    'CKPT is durable before blocks are used again',
    'a new log begins with its file',
    'a new log is published before its first record',
    'a new log has a new incarnation',
    'checkpoints say that there is a log',
    'the log is published as needed until it is applied',
    'a checkpoint of recovery keeps the LSN',
    'counts of the log are added when all of it is applied',
    'recovery takes back what is not committed',
    'recovery undoes before it redoes',
    'recovery publishes before it removes the log',
    'closing publishes before it removes the log',
    'the LSN stays where the log ended',
    'the superblock says that no log follows',
    'opening for reading only publishes nothing',
    'opening for reading only removes no file',
)
GAPS = {
    'rest': 'a rotten superblock is noticed at rest although the one before names no log',
    'begin': 'a rotten superblock is noticed before RESTART is durable',
    'recovery': 'a rotten superblock is noticed after a checkpoint in the middle of recovery',
    'read only': 'what an opening for reading shows after a kill survives a power loss',
}
FIELDS = ('slots wr soft broken logs dead '               # the disk: superblocks, the one written but not synced, log files
          'hist acks ackp seen fin blind '               # the truth: what was committed, promised, found; where the log ended
          'ph mem und xid ops dirty cnt gen inc end run need tidy redo ck '  # the process
          'txs cks mids crashes').split()              # what may still happen


PART = {'down': 'open', 'undo': 'recovery', 'redo': 'recovery', 'fin': 'recovery', 'rm': 'recovery', 'sync directory': 'recovery',
        'segment': 'begin_log', 'begin': 'begin_log', 'run': 'work',
        'closing': 'close', 'shrink': 'close', 'remove': 'close', 'removed': 'close'}


class World:
    __slots__ = FIELDS

    def copy(s):
        n = World()
        for f, x in zip(FIELDS, VALUES(s)): setattr(n, f, x)
        return n

    def key(s): return VALUES(s)


VALUES = operator.attrgetter(*FIELDS)


def rows(mem): return sum(v != 0 for v in mem)
def newest(slots): return max((s for s in slots if s), key=lambda s: s.gen)
def log_of(logs, inc): return next((l for l in logs if l.inc == inc), None)
def tail_of(log): return log.base + len(log.recs)
def cut(log, at): return log._replace(recs=log.recs[:at - log.base], written=min(log.written, at), synced=min(log.synced, at))


def found(sb, logs):
    """What recovery reads of the log: the records behind the checkpoint, or why the file is refused."""
    if any(l.inc > sb.inc and l.recs for l in logs): return 'refused: an older database file beside a newer log'
    log = log_of(logs, sb.inc)
    if not sb.logged: return ()
    if not log or log.base > sb.lsn: return 'refused: the log is needed'
    tail = log.recs[max(0, sb.lsn - log.base):]
    if any(r[0] == 'K' and r[1] > sb.gen for r in tail): return 'refused: the log tells of a later checkpoint'
    return tail


def recovered(sb, logs, broken):
    """The whole of recovery at once: (rows, count) or why not."""
    tail = found(sb, logs)
    if isinstance(tail, str): return tail
    if sb.gen in broken: return f'its blocks are overwritten: checkpoint {sb.gen}'
    mem, cnt = list(sb.mem), sb.cnt
    if not sb.clean:
        commits = [r for r in tail if r[0] == 'M']
        if sb.xid and all(r[1] != sb.xid for r in commits):
            for k, before in reversed(sb.und[:sb.head]): mem[k] = before
        for _, _, ops, d in commits:
            for k, v in ops: mem[k] = v
            cnt += d
    return tuple(mem), cnt


class Lives:
    def __init__(self, off=(), txs=2, cks=1, mids=1, crashes=2, gap=None, limit=2_000_000):
        self.off, self.gap, self.limit = off, gap, limit
        w = World()
        first = SB(1, 1, True, False, 0, (1, 0), (), 0, 0, 1)
        w.slots, w.wr, w.soft, w.broken, w.logs, w.dead = (None, first), None, False, frozenset(), (), ()
        w.hist, w.acks, w.ackp, w.seen, w.fin, w.blind = ((1, 0),), 0, 0, 0, 0, 'rest'
        w.txs, w.cks, w.mids, w.crashes = txs, cks, mids, crashes
        self.down(w)
        self.first, self.checked = w, set()

    def on(self, rule):
        assert rule in RULES, rule
        return rule not in self.off

    def down(self, w):
        w.ph, w.mem, w.und, w.xid, w.ops, w.dirty, w.cnt, w.gen, w.inc, w.end = 'down', (), (), 0, (), False, 0, 0, 0, 0
        w.run, w.need, w.tidy, w.redo, w.ck = False, False, False, (), None

    # ---- what a crash can leave
    def disks(self, w, kill):
        """(slots, logs) after a power loss, or after a kill, where everything that was written is there."""
        settled = w.slots
        if w.wr: settled = (w.wr, w.slots[1]) if w.wr.gen % 2 == 0 else (w.slots[0], w.wr)
        if kill:
            return [(settled, tuple(cut(l, l.written)._replace(synced=l.written) for l in w.logs))]
        cuts = [[cut(l, at)._replace(written=at, synced=at) for at in range(l.synced, tail_of(l) + 1)] for l in w.logs]
        return [(slots, logs + dead) for slots in {w.slots, settled} for logs in itertools.product(*cuts)
                for dead in {(), w.dead}]

    def check(self, w):
        key = (w.slots, w.wr, w.soft, w.broken, w.logs, w.dead, w.hist, w.acks, w.ackp, w.seen, w.blind, w.ph == 'run' and not w.run and not w.ck)
        if key in self.checked: return None
        self.checked.add(key)
        for kill in (False, True):
            for slots, logs in self.disks(w, kill):
                sb = newest(slots)
                if not kill and w.soft and sb is w.wr: return 'power loss: the superblock refers to notes that are not durable'
                bad = self.outcome(w, sb, logs, max(w.seen, w.ackp if kill else w.acks))
                if bad: return f"{'kill' if kill else 'power loss'}: {bad}"
                bare, full = recovered(sb, (), w.broken), recovered(sb, logs, w.broken)
                if isinstance(bare, str) and not sb.logged: return 'a log is demanded that nobody needs'
                if not isinstance(bare, str) and bare != full: return f'without its log the file opens with {bare}, with it {full}'
        if w.ph == 'run' and not w.run and not w.ck and newest(w.slots).logged: return 'a log is demanded of a file that was closed or recovered'
        if (not w.blind or w.blind == self.gap) and all(w.slots) and not w.wr:
            old = min(w.slots, key=lambda s: s.gen)
            for _, logs in self.disks(w, False):
                if not isinstance(found(old, logs), str):
                    bad = self.outcome(w, old, logs, w.acks)
                    if bad: return 'a rotten superblock: ' + bad

    def outcome(self, w, sb, logs, promised):
        got = recovered(sb, logs, w.broken)
        if isinstance(got, str): return got
        mem, cnt = got
        if mem not in w.hist: return f'{mem} was never committed, of {w.hist}'
        if w.hist.index(mem) < promised: return f'{mem} is without what was acknowledged: {w.hist[promised:]}'
        if cnt != rows(mem): return f'{cnt} rows are counted in {mem}'

    # ---- checkpoints
    def flip(self, w, committing=False, then=None):
        """Begins one; what it does when nothing has changed is nothing."""
        pub = newest(w.slots)
        running = w.run and w.ph not in ('closing', 'shrink')
        logged = (w.need or running) and (self.on('checkpoints say that there is a log') or w.ph != 'run')
        if w.ph in ('fin', 'closing') and not self.on('the superblock says that no log follows'): logged = True
        log = log_of(w.logs, w.inc)
        lsn = tail_of(log) if running and log else 0 if w.need else w.end
        if w.need and not self.on('a checkpoint of recovery keeps the LSN'): lsn = w.end
        if w.ph == 'shrink' and not self.on('the LSN stays where the log ended') and log: lsn = tail_of(log)
        xid = 0 if committing or not w.und and w.ph == 'run' else w.xid
        clean = not committing and not w.und and not logged and w.tidy
        sb = SB(w.gen + 1, w.inc, clean, logged, max(pub.lsn, lsn), w.mem, w.und, xid, len(w.und) if xid else 0, w.cnt)
        same = (sb.clean, sb.logged, sb.inc) == (pub.clean, pub.logged, pub.inc) and not w.dirty
        if same and ((sb.xid, sb.head, sb.cnt) == (pub.xid, pub.head, pub.cnt) or not self.on('a change of the notes alone is published')):
            return self.published(w, committing, then)
        w.gen, w.dirty, w.ck = sb.gen, False, ('sync', sb, committing, then)
        w.soft = not self.on('the notes are durable before the superblock is written')

    def checkpoint_step(self, w):
        at, sb, committing, then = w.ck
        log = log_of(w.logs, w.inc) if w.run and then != 'begin' else None
        if at == 'sync':
            if not self.on('the notes are those of the flip'):
                sb = sb._replace(xid=w.xid if w.und and not committing else 0, head=len(w.und), cnt=w.cnt)
            if log and self.on('the log is durable up to the flip before the superblock is written'): self.sync_log(w, sb.lsn)
            if log and not self.on('the log is released after the publish'): self.release(w, sb.lsn)
            w.ck = ('write', sb, committing, then)
        elif at == 'write':
            if log and log.synced < sb.lsn: return f'the log has a hole: checkpoint at LSN {sb.lsn}, durable up to {log.synced}'
            w.wr = sb
            if committing and not self.on('a commit through a checkpoint is acknowledged when that is published'): self.acknowledge(w)
            w.ck = ('publish', sb, committing, then)
        elif at == 'publish':
            old = newest(w.slots)
            w.slots = (sb, w.slots[1]) if sb.gen % 2 == 0 else (w.slots[0], sb)
            w.wr, w.soft = None, False
            w.broken = frozenset(g for g in w.broken if any(s and s.gen == g for s in w.slots))
            if not log: w.blind = 'rest' if not old.logged and then != 'begin' else then != 'rm' and (then or 'recovery')
            if not log and then != 'rm' or not self.on('CKPT is durable before blocks are used again'): w.broken |= {old.gen}
            w.ck = ('tell', sb, committing, then)
        else:
            if log:
                old = min(w.slots, key=lambda s: s.gen)
                self.append(w, ('K', sb.gen))
                self.sync_log(w, tail_of(log_of(w.logs, w.inc)))
                w.blind = False if old.logged else 'rest'
                if sb.logged: self.release(w, sb.lsn)
                w.broken |= {old.gen}
            w.ck = None
            self.published(w, committing, then)

    def published(self, w, committing, then):
        if committing:
            w.und, w.ops, w.xid = (), (), 0
            self.acknowledge(w)
        if then: w.ph = then

    def acknowledge(self, w): w.acks = w.ackp = len(w.hist) - 1

    # ---- the log
    def change_log(self, w, log): w.logs = tuple(log if l.inc == log.inc else l for l in w.logs)

    def append(self, w, record):
        log = log_of(w.logs, w.inc)
        self.change_log(w, log._replace(recs=log.recs + (record,)))

    def release(self, w, lsn):
        log = log_of(w.logs, w.inc)
        if lsn > log.base: self.change_log(w, log._replace(base=lsn, recs=log.recs[lsn - log.base:]))

    def write_log(self, w):
        log = log_of(w.logs, w.inc)
        self.change_log(w, log._replace(written=tail_of(log)))
        w.ackp = max(w.ackp, w.acks, self.commits_up_to(w, tail_of(log)))

    def sync_log(self, w, lsn):
        """Everything that was appended goes along."""
        log = log_of(w.logs, w.inc)
        if log.synced >= lsn: return
        self.write_log(w)
        log = log_of(w.logs, w.inc)
        self.change_log(w, log._replace(synced=tail_of(log)))
        if log.recs: w.blind = False  # RESTART is durable: an older superblock is refused
        w.acks = max(w.acks, self.commits_up_to(w, tail_of(log)))

    def commits_up_to(self, w, lsn):
        """How many commits are safe when the log is so up to there: those in flight through a checkpoint are not."""
        return len(w.hist) - 1 - bool(w.ck and w.ck[2])

    # ---- what can happen next
    def steps(self, w):
        """Pairs of a name and the world after it, or an error."""
        if w.ck:
            n = w.copy()
            bad = self.checkpoint_step(n)
            yield w.ck[0], bad or n
        if not w.ck or w.ph == 'run': yield from getattr(self, PART[w.ph])(w)
        if w.ph != 'down' and w.crashes:
            for kill in (False, True):
                for slots, logs in self.disks(w, kill):
                    n = w.copy()
                    self.down(n)
                    n.crashes -= 1
                    if not kill or self.gap != 'read only': n.slots, n.logs, n.wr, n.soft, n.dead = slots, logs, None, False, ()
                    if not kill: n.ackp = n.acks  # `process` promises no more
                    yield 'kill' if kill else 'power loss', n

    def open(self, w):
        slots, logs = self.disks(w, True)[0]
        sb = newest(slots)
        n = w.copy()  # for reading only: everything happens in an overlay
        if self.gap == 'read only': n.seen = w.hist.index(recovered(sb, logs, w.broken)[0])
        if not sb.clean and not self.on('opening for reading only publishes nothing'):
            n.slots = tuple(s and s._replace(clean=True, logged=False) if s is sb else s for s in w.slots)
        if not sb.clean and not self.on('opening for reading only removes no file'): n.logs = ()
        yield 'read only', n
        n = w.copy()
        n.slots, n.logs, n.wr = slots, logs, None  # settled: what was read is durable before it is trusted (RC-1)
        tail = found(sb, logs)
        n.ph, n.mem, n.xid, n.und, n.cnt, n.gen, n.inc = 'undo', sb.mem, sb.xid, sb.und[:sb.head], sb.cnt, sb.gen, sb.inc
        n.hist = w.hist[:w.hist.index(recovered(sb, logs, w.broken)[0]) + 1]  # from here on every recovery finds this
        n.seen = len(n.hist) - 1
        n.end, n.tidy, n.need = sb.lsn, sb.clean, sb.logged
        if sb.logged: n.end = n.fin = tail_of(log_of(logs, sb.inc))
        n.redo = tuple(r for r in tail if r[0] == 'M')
        if any(r[1] == n.xid for r in n.redo) or not self.on('recovery takes back what is not committed'): n.und = ()
        if not self.on('the log is published as needed until it is applied'): n.need = False
        if not self.on('recovery undoes before it redoes'): n.ph = 'redo'
        if sb.clean: n.ph = 'rm'
        yield 'open', n

    def recovery(self, w):
        if w.ph in ('undo', 'redo') and w.mids:
            n = w.copy()
            n.mids -= 1
            self.flip(n)
            yield 'publish in between', n
        n = w.copy()
        undo_first, at_once = self.on('recovery undoes before it redoes'), not self.on('counts of the log are added when all of it is applied')
        if w.ph == 'undo' and n.und:
            k, before = n.und[-1]
            n.mem, n.und, n.dirty = n.mem[:k] + (before,) + n.mem[k + 1:], n.und[:-1], True
        elif w.ph == 'undo': n.ph = 'redo' if undo_first else 'fin'
        elif w.ph == 'redo' and n.redo:
            mem = list(n.mem)
            for k, v in n.redo[0][2]: mem[k] = v
            if n.mem != tuple(mem): n.mem, n.dirty = tuple(mem), True
            if at_once: n.cnt += n.redo[0][3]
            n.redo = n.redo[1:]
        elif w.ph == 'redo':
            if not at_once: n.cnt += sum(r[3] for r in found(newest(n.slots), n.logs) if r[0] == 'M')
            n.need, n.ph = False, 'fin' if undo_first else 'undo'
        elif w.ph == 'fin':
            n.xid, n.tidy, n.inc = 0, True, n.inc + 1
            if not self.on('recovery publishes before it removes the log'): n.logs = ()
            self.flip(n, then='rm')
        elif w.ph == 'rm': n.dead, n.logs, n.ph = n.logs, (), 'sync directory'
        else:
            n.dead, n.ph = (), 'run'
            self.acknowledge(n)
            self.rename(n)
        yield w.ph, n

    def rename(self, w):
        """A file that is at rest: what it has behind it does not matter, so equal futures get equal names."""
        pub = newest(w.slots)
        logged = all(w.slots) and min(w.slots, key=lambda s: s.gen).logged
        w.mem = tuple(v and k + 1 for k, v in enumerate(w.mem))
        w.slots = (pub._replace(gen=2, inc=2, lsn=0, mem=w.mem), SB(1, 2, False, logged, 0, (), (), 0, 0, 0))
        w.gen, w.inc, w.end, w.fin = 2, 2, w.end - pub.lsn, w.fin - pub.lsn
        w.broken, w.blind = frozenset((1,)), False if logged else 'rest'
        w.hist, w.acks, w.ackp, w.seen, w.redo = (w.mem,), 0, 0, 0, ()

    def begin_log(self, w):
        n = w.copy()
        first, pub = ('S', w.end), newest(w.slots)
        if w.ph == 'segment':  # the file is there, empty and durable
            if pub.lsn != w.fin: return (yield 'begin', f'the log begins after LSN {pub.lsn}, but the one before ended at {w.fin}')
            if self.on('a new log has a new incarnation'): n.inc += 1
            if self.on('a new log begins with its file'): self.make_log(n)
            if not self.on('a new log is published before its first record'):
                self.append(n, first)
                self.sync_log(n, tail_of(log_of(n.logs, n.inc)))
            n.run, n.tidy = True, False
            self.flip(n, then='begin')
        else:
            if not log_of(n.logs, n.inc): self.make_log(n)
            self.append(n, first)
            n.ph = 'run'
        yield w.ph, n

    def make_log(self, w):
        base = max([w.end] + [tail_of(l) for l in w.logs]) + 1
        w.logs += (Log(w.inc, base, (), base, base),)

    def work(self, w):
        committing = w.ck and w.ck[2]
        if committing: return  # it keeps the writer's place
        if not w.xid and w.txs:
            if not w.run and not w.ck:
                n = w.copy()
                n.ph = 'segment'
                yield 'begin log', n
            n = w.copy()
            n.txs -= 1
            n.xid, n.tidy = len(w.hist) * 10 + w.txs, False
            self.change(n, w.txs % 2, n.xid)
            yield 'change', n
        if w.xid:
            n = w.copy()
            if len(w.ops) == 1:
                k = 1 - w.ops[0][0]
                self.change(n, k, 0 if w.mem[k] else n.xid)
                yield 'change', n
            n = w.copy()  # rollback, one step at a time
            k, before = n.und[-1]
            n.mem, n.und, n.dirty, n.ops = n.mem[:k] + (before,) + n.mem[k + 1:], n.und[:-1], True, w.ops + ('x',)
            if not n.und: n.xid, n.ops = 0, ()
            yield 'rollback', n
            if 'x' not in w.ops: yield from self.commit(w)
        if w.run and log_of(w.logs, w.inc).written < tail_of(log_of(w.logs, w.inc)):
            n = w.copy()
            self.write_log(n)
            yield 'write log', n
        if w.run and log_of(w.logs, w.inc).synced < tail_of(log_of(w.logs, w.inc)):
            n = w.copy()
            self.sync_log(n, tail_of(log_of(n.logs, n.inc)))
            yield 'sync log', n
        if not w.ck and w.cks:
            n = w.copy()
            n.cks -= 1
            self.flip(n)
            yield 'flip', n
        if not w.ck and not w.xid and w.crashes:
            n = w.copy()
            n.ph, n.tidy = 'closing', True
            if n.run: n.end = n.fin = tail_of(log_of(n.logs, n.inc))
            yield 'close', n

    def change(self, w, k, v):
        w.und += ((k, w.mem[k]),)
        w.ops += ((k, v),)
        w.mem, w.dirty = w.mem[:k] + (v,) + w.mem[k + 1:], True

    def commit(self, w):
        n = w.copy()
        before = list(w.mem)
        for k, v in reversed(w.und): before[k] = v
        n.hist, n.cnt = w.hist + (w.mem,), w.cnt + rows(w.mem) - rows(before)
        if not w.ck:
            k = n.copy()
            self.flip(k, committing=True)
            yield 'commit through a checkpoint', k
        if not w.run: return
        self.append(n, ('M', w.xid, w.ops, n.cnt - w.cnt))
        n.und, n.ops, n.xid = (), (), 0
        if not self.on('a commit of class sync is acknowledged when the log is durable'): self.acknowledge(n)
        if not self.on('a commit of class process is acknowledged when the log is written'): n.ackp = len(n.hist) - 1
        yield 'commit through the log', n

    def close(self, w):
        n = w.copy()
        if w.ph == 'closing':
            if not self.on('closing publishes before it removes the log'): n.logs = ()
            self.flip(n, then='shrink')
        elif w.ph == 'shrink':  # the pages at the end have moved, or not
            m = w.copy()
            m.dirty = True
            self.flip(m, then='remove')
            yield 'shrink', m
            n.ph = 'remove'
        elif w.ph == 'remove': n.dead, n.logs, n.ph = n.logs, (), 'removed'
        else:
            n.dead = ()
            self.down(n)
            n.crashes -= 1
        yield w.ph, n

    def run(self):
        """(states, error, schedule); breadth first, so the schedule is a shortest one."""
        seen = {self.first.key(): None}
        queue = deque([self.first])
        while queue:
            w = queue.popleft()
            bad = self.check(w)
            if bad: return len(seen), bad, self.schedule(seen, w.key())
            if len(seen) > self.limit: return len(seen), 'LIMIT', ()
            for name, n in self.steps(w):
                if isinstance(n, str): return len(seen), n, self.schedule(seen, w.key()) + (name,)
                key = n.key()
                if key not in seen:
                    seen[key] = (w.key(), name)
                    queue.append(n)
        return len(seen), None, ()

    def schedule(self, seen, key):
        names = ()
        while seen[key]: key, names = seen[key][0], (seen[key][1],) + names
        return names


if __name__ == '__main__':
    report('L all rules, 2 transactions, 1 checkpoint, 1 in recovery, 2 crashes or closes', Lives().run(), True)
    report('L all rules, 1 transaction, 2 checkpoints, 2 in recovery, 3 crashes or closes', Lives(txs=1, cks=2, mids=2, crashes=3).run(), True)
    for rule in RULES:
        report('L without: ' + rule, Lives((rule,), txs=1 + (rule == 'recovery undoes before it redoes'), crashes=1).run(), False)
    for gap, what in GAPS.items(): report('L not promised: ' + what, Lives(txs=1, crashes=1 + (gap == 'recovery'), gap=gap).run(), False)
    finish()
