"""Questions put to a run folder: answered from its records, its draws, and what its targets imply."""

from collections.abc import Sequence

from synthor.draws.make import finished_draws
from synthor.errors import Finding, InputError
from synthor.evaluate.question import Question, parse_question
from synthor.evaluate.ranges import Ranges, ask, to_json
from synthor.events import Listener, forward, ignore
from synthor.fit.model import Model
from synthor.report.ranges import ranges_page
from synthor.spec.tables import read_frame
from synthor.store.folder import RunFolder


def ask_folder(folder: RunFolder, texts: Sequence[str], *, on_event: Listener = ignore) -> tuple[Ranges, ...]:
    """Answer questions and write ranges.json and ranges.html beside the records.

    Args:
        folder: of a finished run.
        texts: as `synthor measure --of` takes them.
        on_event: told of progress.

    Raises:
        InputError: lists every question that cannot be understood; or the folder holds no model or records.
    """
    model = Model.from_json(folder.read("model.json"), source=str(folder.path / "model.json"))
    questions: list[Question] = []
    findings: list[Finding] = []
    for text in texts:
        try:
            questions.append(parse_question(text, model.problem))
        except InputError as error:
            findings += error.findings
    if findings:
        raise InputError(findings)
    level = model.problem.schema.unit
    records = read_frame(folder.records(level.name), variables=level.variables)
    draws = (read_frame(path, variables=level.variables) for path in finished_draws(folder))
    answers = ask(model.problem, questions, records, draws, advance=forward("ranges", on_event))
    folder.add({"ranges.json": to_json(answers), "ranges.html": ranges_page(model.problem.spec.title, answers)})
    return answers
