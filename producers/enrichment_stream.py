"""Contacts in, the same contacts in the same order out, while a bounded number of batches is being asked about.

One thread and one event loop, which runs while the next contact has to wait: no locks, and nothing left behind when
whoever reads the contacts stops in the middle.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

from producers.enrichment_batches import REACH, Batch, Plan, Slot
from producers.enrichment_fields import Fields
from producers.labelled import Labelled

TICK = 0.5
"""Seconds between two looks at how far the calls in flight are."""
GRACE = 5.0
"""Seconds that calls in flight, which are paid for, get to answer after a failure or Ctrl-C."""

Task = asyncio.Task[None]


class Stream:
    """One run over contacts.

    Args:
        plan: which contacts are asked about.
        ask: answers a batch into its ``answers``.
        concurrency: batches in flight at most.
        size: profiles a batch.
        show: called every `TICK` while waiting, to tell how far it is.
    """

    def __init__(
        self,
        plan: Plan,
        ask: Callable[[Batch], Coroutine[Any, Any, None]],
        *,
        concurrency: int,
        size: int,
        show: Callable[[], None],
    ) -> None:
        self._plan, self._ask, self._concurrency = plan, ask, concurrency
        self._show = show
        self._ahead = REACH + 2 * concurrency * size
        self._tasks: dict[Task, Batch] = {}

    def answered(
        self, contacts: Iterable[Labelled], close: Callable[[], Coroutine[Any, Any, None]]
    ) -> Iterator[tuple[Slot, Fields | None]]:
        """Each contact with its fields, or None where nothing was asked of it; ``close`` lets go of the client.

        Raises:
            Exception: why a batch could not be answered; those in flight beside it have had their time to end.
        """
        waiting: deque[Slot] = deque()
        with asyncio.Runner() as runner:
            try:
                for slot, batch in self._plan.slots(contacts):
                    if slot is not None:
                        waiting.append(slot)
                    if batch is not None:
                        self._start(runner, batch)
                    while waiting and (_is_ready(waiting[0]) or len(waiting) > self._ahead):
                        yield self._next(runner, waiting)
                while waiting:
                    yield self._next(runner, waiting)
            finally:  # also where whoever takes the contacts is interrupted: what is in flight has been paid for
                try:
                    runner.run(self._wind_up())
                finally:
                    runner.run(self._end(close))

    def _start(self, runner: asyncio.Runner, batch: Batch) -> None:
        while len(self._tasks) >= self._concurrency:
            self._wait(runner)
        self._tasks[runner.get_loop().create_task(self._ask(batch))] = batch
        runner.run(asyncio.sleep(0))  # so that the call is under way while more contacts are read

    def _next(self, runner: asyncio.Runner, waiting: deque[Slot]) -> tuple[Slot, Fields | None]:
        while not _is_ready(waiting[0]):
            self._wait(runner)
        slot = waiting.popleft()
        return slot, slot.fields if slot.batch is None else slot.batch.answers[slot.key]

    def _wait(self, runner: asyncio.Runner) -> None:
        """Until a batch is answered."""
        for failed in runner.run(self._failed()):
            failed.result()

    async def _failed(self) -> list[Task]:
        """Of the next batches to be done, those that failed. Nothing is raised: after Ctrl-C nobody waits for this."""
        done: set[Task] = set()
        while not done:
            done, _ = await asyncio.wait(self._tasks, timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
            self._show()
        failed = [task for task in done if task.exception() is not None]
        for task in done:
            self._plan.done(self._tasks.pop(task))
        return failed

    async def _wind_up(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE)

    async def _end(self, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await close()


def _is_ready(slot: Slot) -> bool:
    return slot.batch is None or slot.key in slot.batch.answers
