"""A table of densities x invariants: normalised, invertible, honest in the tails."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as st
from scipy.special import logsumexp

from skerry import flows
from skerry._seeds import as_seed
from skerry.errors import InputError
from skerry.flows.couplings import CouplingSettings, couplings
from skerry.flows.density import Density

Z = 5.0
SMALL = {"layers": 3, "width": 16, "depth": 1}


def shaken(module, scale=0.3, seed=0):
    """The same module with noise on every parameter: away from the identity start."""
    rng = np.random.default_rng(seed)
    arrays, static = eqx.partition(module, eqx.is_inexact_array)
    arrays = jax.tree.map(
        lambda a: a + scale * jnp.asarray(rng.standard_normal(a.shape), a.dtype), arrays
    )
    return eqx.combine(arrays, static)


def islands(dim: int, K: int, periodic=None) -> flows.Frames:
    rng = np.random.default_rng(7)
    roots = rng.normal(0, 0.2, (K, dim, dim)) + 0.5 * np.eye(dim)
    return flows.frames(
        rng.normal(0, 1, (K, dim)),
        roots @ roots.transpose(0, 2, 1) + 0.01 * np.eye(dim),
        turns=rng.uniform(0.2, 0.8, (K, dim)) if periodic is not None else None,
        periodic=periodic,
    )


def make(form: str, kind: str, dim: int, x_dim: int = 0, scale=0.04) -> Density:
    settings = CouplingSettings(kind=kind, **SMALL)
    build = getattr(flows, form)
    density = build(
        islands(dim, 3), np.log([0.5, 0.3, 0.2]), as_seed(1), settings=settings, x_dim=x_dim
    )
    shape = eqx.tree_at(
        lambda s: s.couplings, density.shape, shaken(density.shape.couplings, scale)
    )
    if x_dim:
        part = (lambda s: s.islands) if form == "flow_mixture" else (lambda s: s.base)
        shape = eqx.tree_at(part, shape, shaken(part(shape), 0.1))
    return Density(density.frames, shape)


FORMS = ["flow_mixture", "mixture_base", "gaussian_base"]
KINDS = ["spline", "affine"]
ALL = [(f, k, d) for f in FORMS for k in KINDS for d in (1, 2, 3)] + [
    ("flow_mixture", "spline", 5),
    ("mixture_base", "affine", 5),
]


def terms_of(shape, framed):
    """Each framed point's terms, ``(n, J)``."""
    n, frames, d = framed.y.shape
    found = shape.log_terms(jnp.reshape(framed.y, (-1, d)).T, jnp.ravel(framed.k), None)
    return found.reshape(n, frames)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [1, 2, 3, 6])
@pytest.mark.parametrize("context", [0, 2])
def test_couplings_round_trip_and_match_autodiff(kind, dim, context):
    stack = shaken(couplings(dim, context, CouplingSettings(kind=kind, **SMALL), as_seed(0)), 0.03)
    rng = np.random.default_rng(3)
    bulk = rng.normal(0, 2, (200, dim))
    tails = rng.normal(0, 1, (50, dim)) * 100
    edges = np.where(rng.uniform(size=(50, dim)) < 0.5, -6.0, 6.0)
    near = edges * (1 + rng.choice([-1e-6, 1e-6], (50, dim)))
    y = jnp.asarray(np.concatenate([bulk, tails, edges, near]), jnp.float32)
    c = jnp.ones((context, len(y)))
    z, log_det = eqx.filter_jit(stack.to_base)(y.T, c)
    back = eqx.filter_jit(stack.from_base)(z, c).T
    z = z.T
    size = 1 + jnp.abs(y).max(1, keepdims=True) + jnp.abs(z).max(1, keepdims=True)
    assert float(jnp.max(jnp.abs(back - y) / size)) < 1e-5

    def one(v):
        return stack.to_base(v[:, None], jnp.ones((context, 1)))[0][:, 0]

    jacobian = jax.jit(jax.vmap(jax.jacfwd(one)))(y[:200])
    _, exact = np.linalg.slogdet(np.asarray(jacobian, np.float64))
    np.testing.assert_allclose(log_det[:200], exact, atol=2e-3, rtol=1e-4)


