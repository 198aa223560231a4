# Exhaustive checks of scenes of a few steps, each by its own small model: every interleaving, or every combination.
#  M3 log tail after recovery.  M4 what a View shows and what a commit of class sync, process or lazy promises.  M5 LSM flush.
#  M6 undo read by a reader beside a rollback.  M7 a snapshot that is cancelled.  M8 order of gate and latches.
# Every rule can be switched off and must then FAIL; otherwise the checker proves nothing.
import itertools, sys
sys.dont_write_bytecode = True
from report import finish, report
def explore(init,threads,check):
    seen=set(); stack=[(init,(0,)*len(threads),())]
    while stack:
        st,pc,tr=stack.pop(); key=(tuple(sorted(st.items(),key=lambda x:x[0])),pc)
        if key in seen: continue
        seen.add(key); e=check(st,pc)
        if e: return len(seen),e,tr
        moved=False
        for i,t in enumerate(threads):
            if pc[i]<len(t):
                s2=dict(st); nx=t[pc[i]](s2)
                if nx=='block': continue
                moved=True; p=list(pc); p[i]=pc[i]+1 if nx is None else nx; stack.append((s2,tuple(p),tr+((i,pc[i]),)))
        if not moved and any(pc[i]<len(t) for i,t in enumerate(threads)): return len(seen),'deadlock',tr
    return len(seen),None,()
def m3(incarnation):
    n = 0
    for k1 in (1, 2, 3):  # life 1 appends k1 unsynced records; each may survive alone
        for mask in range(1 << k1):
            disk = {i: (i, 1, 'old%d' % i) for i in range(k1) if mask >> i & 1}
            end = 0
            while end in disk: end += 1
            for k2 in (1, 2):
                d2 = dict(disk)
                for i in range(k2): d2[end + i] = (end + i, 2, 'new')
                n += 1
                got, p = [], end
                while p in d2 and d2[p][0] == p and (not incarnation or d2[p][1] == 2):
                    got.append(d2[p][2])
                    p += 1
                if got != ['new'] * k2: return n, f'log after recovery reads {got}', (f'life 1 of {k1} records', f'mask {mask}', f'life 2 of {k2}')
    return n, None, ()


def m4(rule):
    """Commits 1..4 of classes sync, process, lazy, written and durable up to some; what a View may show, and what is acknowledged."""
    n = 0
    for cls in itertools.product('spl', repeat=4):
        for last in range(5):
            for written in range(last + 1):
                for durable in range(written + 1):
                    n += 1
                    waiting = [i for i in range(durable + 1, last + 1) if cls[i - 1] == 's']
                    view = {'last': last, 'perclass': max([durable] + [i for i in range(1, last + 1) if cls[i - 1] != 's'])}.get(rule, waiting[0] - 1 if waiting else last)
                    acked = [i for i in range(1, last + 1) if cls[i - 1] == 's' and i <= (written if rule == 'acked when written' else durable)
                             or cls[i - 1] == 'p' and i <= (last if rule == 'acked when appended' else written)]
                    where = f'classes {cls}, last {last}, written {written}, durable {durable}: '
                    if any(cls[i - 1] == 's' and i > durable for i in range(1, view + 1)): return n, where + f'View sees sync commit {waiting[0]} that a crash loses', ()
                    if any(cls[i - 1] == 's' and i > durable for i in acked): return n, where + 'an acknowledged sync commit is lost', ()
                    if any(i > written for i in acked): return n, where + 'an acknowledged process commit is lost by a kill', ()
    return n, None, ()


