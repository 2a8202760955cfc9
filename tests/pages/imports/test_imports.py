"""An import on its pages: dropped, matched, previewed, imported, undone."""

import csv
import gzip
import io
import re
from pathlib import Path

import pytest

from tests.factories import make_lead
from tests.services.imports.workbooks import write_workbook
from webapp import field_lists
from webapp.database import utc_now
from webapp.services.imports import imports
from webapp.services.leads import leads

RIGHT = b"lead_id,company,email_opens,actual_outcome\nA 1,Acme,4,true\nA 2,Other,,\n"
WRONG = b"lead_id,age,industry\nA 1,44,Finance\nA 2,old,\n,30,\n"
STATUSES = b"Lead ID,Lead Source,Status\nA 1,Webinar,Ghosted\nA 2,Fair,Won\n"


@pytest.fixture
def manager(mona, sign_in):
    return sign_in(mona)


@pytest.fixture
def drop(manager, do_import):
    """Drop a file and let the worker read it; it gives the address of the import."""

    def drop(content, name="leads.csv", person=manager):
        address = upload(person, content, name).location
        do_import()
        return address

    return drop


@pytest.fixture
def preview(manager, drop, do_import):
    """Drop a file, agree with all that is proposed, and let the worker check the rows."""

    def preview(content, **answers):
        address = drop(content)
        answer = save(manager, address, **answers)
        assert answer.status_code == 303, answer.text
        do_import()
        return address

    return preview


def upload(manager, content, name="leads.csv"):
    return manager.post("/imports", data={"file": (io.BytesIO(content), name)})


def form_of(page):
    """What a browser would send of the form as it is shown."""
    form = {}
    text = page[page.index('id="match"') :]
    for name, options in re.findall(
        r'<select[^>]*? name="([^"]+)"[^>]*>(.*?)</select>', text, re.S
    ):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        form[name] = chosen[1] if chosen else re.search(r'value="([^"]*)"', options)[1]
    return form | dict(re.findall(r'name="([^"]+)" value="([^"]*)" checked', text))


def save(manager, address, **answers):
    form = form_of(manager.get(address).text) | answers
    return manager.post(f"{address}/match", data=form)


def figure(page, label):
    return re.search(rf"{label}</dt>\s*<dd>([\d,]+)<", page)[1]


def test_an_upload_waits_for_the_worker_and_asks_how_far_it_is(manager):
    answer = upload(manager, RIGHT)
    page = manager.get(answer.location).text
    assert "Import of leads.csv" in page
    assert "Waiting for the worker" in page
    fragment = manager.get(f"{answer.location}/status").text
    assert 'hx-trigger="every 1s"' in fragment
    assert "<html" not in fragment
    assert fragment.strip() in page


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_goes_from_the_drop_to_the_leads(pack, manager, preview, do_import, read):
    address = preview(pack(RIGHT))
    page = manager.get(address).text
    assert (figure(page, "New leads"), figure(page, "Outcomes")) == ("2", "1")
    with pytest.raises(leads.LeadNotFound):
        read(lambda s: leads.find(s, "A 1"))
    assert manager.post(f"{address}/confirm").status_code == 303
    do_import()
    fragment = manager.get(f"{address}/status").text
    assert "2 rows imported" in fragment
    assert figure(fragment, "New leads") == "2"
    assert "hx-trigger" not in fragment
    assert ">A 1</a>" in fragment
    assert read(lambda s: leads.find(s, "A 1")).outcome is True


def test_each_column_shows_its_values_what_it_may_mean_and_why(manager, drop):
    page = manager.get(drop(RIGHT)).text
    assert "2 rows · CSV, UTF-8, separated by commas" in page
    row = page[page.index(">company<") :]
    assert "Acme · Other" in row
    assert '<option value="company" selected>Company</option>' in row
    assert "by its name" in row


def test_the_preview_tells_old_and_new_values_and_what_stays(manager, preview, write):
    write(lambda s: make_lead(s, "A 1", company="Acme", industry="Retail"))
    page = manager.get(preview(b"lead_id,industry,Shoe size\nA 1,Finance,43\n")).text
    assert figure(page, "Changed leads") == "1"
    assert re.search(r"Industry</td>\s*<td[^>]*>Retail .*?</td>\s*<td[^>]*>Finance</td>", page)
    assert "Column left out: Shoe size." in page


