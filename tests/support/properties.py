"""Property tests measure no time: a busy machine makes no property false. Which examples are tried stays as it was."""

from hypothesis import HealthCheck, settings

_usual = settings()
settings.register_profile(
    "untimed",
    _usual,
    deadline=None,
    suppress_health_check={*_usual.suppress_health_check, HealthCheck.too_slow},
)
settings.load_profile("untimed")
