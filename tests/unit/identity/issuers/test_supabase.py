"""Tokens as Supabase signs them, with keys and with a project's secret.

The claims, as facts, are those of "JWT Claims Reference" (https://supabase.com/docs/guides/auth/jwt-fields): of a signed-in
user, and of a project's `anon` and `service_role` keys. Headers are those of "JSON Web Token" (…/guides/auth/jwts).
"""

import pytest

from tests.support.mint import Minter
from toolcrib.identity.issuers import Claims

PROJECT = "https://abcdefghijklmnopqrst.supabase.co/auth/v1"
SESSION = "123e4567-e89b-12d3-a456-426614174000"
SIGNED_IN = {
    "aal": "aal1",
    "amr": [{"method": "password", "timestamp": 1_799_999_990}],
    "app_metadata": {"provider": "email", "providers": ["email"]},
    "email": "user@example.com",
    "phone": "",
    "role": "authenticated",
    "session_id": SESSION,
    "sub": SESSION,
    "user_metadata": {"name": "John Doe", "email_verified": True, "sub": "somebody-else"},
    "is_anonymous": False,
}


def project(algorithm: str, **more) -> Minter:
    return Minter(algorithm, issuer=PROJECT, audience="authenticated", more=SIGNED_IN | more)


@pytest.mark.parametrize("algorithm", ["HS256", "ES256", "RS256"])
async def test_somebody_who_signed_in_is_known(verifier_of, clock, algorithm):
    made = project(algorithm)
    verifier = verifier_of(made, audiences=("authenticated",))
    found = await verifier.claims(made.token(claims=made.claims(clock.now() / 1e6)))

    assert found == Claims(PROJECT, SESSION, None, None, clock.now() + 3600 * 1_000_000)


async def test_the_secrets_name_says_nothing(verifier_of, clock):
    made = project("HS256")
    verifier = verifier_of(made, audiences=("authenticated",))
    for kid in ("xB5pTgN1bqQFRbKZ", "another"):
        assert await verifier.claims(made.token(made.header(kid=kid), made.claims(clock.now() / 1e6)))


@pytest.mark.parametrize("role", ["anon", "service_role"])
async def test_a_projects_own_keys_are_nobody(verifier_of, clock, role):
    made = project("HS256")
    now = clock.now() // 1_000_000
    claims = {
        "iss": "supabase",
        "ref": "abcdefghijklmnopqrst",
        "role": role,
        "iat": now,
        "exp": now + 315_360_000,
    }
    verifier = verifier_of(made, audiences=("authenticated",))

    assert await verifier.claims(made.token(claims=claims)) is None
    assert await verifier.claims(made.token(claims=claims | {"iss": PROJECT})) is None
    assert await verifier.claims(made.token(claims=made.claims(now)))


async def test_another_project_is_a_stranger(verifier_of, clock):
    made = project("ES256")
    other = Minter("ES256", issuer=PROJECT.replace("abc", "xyz"), audience="authenticated", more=SIGNED_IN)
    verifier = verifier_of(made, audiences=("authenticated",))

    assert await verifier.claims(other.token(claims=other.claims(clock.now() / 1e6))) is None


async def test_what_users_write_of_themselves_is_not_believed(verifier_of, clock):
    made = project("ES256", user_metadata={"email_verified": True, "name": "Admin", "role": "service_role"})
    verifier = verifier_of(made, audiences=("authenticated",))
    found = await verifier.claims(made.token(claims=made.claims(clock.now() / 1e6)))

    assert found
    assert (found.name, found.email) == (None, None)