def test_an_outcome_that_nobody_knows_is_asked_and_kept_out_until_it_is_answered(
    manager, drop, do_import, read
):
    address = drop(STATUSES)
    page = manager.get(address).text
    assert "What became of leads with “Ghosted” in “Status”?" in page
    answer = save(manager, address)
    assert answer.status_code == 422
    assert "does “Ghosted” mean converted, lost, or no outcome yet?" in answer.text
    assert save(manager, address, **{"value.2:ghosted": "lost"}).status_code == 303
    do_import()
    manager.post(f"{address}/confirm")
    do_import()
    assert read(lambda s: leads.find(s, "A 1")).outcome is False


def test_a_no_that_may_mean_not_yet_is_asked_even_though_its_column_is_agreed_to(manager, drop):
    address = drop(b"lead_id,age,Converted\nA 1,30,Yes\nA 2,31,No\n")
    assert "What became of leads with “No” in “Converted”?" in manager.get(address).text
    assert save(manager, address).status_code == 422
    assert save(manager, address, **{"value.2:no": "open"}).status_code == 303


def test_the_order_of_day_and_month_is_asked_and_counts(manager, drop, do_import, read):
    address = drop(b"lead_id,age,Status,Closed on\nA 1,30,Won,03/02/2026\n")
    assert "which comes first?" in manager.get(address).text
    assert save(manager, address).status_code == 422
    save(manager, address, **{"day_first.3": "day"})
    do_import()
    manager.post(f"{address}/confirm")
    do_import()
    assert read(lambda s: leads.find(s, "A 1")).outcome_at.date().isoformat() == "2026-02-03"


def test_the_e_mail_address_is_the_id_only_if_somebody_says_so(manager, drop, do_import):
    address = drop(b"Name,Email\nAda,Ada@example.com\n")
    answer = save(manager, address)
    assert answer.status_code == 422
    assert "the e-mail address can be, if you say so" in answer.text
    assert save(manager, address, id="email").status_code == 303
    do_import()
    assert figure(manager.get(address).text, "New leads") == "1"


def test_without_an_id_and_an_e_mail_address_a_column_must_be_chosen(manager, drop):
    address = drop(b"Name,Number\nAda,7\n")
    form = form_of(manager.get(address).text) | {"target.1": ""}
    answer = manager.post(f"{address}/match", data=form)
    assert answer.status_code == 422
    assert "No column is the lead&#39;s ID. Choose “Lead ID” for one of them." in answer.text
    assert save(manager, address, **{"target.1": "lead_id"}).status_code == 303


def test_a_wrong_time_zone_is_refused_in_words_and_the_rest_is_kept(manager, drop):
    address = drop(b"lead_id,age,Status,Closed on\nA 1,30,Won,2026-02-03 10:00\n")
    answer = save(manager, address, time_zone="Mars", empty_clears="1")
    assert answer.status_code == 422
    assert "There is no time zone" in answer.text
    assert re.search(r'name="empty_clears" value="1" checked', answer.text)


def test_a_changed_target_brings_its_values_and_moves_the_other_column(manager, drop):
    address = drop(b"lead_id,Email,Note\nA 1,a@example.com,b@example.com\n")
    form = form_of(manager.get(address).text) | {"target.2": "email"}
    fragment = manager.post(f"{address}/columns", data=form, headers={"HX-Request": "true"}).text
    assert "<html" not in fragment
    assert form_of(fragment)["target.1"] == ""
    assert "“Note” is taken instead" in fragment
    assert "your choice" in fragment
    form["target.2"] = "lead_source"
    page = manager.post(f"{address}/columns", data=form).text
    assert "<html" in page
    assert 'name="value.2:b@example.com"' in page


def test_two_columns_said_to_mean_the_same_are_refused(manager, drop):
    address = drop(b"lead_id,Email,Note\nA 1,a@example.com,b@example.com\n")
    answer = save(manager, address, **{"target.2": "email"})
    assert answer.status_code == 422
    assert "means E-mail, and so does “Email”" in answer.text


