import os
import sys
import unittest

from harness import WorkerTestCase

MODULE = """
import os
from pythonarium import expose

def as_it_is():
    pass

def as_idle_work():
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))

@expose
def policy():
    return os.sched_getscheduler(0)
"""
OTHER, BATCH, IDLE = (getattr(os, name, 0) for name in ("SCHED_OTHER", "SCHED_BATCH", "SCHED_IDLE"))


@unittest.skipUnless(sys.platform == "linux", "another system has no such policy")
class Workers(WorkerTestCase):
    def policy(self, setup="as_it_is", **told):
        module = {"": str(self.folder(app=MODULE) / "app.py")}
        step = {"name": setup, "args": [], "kwargs": {}}
        return self.ready(module, setup=step, **told).call("policy")

    def test_a_worker_is_scheduled_as_batch_work_if_it_is_told_so(self):
        self.assertEqual(self.policy(), OTHER)
        self.assertEqual(self.policy(batchScheduling=False), OTHER)
        self.assertEqual(self.policy(batchScheduling=True), BATCH)

    def test_a_policy_that_somebody_has_chosen_stays(self):
        self.assertEqual(self.policy("as_idle_work", batchScheduling=True), IDLE)

    def test_a_worker_of_another_lane_is_scheduled_as_ever(self):
        self.assertEqual(self.policy(lane="threads", batchScheduling=True), OTHER)


if __name__ == "__main__":
    unittest.main()
