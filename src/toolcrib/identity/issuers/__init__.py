"""What tokens of the operator's issuers say: whose they are and until when, never what their holder may do."""

from .claims import LEEWAY, Claims
from .verifier import Verifier

__all__ = ["LEEWAY", "Claims", "Verifier"]
