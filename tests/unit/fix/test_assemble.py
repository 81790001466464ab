"""Promise 9: no correction makes a wheel worse, whatever asks for it and whatever the cause."""

import errno
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import cycle
from pathlib import Path

import pytest
from msgspec.structs import replace

import wheelfix
import wheelfix.fix.assemble as assemble
from building import Archive, Descriptor, Entry, WheelSpec, archive_of, extra_field, write_wheel
from damages import unicode_path
from defects import DEFECTS, Defect, metadata, record_of, valid
from fixing import values
from wheelfix import Outcome, SetField, Status, WriteFile
from wheelfix.fix.assemble import Assembly
from wheelfix.fix.draft import make_plan
from wheelfix.verify import subject
from wheelfix.wheel.sbom import PROVENANCE
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip import end, structs
from wheelfix.wheel.zip.inflate import read_content
from wheelfix.wheel.zip.layout import read_layout
from wheelfix.wheel.zip.source import Readable, Source

INFO = "demo-1.0.dist-info"
SPEC = valid(metadata=metadata("Requires-Dist: nvidia-nccl-cu12", "Requires-Dist: six>=1.*"))
ROUTES: dict[str, Callable[..., wheelfix.Report]] = {
    "strip-gpu": lambda paths, **options: wheelfix.fix_wheels(paths, **values(allow_unproven=True, **options)),
    "edits": lambda paths, **options: wheelfix.fix_wheels(
        paths, None, edits=[SetField("Summary", "new")], **values(**options)
    ),
    "repair": lambda paths, **options: wheelfix.repair_wheels(paths, **values(**options)),
    "local": lambda paths, **options: wheelfix.fix_wheels(paths, **values(allow_unproven=True, local="own", **options)),
    "build tag": lambda paths, **options: wheelfix.fix_wheels(
        paths, **values(allow_unproven=True, build_tag="1own", **options)
    ),
}
each_route = pytest.mark.parametrize("route", ROUTES.values(), ids=[*ROUTES])


def _run(route: Callable[..., wheelfix.Report], path: Path, **options: object) -> Outcome:
    return route([path], output_dir=path.parent / "out", **options).outcomes[0]


def _assert_refused(outcome: Outcome, code: str) -> None:
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == (Status.REFUSED, code), outcome.problem
    assert outcome.problem.hint
    assert not [*(outcome.source.parent / "out").glob("*")]


@cache
def _errors_of(defect: Defect) -> set[str]:
    with tempfile.TemporaryDirectory() as folder:
        return _errors(defect.write(Path(folder))[0])


def _errors(path: Path) -> set[str]:
    inspection = wheelfix.verify_wheels(path).wheels[0]
    return {damage.code for damage in inspection.findings if damage.severity is wheelfix.Severity.ERROR}


def _with_files(**files: bytes) -> WheelSpec:
    return valid(metadata=SPEC.metadata, dist_info_files={name.replace("__", "/"): data for name, data in files.items()})


IN_THE_WAY = {
    "a file where the directory would be": _with_files(sboms=b""),
    "such a file in another case": _with_files(SBOMS=b""),
    "a directory in another case": _with_files(**{"Sboms__other.json": b"{}"}),
    "a file in another case": _with_files(**{"sboms__WheelFix.cdx.json": b"{}"}),
    "a file in a directory that is dist-info where case does not count": valid(
        metadata=SPEC.metadata, files=(*valid().files, Entry("DEMO-1.0.DIST-INFO/sboms", b""))
    ),
    "a directory of the name": _with_files(**{"sboms__wheelfix.cdx.json__x": b"{}"}),
}


