"""Refusals of the gateway as the wire knows them: an HTTP status with errorCode and errorMessage."""


class GatewayError(Exception):
    """Becomes `{errorCode, errorMessage}` with its status (kakao.md §4.1)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def invalid(message: str) -> GatewayError:
    """The request cannot be understood; nothing was done."""
    return GatewayError(400, "ValidationError", message)


def not_found(message: str) -> GatewayError:
    """Nothing of that name is known, or it is another account's."""
    return GatewayError(404, "ResourceNotFound", message)
