import csv
import gzip

from bench.check_compiled import LARGEST_ERROR, largest_error, main
from bench.real_leads import real_leads
from tests.ml.leads import make_examples

FIELDS = """
[[field]]
name = "region"
type = "category"
label = "Region"

[[field]]
name = "email_opens"
type = "count"
label = "Email opens"
"""


def folder_of_leads(folder):
    examples = make_examples(120)
    (folder / "fields.toml").write_text(FIELDS)
    with gzip.open(folder / "leads.csv.gz", "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["lead_id", "region", "email_opens", "actual_outcome"])
        writer.writerow(["open", "region 1", 3, ""])
        for place, record in enumerate(examples.records):
            outcome = str(examples.converted[place]).lower()
            writer.writerow([place, record["region"], record["email_opens"], outcome])
    return folder


def test_labelled_leads_of_a_folder_are_read_as_an_import_reads_them(tmp_path):
    leads = real_leads(folder_of_leads(tmp_path))
    examples = make_examples(120)
    assert leads.converted == examples.converted
    assert [r["email_opens"] for r in leads.records] == [r["email_opens"] for r in examples.records]


def test_served_and_fitted_models_agree_on_a_folder(tmp_path, capsys):
    folder = folder_of_leads(tmp_path)
    assert largest_error(real_leads(folder), 0.5) <= LARGEST_ERROR
    assert main([str(folder)]) == 0
    assert "120 leads, largest error" in capsys.readouterr().out


def test_check_without_a_folder_fails():
    assert main([]) == 1
