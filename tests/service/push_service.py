"""A push service on loopback, which stands in for Google's."""

import base64
import datetime as dt
import io
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import http_ece
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "fcm.googleapis.com"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def private_key_text(key):
    """Return a private key as senders configure it."""
    return base64url(key.private_numbers().private_value.to_bytes(32))


class Browser:
    """A browser that has subscribed to push messages, and decrypts them."""

    def __init__(self, name):
        self.endpoint = f"https://{HOST}/send/{name}"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._auth = name.encode().ljust(16)
        point = self._key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        self.keys = {"p256dh": base64url(point), "auth": base64url(self._auth)}

    def decrypt(self, body):
        message = http_ece.decrypt(
            body, private_key=self._key, auth_secret=self._auth, version="aes128gcm"
        )
        return message.decode()


class LoopbackPushService:
    """A push service that senders reach through a proxy, so that endpoints have real URLs.

    Args:
        folder: A folder for the certificate.
        respond: A function that gets the endpoint and the body of each request, and returns the
            status and the headers of the response.
    """

    def __init__(self, folder, respond):
        certificate = _write_certificate(folder)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)

        class Handler(BaseHTTPRequestHandler):
            def do_CONNECT(self):
                assert self.path == f"{HOST}:443"
                self.send_response(200)
                self.end_headers()
                with (
                    context.wrap_socket(self.connection, server_side=True) as connection,
                    connection.makefile("rb") as self.rfile,
                    connection.makefile("wb", buffering=0) as self.wfile,
                ):
                    self.handle_one_request()
                self.rfile, self.wfile = io.BytesIO(), io.BytesIO()  # the server closes them too
                self.close_connection = True

            def do_POST(self):
                assert self.headers["TTL"] == "86400"
                assert self.headers["Authorization"].startswith("vapid t=")
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = respond(f"https://{self.headers['Host']}{self.path}", body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.environment = {
            "HTTPS_PROXY": f"http://127.0.0.1:{self._server.server_port}",
            "REQUESTS_CA_BUNDLE": str(certificate),
        }

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc_info):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _write_certificate(folder):
    """Write a certificate of the push service's host, and its private key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)
    usage = dict.fromkeys(
        (
            *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
            *("crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=True, **usage), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file
