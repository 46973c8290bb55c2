"""Forms with files, as ``multipart/form-data``."""

from collections.abc import Mapping
from hashlib import sha256


def with_picture(name: str, content: bytes, fields: Mapping[str, str]) -> tuple[Mapping[str, str], bytes]:
    """Headers and body of a form with these fields and a picture (PNG or JPEG) under ``name``."""
    edge = sha256(content).hexdigest()[:32].encode()
    kind = b"png" if content.startswith(b"\x89PNG") else b"jpeg"
    parts = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (edge, field.encode(), value.encode())
        for field, value in fields.items()
    ]
    parts.append(
        b'--%b\r\nContent-Disposition: form-data; name="%b"; filename="picture.%b"\r\nContent-Type: image/%b\r\n\r\n'
        % (edge, name.encode(), b"png" if kind == b"png" else b"jpg", kind)
    )
    body = b"".join((*parts, content, b"\r\n--%b--\r\n" % edge))
    return {"Content-Type": f"multipart/form-data; boundary={edge.decode()}"}, body
