"""Completion: what is suggested for every option and argument, by click's protocol and in the shells themselves."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import CompletionItem

from places import ROOT
from running import wheelfix
from wheelfix.cli import group
from wheelfix.cli.shells import SHELLS, complete, script
from wheelfix.verify.registry import CHECKS

SAMPLES = ROOT / "sample_wheels"
TORCH = "torch-1.13.1-cp310-cp310-manylinux1_x86_64.whl"
FREE = {
    "jobs", "timeout", "connections", "max_requests", "max_time", "most", "grace", "shard", "dask",  # numbers and addresses
    "yank_original", "reason", "against",  # texts of one's own
    "build_tag", "keep", "drop", "relax", "drop_upper", "add", "replace_requirement", "requires_python",
    "remove_entry_point", "entry_point", "remove_file", "add_file", "name", "version", "post", "tag", "add_tag",
    "remove_tag",
}  # fmt: skip
"""Parameters whose values nobody can know."""


def suggested(*words: str) -> list[CompletionItem]:
    """Return what is suggested for the last of ``words``."""
    *args, typed = words
    return SHELLS["fish"](group, {}, "wheelfix", "x").get_completions(args, typed)


def values(*words: str) -> list[str]:
    return [each.value for each in suggested(*words)]


def parameters(command: click.Command = group, path: str = "") -> Iterator[tuple[str, click.Command, click.Parameter]]:
    """Yield the parameters of every command that take a value of some kind."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            below = command.get_command(click.Context(command), name)
            assert below is not None
            yield from parameters(below, f"{path} {name}".strip())
        return
    for each in command.params:
        if not (isinstance(each, click.Option) and (each.is_flag or each.count)):
            yield path, command, each


def test_every_parameter_suggests_something_or_is_free() -> None:
    """A new option says what it takes, or is listed as one whose values nobody can know."""
    silent = set()
    for path, command, each in parameters():
        found = each.shell_complete(click.Context(command, resilient_parsing=True, obj=[]), "")
        if not found and each.name not in ("projects", "selection", "selections", "only"):  # what is in a mirror or manifest
            silent.add((path, each.name))
    assert {name for _, name in silent} <= FREE, silent
    assert {name for _, name in silent} >= FREE


def test_codes_and_what_they_mean() -> None:
    found = suggested("explain", "record-wrong-h")
    assert [(each.value, each.help) for each in found] == [("record-wrong-hash", CHECKS["record-wrong-hash"].meaning)]
    assert {"unproven", "shadowed-rule"} & set(values("explain", ""))
    assert "record-wrong-hash" not in values("explain", "record-wrong-hash", "record-wrong-")


@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_lists_of_codes_go_on_behind_a_comma(option: str) -> None:
    assert values("verify", option, "record-wr") == ["record-wrong-hash", "record-wrong-size"]
    assert values("verify", option, "record,archive-bad-l") == ["record,archive-bad-local-header"]
    assert values("verify", f"{option}=record-wrong-h") == ["record-wrong-hash"]
    assert values("verify", option, "rec")[0] == "record"
    assert values("verify", option, "record-wrong-hash,record-wr") == ["record-wrong-hash,record-wrong-size"]
    assert values("mirror", "check", option, "metadata-file-")
    assert values("repair", "--select", "record-wrong-s") == ["record-wrong-size"]


def test_groups_and_sources_of_rules(tmp_path: Path) -> None:
    groups = values("strip-gpu", "--only", "")
    assert {"nvidia", "triton", "xgboost-nccl"} <= set(groups)
    assert not [each for each in groups if each.startswith(("keep-", "own-", "gpu/"))]
    for words in (["fix", "--rules"], ["rules", "check"], ["mirror", "add", "--rules"], ["rules", "list", "--rules"]):
        found = suggested(*words, "")
        assert [each.value for each in found[:2]] == ["gpu", "cpu-twins"]
        assert (found[-1].type, found[-1].ending) == ("file", ".toml")
    assert "gpu/nvidia" in values("fix", "--rules", "gpu/n")
    assert [each.ending for each in suggested("rules", "export", "x")] == [".toml", ".whl"]


