"""How a run is made, kept within its caps, judged and written down.

``one`` runs a method on a problem in this process; ``isolated`` starts it in a process of its own
and ends it at the caps; ``judge`` measures what it found against the truth; ``rows`` is the
append-only history; ``guard`` compares Skerry with its last accepted row; ``tables`` and ``plots``
show what is in the history.
"""
