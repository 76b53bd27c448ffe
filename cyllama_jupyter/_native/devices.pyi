from typing import Literal, NamedTuple

class Device(NamedTuple):
    name: str
    description: str
    kind: Literal["cpu", "gpu", "igpu", "accel", "meta"]
    free: int
    total: int

def devices() -> list[Device]: ...
