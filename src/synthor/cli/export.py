"""The verb that hands records to models of activities."""

from synthor.cli.app import AsJson, Out, Quiet, RunDir, WaitForOthers, manner, opened, verb, warn


@verb(example="synthor export out/ --out activitysim/data/", codes="0 the files are written")
def export(folder: RunDir, out: Out, wait: WaitForOthers = False, quiet: Quiet = False, as_json: AsJson = False) -> None:
    """Write the records as PopulationSim does and ActivitySim reads: synthetic_households.csv and synthetic_persons.csv."""
    from synthor.library.stored import Stored
    from synthor.report.screen import Tone, print_json, say
    from synthor.schema.text import plural
    from synthor.store.activitysim import synthetic_files, synthetic_tables
    from synthor.store.fresh import fresh

    tone, run = manner(as_json, quiet), Stored(opened(folder))
    problem = run.model.problem.whole
    tables = synthetic_tables(run.tables, problem.schema, problem.spec.zones.levels if problem.spec.zones else ())
    with fresh(out, wait=wait, tell=warn) as place:
        place.write(synthetic_files(tables))
    if tone is Tone.JSON:
        files = {str(out / name): table.height for name, table in tables.items()}
        print_json({"ok": True, "files": files})
        return
    for name, table in tables.items():
        say(f"Wrote {out / name}: {plural(table.height, 'row')} of {', '.join(table.columns)}.")
