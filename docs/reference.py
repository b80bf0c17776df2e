"""The page cli.md, written from the command line itself: `make docs` runs it."""

import inspect
import sys
from typing import Any

import typer.main

from synthor.cli.app import app
from synthor.cli.main import main as _  # noqa: F401  adds the verbs

INTRODUCTION = """# The command line

Made from the commands themselves by `make docs`. Every verb has `-h`; `synthor -V` prints the version,
`synthor --install-completion` teaches your shell to complete verbs and options.

Exit codes are the same everywhere: 0 as wanted, 1 not met (the result is written) or waiting for answers, 2 bad input,
3 our fault, 130 interrupted. What 0 and 1 mean is said with each verb.

Progress goes to standard error: one bar in a terminal, a line a stage elsewhere, nothing but warnings with `-q`.

With `--json`, standard output holds one JSON document and nothing else, unless the process is killed. That of a failure is
`{"ok": false, "exit_code": ..., "findings": [...]}` ([its schema](failure.schema.json)), with what was written beside it from
`check --reconcile` and `--fix-labels`; records that do not meet their targets are a result, not a failure. Each finding has
`code`, `severity`, `where`, `row`, `label`, `message`, `found`, `expected` and `cure`. What each verb prints otherwise has
[a schema](results.schema.json), too. Codes are:

"""


def page() -> str:
    """The page as Markdown."""
    from synthor.report.failure import CODES

    codes = "\n".join(f"- `{code}`: {meaning}" for code, meaning in CODES.items())
    return INTRODUCTION + codes + "\n" + "".join(section(name, verb) for name, verb in verbs().items())


def verbs() -> dict[str, Any]:
    """Every verb, as the command line knows it."""
    group: Any = typer.main.get_command(app)
    return dict(group.commands)


def section(name: str, verb: Any) -> str:
    """One verb: what it does, how it is called, its options, an example, its exit codes."""
    arguments = [parameter for parameter in verb.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in verb.params if parameter.param_type_name == "option"]
    called = " ".join(parameter.metavar if parameter.required else f"[{parameter.metavar}]" for parameter in arguments)
    needed = " ".join(f"{option.opts[-1]} {option.metavar}" for option in options if option.required)
    synopsis = " ".join(filter(None, ["synthor", name, called, needed, "[OPTIONS]"]))
    example, codes = verb.epilog.split("\n\n")
    lines = ["", f"## {name}", "", inspect.cleandoc(verb.help), "", "```sh", synopsis, "```", ""]
    lines += ["| Argument or option | What it does |", "|---|---|"]
    lines += [row(f"`{parameter.metavar}`".replace("|", "` or `"), parameter) for parameter in arguments]
    for option in options:
        given = (option.metavar or "").replace("|", " or ")
        names = ", ".join(f"`{spelt}`" for spelt in option.opts)
        lines.append(row(f"{names} {given}" if given else names, option))
    return "\n".join([*lines, "", f"Example: `{example.removeprefix('Example: ')}`", "", codes, ""])


def row(names: str, parameter: Any) -> str:
    """One option in a table."""
    needed = " Needed." if parameter.required else ""
    shown = str(parameter.help).replace("|", "\\|")
    return f"| {names} | {shown}{needed} |"


if __name__ == "__main__":
    sys.stdout.write(page())
