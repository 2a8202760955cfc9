import gzip

from bench.real_leads import builtin_only, folders_in, real_leads
from tests.bench.folders import folder_of_leads
from tests.ml.leads import make_examples


def test_labelled_leads_of_a_folder_are_read_as_an_import_reads_them(tmp_path):
    leads, examples = real_leads(folder_of_leads(tmp_path)), make_examples(120)
    assert leads.converted == examples.converted
    assert [r["email_opens"] for r in leads.records] == [r["email_opens"] for r in examples.records]
    assert [r["trial"] for r in leads.records] == [r["trial"] for r in examples.records]


def test_plain_csv_is_read_like_a_packed_one(tmp_path):
    packed = real_leads(folder_of_leads(tmp_path))
    path = tmp_path / "leads.csv.gz"
    (tmp_path / "leads.csv").write_bytes(gzip.decompress(path.read_bytes()))
    path.unlink()
    assert real_leads(tmp_path).records == packed.records


def test_folder_of_folders_stands_for_all_of_them(tmp_path):
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        folder_of_leads(tmp_path / name)
    assert [folder.name for folder in folders_in([tmp_path])] == ["a", "b"]
    assert folders_in([tmp_path / "a"]) == [tmp_path / "a"]


def test_builtin_fields_alone_can_be_looked_at(tmp_path):
    leads = builtin_only(real_leads(folder_of_leads(tmp_path)))
    assert [field.name for field in leads.fields.model] == ["email_opens"]
