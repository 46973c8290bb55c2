"""Addresses of allauth that Majung does not offer."""

from django.http import Http404, HttpRequest, HttpResponse


def no_page(request: HttpRequest, **words: str) -> HttpResponse:
    """As if nothing were there, for everybody."""
    raise Http404
