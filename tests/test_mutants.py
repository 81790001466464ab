"""The list of equivalent mutants names lines that are there; what mutmut makes of them is run by ``make mutants``."""

from mutants import SUBJECTS, bodies, equivalent, source_of
from places import ROOT


def test_each_equivalent_mutant_is_of_a_line_that_is_there() -> None:
    for (path, before, after), reason in equivalent().items():
        lines = [line.strip() for line in source_of(path).splitlines()]
        texts = before.splitlines()
        assert texts in [lines[at : at + len(texts)] for at in range(len(lines))], (path, before)
        assert before != after
        assert reason.endswith("."), (path, before)


def test_subjects_name_files_that_are_there() -> None:
    for subject in SUBJECTS.values():
        assert all((ROOT / "tests" / each).exists() for each in subject.tests)
        assert all(bodies(source_of(each)) for each in subject.sources)


def test_bodies_are_those_of_the_outermost_functions() -> None:
    text = "class A:\n    @property\n    def b(self):\n        def c(): ...\n        return c\n\ndef d():\n    return 1\n"
    assert bodies(text) == {("A.b", 2): (4, 5), ("d", 7): (8, 8)}
