"""How far to trust it: checks, the count of islands, the rounds, training, failures."""

from __future__ import annotations

import numpy as np

from skerry import plot
from skerry.diagnostics import checks
from skerry.plot import letter
from skerry.posterior import Posterior
from skerry.report._numbers import DASH, counted, plain
from skerry.report._page import Mark, Section, Table, Tone
from skerry.report._picture import Picture, picture

TONES: dict[bool | None, Tone] = {True: "good", False: "bad", None: "care"}
REASONS = 10
LONGEST = 400


def checks_section(posterior: Posterior) -> Section:
    """Each check with its limit, verdict and advice, and the picture of the weights."""
    p = posterior
    rows = [
        (
            Mark(each.name, note=each.advice),
            Mark(each.verdict, tone=TONES[each.passed]),
            each.value,
            each.limit,
        )
        for each in checks(p)
    ]
    if not p.n_calls:
        return Section(
            "How far to trust it",
            ("Draws of a trained density, all of one weight: the likelihood has seen none.",),
            (),
            Table(("check", "verdict", "found", "should be"), rows, prose=(0,)),
        )
    return Section(
        "How far to trust it",
        (
            "Points are weighted by posterior over proposal density. No such number sees an island "
            "on which no point has landed; what speaks for the count is the search"
            + (" (How many islands)." if p.topology is not None else "."),
        ),
        (diagnostics_picture(p),),
        Table(("check", "verdict", "found", "should be"), rows, prose=(0,)),
    )


def diagnostics_picture(posterior: Posterior) -> Picture:
    """Effective size and k-hat as points come in, and all weights."""
    return picture(
        plot.diagnostics(posterior),
        "Effective sample size and k-hat against the part of the points used, ending at "
        f"{posterior.n_effective:,.0f} and {plain(posterior.khat, 2)}; a histogram of the weights.",
    )


def persistence_section(posterior: Posterior) -> Section | None:
    """The persistence diagram and the search; None for a posterior without."""
    p = posterior
    if p.topology is None:
        return None
    text = [
        "A peak counts as an island if the wall around it, its prominence, is higher than the "
        "threshold; the emptier the gap around the threshold, the surer the count.",
        search_text(p),
    ]
    return Section("How many islands", text, (persistence_picture(p),))


def persistence_picture(posterior: Posterior) -> Picture:
    """Peaks by prominence."""
    return picture(
        plot.persistence(posterior),
        f"Bars of the peaks' prominences: {len(posterior.modes)} are kept as modes.",
    )


def search_text(posterior: Posterior) -> str:
    """How the islands were looked for, in a sentence or two."""
    search = posterior.search
    if search is None and posterior.rounds:
        return "The run was stopped before its search for islands was summed up."
    if search is None:
        return (
            "Nobody searched for islands beyond the points that were given: one on which none of "
            "them has landed is not here."
        )
    visits = ", ".join(f"{letter(k)} {n:,}" for k, n in enumerate(search.visits[:12]))
    more = " ..." if len(search.visits) > 12 else ""
    return (
        f"{counted(search.n_starts, 'local climb')} looked for islands; of those that ended on the "
        f"ones shown, so many on each: {visits}{more}. Islands that none has met, as estimated "
        f"from these numbers: {search.unseen:.2g}."
    )


def rounds_section(posterior: Posterior) -> Section | None:
    """The history; None for a run without rounds."""
    p = posterior
    if not p.rounds:
        return None
    head = ("round", "kind", "draws", "calls", "beta", "effective", "share", "Gaussians", "log Z")
    rows = [
        (
            f"{k}",
            line.kind,
            f"{line.n:,}",
            f"{line.n_calls:,}",
            plain(line.beta, 3),
            f"{line.n_effective:,.0f}",
            f"{line.share:.2f}",
            f"{line.n_islands:,}",
            f"{line.log_evidence:.3f}" if np.isfinite(line.log_evidence) else DASH,
            f"{line.khat:.2f}" if np.isfinite(line.khat) else DASH,
        )
        for k, line in enumerate(p.rounds)
    ]
    history = picture(
        plot.rounds(p),
        f"Calls, effective samples, shares, k-hat, inverse temperature, Gaussians and log Z over "
        f"{counted(len(rows), 'round')}, ending at {p.n_effective:,.0f} effective samples.",
    )
    caption = (
        "Calls count looks too (hunts, climbs, walls), which carry no weight. Share: the effective "
        "share of a round's own draws; near 1 the proposal is the posterior."
    )
    return Section(
        "How it went", (), (history,), Table((*head, "k-hat"), rows, caption, prose=(1,))
    )


def training_section(posterior: Posterior) -> Section | None:
    """The training of a flow; None if none was trained."""
    if posterior.training is None:
        return None
    best = posterior.training.best
    held_out = posterior.training.epochs[best].held_out
    return Section(
        "The training of the flow",
        ("The masses and the evidence above come from the weights and don't hang on it.",),
        (
            picture(
                plot.training(posterior),
                f"Negative log density by epoch, of points trained on and of points held out; the "
                f"best, {held_out:.3f} nats held out, is epoch {best}.",
            ),
        ),
    )


def failures_section(posterior: Posterior) -> Section | None:
    """Why calls failed, with a point for each reason; None if none did."""
    p = posterior
    if not p.n_failed:
        return None
    said = f"{p.n_failed:,} of {counted(p.n_calls, 'likelihood call')} failed; they were "
    said += "counted as impossible points." if p.settings.get("failures") == "zero" else "left out."
    if p.failed is None or not len(p.failed):
        return Section("Calls that failed", (said + " Where and why is not recorded.",))
    rows = []
    for text, count in p.failed.reasons()[:REASONS]:
        point = p.failed.theta[p.failed.messages.index(text)]
        place = ", ".join(f"{n} = {v:.6g}" for n, v in zip(p.names, point, strict=True))
        rows.append((text[:LONGEST], f"{count:,}", place))
    left = len(p.failed.reasons()) - len(rows)
    caption = f"{counted(left, 'rarer reason')} left out." if left > 0 else ""
    return Section(
        "Calls that failed",
        (said,),
        (),
        Table(("reason", "calls", "first at"), rows, caption, prose=(0, 2)),
    )