def test_wheels_and_directories() -> None:
    for words in (["strip-gpu"], ["verify", "--strict"], ["diff", "a.whl"], ["mirror", "add", "mirror"]):
        assert [(each.type, each.ending) for each in suggested(*words, "x")] == [("file", ".whl")]
    assert [each.type for each in suggested("mirror", "yank", "x")] == ["dir"]
    assert [each.type for each in suggested("fix", "-o", "")] == ["dir"]
    assert [each.ending for each in suggested("mirror", "sync", "")] == [".toml"]


def test_requirements_of_the_wheels_that_are_named() -> None:
    assert "nvidia-cublas-cu11" in values("rules", "explain", str(SAMPLES / TORCH), "nvidia-cub")


def test_fields_and_environments() -> None:
    found = suggested("edit", "--set", "req")
    assert [(each.value, each.type) for each in found if each.value == "Requires-Python="] == [("Requires-Python=", "part")]
    assert "Requires-Dist=" not in [each.value for each in found]
    assert "Requires-Python" in values("edit", "--remove", "Req")
    assert "manylinux*_aarch64" in values("verify", "--platform", "many")
    assert "3.12" in values("show", "--python", "3")
    assert "https://pypi.org/simple/" in values("show", "--from-index", "")
    assert values("fix", "--format", "j") == ["json"]


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("completion") / "mirror"
    assert wheelfix("mirror", "add", "-q", place, SAMPLES / "cleanpkg-1.0-py3-none-any.whl", SAMPLES / TORCH).code == 0
    return place


@pytest.mark.parametrize("command", ["yank", "unyank", "remove", "list"])
def test_what_a_mirror_has(command: str, mirror: Path) -> None:
    where = ("mirror", command, str(mirror))
    assert values(*where, "") == ["cleanpkg", "torch"]
    assert values(*where, "tor") == ["torch", TORCH][:1]
    assert values(*where, "torch==") == ["torch==1.13.1"]
    assert values(*where, "torch-") == [TORCH]
    assert values("mirror", "prune", str(mirror), "c") == ["cleanpkg"]


def test_names_that_a_shell_would_run_are_not_suggested(mirror: Path, tmp_path: Path) -> None:
    place = tmp_path / "copy"
    shutil.copytree(mirror, place)
    simple = place / "public" / "simple"
    for name in ("a;touch pwned", "$(touch pwned)", "b\nc", "`d`", "e f"):
        (simple / name).mkdir()
    page = json.loads((simple / "torch" / "index.json").read_text("utf-8"))
    page["files"][0]["filename"] = "torch-$(touch pwned).whl"
    page["versions"] = ["1.0;x", "2.0"]
    (simple / "torch" / "index.json").write_text(json.dumps(page))
    assert values("mirror", "yank", str(place), "") == ["cleanpkg", "torch"]
    assert values("mirror", "yank", str(place), "torch==") == ["torch==2.0"]
    assert values("mirror", "yank", str(place), "torch-") == []


def test_sources_and_projects_of_a_manifest() -> None:
    manifest = str(ROOT / "examples" / "pytorch-cpu" / "mirror.toml")
    assert {"pytorch-cpu", "torch", "torchvision"} <= set(values("mirror", "sync", manifest, "--only", ""))
    assert values("mirror", "index", manifest, "--check", "--only", "torchv") == ["torchvision"]


def test_a_pipe_is_not_opened(mirror: Path, tmp_path: Path) -> None:
    """Opening one waits for a writer, and the shell with it."""
    for name in ("f.toml", "f.whl", "index.json"):
        os.mkfifo(tmp_path / name)
    lines = [f"wheelfix mirror sync {tmp_path}/f.toml --only ", f"wheelfix rules explain {tmp_path}/f.whl n"]
    place = tmp_path / "mirror" / "public" / "simple" / "torch"
    place.mkdir(parents=True)
    (tmp_path / "index.json").rename(place / "index.json")
    lines.append(f"wheelfix mirror yank {tmp_path}/mirror torch==")
    program = (
        "import os, sys; from wheelfix.cli import run\nfor line in sys.argv[1:]: os.environ['COMP_LINE'] = line; run([])"
    )
    variables = {**os.environ, "_WHEELFIX_COMPLETE": "bash_complete"}
    ran = subprocess.run(
        [sys.executable, "-c", program, *lines], env=variables, capture_output=True, text=True, check=True, timeout=60
    )
    assert (ran.stdout, ran.stderr) == ("", "")


