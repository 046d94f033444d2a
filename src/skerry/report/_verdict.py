"""The verdict, first and in plain words."""

from __future__ import annotations

import math

from skerry.diagnostics import checks
from skerry.plot import letter, mass_text
from skerry.posterior import Posterior, Status
from skerry.report._numbers import counted, measured, plain
from skerry.report._page import Banner, Fact, Tone

HEADLINES: dict[Status, tuple[Tone, str]] = {
    Status.CONVERGED: ("good", "This answer can be used."),
    Status.SHORT: ("care", "Usable, with larger errors than asked for."),
    Status.MODES_MAY_BE_MISSING: ("care", "Islands may be missing."),
    Status.CONDITIONAL: ("care", "It holds only where the likelihood worked."),
    Status.INTERRUPTED: ("care", "Not finished."),
    Status.UNCHECKED: ("care", "Not checked against the likelihood."),
    Status.HEAVY_TAILS: ("care", "Use with care: the errors stated are too small."),
    Status.OUTSIDE: ("bad", "Don't rely on this answer."),
    Status.COLLAPSED: ("bad", "Don't rely on this answer."),
}
NAMED = 4


def verdict(posterior: Posterior) -> Banner:
    """What was found, whether to trust it, what to do if not."""
    status = posterior.status
    tone, headline = HEADLINES.get(status, ("care", status.name.lower().replace("_", " ")))
    points = [("Found", found(posterior)), ("Trust", status.finding)]
    points += [("Do", status.advice or "Nothing more is needed.")]
    wanting = [check for check in checks(posterior) if check.passed is False]
    if wanting:
        named = [f"{each.name.lower()}, {each.value} ({each.limit})" for each in wanting[:NAMED]]
        more = "; and more, below" if len(wanting) > NAMED else ""
        points.append(("Look at", f"{'; '.join(named)}{more}."))
    if "assumed" in posterior.settings:
        points.insert(2, ("Assumed", f"{posterior.settings['assumed']}"))
    return Banner("", tone, headline, points)


def found(posterior: Posterior) -> str:
    """The islands in a sentence."""
    modes = posterior.modes
    if len(modes) == 1:
        return "One island, which holds all of the posterior."
    named = [
        f"{letter(k)} holds {mass_text(mode.mass, mode.mass_error)}"
        for k, mode in enumerate(modes[:NAMED])
    ]
    rest = modes[NAMED:]
    if rest:
        share = 100 * sum(mode.mass for mode in rest)
        lighter = f"{len(rest)} lighter ones {share:.2g} %"
        named.append(f"the lighter one {share:.2g} %" if len(rest) == 1 else lighter)
    return (
        f"{counted(len(modes), 'island')}: {', '.join(named[:-1])} and {named[-1]} of the "
        "posterior."
    )


def facts(posterior: Posterior) -> tuple[Fact, ...]:
    """The numbers to be seen at a glance."""
    p = posterior
    known = not math.isnan(p.log_evidence)
    level, _, error = measured(p.log_evidence, p.log_evidence_error).partition(" ± ")
    if level.startswith("("):  # too large or too small to be written out
        level, error = plain(p.log_evidence, 6), plain(p.log_evidence_error, 2)
    return (
        Fact("Islands", f"{len(p.modes):,}", f"in {counted(p.ndim, 'parameter')}"),
        Fact(
            "Log evidence",
            level if known else "not known",
            f"± {error}" if known else "draws tell nothing of it",
        ),
        Fact(
            "Effective samples",
            f"{p.n_effective:,.0f}",
            _asked(p),
        ),
        Fact(
            "Likelihood calls",
            f"{p.n_calls:,}",
            f"{p.n_failed:,} failed" if p.n_failed else "none failed",
        ),
        Fact(
            "Tail, k-hat",
            "not known" if math.isnan(p.khat) or not p.n_calls else f"{p.khat:.2f}",
            "should be 0.7 or less",
        ),
    )


def _asked(p: Posterior) -> str:
    """How many effective samples were asked for."""
    asked = p.settings.get("n_effective")
    if not p.n_calls:
        return "draws, not weighed"
    return f"{float(asked):,.0f} asked for" if asked else f"of {len(p.samples):,} weighted"


def evidence_text(posterior: Posterior) -> str:
    """The evidence in a sentence."""
    p = posterior
    if math.isnan(p.log_evidence):
        return (
            "The evidence is not known: draws of a posterior alone, or an unchecked density, do "
            "not tell it."
        )
    return (
        f"log Z = {measured(p.log_evidence, p.log_evidence_error)} (natural logarithm, one "
        "standard error). Differences of log Z between models of the same data are log Bayes "
        "factors: 1 is a hint, 3 is 20 to 1, 5 is 150 to 1."
    )