class TestNamesInTheWay:
    """RawFinding in what is there, so that --check says it as well."""

    @each_route
    @pytest.mark.parametrize("spec", IN_THE_WAY.values(), ids=[*IN_THE_WAY])
    @pytest.mark.parametrize("dry_run", [False, True])
    def test_the_provenance_does_not_collide(
        self, spec: WheelSpec, route: Callable[..., wheelfix.Report], dry_run: bool, tmp_path: Path
    ) -> None:
        path = write_wheel(tmp_path, spec)
        outcome = _run(route, path, dry_run=dry_run)
        _assert_refused(outcome, "name-collision")
        assert outcome.problem is not None
        assert "--no-sbom" in outcome.problem.hint

    @each_route
    @pytest.mark.parametrize("spec", IN_THE_WAY.values(), ids=[*IN_THE_WAY])
    def test_without_provenance_nothing_does(
        self, spec: WheelSpec, route: Callable[..., wheelfix.Report], tmp_path: Path
    ) -> None:
        path = write_wheel(tmp_path, spec)
        outcome = _run(route, path, sbom=False)
        assert outcome.output is not None, outcome.problem
        assert _errors(outcome.output) <= _errors(path)

    @pytest.mark.parametrize("file", ["Licenses/NOTICE", "licenses/notice", "entry_points.TXT"])
    def test_neither_does_a_file_of_an_edit(self, file: str, tmp_path: Path) -> None:
        path = write_wheel(tmp_path, _with_files(**{"licenses__NOTICE": b"x", "entry_points.txt": b""}))
        [outcome] = wheelfix.fix_wheels([path], None, output=tmp_path / "out", edits=[WriteFile(file, b"y")]).outcomes
        _assert_refused(outcome, "name-collision")

    def test_nor_two_of_them_with_each_other(self, tmp_path: Path) -> None:
        edits = [WriteFile("extra/one", b"y"), WriteFile("Extra/two", b"y")]
        [outcome] = wheelfix.fix_wheels([write_wheel(tmp_path, SPEC)], None, output=tmp_path / "out", edits=edits).outcomes
        _assert_refused(outcome, "name-collision")

    def test_paths_made_of_slashes_take_no_time(self, tmp_path: Path) -> None:
        path = write_wheel(tmp_path, _with_files(**{"a/" * 30_000 + "b": b""}))
        outcome = wheelfix.fix_wheels([path], output=tmp_path / "out", policy=wheelfix.Policy(allow_unproven=True)).outcomes[
            0
        ]
        assert outcome.status is Status.FIXED, outcome.problem


class TestMostEntries:
    """A wheel that has as many files as are read can be fixed, if none is added."""

    SPEC = _with_files(AUTHORS=b"someone")

    @pytest.fixture(autouse=True)
    def _as_many_as_are_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with Wheel(write_wheel(tmp_path, self.SPEC)) as wheel:
            count = len(wheel.layout)
        for module in (end, assemble):
            monkeypatch.setattr(module, "MOST_ENTRIES", count)

    @pytest.mark.parametrize("dry_run", [False, True])
    def test_provenance_would_be_one_more(self, dry_run: bool, tmp_path: Path) -> None:
        outcome = _run(ROUTES["strip-gpu"], write_wheel(tmp_path, self.SPEC), dry_run=dry_run)
        _assert_refused(outcome, "too-many-entries")
        assert outcome.problem is not None
        assert "--no-sbom" in (outcome.problem.hint or "")

    def test_without_it_the_wheel_is_fixed(self, tmp_path: Path) -> None:
        outcome = _run(ROUTES["strip-gpu"], write_wheel(tmp_path, self.SPEC), sbom=False)
        assert outcome.status is Status.FIXED, outcome.problem

    def test_a_file_in_place_of_another(self, tmp_path: Path) -> None:
        """A rewritten file is no more than before; an added one is."""
        path = write_wheel(tmp_path, self.SPEC)
        for file, status in (("AUTHORS", Status.FIXED), ("NOTICE", Status.REFUSED)):
            output = wheelfix.Output(directory=tmp_path / "out", sbom=False, overwrite=True)
            [outcome] = wheelfix.fix_wheels([path], None, output=output, edits=[WriteFile(file, b"someone else")]).outcomes
            assert outcome.status is status, outcome.problem


