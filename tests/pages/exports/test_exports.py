"""Exports by page: the view from the lead table, everything from the settings."""

import re

from tests.factories import make_lead


def test_the_lead_table_offers_its_view_to_administrators_only(ada, rita, sign_in, write):
    write(lambda s: [make_lead(s, f"L-{n}", owner="Rita" if n else None) for n in range(3)])
    admin = sign_in(ada)
    page = admin.get("/leads?owner=Rita&sort=name").text
    link = re.search(r'Export: <a href="([^"]+)"', page)[1].replace("&amp;", "&")
    lines = admin.get(link).text.splitlines()
    assert [line.split(",")[0] for line in lines] == ["lead_id", "L-1", "L-2"]
    assert "Export: " not in sign_in(rita).get("/leads").text


def test_everything_is_offered_in_both_formats_and_noted(ada, sign_in, write):
    write(lambda s: make_lead(s, "L-1"))
    admin = sign_in(ada)
    links = re.findall(r'href="(/exports/[^"]+)"', admin.get("/exports").text)
    assert len(links) == 12
    assert {admin.get(link).status_code for link in links} == {200}
    assert admin.get("/settings/audit-log").text.count("exported") == 12


def test_an_unknown_format_is_refused(ada, sign_in):
    assert sign_in(ada).get("/exports/leads?format=xlsx").status_code == 400