HOPELESS = [
    ["mirror", "yank", "s3://bucket/mirror", ""], ["mirror", "yank", "nowhere", ""], ["mirror", "yank", ""],
    ["mirror", "sync", "nowhere.toml", "--only", ""], ["rules", "explain", "nowhere.whl", "x"],
    ["no-such-command", "--x", ""],
    ["stip-gpu", ""], ["mirror", "no-such", ""], ["verify", "--no-such", "--select", ""], ["verify", "--select", "x\ty"],
    ["fix", "--rules", "gpu\x00"], ["explain", "\udcff"], ["mirror", "list", "/proc/self/mem", ""], ["yank", "m", "x"],
]  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("words", HOPELESS, ids=lambda words: " ".join(words).encode("ascii", "replace").decode())
def test_an_error_is_silence(
    shell: str, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = " ".join(["wheelfix", *words])
    monkeypatch.setenv("COMP_LINE", line.replace("\x00", "")) if shell == "bash" else None
    monkeypatch.setenv("COMP_WORDS", line.replace("\x00", ""))
    monkeypatch.setenv("COMP_CWORD", words[-1].replace("\x00", "") if shell == "fish" else str(len(words)))
    complete(group, f"{shell}_complete")
    found = capsys.readouterr()
    assert found.err == ""
    assert all(each.count("\t") == 2 for each in found.out.splitlines())


def test_without_its_variables_and_for_other_shells_nothing_happens(capsys: pytest.CaptureFixture[str]) -> None:
    for instruction in ("bash_complete", "powershell_complete", "", "zsh_complete", "x"):
        complete(group, instruction)
    assert capsys.readouterr() == ("", "")


def test_few_modules_are_imported() -> None:
    """Each TAB starts a process: what lists codes does not import what reads wheels, or talks to servers."""
    program = """import os, sys
from wheelfix.cli import run
for line in sys.argv[1:]:
    os.environ["COMP_LINE"] = line
    assert run([]) == 0
print(*sys.modules, file=sys.stderr)
"""
    lines = (
        "wheelfix verify --select record-wr",
        "wheelfix mirror yank m ",
        "wheelfix strip-gpu --only ",
        "wheelfix explain un",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}  # it imports much itself
    variables = {**kept, "_WHEELFIX_COMPLETE": "bash_complete"}
    ran = subprocess.run([sys.executable, "-c", program, *lines], env=variables, capture_output=True, text=True, check=True)
    assert {"record-wrong-hash", "nvidia", "unproven"} <= set(ran.stdout.split())
    modules = set(ran.stderr.split())
    assert not modules & {"requests", "urllib3", "rich", "obstore", "asyncio", "multiprocessing", "pypi_simple"}


LINES = {
    "wheelfix explain record-wrong-h": ["record-wrong-hash"],
    "wheelfix verify --select record,record-wrong-s": ["record,record-wrong-size"],
    "wheelfix verify --select=record-wrong-s": ["--select=record-wrong-size"],
    "wheelfix strip-gpu --only nvi": ["nvidia"],
    "wheelfix verify clean": ["cleanpkg-1.0-py3-none-any.whl"],
    "wheelfix verify READ": [],
    "wheelfix fix --rules ../examples/rules/seed": ["../examples/rules/seed-case.toml"],
    "wheelfix fix --rules=../examples/rules/seed": ["--rules=../examples/rules/seed-case.toml"],
    "wheelfix fix --rules cpu": ["cpu-twins"],
    "wheelfix mirror yank MIRROR torch==": ["torch==1.13.1"],
    "wheelfix mirror list MIRROR clean": ["cleanpkg"],
    "wheelfix no-such-command --x ": None,
}
"""Lines as they are typed in the directory of the samples, and what the shell makes of the last word; ``None``: anything."""
WANTED = [each for each in LINES.values() if each is not None]
BASH = r"""
compopt() { :; }  # it is for running completions only
eval "$SCRIPT"
complete -p wheelfix >/dev/null || exit 9
while IFS= read -r COMP_LINE && IFS= read -r cut; do
    IFS=$'\t' read -ra COMP_WORDS <<<"$cut"
    [[ $COMP_LINE == *' ' ]] && COMP_WORDS+=('')
    COMP_POINT=${#COMP_LINE} COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _wheelfix_completion wheelfix
    (IFS=' '; echo "${COMPREPLY[*]}")
done <<<"$TYPED"
"""
FISH = r"""
echo $SCRIPT | source
for line in (string split \n -- $TYPED)
    set --local found (complete --do-complete "$line" | string replace --regex '\t.*' '')
    echo $found
end
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("programs")
    (place / "wheelfix").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m wheelfix "$@"\n')
    (place / "wheelfix").chmod(0o755)
    return place


def cut_as_readline_does(line: str) -> tuple[str, list[str]]:
    """Return the words of ``line`` as bash cuts them, and what of the last one stays on the line."""
    found, rest = [""], ""
    for sign in line:
        if sign == " ":
            found, rest = [*found, ""], ""
        elif sign in "=:":
            found = [*found[:-1], found[-1] + sign] if set(found[-1]) <= set("=:") else [*found, sign]
            rest += sign
        else:
            found = [*found, sign] if found[-1] and set(found[-1]) <= set("=:") else [*found[:-1], found[-1] + sign]
            rest += sign
    typed = line.rpartition(" ")[2]
    kept = typed[: 1 + max(typed.rfind("="), typed.rfind(":"))]
    return kept, found


def lines_of(mirror: Path) -> list[str]:
    return [line.replace("MIRROR", str(mirror)) for line in LINES]


QUICK = ("wheelfix verify --select=record-wrong-s", "wheelfix verify clean", "wheelfix mirror yank MIRROR torch==")


@pytest.mark.parametrize("typed", [QUICK, pytest.param(tuple(LINES), marks=pytest.mark.slow)], ids=["three", "all"])
def test_in_bash(typed: tuple[str, ...], mirror: Path, programs: Path) -> None:
    lines = [line.replace("MIRROR", str(mirror)) for line in typed]
    cut = [cut_as_readline_does(line) for line in lines]
    text = "\n".join(f"{line}\n{chr(9).join(words)}" for line, (_, words) in zip(lines, cut, strict=True))
    found = _in_shell(["bash", "--norc", "-c", BASH], {"SCRIPT": script("bash", group), "TYPED": text}, programs)
    for line, each, (kept, _) in zip(typed, found, cut, strict=True):
        assert LINES[line] in (None, [kept + word for word in each.split()])


HOSTILE = [
    "a*.whl",
    "ab.whl",
    "ac d.whl",
    "a$(touch pwned).whl",
    "a`touch pwned`.whl",
    "a;touch pwned;.whl",
    "ae\nf.whl",
    "f.whl",
]
TYPED = r"""
import os, pty, select, sys, time
child, terminal = pty.fork()
if child == 0:
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
seen = b""
def wait_for(text):
    global seen
    end = time.monotonic() + 30
    while text not in seen and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 65536)
    assert text in seen, seen
    seen = b""