class TestNet:
    """What no one thought of is asked of the new wheel."""

    @each_route
    @pytest.mark.parametrize("dry_run", [False, True])
    def test_an_error_that_is_new_refuses_the_correction(
        self, route: Callable[..., wheelfix.Report], dry_run: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(assemble, "_collisions", lambda *_, **__: iter(()))
        outcome = _run(route, write_wheel(tmp_path, IN_THE_WAY["a file where the directory would be"]), dry_run=dry_run)
        _assert_refused(outcome, "new-error")
        assert outcome.problem is not None
        assert "archive-file-as-directory: demo-1.0" in (outcome.problem.reason or "")
        assert "dist-info/sboms" in (outcome.problem.reason or "")

    @pytest.mark.parametrize("dry_run", [False, True])
    def test_metadata_version_is_not_raised_beyond_the_layout(self, dry_run: bool, tmp_path: Path) -> None:
        """From 2.4 on PyPI asks for licenses/LICENSE, and the ordinary shape of setuptools has dist-info/LICENSE."""
        spec = valid(metadata=metadata("License-File: LICENSE"), dist_info_files={"LICENSE": b"MIT\n"})
        output = wheelfix.Output(directory=tmp_path / "out", dry_run=dry_run)
        edits = [SetField("Metadata-Version", "2.4")]
        [outcome] = wheelfix.fix_wheels([write_wheel(tmp_path, spec)], None, output=output, edits=edits).outcomes
        _assert_refused(outcome, "new-error")
        assert outcome.problem is not None
        assert "metadata-license-missing" in (outcome.problem.reason or "")

    def test_nothing_takes_the_place_of_the_original(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(assemble, "_collisions", lambda *_, **__: iter(()))
        path = write_wheel(tmp_path, IN_THE_WAY["a file where the directory would be"])
        before = path.read_bytes()
        with Wheel(path) as wheel:
            plan = make_plan(wheel, edits=[SetField("Summary", "new")])
            with pytest.raises(wheelfix.RegressionError):
                wheelfix.apply(wheel, plan)
        assert path.read_bytes() == before
        assert [*tmp_path.iterdir()] == [path]

    @pytest.mark.parametrize(
        ("defect", "route"),
        [*zip(DEFECTS, cycle(ROUTES), strict=False)],
        ids=[f"{defect.code}: {defect.name}" for defect in DEFECTS],
    )
    def test_errors_that_were_there_do_not_stop_it(self, defect: Defect, route: str, tmp_path: Path) -> None:
        """Whatever is wrong with a wheel, no correction adds to it, and none is refused for what was wrong before."""
        self._assert_not_stopped(defect, route, tmp_path)

    @pytest.mark.slow
    @pytest.mark.parts
    @pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: f"{defect.code}: {defect.name}")
    def test_errors_that_were_there_stop_none(self, defect: Defect, tmp_path: Path) -> None:
        for number, route in enumerate(ROUTES):
            (tmp_path / str(number)).mkdir()
            self._assert_not_stopped(defect, route, tmp_path / str(number))

    def _assert_not_stopped(self, defect: Defect, route: str, folder: Path) -> None:
        if defect.missing:
            return
        path = defect.write(folder)[0]
        outcome = _run(ROUTES[route], path, allow_mixed=True)
        code = outcome.problem and outcome.problem.code
        assert code not in ("new-error", "not-as-planned"), (route, outcome.problem)
        if outcome.output is not None:
            assert _errors(outcome.output) <= _errors_of(defect), route

    def test_what_is_previewed_is_what_is_written(self, tmp_path: Path) -> None:
        path = write_wheel(tmp_path, valid(files=(*valid().files, Entry("demo-1.0.data/data/a", b"a" * 9000))))
        with Wheel(path) as wheel:
            plan = make_plan(
                wheel,
                edits=[SetField("Summary", "new")],
                naming=wheelfix.Naming(local="own", rename_unchanged=True),
                sbom=False,
            )
            preview = Assembly(wheel, plan).preview()
            data = preview.read_at(0, preview.size)
            assert [preview.read_at(at, 7) for at in range(0, preview.size - 7, 11)] == [
                data[at : at + 7] for at in range(0, preview.size - 7, 11)
            ]
            names = {entry.name for entry in read_layout(preview).entries}
            target = tmp_path / "out" / str(plan.renaming.filename)
            wheelfix.apply(wheel, plan, target)
        assert target.read_bytes() == data
        with Source(target) as source:
            assert {entry.name for entry in read_layout(source).entries} == names


class TestRowOfRecord:
    """A hash of RECORD in RECORD is wrong as soon as anything changes, and the wheel library compares it."""

    ROWS = (b"/RECORD,sha256=x,5\n", b"/RECORD,sha256=x,\n", b"/RECORD,,5\n")

    def _path(self, folder: Path, row: bytes) -> Path:
        rows = record_of(SPEC)
        return write_wheel(folder, valid(metadata=SPEC.metadata, record=b"".join([*rows[:-1], INFO.encode() + row])))

    @pytest.mark.parametrize("row", ROWS)
    @pytest.mark.parametrize("dry_run", [False, True])
    def test_is_refused_if_it_stays(self, row: bytes, dry_run: bool, tmp_path: Path) -> None:
        path = self._path(tmp_path, row)
        for name in ("strip-gpu", "edits", "local", "build tag"):
            _assert_refused(_run(ROUTES[name], path, dry_run=dry_run), "record-own-row-hash")
        _assert_refused(_run(ROUTES["repair"], path, select=["metadata"], dry_run=dry_run), "record-own-row-hash")

    @pytest.mark.parametrize("row", ROWS)
    def test_is_fixed_by_a_repair(self, row: bytes, tmp_path: Path) -> None:
        outcome = _run(ROUTES["repair"], self._path(tmp_path, row))
        assert outcome.output is not None, outcome.problem
        assert "record-own-row-hash" not in _errors(outcome.output)


FOREIGN = {"no JSON": b"[" * 10_000, "of another tool": b'{"bomFormat": "CycloneDX"}', "empty": b""}


class TestForeignProvenance:
    """Under its name can lie any file, which is nobody's to replace."""

    @each_route
    @pytest.mark.parametrize("content", FOREIGN.values(), ids=[*FOREIGN])
    @pytest.mark.parametrize("dry_run", [False, True])
    def test_is_not_replaced(
        self, content: bytes, route: Callable[..., wheelfix.Report], dry_run: bool, tmp_path: Path
    ) -> None:
        path = write_wheel(tmp_path, valid(metadata=SPEC.metadata, dist_info_files={PROVENANCE: content}))
        _assert_refused(_run(route, path, dry_run=dry_run), "foreign-provenance")

    @each_route
    def test_stays_without_provenance(self, route: Callable[..., wheelfix.Report], tmp_path: Path) -> None:
        path = write_wheel(tmp_path, valid(metadata=SPEC.metadata, dist_info_files={PROVENANCE: FOREIGN["of another tool"]}))
        outcome = _run(route, path, sbom=False)
        assert outcome.output is not None, outcome.problem
        with zipfile.ZipFile(outcome.output) as archive:
            [name] = (name for name in archive.namelist() if name.endswith(PROVENANCE))
            assert archive.read(name) == FOREIGN["of another tool"]
            assert not any("provenance of earlier fixes" in note for note in outcome.notes)

    def test_a_wheel_that_stays_as_it_is_may_have_it(self, tmp_path: Path) -> None:
        path = write_wheel(tmp_path, valid(dist_info_files={PROVENANCE: b"{}"}))
        assert wheelfix.fix_wheels([path], output=tmp_path / "out").outcomes[0].status is Status.UNCHANGED


ODD: dict[str, Callable[[bytes], dict[str, object]]] = {
    "a byte behind the extra fields": lambda _: {"extra": b"\0"},
    "such a byte in the local header": lambda _: {"local_extra": b"\0"},
    "an extra field twice": lambda _: {"extra": extra_field(0x5455, b"\1\0\0\0\0") * 2},
    "a Unicode comment that is cut off": lambda _: {"extra": extra_field(0x6375, b"\1")},
    "a Unicode path": lambda name: {"extra": unicode_path(name)},
    "a stale Unicode path": lambda name: {"extra": unicode_path(name, b"x/y", crc=7)},
    "a comment": lambda _: {"comment": b"kept"},
    "a data descriptor": lambda _: {"descriptor": Descriptor(signature=False)},
    "another time in the local header": lambda _: {"local": {"time": 1}},
}
PLACES = ("", "/METADATA", "/RECORD", "/WHEEL", ".data/data/x")
"""Ends of the names of entries that are odd: all of them, and single ones."""


class TestOddEntries:
    """What is odd about an entry stays with it, under its new name too, and does not spread to those that are added."""

    @pytest.mark.parametrize("file", PLACES)
    @pytest.mark.parametrize("odd", ODD)
    def test_no_correction_adds_to_it(self, odd: str, file: str, tmp_path: Path) -> None:
        """Each oddity in each place, with one of the routes in turn."""
        turn = [*ODD].index(odd) + PLACES.index(file)
        self._assert_kept(odd, file, [*ROUTES][turn % len(ROUTES)], tmp_path)

    @pytest.mark.slow
    @pytest.mark.parts
    @pytest.mark.parametrize("file", PLACES)
    @pytest.mark.parametrize("odd", ODD)
    def test_no_correction_at_all_adds_to_it(self, odd: str, file: str, tmp_path: Path) -> None:
        for number, route in enumerate(ROUTES):
            (tmp_path / str(number)).mkdir()
            self._assert_kept(odd, file, route, tmp_path / str(number))

    def _assert_kept(self, odd: str, file: str, route: str, folder: Path) -> None:
        archive = archive_of(valid(metadata=SPEC.metadata, files=(*SPEC.files, Entry("demo-1.0.data/data/x", b"1"))))
        entries = (
            replace(each, **ODD[odd](each.raw_name)) if each.raw_name.endswith(file.encode()) else each
            for each in archive.entries
        )
        path = write_wheel(folder, archive=Archive(tuple(entries)))
        outcome = _run(ROUTES[route], path)
        assert outcome.output is not None, (route, outcome.problem)
        assert _all_errors(outcome.output) <= _all_errors(path), route

    @each_route
    def test_comments_of_what_is_written_anew_are_kept(self, route: Callable[..., wheelfix.Report], tmp_path: Path) -> None:
        archive = archive_of(SPEC)
        path = write_wheel(tmp_path, archive=Archive(tuple(replace(each, comment=b"kept") for each in archive.entries)))
        output = _run(route, path).output
        assert output is not None
        with zipfile.ZipFile(output) as opened:
            assert {each.comment for each in opened.infolist() if not each.filename.endswith(PROVENANCE)} == {b"kept"}


def _all_errors(path: Path) -> Counter[str]:
    damages = wheelfix.verify_wheels(path).wheels[0].findings
    return Counter(damage.code for damage in damages if damage.severity is wheelfix.Severity.ERROR)


def test_a_wheel_that_the_disk_does_not_give_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody decided anything: it is not refused for an error that it would have."""
    path = write_wheel(tmp_path, SPEC)

    def fail(source: Readable, entry: structs.Entry, *, limit: int) -> bytes:
        if not isinstance(source, Source):  # what was just written
            raise OSError(errno.EIO, "Input/output error")
        return read_content(source, entry, limit=limit)

    monkeypatch.setattr(subject, "read_content", fail)
    outcome = _run(ROUTES["edits"], path)
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == (Status.FAILED, "eio")
    assert not [*(tmp_path / "out").glob("*")]
