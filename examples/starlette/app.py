"""A small site on Starlette, as it would be anywhere; the last line makes it a function.

Mangum turns the event of a function URL into a request, and what the site answers into a response.
"""

import gzip
from html import escape
from urllib.parse import quote, unquote

from mangum import Mangum
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

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


async def home(request):
    """A greeting, by the name that a cookie has kept."""
    name = unquote(request.cookies.get("name", "stranger"))
    return HTMLResponse(render(request, f"Hello, {name}!"))


async def keep_name(request):
    """Keep in cookies what a form says, and go home."""
    form = await request.form()
    response = RedirectResponse("/", status_code=303)
    for field in ("name", "colour"):
        response.set_cookie(field, quote(form.get(field, "")), httponly=True)
    return response


async def page(request):
    """A page for every title."""
    return HTMLResponse(render(request, request.path_params["title"]))


async def search(request):
    """What was asked for, as JSON; a field may come several times."""
    query = request.query_params
    return JSONResponse({name: query.getlist(name) for name in query})


async def compress(request):
    """Any bytes, back as a file that is smaller."""
    content = gzip.compress(await request.body())
    disposition = {"content-disposition": 'attachment; filename="smaller.gz"'}
    return Response(content, headers=disposition, media_type="application/gzip")


def render(request, title):
    """The page in the colour that a cookie has kept."""
    colour = unquote(request.cookies.get("colour", "black"))
    return PAGE.format(title=escape(title), colour=escape(colour))


app = Starlette(
    routes=[
        Route("/", home),
        Route("/name", keep_name, methods=["POST"]),
        Route("/pages/{title}", page),
        Route("/search", search),
        Route("/compress", compress, methods=["POST"]),
    ]
)
handler = Mangum(app)
