"""Questions put to a run folder: answered from its records, its draws, and what its targets imply."""

from collections.abc import Sequence

from synthor.draws.make import finished_draws
from synthor.errors import Finding, InputError
from synthor.evaluate.crossed import question_of
from synthor.evaluate.question import Question
from synthor.evaluate.ranges import Ranges, ask, to_json
from synthor.events import Listener, forward, ignore
from synthor.fit.model import Model
from synthor.problem import Problem
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
    problem = model.problem.whole
    schema, questions = problem.schema, questions_of(texts, problem)
    records = read_records(folder, schema)
    draws = (read_records(place, schema) for place in finished_draws(folder, schema.unit.name))
    answers = ask(problem, questions, records, draws, advance=forward("ranges", on_event))
    folder.add({"ranges.json": to_json(answers), "ranges.html": ranges_page(model.problem.spec.title, answers)})
    return answers


def questions_of(texts: Sequence[str], problem: Problem) -> list[Question]:
    """Questions as they are written.

    Raises:
        InputError: lists every question that cannot be understood.
    """
    questions: list[Question] = []
    findings: list[Finding] = []
    for text in texts:
        try:
            questions.append(question_of(text, problem))
        except InputError as error:
            findings += error.findings
    if findings:
        raise InputError(findings)
    return questions
