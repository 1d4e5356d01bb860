"""A small site on Flask, as it would be anywhere; the last line makes it a function.

apig-wsgi turns the event of a function URL into a request, and the site's answer into a response.
"""

import gzip
from html import escape
from urllib.parse import quote, unquote

from apig_wsgi import make_lambda_handler
from flask import Flask, Response, jsonify, redirect, request

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<h1 style="color: {colour}">{title}</h1>
<form method="post" action="/name">
  <input name="name"> <input name="colour" type="color"> <button>Remember me</button>
</form>
</html>
"""

app = Flask(__name__)


@app.get("/")
def home():
    """A greeting, by the name that a cookie has kept."""
    name = unquote(request.cookies.get("name", "stranger"))
    return render(f"Hello, {name}!")


@app.post("/name")
def keep_name():
    """Keep in cookies what a form says, and go home."""
    response = redirect("/", code=303)
    for field in ("name", "colour"):
        response.set_cookie(field, quote(request.form.get(field, "")), httponly=True)
    return response


@app.get("/pages/<title>")
def page(title):
    """A page for every title."""
    return render(title)


@app.get("/search")
def search():
    """What was asked for, as JSON; a field may come several times."""
    return jsonify(request.args.to_dict(flat=False))


@app.post("/compress")
def compress():
    """Any bytes, back as a file that is smaller."""
    content = gzip.compress(request.get_data())
    disposition = {"content-disposition": 'attachment; filename="smaller.gz"'}
    return Response(content, headers=disposition, mimetype="application/gzip")


def render(title):
    """The page in the colour that a cookie has kept."""
    colour = unquote(request.cookies.get("colour", "black"))
    return PAGE.format(title=escape(title), colour=escape(colour))


handler = make_lambda_handler(app)
