"""What the client raises, and only where it was asked to: everything else goes on without Seen Before."""

from __future__ import annotations


class SeenBeforeError(Exception):
    """Root of what this package raises."""


class Held(SeenBeforeError):
    """Another holds the sub-task that was to be done exclusively."""

    def __init__(self, sub_task: str, *, holder: str | None = None, until: str | None = None) -> None:
        told = f" by {holder}" if holder else ""
        super().__init__(f"The sub-task {sub_task} is held{told}" + (f" until {until}." if until else "."))
        self.sub_task = sub_task
        self.holder = holder
        self.until = until


class Lapsed(Held):
    """The lease has ended while the service was away: whether another holds the sub-task now, nobody can tell."""

    def __init__(self, sub_task: str) -> None:
        super().__init__(sub_task)
        self.args = (f"The lease on the sub-task {sub_task} has ended, and Seen Before does not answer.",)


class Unavailable(SeenBeforeError):
    """The service has not answered, or not as it should (raised by `update` alone)."""


class Refused(SeenBeforeError):
    """The service refuses a write (raised by `update` alone); `status` is its HTTP status."""

    def __init__(self, detail: str, *, status: int) -> None:
        super().__init__(detail)
        self.status = status


class ArtifactMissing(SeenBeforeError, FileNotFoundError):
    """A `produce` has returned without writing its artifact."""


class SpoolUnavailable(SeenBeforeError):
    """The spool cannot be used, or has no room (the client goes on without it)."""


class SpoolBroken(SpoolUnavailable):
    """The spool's file cannot be used any more: it is damaged, gone, or on a disk that takes nothing."""
