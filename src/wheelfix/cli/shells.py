"""Completion in bash, zsh and fish: the script that each shell loads, and how the words of a line reach click and come back.

The scripts find files themselves, so that tildes, variables and quotes work as everywhere; see :mod:`wheelfix.cli.suggest`.
A line that comes back is ``type``, ``value`` and ``help`` with tabs between them.
"""

import os
import sys
from typing import TYPE_CHECKING, ClassVar, Final

import click
from click.shell_completion import ShellComplete, split_arg_string

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

VARIABLE: Final = "_WHEELFIX_COMPLETE"
"""The variable that says that a shell completes, and which: ``bash_complete``."""

# COMP_WORDS are cut at each of COMP_WORDBREAKS, "=" among them: the words are read from COMP_LINE instead, and what comes
# back is without what bash does not replace. Names of files are somebody else's: those with line ends are left out, and
# "filenames" makes bash quote the others. macOS has bash 3.2, without compopt, mapfile and nosort: no file is suggested
# there, and "default" lets bash complete, and quote, files by itself.
_BASH: Final = r"""%(complete_func)s() {
    local current=${COMP_WORDS[COMP_CWORD]} kind value path
    [[ $current == [=:] || $current == == ]] && current=
    COMPREPLY=()
    while IFS=$'\t' read -r kind value _; do
        case $kind in
        part) compopt -o nospace 2>/dev/null ;;
        dir | file)
            compopt -o filenames 2>/dev/null || continue
            [[ $kind == dir ]] || while IFS= read -r path; do
                [[ $path == *"$value" ]] && COMPREPLY+=("$path")
            done < <(compgen -f -X $'*\n*' -- "$current")
            mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -d -X $'*\n*' -- "$current")
            continue ;;
        esac
        COMPREPLY+=("$value")
    done < <(COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null ||
    complete -o default -F %(complete_func)s %(prog_name)s
"""
_ZSH: Final = r"""#compdef %(prog_name)s
%(complete_func)s() {
    local line kind value help
    local -a plain shown parts suffixes
    local -i has_dirs=0
    (( $+commands[%(prog_name)s] )) || return 1
    for line in "${(@f)$(COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \
        %(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null)}"; do
        IFS=$'\t' read -r kind value help <<<"$line"
        case $kind in
        dir) has_dirs=1 ;;
        file) suffixes+=("$value") ;;
        part) parts+=("$value") ;;
        plain)
            plain+=("$value")
            shown+=("$value${help:+  -- $help}") ;;
        esac
    done
    (( $#plain )) && compadd -U -V wheelfix -l -d shown -a plain
    (( $#parts )) && compadd -U -V wheelfix -S '' -a parts
    if (( has_dirs || $#suffixes )); then
        [[ $PREFIX == -*=* ]] && compset -P '*='
        (( has_dirs )) && _path_files -/
        for value in $suffixes; do _path_files -g "*$value(-.)"; done
        (( $#suffixes )) && _path_files -/
    fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i; }
    compdef %(complete_func)s %(prog_name)s
fi
"""
_FISH: Final = r"""function %(complete_func)s
    set -l token (commandline --current-token)
    set -l option (string match --regex '^-[^=]*=' -- $token; or echo)
    set -l typed (string replace --regex '^-[^=]*=' '' -- $token)
    for line in (%(complete_var)s=fish_complete COMP_WORDS=(commandline --cut-at-cursor --current-process | string collect) \
        COMP_CWORD=(string collect --allow-empty -- $token) %(prog_name)s 2>/dev/null)
        set -l parts (string split --max 2 \t -- $line)
        switch $parts[1]
            case dir
                printf '%%s\n' $option(__fish_complete_directories $typed '')
            case file
                set -l ending (string escape --style=regex -- $parts[2])
                set -l found (complete --do-complete "'' $typed" | string match --regex '^.*(?:/|'$ending')(?=\t|$)')
                printf '%%s\n' $option$found
            case '*'
                printf '%%s\t%%s\n' $parts[2] $parts[3]
        end
    end
end
complete --no-files --keep-order --command %(prog_name)s --arguments '(%(complete_func)s)'
"""


class _Shell(ShellComplete):
    """A shell; ``option`` is what is typed of an option before its value, as in ``--rules=gpu``, up to the sign."""

    option: str = ""

    def get_completions(self, args: list[str], incomplete: str) -> "list[CompletionItem]":
        """Return what click finds; the words of the line are the ``obj`` of each context."""
        self.ctx_args = {"obj": args}
        head, sign, _ = incomplete.partition("=")
        self.option = head + sign if sign and head.startswith("-") else ""
        return super().get_completions(args, incomplete)

    def format_completion(self, item: "CompletionItem") -> str:
        """Return a line: a file has its ending in place of a value, which the shell finds."""
        if item.type in ("file", "dir"):
            return f"{item.type}\t{item.ending or ''}\t"
        return f"{item.type}\t{self.written(item.value)}\t{' '.join((item.help or '').split())}"

    def written(self, value: str) -> str:
        """Return ``value`` as the shell takes it: it replaces the whole word."""
        return f"{self.option}{value}"

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor, and the one at it."""
        words = split_arg_string(os.environ["COMP_WORDS"])
        here = int(os.environ["COMP_CWORD"])
        return words[1:here], words[here] if here < len(words) else ""


class _Bash(_Shell):
    name: ClassVar[str] = "bash"
    source_template: ClassVar[str] = _BASH
    _typed = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words of the line; the last one is at the cursor unless a space ends it."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)[1:]
        self._typed = words.pop() if words and not line[-1:].isspace() else ""
        return words, self._typed

    def written(self, value: str) -> str:
        """Return what follows the last character at which bash cuts words; a pattern is quoted, or it would be expanded."""
        whole = f"{self.option}{value}"
        breaks = [self._typed.rfind(sign) for sign in os.environ.get("COMP_WORDBREAKS", "=:") if sign in "=:"]
        return whole[1 + max(breaks, default=-1) :].replace("*", r"\*")


class _Zsh(_Shell):
    name: ClassVar[str] = "zsh"
    source_template: ClassVar[str] = _ZSH


class _Fish(_Shell):
    name: ClassVar[str] = "fish"
    source_template: ClassVar[str] = _FISH

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor, and the one at it, which fish lists among them."""
        words = split_arg_string(os.environ["COMP_WORDS"])[1:]
        typed = next(iter(split_arg_string(os.environ["COMP_CWORD"])), "")
        return words[:-1] if typed and words[-1:] == [typed] else words, typed


SHELLS: Final = {each.name: each for each in (_Bash, _Zsh, _Fish)}


def script(shell: str, group: click.Command) -> str:
    """Return the completion script for ``shell``."""
    return SHELLS[shell](group, {}, "wheelfix", VARIABLE).source()


def complete(group: click.Command, instruction: str) -> None:
    """Print what can follow for the shell that ``instruction`` names; an error is silence: somebody only pressed a key."""
    maker = SHELLS.get(instruction.removesuffix("_complete"))
    if maker is None:
        return
    try:
        text = maker(group, {}, "wheelfix", VARIABLE).complete()
    except Exception:  # noqa: BLE001 - whatever is wrong with the line is reported once it is run
        return
    sys.stdout.write(f"{text}\n" if text else "")