@pytest.mark.parametrize("bins", [3, 8])
def test_splines_are_flowjax_s(bins):
    """Another's code for the same formulas and the same raw parameters."""
    bijections = pytest.importorskip("flowjax.bijections")
    from flowjax.utils import get_ravelled_pytree_constructor
    from paramax import unwrap

    from skerry.flows import splines

    template = bijections.RationalQuadraticSpline(
        knots=bins, interval=6.0, min_width=0.6 / bins, min_derivative=splines.LEAST_SLOPE
    )
    construct, size = get_ravelled_pytree_constructor(template, filter_spec=eqx.is_inexact_array)
    assert size == splines.n_parameters(bins)
    rng = np.random.default_rng(2)
    raw = jnp.asarray(rng.normal(size=(size, 300)), jnp.float32)
    x = jnp.asarray(rng.uniform(-7, 7, 300), jnp.float32)
    theirs = jax.vmap(lambda p, v: unwrap(construct(p)).transform_and_log_det(v))(raw.T, x)
    y, log_slope = splines.forward(raw, x, bins, 6.0)
    np.testing.assert_allclose(y, theirs[0], atol=2e-4)
    np.testing.assert_allclose(log_slope, theirs[1], atol=2e-3)
    np.testing.assert_allclose(splines.inverse(raw, y, bins, 6.0), x, atol=2e-3)


@pytest.mark.parametrize("gap", [1.0, 8.0, 20.0, 200.0])
def test_frames_left_out_do_not_matter(gap):
    """Islands that overlap, touch or lie apart: the sum over near frames is that over all."""
    places = flows.frames(gap * np.arange(4.0)[:, None] * [1.0, 0.5], np.tile(np.eye(2), (4, 1, 1)))
    start = flows.flow_mixture(places, np.zeros(4), as_seed(1), settings=CouplingSettings(**SMALL))
    density = Density(places, shaken(start.shape, 0.1))
    rng = np.random.default_rng(0)
    u = np.concatenate([density.sample(300, 1), rng.uniform(-gap, 4 * gap, (200, 2))])
    framed = density.frame(u)
    exact = logsumexp(np.asarray(terms_of(density.shape, framed), np.float64) + framed.offset, 1)
    np.testing.assert_allclose(density.log_prob(u), exact + framed.shift, rtol=1e-5, atol=2e-4)


def test_far_islands_cost_next_to_nothing(monkeypatch):
    from skerry.flows import programs as module

    places = flows.frames(40.0 * np.arange(8.0)[:, None], np.ones((8, 1, 1)))
    density = flows.flow_mixture(
        places, np.zeros(8), as_seed(1), settings=CouplingSettings(**SMALL)
    )
    seen, right = [], module.log_terms
    monkeypatch.setattr(
        module, "log_terms", lambda shape, y, k, x: seen.append(len(k)) or right(shape, y, k, x)
    )
    density.log_prob(density.sample(200, 0))
    assert seen == [256]  # one frame a point, where all would be 1,600


def test_islands_without_couplings_need_no_jax(monkeypatch):
    from skerry.flows import programs as module

    density = make("flow_mixture", "spline", 2)
    plain = flows.flow_mixture(
        density.frames,
        np.log([0.5, 0.3, 0.2]),
        as_seed(1),
        settings=CouplingSettings(layers=0),
    )
    monkeypatch.setattr(module, "log_terms", None)
    u = plain.sample(50, 0)
    parts = [
        st.multivariate_normal(m, c @ c.T).logpdf(u)
        for m, c in zip(plain.frames.means, plain.frames.cholesky, strict=True)
    ]
    exact = logsumexp(np.transpose(parts) + np.log([0.5, 0.3, 0.2]), axis=1)
    np.testing.assert_allclose(plain.log_prob(u), exact, rtol=1e-6)


def test_samples_are_finite_however_wild_the_parameters():
    """A quadratic solved carelessly is NaN here, by rounding."""
    stack = shaken(couplings(2, 0, CouplingSettings(**SMALL), as_seed(0)), 3.0)
    z = jnp.asarray(np.random.default_rng(0).normal(0, 3, (20_000, 2)), jnp.float32)
    y = eqx.filter_jit(stack.from_base)(z.T, jnp.zeros((0, len(z))))
    assert bool(jnp.isfinite(y).all())


@pytest.mark.parametrize("kind", KINDS)
def test_fresh_couplings_are_the_identity(kind):
    stack = couplings(4, 0, CouplingSettings(kind=kind), as_seed(0))
    y = jnp.asarray(np.random.default_rng(0).normal(0, 3, (50, 4)), jnp.float32)
    z, log_det = eqx.filter_jit(stack.to_base)(y.T, jnp.zeros((0, len(y))))
    np.testing.assert_allclose(z.T, y, atol=1e-5)
    np.testing.assert_allclose(log_det, 0, atol=1e-5)