started = b'PS1=; %s; eval "$SCRIPT"; echo REA""DY\n' % sys.argv[1].encode()
for text, answer in ((started, b"READY"), (b"wheelfix verify a\\$\t\n", b"RAN"), (b"wheelfix verify ac\t\n", b"RAN")):
    os.write(terminal, text)
    wait_for(answer)
"""
AS_ON_MACOS = 'enable -n compopt mapfile; complete() { [[ $2 != nosort ]] && builtin complete "$@"; }'
LISTED = r"""
eval "$SCRIPT"
[[ $OLD ]] || compopt() { :; }
COMP_LINE=$TYPED COMP_POINT=${#TYPED} COMP_WORDS=(wheelfix verify a) COMP_CWORD=2
_wheelfix_completion wheelfix
printf '%q\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("old", ["", "1"])
def test_names_of_files_are_no_patterns_in_bash(old: str, tmp_path: Path, programs: Path) -> None:
    """No name is expanded, one with a line end is left out; without ``compopt`` bash completes files itself."""
    for name in HOSTILE:
        (tmp_path / name).touch()
    variables = {"SCRIPT": script("bash", group), "TYPED": "wheelfix verify a", "OLD": old}
    found = _in_shell(["bash", "--norc", "-c", LISTED], variables, programs, tmp_path)
    wanted = [] if old else [name for name in HOSTILE if name.startswith("a") and "\n" not in name]
    assert sorted(" ".join(shlex.split(each)) for each in found if each != "''") == sorted(wanted)


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["true", AS_ON_MACOS], ids=["today", "as on macOS"])
def test_what_a_file_is_called_is_not_run_by_bash(setting: str, tmp_path: Path) -> None:
    """TAB and Enter on a real terminal: the name comes as one quoted word, also without ``compopt``."""
    for name in HOSTILE:
        (tmp_path / name).touch()
    programs, log = tmp_path / "programs", tmp_path / "log"
    programs.mkdir()
    (programs / "wheelfix").write_text(
        f'#!/bin/sh\n[ -z "$_WHEELFIX_COMPLETE" ] || exec "{sys.executable}" -m wheelfix\n'
        f'for word; do printf "%s\\n" "$word"; done >>"{log}"\necho RAN\n'
    )
    (programs / "wheelfix").chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "SCRIPT": script("bash", group), "TERM": "dumb"}
    subprocess.run([sys.executable, "-c", TYPED, setting], cwd=tmp_path, env=variables, check=True, capture_output=True)
    assert log.read_text().splitlines() == ["verify", "a$(touch pwned).whl", "verify", "ac d.whl"]
    assert not (tmp_path / "pwned").exists()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_in_fish(mirror: Path, programs: Path) -> None:
    variables = {"SCRIPT": script("fish", group), "TYPED": "\n".join(lines_of(mirror))}
    found = _in_shell(["fish", "--no-config", "-c", FISH], variables, programs)
    got = [line.split() for line in found]
    assert [each for each, wanted in zip(got, LINES.values(), strict=True) if wanted is not None] == WANTED


