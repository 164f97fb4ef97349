"""The assay: whether one workspace can tell that another is there, asked from outside over HTTP. It knows nothing of the
house, only its routes: `matrix.toml` names them all. `toolcrib doctor --isolation` and `tests/assay` run it.
"""