@pytest.mark.parametrize(("form", "kind", "dim"), ALL)
def test_densities_integrate_to_one_and_describe_their_samples(form, kind, dim):
    """Importance sampling from a Student t mixture on the frames; the same for the mean of u."""
    density = make(form, kind, dim)
    drawn = density.sample(20_000, 9)
    rng = np.random.default_rng(5)
    n = 60_000
    proposal = st.multivariate_t(
        drawn.mean(0), 1.5 * np.atleast_2d(np.cov(drawn.T)), df=4, seed=rng
    )
    u = np.reshape(proposal.rvs(n), (n, dim))
    ratio = np.exp(density.log_prob(u) - np.reshape(proposal.logpdf(u), n))
    assert abs(ratio.mean() - 1) < Z * ratio.std() / np.sqrt(n)
    assert ratio.std() / np.sqrt(n) < 0.03
    for f in (lambda v: v.mean(1), lambda v: np.cos(3 * v[:, 0]), lambda v: np.tanh(v).prod(1)):
        weighted = ratio * f(u)
        difference = f(drawn).mean() - weighted.mean()
        error = np.hypot(f(drawn).std() / np.sqrt(20_000), weighted.std() / np.sqrt(n))
        assert abs(difference) < Z * error


def test_a_wrong_log_determinant_does_not_integrate_to_one(monkeypatch):
    """With a program of its own: one compiled earlier would not see the change."""
    from skerry._compilation import program
    from skerry.flows import programs as module
    from skerry.flows.couplings import Couplings

    right, compute = Couplings.to_base, module._log_terms.__wrapped__

    def again(*args):
        return compute(*args)

    monkeypatch.setattr(module, "_log_terms", program(again))
    monkeypatch.setattr(
        Couplings, "to_base", lambda s, y, c: (right(s, y, c)[0], 0.9 * right(s, y, c)[1] - 0.1)
    )
    with pytest.raises(AssertionError):
        test_densities_integrate_to_one_and_describe_their_samples("flow_mixture", "affine", 1)


@pytest.mark.parametrize("form", FORMS)
def test_the_start_is_the_gaussian_mixture_itself(form):
    frames, log_masses = islands(3, 3), np.log([0.5, 0.3, 0.2])
    density = getattr(flows, form)(frames, log_masses, as_seed(0))
    if form == "gaussian_base":
        frames, log_masses = flows.overall_frame(frames, log_masses), np.zeros(1)
    u = np.random.default_rng(0).normal(0, 1.5, (400, 3))
    parts = [
        st.multivariate_normal(m, c @ c.T).logpdf(u)
        for m, c in zip(frames.means, frames.cholesky, strict=True)
    ]
    exact = logsumexp(np.array(parts) + log_masses[:, None], axis=0)
    np.testing.assert_allclose(density.log_prob(u), exact, atol=2e-4, rtol=2e-5)


@pytest.mark.parametrize("form", FORMS)
def test_a_context_changes_the_density_and_comes_one_or_row_by_row(form):
    density = make(form, "spline", 2, x_dim=3)
    u = np.random.default_rng(0).normal(size=(5, 2))
    rows = np.random.default_rng(1).normal(size=(5, 3))
    together = density.log_prob(u, rows)
    alone = [density.log_prob(u[[i]], rows[i])[0] for i in range(5)]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert np.ptp([density.log_prob(u[:1], row)[0] for row in rows]) > 1e-3
    assert density.sample(7, 0, rows[0]).shape == (7, 2)


def test_conditional_densities_integrate_to_one():
    density = make("flow_mixture", "spline", 1, x_dim=2)
    u = np.linspace(-60, 60, 200_001)[:, None]
    for x in ([0.0, 0.0], [1.0, -2.0]):
        total = np.trapezoid(np.exp(density.log_prob(u, np.array(x))), u[:, 0])
        assert total == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_finite_far_in_the_tails(form):
    density = make(form, "spline", 2)
    framed = density.frame(np.array([[0.0, 0.0], [300.0, -300.0], [1e6, 1e6], [6.0, -6.0]]))

    def loss(shape):
        return jnp.sum(jax.nn.logsumexp(terms_of(shape, framed), axis=1))

    value, gradient = eqx.filter_value_and_grad(loss)(density.shape)
    assert np.isfinite(value)
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(gradient))