def test_an_administrator_declares_a_field_on_the_spot(ada, sign_in, drop, do_import, read):
    admin = sign_in(ada)
    address = drop(b"lead_id,Shoe size\nA 1,43\n", person=admin)
    asked = save(admin, address, **{"target.1": "+new"})
    assert asked.status_code == 422
    assert 'name="new.1.label" value="Shoe size"' in asked.text
    assert '<option value="count" selected>' in asked.text
    texts = {"new.1.label": "", "new.1.type": "count", "new.1.choices": ""}
    wrong = save(admin, address, **{"target.1": "+new"}, **texts)
    assert (wrong.status_code, 'class="error"' in wrong.text) == (422, True)
    texts["new.1.label"] = "Shoe size"
    assert save(admin, address, **{"target.1": "+new"}, **texts).status_code == 303
    do_import()
    assert "Column left out" not in admin.get(address).text
    admin.post(f"{address}/back")
    assert form_of(admin.get(address).text)["target.1"] == "shoe_size"
    assert save(admin, address).status_code == 303
    do_import()
    assert "shoe_size" not in read(lambda s: field_lists.current(s).fields)
    admin.post(f"{address}/confirm")
    do_import()
    assert leads.known_inputs(read(lambda s: leads.find(s, "A 1")))["shoe_size"] == 43


def test_a_field_is_declared_once_though_another_question_was_left_open(
    ada, sign_in, drop, do_import, read
):
    admin = sign_in(ada)
    address = drop(b"lead_id,Shoe size,Status\nA 1,43,Ghosted\n", person=admin)
    answers = {"target.1": "+new", "new.1.label": "Shoe size", "new.1.type": "count"}
    assert save(admin, address, **answers).status_code == 422
    assert "shoe_size" not in read(lambda s: field_lists.current(s).fields)
    answers["value.2:ghosted"] = "lost"
    assert save(admin, address, **answers).status_code == 303
    do_import()
    admin.post(f"{address}/confirm")
    names = read(lambda s: field_lists.current(s).fields).names
    assert [name for name in names if name.startswith("shoe")] == ["shoe_size"]


def test_the_decimal_sign_of_a_new_field_is_asked_too(ada, sign_in, drop, do_import, read):
    admin = sign_in(ada)
    address = drop(b"lead_id;Amount\nA 1;1.234\nA 2;2.500\n", person=admin)
    new = {"target.1": "+new", "new.1.label": "Amount", "new.1.type": "number", "new.1.choices": ""}
    asked = save(admin, address, **new)
    assert (asked.status_code, "what marks decimals?" in asked.text) == (422, True)
    assert save(admin, address, **new, **{"decimal.1": ","}).status_code == 303
    do_import()
    admin.post(f"{address}/confirm")
    do_import()
    assert leads.known_inputs(read(lambda s: leads.find(s, "A 1")))["amount"] == 1234


def test_an_administrator_adds_a_value_to_the_list_of_its_field(
    ada, sign_in, drop, do_import, read
):
    admin = sign_in(ada)
    address = drop(STATUSES, person=admin)
    answers = {"value.1:fair": "+add", "value.2:ghosted": "lost"}
    assert save(admin, address, **answers).status_code == 303
    do_import()
    assert "Fair" not in read(lambda s: field_lists.current(s).fields)["lead_source"].choices
    admin.post(f"{address}/confirm")
    do_import()
    assert read(lambda s: leads.find(s, "A 2")).lead_source == "Fair"


def test_a_manager_declares_nothing(manager, drop):
    address = drop(STATUSES)
    assert "New field" not in manager.get(address).text
    for answers in ({"target.1": "+new"}, {"value.1:fair": "+add"}):
        assert save(manager, address, **answers).status_code == 403


def test_a_mapping_is_offered_again_and_can_be_forgotten(manager, preview, drop, do_import):
    address = preview(STATUSES, **{"value.1:fair": "=Trade Show", "value.2:ghosted": "lost"})
    manager.post(f"{address}/confirm")
    do_import()
    address = drop(STATUSES)
    page = manager.get(address).text
    assert "Matched as last time" in page
    assert "Ghosted” in “Status”?" not in page
    assert form_of(page)["value.1:fair"] == "=Trade Show"
    manager.post(f"{address}/forget")
    page = manager.get(address).text
    assert "Matched as last time" not in page
    assert "Ghosted” in “Status”?" in page


