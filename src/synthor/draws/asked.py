"""Questions put to a run folder: answered from its records, its draws, and what its targets imply."""

from collections.abc import Sequence

from synthor.draws.make import finished_draws
from synthor.errors import Finding, InputError
from synthor.evaluate.of_members import parse_of_members
from synthor.evaluate.question import Question, parse_question
from synthor.evaluate.ranges import Ranges, ask, to_json
from synthor.events import Listener, forward, ignore
from synthor.fit.model import Model
from synthor.report.ranges import ranges_page
from synthor.store.folder import RunFolder
from synthor.store.records import read_records


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
    schema = model.problem.schema
    questions: list[Question] = []
    findings: list[Finding] = []
    for text in texts:
        try:
            of_members = parse_of_members(text, model.problem) if len(schema.levels) > 1 else None
            questions.append(of_members or parse_question(text, model.problem))
        except InputError as error:
            findings += error.findings
    if findings:
        raise InputError(findings)
    records = read_records(folder, schema)
    draws = (read_records(place, schema) for place in finished_draws(folder, schema.unit.name))
    answers = ask(model.problem, questions, records, draws, advance=forward("ranges", on_event))
    folder.add({"ranges.json": to_json(answers), "ranges.html": ranges_page(model.problem.spec.title, answers)})
    return answers
