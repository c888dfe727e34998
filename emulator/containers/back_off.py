"""How long a container that ends again and again has to wait."""

from __future__ import annotations

CAP = 30  # times the base: 300 s where the base is Kubernetes' 10 s
RESET = 60  # times the base: 600 s


class BackOff:
    """The first restart is immediate, the next ones wait `base`, twice that, and so on up to 30 times `base`.

    A run of at least 60 times `base` makes the next end count as the first. With a base of 10 s these are
    Kubernetes' figures: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy.
    """

    def __init__(self, base: float) -> None:
        self.base = base
        self._ends = 0

    def next(self, ran: float) -> float:
        """Seconds to wait before the next start, after a run of `ran` seconds."""
        self._ends = 1 if ran >= RESET * self.base else self._ends + 1
        if self._ends == 1:
            return 0.0
        return float(min(self.base * 2.0 ** min(self._ends - 2, 16), CAP * self.base))
