"""Start Chromium and the test site.

`python tests/browser.py FILE.png` takes a screenshot of a page with the widget.
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright
from processes import UNMEASURED

MANAGE = Path(__file__).parent / "django_site" / "manage.py"
# The headless shell renders the same pages in half the CPU time.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")

CREATE_DATABASE = """
from django.core.management import call_command
call_command("migrate")
call_command("createsuperuser", interactive=False, username="root", email="root@example.com")
call_command("loaddata", "-", format="json")
"""


@contextmanager
def launch_chromium():
    """Launch a headless browser that makes no background requests.

    Its contexts share a process, because to start one takes half a second.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--disable-background-networking",
                "--disable-component-update",
                "--renderer-process-limit=1",
            ],
        )
        yield browser
        browser.close()


@contextmanager
def run_site():
    """Run the site and yield its URL; the superuser is `root` with the password `root`."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        free.close()
        environment = UNMEASURED | {
            "SITE_DATABASE": f"{folder}/site.sqlite3",
            "DJANGO_SUPERUSER_PASSWORD": "root",
        }

        retired = [{"model": "django_site.subscription", "pk": 1, "fields": {"wanted": "news,old"}}]
        subprocess.run(
            [sys.executable, MANAGE, "shell", "--command", CREATE_DATABASE],
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
            input=json.dumps(retired),
            text=True,
        )
        server = subprocess.Popen(
            [sys.executable, MANAGE, "runserver", "--noreload", address],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            host, port = address.split(":")
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex((host, int(port))) == 0:
                        break
                time.sleep(0.05)
            yield f"http://{address}"
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    with run_site() as url, launch_chromium() as browser:
        page = browser.new_page(viewport={"width": 400, "height": 600}, device_scale_factor=2)
        page.goto(f"{url}/product/")
        with BytesIO(page.screenshot()) as picture:
            Image.open(picture).quantize(64).save(sys.argv[1], optimize=True)
