"""How Sphinx builds these pages: `make docs` writes build/docs/index.html."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

from sphinx.domains.python import PyObject

import skerry

HERE = Path(__file__).parent
SOURCE = Path(skerry.__file__).parent
BENCHMARKS = HERE.parent / "benchmarks"
sys.path.insert(0, str(HERE / "_ext"))

project = "Skerry"
author = "The Skerry developers"
copyright = author
version = release = skerry.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "command_line",
    "mathml",
]
exclude_patterns = ["_ext", "benchmarks_tables.md"]  # which benchmarks.md has
nitpicky = True
# Types in signatures that have no page of their own: other packages', and Skerry's own aliases.
_elsewhere = (
    "numpy np npt jax jaxtyping equinox eqx matplotlib xarray collections typing types os".split()
)
_aliases = """
    BoolArray FloatArray IntArray SeedLike Seed PathLike Path DataFrame DataTree Figure Array
    Embedding Failures Found Progress Sampler Simulator Scheme DensityName
    Band Bend Components Conditional Density Familiar Mixtures Row Step
""".split()
nitpick_ignore_regex = [
    ("py:(class|data|obj)", rf"({'|'.join(_elsewhere)})\..*"),
    ("py:(class|data|obj)", rf"(.*\.)?({'|'.join(_aliases)})"),
]

# Markdown
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

# Tutorials run when they or the package change, and not otherwise.
_code = hashlib.sha256(b"".join(f.read_bytes() for f in sorted(SOURCE.rglob("*.py"))))
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE.parent / "build" / "notebooks" / _code.hexdigest()[:16])
nb_execution_show_tb = True
nb_execution_timeout = 1800  # seconds a cell; busy machines are slow
nb_execution_in_temp = True
nb_merge_streams = True
os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")  # workers say a lot when they end

# Reference
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False
napoleon_use_rtype = False
maximum_signature_line_length = 80
python_use_unqualified_type_names = True
add_module_names = False
default_role = "literal"
smartquotes = False

# Looks
html_theme = "furo"
html_title = "Skerry"
html_static_path = ["_static"]
html_css_files = ["skerry.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b6aa2", "color-brand-content": "#0b6aa2"},
    "dark_css_variables": {"color-brand-primary": "#6cc0ee", "color-brand-content": "#6cc0ee"},
}
copybutton_exclude = ".linenos, .gp, .go"


def setup(app):
    """What Sphinx calls."""
    app.connect("autodoc-process-docstring", plain_property, priority=400)
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"
    app.connect("autodoc-process-signature", with_short_types)
    app.connect("source-read", with_parts)


def with_parts(app, docname, source):
    """Decisions in a list; the benchmarks' tables at the end of their page."""
    if docname == "decisions/README":
        source[0] += "\n```{toctree}\n:glob:\n0*\n```\n"
    if docname == "benchmarks":
        app.env.note_dependency(str(BENCHMARKS / "results" / "history.jsonl"))
        source[0] += "\n" + tables()


def tables():
    """The benchmarks' tables and pictures, made from the history as it is now."""
    made = HERE.parent / "build" / "benchmarks"
    words = [sys.executable, str(BENCHMARKS / "bench.py"), "tables", "--out", str(made)]
    made.mkdir(parents=True, exist_ok=True)
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    text = re.sub(r"\A# .*\n", "", (made / "benchmarks_tables.md").read_text())
    return text.replace("](images/", "](../build/benchmarks/images/")


ARRAY = re.compile(r"[~.\w]*ndarray\[tuple\[[~.\w]*Any, \.\.\.\], [~.\w]*dtype\[[~.\w]*?(\w+)\]\]")
KINDS = {"float64": "FloatArray", "int64": "IntArray", "bool": "BoolArray", "bool_": "BoolArray"}


def with_short_types(app, what, name, obj, options, signature, returns):
    """Arrays by the names they have in the source."""
    short = [
        text and ARRAY.sub(lambda m: KINDS.get(m[1], m[0]), text.replace("<factory>", "..."))
        for text in (signature, returns)
    ]
    return tuple(short)


def plain_property(app, what, name, obj, options, lines):
    """Napoleon takes what stands before a colon in a property's first line for its type."""
    if what == "property":
        lines[:0] = ["..", ""]
