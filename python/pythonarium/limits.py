"""What a worker may use of its system, set before any code of the user runs."""

from __future__ import annotations

import resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def limit(resources: Mapping[str, int]) -> None:
    """Set what `init` says, for good. Where the system allows less than that, it stays at less."""
    for name, value in resources.items():
        which = getattr(resource, RESOURCES[name])
        most = resource.getrlimit(which)[1]
        # A process that is asked to end by SIGXCPU and does not is killed a second later.
        hard = value + 1 if name == "cpuSeconds" else value
        if most != resource.RLIM_INFINITY:
            value, hard = min(value, most), min(hard, most)
        resource.setrlimit(which, (value, hard))


RESOURCES = {
    "memoryBytes": "RLIMIT_AS",
    "cpuSeconds": "RLIMIT_CPU",
    "files": "RLIMIT_NOFILE",
    "fileBytes": "RLIMIT_FSIZE",
    "coreBytes": "RLIMIT_CORE",
}
