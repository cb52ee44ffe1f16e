"""A call that goes on beside a test."""

import threading

from bench.wire import Plan, WireReport, place


class Caller(threading.Thread):
    """One call of a plan, from now on."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan
        self.reports: list[WireReport] = []
        self.start()

    def run(self) -> None:
        self.reports = place(self._plan, timeout_s=55)

    def report(self) -> WireReport:
        self.join(50)
        (report,) = self.reports
        return report
