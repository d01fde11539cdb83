"""Files that sum up a run: summary.json, table.md, plots and sheets."""

from __future__ import annotations

from draglab.evaluation.example_sheet import compared_sheet, ranked_sheet
from draglab.evaluation.experiment import Experiment, Row
from draglab.evaluation.plots import cumulative_plot
from draglab.evaluation.run_folder import RunFolder
from draglab.media.images import encode_image
from draglab.media.provenance.origin import Origin

SUMMARY, TABLE = "summary.json", "table.md"
SHEET = Origin(source="trainedAlgorithmicMedia", description="Sheet of images of GANs and edits of them, by draglab.")


def write_results(experiment: Experiment, run: RunFolder, pictures: bool = True) -> tuple[str, list[Row]]:
    """Sum up what the run has so far.

    Args:
        pictures: also make the sheets, for which some edits are rendered again.

    Returns:
        the table, Markdown, and its rows.

    Raises:
        DraglabError: a file cannot be written.
    """
    rows = experiment.rows(run)
    table = experiment.table(rows) + _errors(rows)
    run.write(SUMMARY, {"experiment": experiment.name, "rows": [row.as_json() for row in rows]})
    run.write(TABLE, table)
    for name, content in experiment.files(run).items():
        run.write(name, content)
    for group, series in _series(experiment, run).items():
        title = experiment.name if group is None else f"{experiment.name}, {group} points"
        name = "all" if group is None else f"{group}_points"
        run.write(f"plots/{name}.svg", cumulative_plot(series, title, experiment.score_title))
    if pictures:
        for name, sheet in (("sheet.png", ranked_sheet), ("compared.png", compared_sheet)):
            drawn = sheet(experiment, run)
            if drawn is not None:
                run.write(name, encode_image(drawn, SHEET))
    return table, rows


def _errors(rows: list[Row]) -> str:
    broken = sum(row.errors for row in rows)
    if not broken:
        return ""
    return f'\n{broken} edit{"s" if broken > 1 else ""} broke: see "error" in the lines of the run.\n'


def _series(experiment: Experiment, run: RunFolder) -> dict[object, dict[str, list[float]]]:
    """Return group -> method -> scores."""
    found: dict[object, dict[str, list[float]]] = {}
    for line in experiment.edit_lines(run):
        if (value := line.get(experiment.score)) is not None:
            found.setdefault(line.get("points"), {}).setdefault(line["method"], []).append(value)
    return found
