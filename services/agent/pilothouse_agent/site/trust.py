"""Whether a program may be run: nobody but root and the agent's own user can have put it there."""

import os
import stat

from pilothouse_agent.site.problem import SiteProblem


def check_trusted(path: str) -> None:
    """Look at the program and at every directory above it.

    Raises:
        SiteProblem: Another user owns one of them, or may write to it, or it is no executable file.
    """
    real = os.path.realpath(path)
    try:
        if not stat.S_ISREG(os.stat(real).st_mode) or not os.access(real, os.X_OK):
            raise SiteProblem(f"{path}: not an executable file")
        at = real
        while True:
            check_entry(at, os.stat(at), user=os.geteuid())
            if at == "/":
                return
            at = os.path.dirname(at)
    except OSError as exc:
        raise SiteProblem(f"{path}: {exc.strerror}") from exc


def check_entry(path: str, status: os.stat_result, *, user: int) -> None:
    """Look at one file or directory, on behalf of a user.

    Raises:
        SiteProblem: Others could have changed it.
    """
    if status.st_uid not in {0, user}:
        raise SiteProblem(
            f"{path}: belongs to user {status.st_uid}; it must belong to root or to user {user}"
        )
    sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    if status.st_mode & stat.S_IWOTH and not sticky:
        raise SiteProblem(f"{path}: everybody may write to it; take that away (chmod o-w)")
