"""The web server's and the `flask` command's way in."""

from livequal.app import create_app

app = create_app()
