import pytest

from bench.check_compiled import MAX_ERROR, largest_error, main
from bench.real_leads import real_leads
from tests.bench.folders import folder_of_leads

pytestmark = pytest.mark.usefixtures("small_forests")


def test_served_and_fitted_models_agree_on_a_folder(tmp_path, capsys):
    folder = folder_of_leads(tmp_path)
    assert largest_error(real_leads(folder), (0.4, 0.3, 0.3), 2.0) <= MAX_ERROR
    assert main([str(folder)]) == 0
    assert "120 leads, largest error" in capsys.readouterr().out


def test_check_without_a_folder_fails():
    assert main([]) == 1