ZSH = r"""
zmodload zsh/zpty
zpty shell zsh --no-rcs --interactive
zpty -w shell 'PS1=; autoload -Uz compinit; compinit -u -D; eval "$SCRIPT"; LISTMAX=1000
keep() { print -r -- "$BUFFER" >>"$OUT"; BUFFER= }; zle -N keep; bindkey "^X" keep; print -r -- REA""DY'
zpty -r shell started '*READY*'
for line in "${(@f)LINES_TYPED}"; do zpty -w -n shell "$line"$'\t\x18'; done
zpty -w shell 'print -r -- TH""E END'
zpty -r shell ended '*THE END*'
zpty -d shell
"""


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_in_a_zsh_whose_start_up_file_has_only_this(tmp_path: Path) -> None:
    ran = subprocess.run(
        ["zsh", "--no-rcs", "-c", 'eval "$SCRIPT" && print -r -- $_comps[wheelfix]'],
        env={"SCRIPT": script("zsh", group), "PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "_wheelfix_completion\n", "")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_in_zsh(mirror: Path, programs: Path, tmp_path: Path) -> None:
    """One shell on a terminal of its own, and a key that keeps what stands on the line."""
    typed = lines_of(mirror)
    kept = tmp_path / "kept"
    variables = {"SCRIPT": script("zsh", group), "LINES_TYPED": "\n".join(typed), "OUT": str(kept), "TERM": "dumb"}
    _in_shell(["zsh", "--no-rcs", "-c", ZSH], variables, programs)
    for line, got, wanted in zip(typed, kept.read_text("utf-8").splitlines(), LINES.values(), strict=True):
        before, _, last = line.rpartition(" ")
        assert wanted is None or got.rstrip() == f"{before} {(wanted or [last])[0]}"


def _in_shell(command: list[str], variables: dict[str, str], programs: Path, place: Path = SAMPLES) -> list[str]:
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        command, cwd=place, env={**os.environ, **variables, "PATH": path}, capture_output=True, text=True, check=True
    )
    assert ran.stderr == ""
    return ran.stdout.splitlines()
