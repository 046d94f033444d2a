"""nessai: importance nested sampling with flows (Williams et al. 2023, arXiv:2302.08526)."""

from frame.found import Found

PACKAGES = ("nessai", "torch", "numpy")
SETTINGS = (
    "FlowSampler with importance_nested_sampler=True and its defaults (5,000 live points), on the "
    "unit cube, vectorised, one thread of torch."
)


def prepare(clock):
    from nessai.flowmodel.base import FlowModel

    clock.around(FlowModel, "train")


def model(job):
    """The problem on the unit cube."""
    import numpy as np
    from nessai.livepoint import live_points_to_array
    from nessai.model import Model

    class Cube(Model):
        def __init__(self):
            self.names = [f"c{i}" for i in range(job.prior.ndim)]
            self.bounds = {name: [0.0, 1.0] for name in self.names}

        def log_prior(self, x):
            return np.log(self.in_bounds(x), dtype=float)

        def log_likelihood(self, x):
            cube = live_points_to_array(x, self.names)
            values = job.log_likelihood(job.from_cube(np.atleast_2d(cube)))
            return values if np.ndim(cube) == 2 else values[0]

        def to_unit_hypercube(self, x):
            return x.copy()

        def from_unit_hypercube(self, x):
            return x.copy()

    return Cube()


def run(job):
    import numpy as np
    from nessai.flowsampler import FlowSampler
    from nessai.livepoint import live_points_to_array

    cube = model(job)
    sampler = FlowSampler(
        cube,
        output="nessai",
        importance_nested_sampler=True,
        seed=job.seed,
        resume=False,
        plot=False,
        signal_handling=False,
    )
    sampler.run(plot=False, save=False)
    points = live_points_to_array(sampler.ns.samples, cube.names)
    log_w = np.asarray(sampler.ns.log_posterior_weights)
    return Found(
        job.from_cube(points),
        np.exp(log_w - np.logaddexp.reduce(log_w)),
        float(sampler.log_evidence),
        float(sampler.log_evidence_error),
        float(sampler.ns.posterior_effective_sample_size),
        "finished",
    )
