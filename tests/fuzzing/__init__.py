"""Hostile inputs by the thousand, the same for the same seed.

:mod:`fuzzing.mutate` spoils bytes, JSON values, npy and zip files; :mod:`fuzzing.doors` holds the
ways into Skerry, each with what it is fed and what it may answer; :mod:`fuzzing.driver` drives one
door, under limits of time and memory.
"""
