"""The web pages, under `/ui/`: templates from the server, htmx in place, no build step, nothing from outside.

How a page is added
===================
1. **A module** in `pages/`: `router = APIRouter()` with paths relative to `/ui`, each route named (`name="search"`);
   `NAV = NavEntry("Search", "/ui/search", "s")` where the navigation leads to it (`g s` on the keyboard). Name the
   module in `MODULES` of `app.py`: its place there is its place in the navigation.
2. **A route** takes `request: Request, service: Service, visitor: Visiting` (`api.context`, `api.web.visitors`) and
   answers `page(request, "search.html", results=…)` (`rendering.py`). `visitor.workspace` says whose knowledge is
   shown. Errors of `knowledge`, `Problem(status, text)` and wrong parameters become pages by themselves (`errors.py`).
   What is looked at is in the address: filters are query parameters, lists go by cursors (`api.cursors`). A route
   declares its parameters with all of their values: others are refused with a way back (`address.py`). Other parts:
   `request.app.state.parts.memory`, `.decisions`, `.registry`.
3. **A form** is read by `await read_form(request, Model)` with `Model(Form)` (`forms.py`): empty fields count as not
   given, unknown ones are refused. It works without script: answer `led_to(request, address, telling="verdict")`
   (`told.py`), and let the page that it leads to tell what `told(request)` names. Whoever was signed out meanwhile
   loses nothing of a form (`sessions.py`). In place: `hx-post` beside `action`, an empty
   `<div class="form-problem"></div>` inside (errors land there), and, where `is_in_place(request)` (`in_place.py`), a
   part of a page (`_name.html`) as the answer. Writes from other sites are refused before a route sees them.
4. **A template** extends `layout.html` and fills the blocks `title` and `main`; parts begin with `_`. Everything
   printed is escaped and freed of control characters. The policy forbids inline scripts and styles, `style=` too: draw
   with SVG attributes, `<meter>`, and classes of `static/style.css` (`card`, `row`, `columns`, `facts`, `tags`, `note`,
   `quiet`, `scroll`; add your own at its end). `address('run', run_id=…)` is the address of the route of that name, or
   None where nothing would be found. Filters: `ago`, `moment`, `counted('time')`, `duration`, `percent`, `words`
   (`rate_limit` as rate limit), `first_line`. Names that others link to: `ask`, `incident` (incident_id),
   `precedent` (precedent_id), `run` (run_id).
5. **Macros** (`{% import "macros.html" as ui %}`): `ui.verdict(name)`, `ui.confidence(0.94)`, `ui.time(text)`,
   `{% call ui.empty("Title") %}how it fills{% endcall %}`, `ui.curl(origin, visitor, "/advise", body)`,
   `ui.pager(next, first)`, `ui.segments(pieces)`, `ui.options(names, chosen)`. A search field gets `data-search` (`/`
   leads there), a button `data-copy="id"` copies that element's text and `data-copy-address="/ui/…"` an address (both
   start `hidden`). `j` and `k` walk through what stands in `ol`, `.entries` and tables.
6. **Tests** in `tests/api/web/`: see the head of its `conftest.py`.
"""
