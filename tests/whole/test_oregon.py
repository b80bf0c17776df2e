"""The example against real households; skipped where there is no microdata."""

from pathlib import Path

import pytest

from synthor import compile_problem, load_spec, synthesize
from synthor.evaluate.fidelity import evaluate
from synthor.loop import fit_spec
from synthor.prior.model import load_prior

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "households"
EARLIER = ROOT / "bench" / "recordings" / "households-earlier.json"


@pytest.mark.slow
def test_households_are_exact_and_as_real_as_claimed(microdata_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHOR_DATA", str(microdata_folder))
    from make_targets import microdata

    spec = load_spec(EXAMPLE / "spec.yaml")
    run = synthesize(spec)
    found = evaluate(compile_problem(spec), run.records, microdata(), weight="weight")
    assert run.measurement.met
    assert run.model.status.value == "converged"
    assert found.n_records == 77_536
    assert found.mean_marginal_tvd < 1e-12
    assert found.records.recovered >= 0.77
    assert found.records.mean_triple_tvd <= 0.075
    assert found.records.equivalent.size >= 900
    assert sum(found.violations.values()) == sum(found.real_violations.values()) == 0


@pytest.mark.slow
def test_shuffled_beliefs_recover_nothing(microdata_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHOR_DATA", str(microdata_folder))
    from make_targets import microdata

    from oregon import shuffled

    spec = load_spec(EXAMPLE / "spec.yaml")
    prior, _ = load_prior(EARLIER)
    run = synthesize(spec, prior=shuffled(prior, spec, 0))
    found = evaluate(compile_problem(spec), run.records, microdata(), weight="weight")
    assert run.measurement.met
    assert found.records.recovered <= 0.2


def test_the_committed_tables_are_those_of_the_microdata(microdata_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHOR_DATA", str(microdata_folder))
    from make_targets import microdata

    records = microdata()
    for target in compile_problem(load_spec(EXAMPLE / "spec.yaml")).counts:
        variable = target.variables[0]
        codes = variable.encode(records[variable.name])
        counts = [int(records["weight"].to_numpy()[codes == code].sum()) for code in range(variable.size)]
        assert counts == target.wanted.tolist()


@pytest.mark.slow
@pytest.mark.parametrize(("example", "tables"), [("households", 55), pytest.param("trips", 91, marks=pytest.mark.long)])
def test_the_recordings_of_the_examples_answer_every_question_of_today(example: str, tables: int) -> None:
    fitted = fit_spec(load_spec(ROOT / "examples" / example / "spec.yaml"))
    assert fitted.model.status.value == "converged"
    assert len(fitted.model.prior.dependencies) == tables
    assert fitted.bill.requests <= 12
    assert not [entry for entry in fitted.model.dropped if entry.action == "dropped"]


def test_the_recording_is_read_without_loss() -> None:
    prior, dropped = load_prior(EARLIER)
    assert (len(prior.dependencies), len(prior.proposals), dropped) == (24, 83, ())