def m5(reader_buffer_first=True, publish_first=True, recheck=True):
    s=dict(buf=1,run=0,lst=0,copy=None,rb=None,rl=None,w=False,seen=None)   # value of key k: buffer row 1; update makes 2
    F=[lambda s:s.__setitem__('copy',s['buf']), lambda s:s.__setitem__('run',s['copy'])]
    def rm(s):
        if not recheck or s['buf']==s['copy']: s['buf']=None
    pub=lambda s:s.__setitem__('lst',1)
    F+= [pub,rm] if publish_first else [rm,pub]
    W=[lambda s:(s.__setitem__('buf',2),s.__setitem__('w',True),None)[2]]
    gb=lambda s:s.__setitem__('rb',s['buf']); gl=lambda s:s.__setitem__('rl',s['lst'])
    R=[gb,gl] if reader_buffer_first else [gl,gb]
    R=R+[lambda s:s.__setitem__('seen',s['rb'] if s['rb'] is not None else (s['run'] if s['rl'] else -1))]
    def chk(s,pc):
        if s['seen']==-1: return 'reader finds neither the row nor its run'
        if s['w'] and pc[0]==len(F) and s['buf'] is None and s['run']!=2: return 'flush dropped a newer row'
    return explore(s,[F,W,R],chk)
def m6(revalidate):
    # reader copies (row -> undo u1), rollback restores the leaf, frees u1, another transaction reuses it
    s=dict(leaf=1,ver=0,undo='before',h=None,v=None,got=None)
    def cp(s): s['h']=s['leaf']; s['v']=s['ver']
    def fo(s):
        if s['h']==1: s['tmp']=s['undo']
        else: s['tmp']='before'
    def va(s):
        if revalidate and s['ver']!=s['v']: return 0
        s['got']=s['tmp']
    s['tmp']=None
    RB=[lambda s:(s.__setitem__('leaf',0),s.__setitem__('ver',1),None)[2],lambda s:s.__setitem__('undo','garbage')]
    return explore(s,[[cp,fo,va],RB],lambda s,pc:'reader used a recycled undo record' if s['got']=='garbage' else None)
def m7(check_after):
    s=dict(flag=0,undo='v',tmp=None,ok=None,f=None)
    rd=lambda s:s.__setitem__('tmp',s['undo']); ck=lambda s:s.__setitem__('f',s['flag'])
    fin=lambda s:s.__setitem__('ok',s['tmp'] if not s['f'] else 'too_old')
    P=[lambda s:s.__setitem__('flag',1),lambda s:s.__setitem__('undo','garbage')]
    return explore(s,[[rd,ck,fin] if check_after else [ck,rd,fin],P],lambda s,pc:'cancelled snapshot returned recycled undo' if s['ok']=='garbage' else None)
def m8(gate_first):
    s=dict(inn=0,pend=0,l=None)
    def ent(s):
        if s['pend']: return 'block'
        s['inn']+=1
    def lv(s): s['inn']-=1
    def lock(w):
        def f(s):
            if s['l'] is not None: return 'block'
            s['l']=w
        return f
    def un(s): s['l']=None
    A=[ent,lock('a'),un,lv] if gate_first else [lock('a'),ent,lv,un]
    B=[ent,lock('b'),un,lv]
    def wait(s):
        if s['inn']: return 'block'
    return explore(s,[A,B,[lambda s:s.__setitem__('pend',1),wait,lambda s:s.__setitem__('pend',0)]],lambda s,pc:None)
if __name__ == '__main__':
    report('M3 records carry the incarnation', m3(True), True)
    report('M3 without: incarnation', m3(False), False)
    report('M4 View at the prefix below the first undurable sync commit; acknowledged as promised', m4('visible'), True)
    report('M4 View at last_commit', m4('last'), False)
    report('M4 View at the newest commit that is not of class sync', m4('perclass'), False)
    report('M4 sync acknowledged when written', m4('acked when written'), False)
    report('M4 process acknowledged when appended', m4('acked when appended'), False)
    report('M5 LSM: publish run, then remove unchanged rows; reader buffer first', m5(), True)
    report('M5 reader takes the run list first', m5(reader_buffer_first=False), False)
    report('M5 remove before publish', m5(publish_first=False), False)
    report('M5 remove without recheck', m5(recheck=False), False)
    report('M6 revalidate the leaf after reading undo', m6(True), True)
    report('M6 without', m6(False), False)
    report('M7 snapshot flag checked after the undo read', m7(True), True)
    report('M7 checked before', m7(False), False)
    report('M8 gate before latches', m8(True), True)
    report('M8 latch, then gate', m8(False), False)
    finish()
