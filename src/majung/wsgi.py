"""The WSGI entry for granian."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "majung.settings")
behind = get_wsgi_application()

from majung import settings  # noqa: E402  reason: app ready
from majung.console.probes import Front  # noqa: E402  reason: app ready

application = Front(behind, settings.database_url, settings.METRICS_TOKEN)
