"""The progress object: what reports nothing takes every event of the protocol."""

import inspect

from wheelfix.progress import NO_PROGRESS, NoProgress, Progress


def test_the_null_object_takes_every_event() -> None:
    events = {name: each for name, each in vars(Progress).items() if inspect.isfunction(each) and not name.startswith("_")}
    assert events
    for name, event in events.items():
        own = getattr(NoProgress, name)
        assert inspect.signature(own) == inspect.signature(event), name
    NO_PROGRESS.file_started("x.whl", None)
    NO_PROGRESS.file_advanced("x.whl", 1)
    NO_PROGRESS.waiting("x.whl", 1.0, "the server is busy")
    NO_PROGRESS.project_done("x")
