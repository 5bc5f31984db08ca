"""Mailman's pages signed in to through Apache: whom mod_auth_openidc names is who is there, and nobody else.

Included by the end of Mailman's settings. Sessions of Django's own end with Apache's.
"""

from copy import copy

from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import RemoteUserBackend
from django.contrib.auth.middleware import RemoteUserMiddleware
from django.core.exceptions import PermissionDenied

SUPERUSER = "superuser"


def claim(request, name):
    """A claim as text: WSGI hands over UTF-8 as Latin-1 (PEP 3333)."""
    value = request.META.get("OIDC_CLAIM_" + name, "")
    return value.encode("latin-1", "replace").decode("utf-8", "replace")


class SchedarMiddleware(RemoteUserMiddleware):
    """Signs in whom Apache names, and signs out at once when it names nobody any more."""

    def process_request(self, request):
        # « OIDCUnAuthAction pass » sets it, to nothing.
        if not request.META.get(self.header):
            request.META.pop(self.header, None)
        # People are known by their addresses here: one that nobody proved could be anybody's.
        elif claim(request, "email_verified") not in ("1", "true"):
            raise PermissionDenied("the address is not verified")
        super().process_request(request)
        if request.user.is_authenticated:
            follow(request.user, request)


class SchedarBackend(RemoteUserBackend):
    """Accounts are made at the first sign-in, by the identifier that never changes."""

    create_unknown_user = True


def follow(user, request):
    """Keeps an account as the claims are: its name, its address, whether it may do everything."""
    email = claim(request, "email").lower()
    may_everything = SUPERUSER in claim(request, "roles").split(",")
    wanted = {
        "email": email,
        "first_name": claim(request, "name")[:150],
        "is_superuser": may_everything,
        "is_staff": may_everything,
    }
    changed = [field for field, value in wanted.items() if getattr(user, field) != value]
    for field in changed:
        setattr(user, field, wanted[field])
    if changed:
        user.save(update_fields=changed)
    own_address(user, email)


def shown(user):
    """What pages call somebody: a username here is an identifier that says nothing to people."""
    return user.first_name or user.username


def by_name(request):
    """For templates: most pages show the username of a context's user."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    named = copy(user)
    named.username = shown(user)
    return {"user": named}


# Others show the request's own.
get_user_model().__str__ = shown


def own_address(user, email):
    """Whose address it is decides what Postorius shows: one person at a time, and no address of before."""
    addresses = EmailAddress.objects
    if list(addresses.filter(user=user).values_list("email", "verified", "primary")) == [(email, True, True)]:
        return
    addresses.filter(email=email).exclude(user=user).delete()
    addresses.filter(user=user).exclude(email=email).delete()
    addresses.update_or_create(user=user, email=email, defaults={"verified": True, "primary": True})
