# The C module behind `signal`, which imports enum and with it more than the hook itself.
from collections.abc import Iterable

ITIMER_REAL: int
SIGALRM: int
SIG_DFL: int
SIG_UNBLOCK: int

def pthread_sigmask(how: int, mask: Iterable[int], /) -> set[int]: ...
def setitimer(which: int, seconds: float, interval: float = 0.0, /) -> tuple[float, float]: ...
def signal(signalnum: int, handler: int, /) -> object: ...
