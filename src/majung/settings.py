"""The one settings file: everything that differs between installations comes from the environment (core.env).

Also of the processes that send and receive, which do without Django: nothing of it is imported here.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from majung import __version__
from majung.core import env, logs
from majung.core.embedded import APP, OWNER, WORKER, Embedded

SOURCE = Path(__file__).resolve().parent
HOME = env.home()
VAULT_KEY = Path(
    env.text("MAJUNG_VAULT_KEY", str(HOME / "vault.key"), "The vault's key file (mode 0600). Copy it somewhere safe.")
)

VERSION = __version__
DEBUG = env.flag("MAJUNG_DEBUG", False, "Development only: details of errors on the page.")
SAMPLES = env.flag("MAJUNG_SAMPLES", False, "Show the component samples at /ui/samples.")
BASE_URL = env.text(
    "MAJUNG_BASE_URL", "http://127.0.0.1:8000", "The address under which people reach this installation."
)
INGEST_URL = env.text(
    "MAJUNG_INGEST_URL", "http://127.0.0.1:8001", "The address under which webhooks and clicks reach 'majung ingest'."
)
SANDBOX_URL = env.text("MAJUNG_SANDBOX_URL", "http://127.0.0.1:8790", "The address of the messenger sandbox.")
_SECRET_FILE = HOME / "secret.key"
SECRET_KEY = env.secret(
    "MAJUNG_SECRET_KEY", "Signs sessions and links; default: the file secret.key, made at first start."
) or (_SECRET_FILE.read_text("ascii").strip() if _SECRET_FILE.exists() else "")

ALLOWED_HOSTS = env.words(
    "MAJUNG_HOSTS", (urlsplit(BASE_URL).hostname or "127.0.0.1", "localhost"), "Host names served, comma-separated."
)
CSRF_TRUSTED_ORIGINS = [BASE_URL]
_SECURE = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _SECURE
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https")
    if env.flag("MAJUNG_BEHIND_PROXY", False, "Trust X-Forwarded-Proto of the proxy in front.")
    else None
)
SECURE_HSTS_SECONDS = 31_536_000 if _SECURE else 0
SESSION_COOKIE_AGE = 60 * env.number(
    "MAJUNG_SESSION_MINUTES", 30, "Idle minutes after which a session ends (SEC-09).", least=1
)
SESSION_SAVE_EVERY_REQUEST = True
SESSION_COOKIE_HTTPONLY = True
CSRF_USE_SESSIONS = True
CSRF_FAILURE_VIEW = "majung.ui.views.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20
CROWD_CACHE_BYTES = 2**20 * env.number(
    "MAJUNG_CROWD_CACHE_MB", 256, "Sets of people that a process keeps in memory for counting, in MiB.", least=0
)
METRICS_TOKEN = env.secret(
    "MAJUNG_METRICS_TOKEN",
    "Whoever shows it (Authorization: Bearer …) may read /metrics; without it, this machine alone.",
)
IMPORT_MAX_BYTES = 2**20 * env.number("MAJUNG_IMPORT_MAX_MB", 200, "Largest file an import takes, in MiB.", least=1)

ROLE = env.text(
    "MAJUNG_ROLE", OWNER, "Database role of this process: majung_owner (migrations), majung_app (web), majung_worker."
)


def database_url(role: str = ROLE) -> str:
    """The connection URL of one role: ``DATABASE_URL`` (with ``SET ROLE`` for app and worker), or the embedded server's."""
    external = os.environ.get("DATABASE_URL", "")
    if not external:
        return Embedded(base=HOME / "postgres").url(role) if (HOME / "postgres" / "passwords.json").exists() else ""
    own = os.environ.get({APP: "DATABASE_URL_APP", WORKER: "DATABASE_URL_WORKER"}.get(role, ""), "")
    if own or role == OWNER:
        return own or external
    return f"{external}{'&' if '?' in external else '?'}options=-c%20role%3D{role}"


def _database(url: str) -> dict[str, Any]:
    parts = conninfo_to_dict(url) if url else {}
    known = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    configured: dict[str, Any] = {name: parts.pop(key, "") or "" for key, name in known.items()}
    suffix = os.environ.get("MAJUNG_TEST_DATABASE", "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        **configured,
        "ATOMIC_REQUESTS": True,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**parts, "server_side_binding": False},
        "TEST": {"NAME": f"test_majung_{suffix}" if suffix else "test_majung"},
    }


DATABASES = {"default": _database(database_url())}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

ROOMS = (
    "core", "ui", "activity", "accounts", "tree", "crowd", "people", "consent", "channels", "mail", "policy", "audience",
    "delivery", "campaigns", "webhooks", "api", "portal", "console",
)  # fmt: skip

INSTALLED_APPS = [
    # Before allauth, so that our sign-in pages are found first.
    "majung.ui",
    "majung.accounts",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "treebeard",
    "pgtrigger",
    "django_linear_migrations",
    "procrastinate.contrib.django",
    "django_htmx",
    # Cotton and partials together need the simple configs and explicit loaders, else <c-…> goes out unrendered.
    "django_cotton.apps.SimpleAppConfig",
    "template_partials.apps.SimpleAppConfig",
    *(f"majung.{room}" for room in ROOMS if room not in {"core", "ui", "accounts"}),
]

MIDDLEWARE = [
    "majung.ui.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "majung.ui.middleware.SecurityHeadersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "majung.tree.middleware.ActorMiddleware",
    "majung.ui.middleware.RefusalMiddleware",
]

ROOT_URLCONF = "majung.urls"
WSGI_APPLICATION = "majung.wsgi.application"
FORM_RENDERER = "majung.ui.forms.Renderer"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "OPTIONS": {
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            [
                                "django_cotton.cotton_loader.Loader",
                                "django.template.loaders.filesystem.Loader",
                                "django.template.loaders.app_directories.Loader",
                            ],
                        )
                    ],
                )
            ],
            "builtins": [
                "django_cotton.templatetags.cotton",
                "template_partials.templatetags.partials",
                "majung.ui.templatetags.ui",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "majung.ui.context.layout",
                "majung.console.context.chrome",
            ],
        },
    }
]
COTTON_DIR = "cotton"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "majung.accounts.adapter.Adapter"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Majung"

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env.text("MAJUNG_SMTP_HOST", "127.0.0.1", "Mail server for password resets.")

WEBHOOK_NETWORKS = env.networks(
    "MAJUNG_WEBHOOK_NETWORKS", "Inner networks that outgoing webhooks may reach, also without TLS; none by default."
)

LANGUAGE_CODE = "ko"
LANGUAGES = [("ko", "한국어"), ("en", "English")]
TIME_ZONE = "Asia/Seoul"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
MEDIA_ROOT = HOME / "uploads"
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700

LOG_LEVEL = env.text("MAJUNG_LOG_LEVEL", "INFO", "Log level.")
LOG_FORMAT = env.text(
    "MAJUNG_LOG_FORMAT", "line", "How logs are written: line (for people) or json (one object a line)."
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request": {"()": "majung.ui.middleware.RequestIdFilter"}},
    "formatters": {"chosen": {"()": logs.form(LOG_FORMAT)}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "chosen", "filters": ["request"]}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {"django.request": {"level": "ERROR"}, "procrastinate": {"level": "WARNING"}},
}
PROCRASTINATE_IMPORT_PATHS: list[str] = []
SILENCED_SYSTEM_CHECKS: list[str] = []