def test_wrong_rows_are_counted_by_reason_and_come_as_a_file(manager, preview, do_import, read):
    address = preview(WRONG)
    page = manager.get(address).text
    assert figure(page, "Rows with errors") == "2"
    reason = r"Must be a whole number[^<]*</td>\s*<td[^>]*>1</td>\s*<td[^>]*>line 3\s*</td>"
    assert re.search(reason, page)
    assert "Import 1 row<" in page
    manager.post(f"{address}/confirm")
    do_import()
    assert read(lambda s: leads.find(s, "A 1")).industry == "Finance"
    answer = manager.get(f"{address}/wrong-rows.csv")
    assert "leads - errors.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert [row[0] for row in rows] == ["lead_id", "A 2", ""]


def test_a_preview_that_a_change_of_fields_has_overtaken_is_shown_anew(
    ada, sign_in, manager, preview, do_import
):
    address = preview(RIGHT)
    field = {"label": "Size", "name": "size", "type": "category"}
    assert sign_in(ada).post("/settings/fields/new-field", data=field).status_code == 303
    page = manager.post(f"{address}/confirm", follow_redirects=True).text
    assert "the rows are checked again" in page
    do_import()
    assert "Import 2 rows<" in manager.get(address).text
    manager.post(f"{address}/confirm")
    do_import()
    assert "2 rows imported" in manager.get(address).text


def test_wrong_rows_come_from_a_data_folder_named_from_here_too(
    app, manager, preview, monkeypatch, settings
):
    address = preview(WRONG)
    monkeypatch.chdir(settings.data_dir.parent)
    monkeypatch.setattr(settings, "data_dir", Path(settings.data_dir.name))
    assert manager.get(f"{address}/wrong-rows.csv").status_code == 200


def test_a_file_without_a_right_row_offers_nothing_to_import(manager, preview):
    page = manager.get(preview(b"lead_id,age\nA 1,old\n")).text
    assert "Every row has errors, so there is nothing to import." in page
    assert "/confirm" not in page


def test_from_the_preview_one_can_go_back_or_cancel(manager, preview):
    address = preview(RIGHT)
    manager.post(f"{address}/back")
    assert "What the columns mean" in manager.get(address).text
    manager.post(f"{address}/cancel")
    assert "This import was cancelled. Nothing was changed." in manager.get(address).text
    answer = manager.post(f"{address}/confirm")
    assert answer.status_code == 409
    assert "nothing was changed" in answer.text


def test_an_import_says_what_undo_does_and_is_undone(manager, preview, do_import, read, write):
    address = preview(RIGHT)
    manager.post(f"{address}/confirm")
    do_import()
    key = int(address.rpartition("/")[2])
    write(lambda s: imports.set_facts(s, key, finished_at=utc_now()))
    page = manager.get(address).text
    assert "Deletes 2 new leads, unless somebody has added to them since." in page
    assert "Withdraws 1 outcome." in page
    manager.post(f"{address}/undo")
    do_import()
    assert "This import was undone." in manager.get(address).text
    with pytest.raises(leads.LeadNotFound):
        read(lambda s: leads.find(s, "A 1"))


def test_a_sheet_of_a_workbook_is_chosen(manager, drop, do_import):
    sheets = {"Notes": [["Hello"], ["World"]], "Leads": [["lead_id", "age"], ["A 1", 30]]}
    write_workbook(file := io.BytesIO(), sheets)
    address = drop(file.getvalue(), "leads.xlsx")
    assert "Workbook, sheet “Notes”" in manager.get(address).text
    assert manager.post(f"{address}/sheet", data={"sheet": "Nowhere"}).status_code == 422
    manager.post(f"{address}/sheet", data={"sheet": "Leads"})
    do_import()
    assert "Workbook, sheet “Leads”" in manager.get(address).text


def test_a_file_that_cannot_be_read_is_failed_with_the_reason(manager, drop):
    page = manager.get(drop(b"")).text
    assert "We could not read the file" in page
    assert "Import another file" in page


def test_the_list_says_what_each_import_waits_for(manager, preview, drop):
    preview(RIGHT)
    drop(STATUSES, "statuses.csv")
    page = manager.get("/imports").text
    assert ">ready to import<" in page
    assert ">match columns<" in page


def test_the_template_has_a_header_that_is_taken(manager, preview):
    header = manager.get("/imports/columns.csv").text.strip()
    row = "A 1" + "," * header.count(",")
    page = manager.get(preview(f"{header}\n{row}\n".encode())).text
    assert "Import 1 row<" in page
