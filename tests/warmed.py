"""What commands make when they first need it, made in the one process that they are forks of: forms, and the page's templates.

Nothing here may start a thread, which no fork would have: so no frame is made, and nothing is fitted.
"""

from synthor import parse_spec
from synthor.report.page import template

SPEC = "{records: 2, variables: {a: {type: boolean}}, targets: [{counts: {a: {yes: 1, no: 1}}}], rules: [{never: a and not a}]}"

parse_spec(SPEC)
page = template("report.html.j2")
for name in page.environment.list_templates(extensions=["j2"]):
    template(name)
