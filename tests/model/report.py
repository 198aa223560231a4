# What the models have in common: one line for each exploration, and whether it came out as it must.
import sys, time

START, TOTAL, UNEXPECTED = time.time(), [0], []


def report(name, result, want_ok):
    """`result`: states, error or None, schedule. A rule that is switched off must give an error, and never the limit."""
    states, error, schedule = result
    TOTAL[0] += states
    good = (error is None) == want_ok and error != 'LIMIT'
    if not good: UNEXPECTED.append(name)
    print(f"{'as expected' if good else 'UNEXPECTED '} {name:90s} states={states:7d} {'ok' if error is None else 'FAILS: ' + str(error)[:150]}")
    if schedule: print('            schedule: ' + ' '.join('.'.join(map(str, step)) if isinstance(step, tuple) else str(step) for step in schedule))
    sys.stdout.flush()


def finish():
    print(f'TOTAL states {TOTAL[0]} in {time.time() - START:.0f}s, unexpected: {UNEXPECTED or "none"}')
    sys.exit(bool(UNEXPECTED))