def test_an_island_of_width_1e_9_is_as_easy_as_a_wide_one():
    """Float64 frames: neither the density nor the samples lose digits."""
    narrow = flows.frames(np.array([[1.234567, -0.5]]), 1e-18 * np.eye(2)[None])
    density = flows.flow_mixture(narrow, np.zeros(1), as_seed(0))
    u = density.sample(4000, 0)
    scaled = (u - narrow.means[0]) / 1e-9
    np.testing.assert_allclose(scaled.std(0), 1, atol=Z / np.sqrt(8000) + 1e-6)
    exact = st.norm.logpdf(scaled).sum(1) - 2 * np.log(1e-9)
    np.testing.assert_allclose(density.log_prob(u), exact, atol=1e-4)


def test_islands_across_the_seam_of_a_circle_are_whole():
    """A component centred on the seam: normalised on the circle, samples on both sides."""
    from scipy.special import ndtr, ndtri

    frames = flows.frames(
        np.zeros((1, 1)),
        np.full((1, 1, 1), 0.05),
        turns=np.zeros((1, 1)),
        periodic=np.array([True]),
    )
    density = flows.flow_mixture(frames, np.zeros(1), as_seed(0))
    place = (np.arange(100_000) + 0.5) / 100_000
    u = ndtri(place)[:, None]
    relative = np.exp(density.log_prob(u) - st.norm.logpdf(u[:, 0]))  # density on the circle
    assert relative.mean() == pytest.approx(1, abs=1e-4)
    drawn = ndtr(density.sample(2000, 0)[:, 0])
    assert 0.4 < np.mean(drawn < 0.5) < 0.6
    assert np.all(np.minimum(drawn, 1 - drawn) < 0.45)


@pytest.mark.parametrize("nearest", [1, 2])
def test_nearest_frames_bound_the_density_from_below(nearest):
    density = make("flow_mixture", "spline", 2)
    u = np.random.default_rng(0).normal(size=(300, 2))
    framed = density.frame(u, nearest)
    assert framed.y.shape == (300, nearest, 2)
    terms = terms_of(density.shape, framed)
    part = logsumexp(np.asarray(terms, np.float64) + framed.offset, axis=1) + framed.shift
    assert np.all(part <= density.log_prob(u) + 1e-4)


@pytest.mark.slow
def test_jit_and_no_jit_agree():
    density = make("flow_mixture", "spline", 2)
    u = np.random.default_rng(0).normal(size=(4, 2))
    compiled = density.log_prob(u)
    with jax.disable_jit():
        np.testing.assert_allclose(density.log_prob(u), compiled, atol=1e-4)


def test_samples_depend_on_the_seed_alone_and_sizes_may_be_anything():
    density = make("mixture_base", "spline", 2)
    np.testing.assert_array_equal(density.sample(300, 4), density.sample(300, 4))
    assert not np.array_equal(density.sample(300, 4), density.sample(300, 5))
    assert density.sample(0, 1).shape == (0, 2)
    assert density.log_prob(np.empty((0, 2))).shape == (0,)
    u, log_q = density.sample_and_log_prob(9000, 2)
    np.testing.assert_allclose(density.log_prob(u), log_q)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: d.log_prob(np.zeros(2)), r"points of shape \(n, 2\); got \(2,\)"),
        (lambda d: d.log_prob(np.zeros((1, 2)), np.zeros(3)), "does not depend on one"),
        (lambda d: d.sample(-1, 0), "n >= 0; got -1"),
    ],
)
def test_bad_calls_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call(make("flow_mixture", "affine", 2))


def test_missing_or_misshapen_contexts_are_refused():
    density = make("flow_mixture", "affine", 2, x_dim=3)
    with pytest.raises(InputError, match=r"x of shape \(3,\) or \(n, 3\); got None"):
        density.log_prob(np.zeros((1, 2)))
    with pytest.raises(InputError, match=r"\(3,\) or \(4, 3\); got \(5, 3\)"):
        density.log_prob(np.zeros((4, 2)), np.zeros((5, 3)))


def test_bad_settings_are_refused():
    with pytest.raises(InputError, match="kind 'spline' or 'affine'; got 'cubic'"):
        CouplingSettings(kind="cubic")
    with pytest.raises(InputError, match="layers >= 0"):
        CouplingSettings(layers=-1)
    with pytest.raises(InputError, match="positive diagonal"):
        flows.Frames(np.zeros((1, 2)), np.zeros((1, 2, 2)), np.zeros((1, 2)), np.zeros(2, bool))
