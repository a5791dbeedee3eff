"""The version of the package, read by the build and by every output that names it."""

__version__ = "0.1.0"
