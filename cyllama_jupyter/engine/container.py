"""What a container may use of its machine."""

import math
from pathlib import Path

__all__ = ["CGROUP", "cpu_quota"]

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux tells a container's limits (cgroup v2)."""


def cpu_quota(cgroup: Path = CGROUP) -> int | None:
    """Return the cores whose time this container may use, rounded up, or None where it may use all (``cpu.max``)."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
        return max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):  # no container, or one without a limit ("max")
        return None
