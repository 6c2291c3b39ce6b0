"""The demo: a plainly fictional platform, its MCN, and two recordings of live sessions to be transcribed for real."""

from .loading import load
from .sign_ins import SignIn, sign_ins

__all__ = ["SignIn", "load", "sign_ins"]
