"""The helper that measures memory sees what a run takes, and nothing of the process that started it."""

from memory import measured


def test_a_run_is_measured_in_a_process_of_its_own() -> None:
    ballast = bytearray(b"x") * (100 << 20)
    run = measured("--version")
    assert (run.code, run.out.startswith("wheelfix"), run.err) == (0, True, "")
    assert 5 << 20 < run.peak < len(ballast)
