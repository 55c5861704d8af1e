"""``python -m pylmer``: fit a model from the shell."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import click

from pylmer.datasets.files import read_table
from pylmer.dotted import LmerMod, summary
from pylmer.errors import PylmerError, RMessage
from pylmer.lmer import lmer
from pylmer.printing import confint_text


def named(model: LmerMod, data: str) -> LmerMod:
    """Return the fit with the name of its data as printed."""
    design = model.design
    return replace(model, design=replace(design, call=replace(design.call, data=data)))


def intervals_text(model: LmerMod, method: str, level: float, nsim: int, seed: int | None, progress: bool) -> str:
    """The table of ``confint``, as R prints it."""
    table = model.confint(level=level, method=method, nsim=nsim, seed=seed, progress=progress, quiet=True)  # type: ignore[arg-type]
    return confint_text(table.to_numpy(), list(table.index), list(table.columns))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("formula")
@click.option("--data", "path", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--ml", is_flag=True, help="Maximum likelihood instead of REML.")
@click.option("--weights", help="Column of prior weights.")
@click.option("--offset", help="Column that is a known part of the response.")
@click.option("--factor", "factors", multiple=True, help="Column to be taken as a factor; may be given several times.")
@click.option("--confint", "method", type=click.Choice(["boot", "Wald"]), help="Also print confidence intervals.")
@click.option("--level", default=0.95, show_default=True, help="Coverage of the intervals.")
@click.option("--nsim", default=500, show_default=True, help="Replicates of the bootstrap.")
@click.option("--seed", type=int, help="Seed of the bootstrap, as R's set.seed.")
@click.option("--progress", is_flag=True, help="Show a progress bar.")
def main(
    formula: str,
    path: Path,
    ml: bool,
    weights: str | None,
    offset: str | None,
    factors: tuple[str, ...],
    method: str | None,
    level: float,
    nsim: int,
    seed: int | None,
    progress: bool,
) -> None:
    """Fit FORMULA, in R's language, to a CSV or Parquet file and print the summary that R would print.

    Example: python -m pylmer "mathach ~ cses + (1 | school)" --data hsb.csv --confint boot --seed 42
    """
    try:
        table = read_table(path, factors)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model = named(lmer(formula, table, REML=not ml, weights=weights, offset=offset), path.stem)
            click.echo(str(summary(model)))
            if method is not None:
                click.echo()
                click.echo(intervals_text(model, method, level, nsim, seed, progress))
        for one in said:
            label = "" if issubclass(one.category, RMessage) else "Warning: "
            click.echo(f"{label}{one.message}", err=True)
    except PylmerError as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main(prog_name="python -m pylmer")
