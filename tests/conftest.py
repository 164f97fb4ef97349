"""Every ring stands on `tests/support`: its fixtures are at hand in each test."""

pytest_plugins = [
    "tests.support.corpora",
    "tests.support.coverage_floors",
    "tests.support.harbour",
    "tests.support.outside",
    "tests.support.postgres",
    "tests.support.properties",
    "tests.support.rig",
    "tests.support.server",
    "tests.support.sockets",
    "tests.support.upstream",
    "tests.support.workers",
]
