"""``%llm show | jobs | stop | wait``: answers that were given, and those that are being written."""

from argparse import Namespace

from IPython.core.error import UsageError

from cyllama_jupyter.notebook.commands.command import Command
from cyllama_jupyter.notebook.interrupts import InterruptFlag
from cyllama_jupyter.notebook.jobs import Job
from cyllama_jupyter.notebook.parsing import LineParser
from cyllama_jupyter.notebook.session import Session
from cyllama_jupyter.notebook.tidy import tidy

__all__ = ["COMMANDS"]


def _show(session: Session, _: Namespace) -> None:
    if not session.last:
        raise UsageError("there is no answer to show yet: run a %%llm cell")
    endings = [answer.ending for answer in session.last]
    if len(endings) == 1:
        session.front_ends.show(endings[0])
    else:
        session.front_ends.show_several(endings)


def _list(session: Session, _: Namespace) -> None:
    session.say("\n".join(map(str, session.jobs)) or "there are no jobs: start one with %%llm --bg")


def _stop(session: Session, given: Namespace) -> None:
    jobs = _selected(session, given.job)
    for job in jobs:
        job.stop()
    _await(session, jobs)  # so that what they wrote is in its variables


def _wait(session: Session, given: Namespace) -> None:
    _await(session, _selected(session, given.job))


def _await(session: Session, jobs: list[Job]) -> None:
    pump = session.front_ends.pump()
    with InterruptFlag() as flag:

        def tick() -> bool:
            if pump is not None:
                pump()
            return bool(flag)

        if not session.jobs.wait(jobs, tick):
            raise tidy(KeyboardInterrupt("stopped waiting; the jobs go on (%llm stop ends them)"))


def _a_job(parser: LineParser) -> None:
    parser.add_argument("job", nargs="?", metavar="JOB", help="the number of a job; all that run")


def _selected(session: Session, number: str | None) -> list[Job]:
    try:
        return session.jobs.select(None if number is None else int(number))
    except (KeyError, ValueError):
        raise UsageError(f"there is no job {number}: %llm jobs lists them") from None


COMMANDS = (
    Command("show", "show the last answer again", _show),
    Command("jobs", "list what runs in the background", _list),
    Command("stop", "end a job, and keep what it wrote", _stop, _a_job),
    Command("wait", "wait for a job's end", _wait, _a_job),
)
