from _thread import LockType

from typing_extensions import disjoint_base

@disjoint_base
class Threads:
    def follow(self, thread: int, gate: LockType, end: LockType) -> None: ...
